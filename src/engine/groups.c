/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "engine/groups.h"

#include "engine/lobby.h"
#include "engine/turns.h"

#include <stdlib.h>
#include <string.h>

segmsg_reader_t *segmsg_receiver_reader_of(const segmsg_receiver_t *receiver, uint64_t name)
{
    for (uint32_t r = 0; r < receiver->reader_count; ++r) {
        if (receiver->reader[r]->sender.name == name) {
            return receiver->reader[r];
        }
    }
    return NULL;
}

/* Two processes may have the same name, if they come from two jobs that were brought together. */
static bool is_same_process(const segmsg_identity_t *a, const segmsg_identity_t *b)
{
    return a->name == b->name && a->nonce == b->nonce;
}

static segmsg_reader_t *reader_of_process(const segmsg_receiver_t *receiver,
                                          const segmsg_identity_t *process)
{
    for (uint32_t r = 0; r < receiver->reader_count; ++r) {
        if (is_same_process(&receiver->reader[r]->sender, process)) {
            return receiver->reader[r];
        }
    }
    return NULL;
}

/* True if a group stands in the table that the same process formed in an earlier session: the
 * sender closed and came back before we found it. */
static bool has_earlier_session(const segmsg_receiver_t *receiver, const segmsg_identity_t *sender)
{
    for (uint32_t g = 0; g < receiver->groups_there; ++g) {
        const segmsg_group_entry_t *entry = segmsg_export_group(receiver->own, g);
        /* Acquire: the pairing behind the sum, which stands there whatever has become of the state. */
        if (atomic_load_explicit(&entry->check, memory_order_acquire) != 0
            && is_same_process(&entry->sender, sender)
            && (int32_t) (entry->sender.session - sender->session) < 0) {
            return true;
        }
    }
    return false;
}

static segmsg_reader_t *add_reader(segmsg_receiver_t *receiver, const segmsg_identity_t *sender)
{
    if (receiver->reader_count == receiver->reader_room) {
        uint32_t room = receiver->reader_room == 0 ? 8 : 2 * receiver->reader_room;
        void *more = realloc(receiver->reader, room * sizeof(*receiver->reader));
        if (more == NULL) {
            return NULL;
        }
        receiver->reader = more;
        receiver->reader_room = room;
    }
    segmsg_reader_t *reader = calloc(1, sizeof(*reader));
    if (reader == NULL) {
        return NULL;
    }
    reader->sender = *sender;
    reader->ring.line = &segmsg_nothing_yet;
    reader->ring.count = 1;
    receiver->reader[receiver->reader_count++] = reader;
    segmsg_turns_wake(receiver, receiver->reader_count - 1);
    receiver->has_newcomers = true;
    return reader;
}

/* Lets `reader` go on in `segment`, the segment of `target`, from its first line. */
void segmsg_reader_open_ring(segmsg_reader_t *reader, const segmsg_target_t *target,
                             uint32_t segment)
{
    reader->ring = (segmsg_ring_reader_t){.line = (void *) target->partition,
                                          .control = target->control,
                                          .count = target->count};
    reader->group_entry = target->group_entry;
    reader->segment = segment;
}

void segmsg_receiver_open_ring(segmsg_receiver_t *receiver, segmsg_reader_t *reader)
{
    reader->leaves = false;
    segmsg_reader_open_ring(reader, &receiver->target[reader->segment], reader->segment);
    if (reader->is_guest) {
        segmsg_lobby_forget(receiver, reader);
    }
}

segmsg_error_t segmsg_receiver_corrupt(segmsg_receiver_t *receiver, segmsg_reader_t *suspect)
{
    receiver->is_corrupt = true;
    receiver->suspect = suspect;
    return SEGMSG_ERR_CORRUPT;
}

/* True if a segment lies over none of those that are in use, and is none of them. */
static bool is_apart(const segmsg_receiver_t *receiver, uint32_t segment,
                     const segmsg_segment_entry_t *entry)
{
    for (uint32_t s = 0; s < receiver->segments_max; ++s) {
        const segmsg_target_t *target = &receiver->target[s];
        if (target->partition == NULL) {
            continue;
        }
        /* By offsets: each segment may be mapped somewhere else. */
        uint64_t bytes = segmsg_segment_bytes(target->group, target->size, target->count);
        if (s == segment
            || (entry->offset < target->offset + bytes
                && target->offset < entry->offset + entry->bytes)) {
            return false;
        }
    }
    return true;
}

/* Enters a formed group into what we know; the entry was written by a sender and is checked. */
static segmsg_error_t add_group(segmsg_receiver_t *receiver, uint32_t group_index)
{
    segmsg_group_entry_t *pairing = segmsg_export_group(receiver->own, group_index);
    uint32_t segment;
    segmsg_segment_entry_t entry;
    segmsg_error_t error = segmsg_group_read(receiver->own, group_index, &segment, &entry);
    if (error != SEGMSG_OK) {
        return error;
    }
    /* By what we registered ourselves, whatever the table says by now. */
    bool is_guest = receiver->own->shape.common[0] == segment + 1;
    if (!is_guest && receiver->own->shape.common[entry.group] == segment + 1) {
        return segmsg_receiver_corrupt(receiver, NULL);
    }
    segmsg_identity_t sender = pairing->sender;
    segmsg_reader_t *reader = reader_of_process(receiver, &sender);
    if (reader != NULL && (int32_t) (sender.session - reader->sender.session) < 0) {
        return segmsg_receiver_corrupt(receiver, reader); /* all that was formed before is known */
    }
    if (reader == NULL ? has_earlier_session(receiver, &sender)
                       : reader->sender.session != sender.session) {
        return SEGMSG_OK; /* its turn comes when we have read that the earlier session closed */
    }
    if (reader == NULL) {
        reader = add_reader(receiver, &sender);
        if (reader == NULL) {
            return SEGMSG_ERR_NO_SPACE;
        }
    }
    if (is_guest) {
        if (reader->is_guest) {
            return SEGMSG_ERR_CORRUPT;
        }
        receiver->lobby.guest[group_index] = reader;
        reader->guest_entry = group_index;
        reader->is_guest = true;
        if (reader->ring.line != &segmsg_nothing_yet) {
            segmsg_lobby_forget(receiver, reader); /* it has left again; we looked late */
        }
        return SEGMSG_OK;
    }
    uint64_t after = pairing->after;
    if (!is_apart(receiver, segment, &entry)
        || (int64_t) (after - receiver->lobby.ring.returned)
               > (int64_t) receiver->lobby.ring.count) {
        return segmsg_receiver_corrupt(receiver, reader);
    }
    segmsg_segment_view_t view;
    if (!segmsg_segment_view(receiver->own, &entry, &view)) {
        receiver->is_short_of_addresses = true;
        return SEGMSG_ERR_UNMAPPED;
    }
    segmsg_target_t *target = &receiver->target[segment];
    target->control = view.control;
    target->directory = view.directory;
    target->reader = reader;
    target->word = 0;
    target->group = entry.group;
    target->group_entry = group_index;
    target->size = entry.partition_size;
    target->count = entry.partition_count;
    target->offset = entry.offset;
    target->partition = view.partition;
    /* A sender's first group 0 is where we begin, when it has no messages in the lobby any more; a
     * longer one, which may stand before it in the table, is announced in it. */
    if (entry.group == 0 && entry.partition_count == receiver->own->shape.ring_starter
        && reader->ring.line == &segmsg_nothing_yet) {
        reader->leaves = true;
        reader->segment = segment;
        reader->after = after;
        if (segmsg_mpsc_has_passed(&receiver->lobby.ring, reader->after)) {
            segmsg_receiver_open_ring(receiver, reader);
        }
    }
    return SEGMSG_OK;
}

/* The reader that has the group at an index of the table, as far as we know; NULL if there is none. */
static segmsg_reader_t *reader_of_group(const segmsg_receiver_t *receiver, uint32_t group_index)
{
    if (receiver->lobby.guest != NULL && receiver->lobby.guest[group_index] != NULL) {
        return receiver->lobby.guest[group_index];
    }
    uint32_t segment = segmsg_export_group(receiver->own, group_index)->segment;
    return segment < receiver->segments_max && receiver->target[segment].partition != NULL
                   && receiver->target[segment].group_entry == group_index
               ? receiver->target[segment].reader
               : NULL;
}

static bool is_same_session(const segmsg_identity_t *a, const segmsg_identity_t *b)
{
    return is_same_process(a, b) && a->session == b->session;
}

/* True if the state of an entry that is not FORMED is one that it can have. */
static bool is_possible(const segmsg_group_entry_t *entry, uint32_t state)
{
    /* Acquire: before the state is read again. */
    return state == SEGMSG_GROUP_FORMING
           || (state == SEGMSG_GROUP_EMPTY
               && (atomic_load_explicit(&entry->check, memory_order_acquire) == 0
                   /* It was taken in between. Relaxed: compared only. */
                   || atomic_load_explicit(&entry->state, memory_order_relaxed) != state));
}

/* Looks at an entry of the segment-group table. */
static segmsg_error_t find_group(segmsg_receiver_t *receiver, uint32_t group_index)
{
    const segmsg_group_entry_t *entry = segmsg_export_group(receiver->own, group_index);
    /* Acquire: the pairing behind the state. */
    uint32_t state = atomic_load_explicit(&entry->state, memory_order_acquire);
    if (state != SEGMSG_GROUP_FORMED) {
        return is_possible(entry, state) ? SEGMSG_OK : segmsg_receiver_corrupt(receiver, NULL);
    }
    segmsg_reader_t *reader = reader_of_group(receiver, group_index);
    if (reader == NULL) {
        return add_group(receiver, group_index);
    }
    /* Else somebody was given the entry of another, who has not left. */
    return is_same_session(&entry->sender, &reader->sender)
               ? SEGMSG_OK
               : segmsg_receiver_corrupt(receiver, reader);
}

/*
 * Has the entries of the segment-group table that were ever in use, as far as the head tells. It may have
 * been overwritten: it counts only upwards, and what it counts need not be there.
 */
static segmsg_error_t reach_groups(segmsg_receiver_t *receiver)
{
    segmsg_export_t *own = receiver->own;
    uint32_t count =
        atomic_load_explicit(&segmsg_export_head(own)->group_count, memory_order_relaxed);
    if (count > own->shape.groups_max) {
        return segmsg_receiver_corrupt(receiver, NULL);
    }
    receiver->groups_seen = count > receiver->groups_seen ? count : receiver->groups_seen;
    if (receiver->groups_seen > receiver->groups_there) {
        uint64_t bytes = (uint64_t) receiver->groups_seen * SEGMSG_TABLE_STRIDE;
        if (own->commit(own->commit_context, own->shape.segment_table, bytes) != 0) {
            return SEGMSG_ERR_NO_SPACE;
        }
        receiver->groups_there = receiver->groups_seen;
    }
    return SEGMSG_OK;
}

segmsg_error_t segmsg_receiver_find_groups(segmsg_receiver_t *receiver)
{
    segmsg_head_t *head = segmsg_export_head(receiver->own);
    /* Acquire: entries of the groups that are counted. Read first: what is formed while we look
     * raises the count again. */
    uint32_t formed = atomic_load_explicit(&head->formed_count, memory_order_acquire);
    segmsg_error_t result = reach_groups(receiver);
    for (uint32_t g = 0; g < receiver->groups_there; ++g) {
        segmsg_error_t error = find_group(receiver, g);
        result = error == SEGMSG_OK ? result : error;
    }
    receiver->formed_seen = formed;
    return receiver->is_corrupt ? SEGMSG_ERR_CORRUPT : result;
}
