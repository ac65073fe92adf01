/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "engine/receiver.h"

#include "engine/groups.h"
#include "engine/lobby.h"

#include <stdlib.h>
#include <string.h>

bool segmsg_receiver_init(segmsg_receiver_t *receiver, segmsg_export_t *own)
{
    memset(receiver, 0, sizeof(*receiver));
    receiver->own = own;
    receiver->geometry = own->shape.geometry;
    receiver->segments_max = own->shape.segments_max;
    receiver->target = calloc(receiver->segments_max, sizeof(*receiver->target));
    return receiver->target != NULL && segmsg_lobby_open(receiver);
}

void segmsg_receiver_destroy(segmsg_receiver_t *receiver)
{
    for (uint32_t r = 0; r < receiver->reader_count; ++r) {
        free(receiver->reader[r]);
    }
    free(receiver->reader);
    free(receiver->lobby.guest);
    free(receiver->target);
    memset(receiver, 0, sizeof(*receiver));
}

uint64_t segmsg_receiver_messages(const segmsg_receiver_t *receiver, uint32_t group)
{
    uint64_t sum = receiver->past[group];
    for (uint32_t s = 0; s < receiver->segments_max; ++s) {
        const segmsg_target_t *target = &receiver->target[s];
        if (target->partition != NULL && target->group == group
            && (target->reader != NULL || target->is_used || group == 0)) {
            sum += atomic_load_explicit(&target->control->messages, memory_order_relaxed);
        }
    }
    return sum;
}

/* The segment named in an entry of `reader`'s ring, if it is `reader`'s; NULL if it is not. */
static segmsg_target_t *target_of(segmsg_receiver_t *receiver, const segmsg_reader_t *reader,
                                  uint32_t segment)
{
    if (segment >= receiver->segments_max) {
        return NULL;
    }
    segmsg_target_t *target = &receiver->target[segment];
    if (target->partition != NULL && target->reader == NULL) {
        return target; /* common to all */
    }
    if (target->partition == NULL || target->reader != reader) {
        if (segmsg_lobby_has_common(receiver, segment)) {
            return segmsg_lobby_open_common(receiver, segment) == SEGMSG_OK ? target : NULL;
        }
        /* Formed before it was named, but perhaps not yet looked at. */
        segmsg_receiver_find_groups(receiver);
    }
    return target->partition != NULL && target->reader == reader ? target : NULL;
}

static void forget_target(segmsg_receiver_t *receiver, uint32_t segment)
{
    segmsg_target_t *target = &receiver->target[segment];
    receiver->past[target->group] +=
        atomic_load_explicit(&target->control->messages, memory_order_relaxed);
    target->partition = NULL;
    segmsg_group_dissolve(receiver->own, target->group_entry);
}

segmsg_poll_t segmsg_receiver_run(segmsg_receiver_t *receiver, const segmsg_reader_t *reader,
                                  uint64_t header, const segmsg_announcement_t *announcement,
                                  segmsg_message_t *message)
{
    uint32_t segment = announcement->segment;
    uint32_t first = announcement->first;
    uint32_t partitions = announcement->partitions;
    uint32_t length = segmsg_header_length(header);
    segmsg_target_t *target = target_of(receiver, reader, segment);
    if (target == NULL || target->group == 0 || partitions == 0 || first >= target->count
        || partitions > target->count - first || length > (size_t) partitions * target->size) {
        return SEGMSG_POLL_CORRUPT;
    }
    message->data = target->partition + (size_t) first * target->size;
    message->length = length;
    message->group = target->group;
    message->partitions = partitions;
    message->segment = segment;
    message->first = first;
    message->tag = segmsg_header_tag(header);
    message->in_lobby = false;
    target->is_used = true;
    segmsg_stats_add(target->control, length, partitions);
    return SEGMSG_POLL_MESSAGE;
}

static segmsg_poll_t poll_run(segmsg_receiver_t *receiver, segmsg_reader_t *reader, uint64_t header,
                              segmsg_message_t *message)
{
    const segmsg_announcement_t announcement = reader->ring.line[reader->ring.at].announcement;
    segmsg_poll_t found = segmsg_receiver_run(receiver, reader, header, &announcement, message);
    if (found == SEGMSG_POLL_MESSAGE) {
        segmsg_ring_take(&reader->ring, 1);
    }
    return found;
}

void segmsg_message_return_slow(segmsg_receiver_t *receiver, segmsg_reader_t *reader,
                                const segmsg_message_t *message)
{
    if (message->group != 0) {
        segmsg_target_t *target = &receiver->target[message->segment];
        uint64_t mask = segmsg_extent_mask(message->first, message->partitions);
        if (target->reader == NULL) {
            if (!segmsg_common_return(target->control, target->directory, mask)) {
                (void) segmsg_receiver_corrupt(receiver, reader);
                receiver->has_newcomers = true; /* so that it is said at the next look */
            }
        } else {
            segmsg_credits_give(target->control, &target->word, mask);
        }
    }
    if (message->in_lobby) {
        --reader->lobby_open;
        segmsg_mpsc_return(&receiver->lobby.ring);
    } else {
        segmsg_ring_return(&reader->ring);
    }
}

/* The sender has a longer segment for group 0 and goes on there; the old one is free. */
static segmsg_poll_t poll_switch(segmsg_receiver_t *receiver, segmsg_reader_t *reader,
                                 uint64_t header, segmsg_message_t *message)
{
    uint32_t segment = segmsg_header_length(header);
    const segmsg_target_t *target = target_of(receiver, reader, segment);
    if (target == NULL || target->partition == NULL || target->group != 0
        || target->reader != reader || target->group_entry == reader->group_entry) {
        return SEGMSG_POLL_CORRUPT;
    }
    uint32_t old = reader->segment;
    segmsg_reader_open_ring(reader, target, segment);
    forget_target(receiver, old);
    return segmsg_reader_poll(receiver, reader, message);
}

/* Takes a reader out of the list, whose awake ones stay in front. */
static void remove_reader(segmsg_receiver_t *receiver, uint32_t r)
{
    if (r < receiver->awake) {
        receiver->reader[r] = receiver->reader[--receiver->awake];
        r = receiver->awake;
    }
    receiver->reader[r] = receiver->reader[--receiver->reader_count];
}

/* The sender has left: all its groups go back to the tables, and the reader goes. */
segmsg_poll_t segmsg_receiver_remove(segmsg_receiver_t *receiver, segmsg_reader_t *reader)
{
    /* Groups that it formed and that we have not seen yet go as well. */
    (void) segmsg_receiver_find_groups(receiver);
    if (reader->is_guest) {
        segmsg_lobby_forget(receiver, reader);
    }
    if (reader->ring.line != &segmsg_nothing_yet) {
        /* Relaxed: a hint. */
        atomic_fetch_sub_explicit(&segmsg_export_head(receiver->own)->rings, 1,
                                  memory_order_relaxed);
    }
    for (uint32_t s = 0; s < receiver->segments_max; ++s) {
        if (receiver->target[s].partition != NULL && receiver->target[s].reader == reader) {
            forget_target(receiver, s);
        }
    }
    for (uint32_t r = 0; r < receiver->reader_count; ++r) {
        if (receiver->reader[r] == reader) {
            remove_reader(receiver, r);
            break;
        }
    }
    if (receiver->suspect == reader) {
        receiver->suspect = NULL;
    }
    free(reader);
    /* Makes us look again: groups that the sender formed since then were passed over. */
    --receiver->formed_seen;
    return SEGMSG_POLL_CLOSED;
}

segmsg_poll_t segmsg_reader_poll_slow(segmsg_receiver_t *receiver, segmsg_reader_t *reader,
                                      uint64_t header, segmsg_message_t *message)
{
    switch (segmsg_header_kind(header)) {
    case SEGMSG_KIND_RUN:
        return poll_run(receiver, reader, header, message);
    case SEGMSG_KIND_WRAP:
        return segmsg_ring_follow_wrap(&reader->ring, segmsg_header_span(header))
                   ? segmsg_reader_poll(receiver, reader, message)
                   : SEGMSG_POLL_CORRUPT;
    case SEGMSG_KIND_SWITCH:
        /* Not while a message is out: its lines are in the segment that would be given back. */
        return reader->ring.open != 0 ? SEGMSG_POLL_NONE
                                      : poll_switch(receiver, reader, header, message);
    case SEGMSG_KIND_CLOSE:
        return reader->ring.open != 0 || reader->lobby_open != 0
                   ? SEGMSG_POLL_NONE
                   : segmsg_receiver_remove(receiver, reader);
    default:
        return SEGMSG_POLL_CORRUPT;
    }
}
