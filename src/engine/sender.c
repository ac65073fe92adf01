/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "engine/guest.h"

#include <stdlib.h>
#include <string.h>

void segmsg_sender_init(segmsg_sender_t *sender, segmsg_export_t *target,
                        const segmsg_identity_t *self, const segmsg_growth_t *growth)
{
    memset(sender, 0, sizeof(*sender));
    sender->target = target;
    sender->self = *self;
    sender->geometry = target->shape.geometry;
    sender->growth = *growth;
}

static void forget_runs(segmsg_sender_t *sender)
{
    for (uint32_t g = 0; g < SEGMSG_GROUPS_MAX; ++g) {
        free(sender->run[g]);
        sender->run[g] = NULL;
        sender->wanted[g] = 0;
        sender->refused[g] = 0;
    }
}

void segmsg_sender_destroy(segmsg_sender_t *sender)
{
    forget_runs(sender);
}

void segmsg_sender_set_cache(segmsg_sender_t *sender, const segmsg_cache_policy_t *policy)
{
    sender->use.cache = *policy;
    sender->ring.window_most = policy->lap;
}

/* Times in a row that a common segment may be full before a sender forms a group of its own. */
enum { STARVED_MAX = 4096 };

/* Forms a group, checks what stands in the tables about its segment, and says where that is mapped. */
static segmsg_error_t form_group(segmsg_sender_t *sender, uint32_t group, uint32_t partition_count,
                                 uint32_t *segment, segmsg_segment_entry_t *entry,
                                 segmsg_segment_view_t *view)
{
    uint32_t group_index;
    segmsg_error_t error =
        segmsg_group_form_after(sender->target, &sender->self, group, partition_count,
                                sender->lobby.last, &group_index);
    if (error == SEGMSG_OK) {
        error = segmsg_group_read(sender->target, group_index, segment, entry);
    }
    if (error == SEGMSG_OK && !segmsg_segment_view(sender->target, entry, view)) {
        error = SEGMSG_ERR_CORRUPT; /* another one than was formed, and mapped, a moment ago */
    }
    sender->is_corrupt = sender->is_corrupt || error == SEGMSG_ERR_CORRUPT;
    return error;
}

/*
 * Longest message in bytes that goes through group 0 if the policy wants no more than `lines` there:
 * that many, unless the next group has partitions so large that messages of that length would waste most
 * of them.
 */
static size_t ring_capacity(const segmsg_sender_t *sender, uint32_t lines)
{
    enum { WASTE_MAX = 8 };
    size_t wanted = (size_t) lines * SEGMSG_LINE - SEGMSG_HEADER_BYTES;
    uint32_t next = 1;
    while (next < sender->geometry.group_count
           && segmsg_group_capacity(&sender->geometry, next) <= wanted) {
        ++next;
    }
    bool is_better = next < sender->geometry.group_count
                     && sender->geometry.group[next].partition_size <= WASTE_MAX * wanted;
    return wanted < sender->use.capacity && is_better ? wanted : sender->use.capacity;
}

/* Makes group 0 the image of the segment of `entry`, of whose lines `spare` are kept for the last. */
static void open_ring(segmsg_sender_t *sender, const segmsg_segment_entry_t *entry,
                      const segmsg_segment_view_t *view, uint32_t spare)
{
    const segmsg_cache_policy_t *cache = &sender->use.cache;
    uint32_t count = entry->partition_count;
    segmsg_ring_open(&sender->ring, view->partition, view->control, count, spare);
    sender->use.group_entry = entry->group_entry;
    segmsg_ring_use_t *use = &sender->use;
    use->capacity = (size_t) entry->span_factor * SEGMSG_LINE - SEGMSG_HEADER_BYTES;
    use->stream_capacity = ring_capacity(sender, cache->stream_lines);
    use->reply_capacity = ring_capacity(sender, cache->reply_lines);
    use->near_most = cache->most < count ? cache->most : count - 1;
    use->far_most = cache->far != 0 && cache->far < count ? count - cache->far - 1 : 0;
}

/* Forms the short first segment of group 0. The receiver finds it in the table; if the sender was a
 * guest, it begins there when it has read what the sender has put into the lobby. */
static segmsg_error_t form_starter(segmsg_sender_t *sender)
{
    uint32_t segment;
    segmsg_segment_entry_t entry;
    segmsg_segment_view_t view;
    segmsg_error_t error =
        form_group(sender, 0, sender->target->shape.ring_starter, &segment, &entry, &view);
    if (error != SEGMSG_OK) {
        return error;
    }
    sender->ring_is_starter = entry.partition_count != sender->geometry.group[0].partition_count;
    /* The spare line is for the entry that names its successor, which must fit when nothing else does. */
    open_ring(sender, &entry, &view, sender->ring_is_starter);
    sender->starter_long = 0;
    sender->starter_from = sender->messages[0];
    sender->lobby.line = NULL;
    /* Relaxed: a hint. */
    atomic_fetch_add_explicit(&segmsg_export_head(sender->target)->rings, 1, memory_order_relaxed);
    return SEGMSG_OK;
}

/*
 * The first thing that a sender does: becomes a guest, or where there is no lobby forms a group 0 of
 * its own.
 */
segmsg_error_t segmsg_sender_form_ring(segmsg_sender_t *sender)
{
    /* Relaxed: a number that this process has not had, that is all. */
    uint32_t number = atomic_fetch_add_explicit(&segmsg_export_head(sender->target)->sessions, 1,
                                                memory_order_relaxed);
    bool is_later = !sender->has_entered || (int32_t) (number - sender->self.session) > 0;
    sender->self.session = is_later ? number : sender->self.session + 1;
    sender->has_entered = true;
    sender->guest_messages = 0;
    sender->lobby.last = 0;
    segmsg_error_t error = segmsg_guest_enter(sender);
    return error == SEGMSG_OK || error == SEGMSG_ERR_CORRUPT ? error : form_starter(sender);
}

/* True if a guest has sent enough for a group 0 of its own, or finds the lobby full, and the receiver
 * has not too many of them. */
static bool is_due(const segmsg_sender_t *sender, bool lobby_is_full)
{
    enum { CROWD_FACTOR = 64 };
    const segmsg_growth_t *growth = &sender->growth;
    if (sender->guest_messages < growth->own_after && !lobby_is_full) {
        return false;
    }
    /* Relaxed: a hint. */
    uint32_t rings =
        atomic_load_explicit(&segmsg_export_head(sender->target)->rings, memory_order_relaxed);
    return rings < growth->own_crowd || sender->guest_messages / CROWD_FACTOR >= growth->own_after;
}

/* The guest forms a group 0 of its own; if there is no memory for it, it stays a guest. */
static void leave_lobby(segmsg_sender_t *sender)
{
    if (sender->refused[0] != 0) {
        --sender->refused[0];
    } else if (form_starter(sender) != SEGMSG_OK) {
        sender->refused[0] = SEGMSG_ASK_AGAIN;
    }
}

/*
 * Replaces the starter by a full segment of group 0: the last entry in the old one names the new
 * one. If there is no memory for it we stay with the starter, which carries everything that a ring
 * must, only less of it at a time.
 */
static void grow_ring(segmsg_sender_t *sender)
{
    uint32_t segment;
    segmsg_segment_entry_t entry;
    segmsg_segment_view_t view;
    sender->ring.spare = 0;
    segmsg_error_t error =
        form_group(sender, 0, sender->geometry.group[0].partition_count, &segment, &entry, &view);
    sender->ring_is_starter = false;
    if (error != SEGMSG_OK) {
        return;
    }
    /* There is room: the line that was spared, if no other. */
    segmsg_ring_publish(&sender->ring, 1, segmsg_header_make(SEGMSG_KIND_SWITCH, 0, 1, segment));
    open_ring(sender, &entry, &view, 0);
}

static segmsg_error_t form_run(segmsg_sender_t *sender, uint32_t group)
{
    if (sender->refused[group] != 0) {
        --sender->refused[group];
        return SEGMSG_ERR_NO_SPACE;
    }
    segmsg_run_image_t *run = calloc(1, sizeof(*run));
    if (run == NULL) {
        return SEGMSG_ERR_NO_SPACE;
    }
    segmsg_segment_view_t view;
    segmsg_error_t error = form_group(sender, group, sender->geometry.group[group].partition_count,
                                      &run->segment, &run->entry, &view);
    if (error != SEGMSG_OK) {
        free(run);
        sender->refused[group] = SEGMSG_ASK_AGAIN;
        return error;
    }
    run->control = view.control;
    run->partition = view.partition;
    segmsg_slab_open(&run->slab, view.directory, run->entry.partition_count);
    sender->run[group] = run;
    return SEGMSG_OK;
}

/* Frees what the receiver has returned since the last look; only what is in use can come back. */
static void run_reclaim(segmsg_sender_t *sender, segmsg_run_image_t *run)
{
    uint64_t credits;
    if (segmsg_credits_read(run->control, &credits)
        && !segmsg_slab_credit(&run->slab, credits, run->slab.taken & run->slab.exists)) {
        sender->is_corrupt = true;
    }
}

/* Has the memory of a run that was found there. */
static bool commit_run(segmsg_sender_t *sender, segmsg_run_image_t *run, uint32_t first,
                       uint32_t partitions)
{
    uint64_t mask = segmsg_extent_mask(first, partitions);
    if ((mask & ~run->committed) == 0) {
        return true;
    }
    if (!segmsg_partitions_commit(sender->target, &run->entry, first, partitions)) {
        return false;
    }
    run->committed |= mask;
    return true;
}

/* True if the policy wants long transfers to go through segments of at least the size of this group's. */
static bool outgrows_cache(const segmsg_sender_t *sender, const segmsg_group_geometry_t *group)
{
    uint64_t bytes = (uint64_t) group->partition_size * group->partition_count;
    return sender->use.cache.piece_segment != 0 && bytes >= sender->use.cache.piece_segment;
}

/* Finds partitions that are free: those after the last ones, until none are left to go round in. */
static uint32_t find_round(segmsg_sender_t *sender, segmsg_run_image_t *run, uint32_t partitions)
{
    uint32_t first = segmsg_extent_find(run->slab.taken, partitions);
    if (first == SEGMSG_EXTENT_NONE) {
        run_reclaim(sender, run);
        first = segmsg_extent_find(run->slab.taken, partitions);
    }
    return first;
}

/*
 * Finds partitions that are free: best some whose memory is there, if need be after a look at what has come
 * back. A page that nobody has touched costs as much as the copy of a dozen. But to look up every time costs
 * something too: a pair that goes on gets more, one after the other.
 */
static uint32_t find_run(segmsg_sender_t *sender, segmsg_run_image_t *run, uint32_t partitions)
{
    enum { SPARE = 16 /* times that new memory was not needed, for one that it is had */ };
    if (outgrows_cache(sender, &sender->geometry.group[run->entry.group])) {
        return find_round(sender, run, partitions);
    }
    uint32_t first = segmsg_extent_find(run->slab.taken | ~run->committed, partitions);
    if (first != SEGMSG_EXTENT_NONE) {
        return first;
    }
    run_reclaim(sender, run);
    first = segmsg_extent_find(run->slab.taken | ~run->committed, partitions);
    if (first != SEGMSG_EXTENT_NONE && ++run->spared < SPARE) {
        return first;
    }
    run->spared = 0;
    uint32_t fresh = segmsg_extent_find(run->slab.taken | run->committed, partitions);
    return fresh != SEGMSG_EXTENT_NONE   ? fresh
           : first != SEGMSG_EXTENT_NONE ? first
                                         : segmsg_extent_find(run->slab.taken, partitions);
}

/* Takes `partitions` of a group that is formed. */
static segmsg_error_t take_run(segmsg_sender_t *sender, uint32_t group, uint32_t partitions,
                               uint32_t *first)
{
    segmsg_run_image_t *run = sender->run[group];
    /* Whoever has answered has most likely returned what it answers. Relaxed: a hint. */
    if (sender->use.cache.lap != 0 && !outgrows_cache(sender, &sender->geometry.group[group])
        && atomic_load_explicit(&sender->answers, memory_order_relaxed)) {
        run_reclaim(sender, run);
    }
    *first = find_run(sender, run, partitions);
    if (*first == SEGMSG_EXTENT_NONE) {
        return SEGMSG_ERR_FULL;
    }
    if (!commit_run(sender, run, *first, partitions)) {
        /* What has come back has its memory. */
        run_reclaim(sender, run);
        *first = segmsg_extent_find(run->slab.taken | ~run->committed, partitions);
    }
    if (*first == SEGMSG_EXTENT_NONE) {
        return segmsg_slab_is_empty(&run->slab) ? SEGMSG_ERR_NO_SPACE : SEGMSG_ERR_FULL;
    }
    segmsg_slab_occupy(&run->slab, *first, partitions);
    return SEGMSG_OK;
}

/* True if a message should go through a common segment, since its group is not formed yet and the
 * pair has not sent enough of its kind. */
static bool goes_common(segmsg_sender_t *sender, uint32_t group)
{
    return sender->run[group] == NULL && sender->target->shape.common[group] != 0
           && sender->wanted[group] < sender->growth.long_after;
}

/* Takes a run in one group of the sender's own, forming it if need be. */
static segmsg_error_t take_in_own(segmsg_sender_t *sender, size_t length, uint32_t group,
                                  segmsg_place_t *place)
{
    segmsg_error_t error = sender->run[group] == NULL ? form_run(sender, group) : SEGMSG_OK;
    if (error != SEGMSG_OK) {
        return error;
    }
    segmsg_run_image_t *run = sender->run[group];
    place->partitions = segmsg_group_partitions(&sender->geometry, group, length);
    error = take_run(sender, group, place->partitions, &place->first);
    if (error == SEGMSG_OK) {
        place->data = run->partition + (size_t) place->first * run->entry.partition_size;
        place->group = group;
    }
    return error;
}

/*
 * The groups from `from_group` on, by rising partition size: passes over those whose span does not
 * hold the message, that are full at this moment, or that the receiver has no memory for.
 */
static segmsg_error_t take_larger(segmsg_sender_t *sender, size_t length, uint32_t from_group,
                                  segmsg_place_t *place)
{
    uint32_t first = from_group;
    while (first < sender->geometry.group_count
           && segmsg_group_capacity(&sender->geometry, first) < length) {
        ++first;
    }
    if (first == sender->geometry.group_count) {
        return SEGMSG_ERR_TOO_LARGE;
    }
    if (goes_common(sender, first)) {
        /* Full: it will not be for long, and to wait takes no memory; but not without end. */
        segmsg_error_t common = segmsg_common_take(sender, length, first, place);
        if (common == SEGMSG_OK) {
            ++sender->wanted[first];
            sender->starved = 0;
            return SEGMSG_OK;
        }
        if (common == SEGMSG_ERR_CORRUPT
            || (common == SEGMSG_ERR_FULL && ++sender->starved < STARVED_MAX)) {
            return common;
        }
        sender->starved = 0;
    }
    bool full = false;
    segmsg_error_t error = SEGMSG_ERR_TOO_LARGE;
    for (uint32_t g = first; g < sender->geometry.group_count; ++g) {
        if (segmsg_group_capacity(&sender->geometry, g) >= length) {
            error = take_in_own(sender, length, g, place);
            if (error == SEGMSG_OK || error == SEGMSG_ERR_CORRUPT) {
                return error;
            }
            full = full || error == SEGMSG_ERR_FULL;
        }
    }
    /* No memory for a group of its own: what all share is there, or will be in a moment. */
    if (!full) {
        segmsg_error_t common = segmsg_common_take(sender, length, first, place);
        error = common == SEGMSG_ERR_TABLE_FULL || common == SEGMSG_ERR_TOO_LARGE ? error : common;
    }
    return full ? SEGMSG_ERR_FULL : error;
}

/* The group for a piece of `length` bytes; 0: whatever is best for that length. */
static uint32_t piece_group(const segmsg_sender_t *sender, size_t length)
{
    uint32_t g = 1;
    while (g < sender->geometry.group_count
           && !outgrows_cache(sender, &sender->geometry.group[g])) {
        ++g;
    }
    bool fits = g < sender->geometry.group_count
                && segmsg_group_capacity(&sender->geometry, g) >= length
                && sender->geometry.group[g].partition_size < 2 * length;
    return fits ? g : 0;
}

static segmsg_error_t take_lasting(segmsg_sender_t *sender, size_t length, segmsg_place_t *place)
{
    /* A way to announce it first: without one it could never be published. */
    segmsg_error_t error = sender->ring.line == NULL && sender->lobby.line == NULL
                               ? segmsg_sender_form_ring(sender)
                               : SEGMSG_OK;
    if (error != SEGMSG_OK) {
        return error;
    }
    uint32_t group = piece_group(sender, length);
    if (group == 0) {
        return take_larger(sender, length, 1, place);
    }
    uint32_t refused = sender->refused[group];
    if (refused == 0) {
        error = take_larger(sender, length, group, place);
        return error == SEGMSG_OK || error == SEGMSG_ERR_FULL
                   ? error
                   : take_larger(sender, length, 1, place);
    }
    error = take_larger(sender, length, 1, place);
    if (sender->refused[group] == refused) {
        --sender->refused[group]; /* it did not come so far */
    }
    return error;
}

/* What taking something has come to; what was found corrupt under way matters more. */
static segmsg_error_t outcome(segmsg_sender_t *sender, segmsg_error_t error)
{
    sender->is_corrupt = sender->is_corrupt || error == SEGMSG_ERR_CORRUPT;
    return error != SEGMSG_OK && segmsg_sender_is_corrupt(sender) ? SEGMSG_ERR_CORRUPT : error;
}

segmsg_error_t segmsg_sender_take_larger(segmsg_sender_t *sender, size_t length,
                                         uint32_t from_group, segmsg_place_t *place)
{
    return segmsg_sender_is_corrupt(sender)
               ? SEGMSG_ERR_CORRUPT
               : outcome(sender, take_larger(sender, length, from_group, place));
}

segmsg_error_t segmsg_sender_take_lasting(segmsg_sender_t *sender, size_t length,
                                          segmsg_place_t *place)
{
    return segmsg_sender_is_corrupt(sender) ? SEGMSG_ERR_CORRUPT
                                            : outcome(sender, take_lasting(sender, length, place));
}

/* Takes `lines` in the ring, going round its end if need be. */
static bool take_ring(segmsg_ring_writer_t *ring, uint32_t lines, segmsg_place_t *place)
{
    void *data = segmsg_ring_reserve_round(ring, lines);
    return segmsg_ring_place(ring, lines, data, place);
}

/* A guest's message: through the lobby if it is short, else announced there. */
static segmsg_error_t take_as_guest(segmsg_sender_t *sender, size_t length, segmsg_place_t *place)
{
    segmsg_error_t error = length <= sender->lobby.capacity
                               ? segmsg_guest_take(sender, length, place)
                               : take_larger(sender, length, 1, place);
    sender->guest_messages += error == SEGMSG_OK;
    sender->full += error == SEGMSG_ERR_FULL;
    return error;
}

/* True if a message is too long for the starter, and would not be for a full segment of group 0. */
static bool is_long_for_starter(const segmsg_sender_t *sender, size_t length)
{
    return sender->ring_is_starter && length > sender->use.capacity
           && length <= segmsg_group_capacity(&sender->geometry, 0);
}

/* True if a group above group 0 can carry a message. */
static bool fits_above(const segmsg_sender_t *sender, size_t length)
{
    size_t most = 0;
    for (uint32_t g = 1; g < sender->geometry.group_count; ++g) {
        size_t capacity = segmsg_group_capacity(&sender->geometry, g);
        most = capacity > most ? capacity : most;
    }
    return length <= most;
}

/* True if the starter should be replaced by a full segment of group 0 now. */
static bool has_outgrown_starter(const segmsg_sender_t *sender, size_t length)
{
    return sender->ring_is_starter
           && (sender->messages[0] - sender->starter_from >= sender->growth.grow_after
               || (is_long_for_starter(sender, length) && !fits_above(sender, length))
               || (is_long_for_starter(sender, length)
                   && sender->starter_long >= sender->growth.long_after));
}

static segmsg_error_t take_slow(segmsg_sender_t *sender, size_t length, segmsg_place_t *place)
{
    if (length > segmsg_geometry_capacity(&sender->geometry)) {
        return SEGMSG_ERR_TOO_LARGE;
    }
    segmsg_ring_writer_t *ring = &sender->ring;
    if (ring->line == NULL && sender->lobby.line == NULL) {
        segmsg_error_t error = segmsg_sender_form_ring(sender);
        if (error != SEGMSG_OK) {
            return error;
        }
    }
    if (ring->line == NULL && is_due(sender, false)) {
        leave_lobby(sender);
    }
    if (ring->line == NULL) {
        segmsg_error_t error = take_as_guest(sender, length, place);
        bool is_due_now =
            error == SEGMSG_ERR_FULL && length <= sender->lobby.capacity && is_due(sender, true);
        if (error != SEGMSG_ERR_TOO_LARGE && !is_due_now) {
            return error;
        }
        leave_lobby(sender);
        if (ring->line == NULL) {
            return error;
        }
    }
    if (has_outgrown_starter(sender, length)) {
        grow_ring(sender);
    }
    uint32_t lines = segmsg_group_partitions(&sender->geometry, 0, length);
    if (length <= segmsg_sender_ring_capacity(sender) && take_ring(ring, lines, place)) {
        return SEGMSG_OK;
    }
    /* A message above group 0 needs a line there to be announced; without one it must wait. */
    if (!segmsg_ring_has_room(ring, 1)) {
        ++sender->full;
        return SEGMSG_ERR_FULL;
    }
    segmsg_error_t larger = take_larger(sender, length, 1, place);
    if (larger == SEGMSG_OK) {
        uint32_t group = place->group & ~(uint32_t) SEGMSG_PLACE_COMMON;
        sender->starter_long += is_long_for_starter(sender, length);
        sender->passed += group != segmsg_geometry_select(&sender->geometry, length);
        return SEGMSG_OK;
    }
    /* No group above can be had, so it is the ring, be it the best or not, now or later. */
    if (larger != SEGMSG_ERR_FULL && length <= sender->use.capacity) {
        if (take_ring(ring, lines, place)) {
            return SEGMSG_OK;
        }
        larger = SEGMSG_ERR_FULL;
    }
    sender->full += larger == SEGMSG_ERR_FULL;
    return larger;
}

segmsg_error_t segmsg_sender_take_slow(segmsg_sender_t *sender, size_t length,
                                       segmsg_place_t *place)
{
    return segmsg_sender_is_corrupt(sender) ? SEGMSG_ERR_CORRUPT
                                            : outcome(sender, take_slow(sender, length, place));
}

/* Index in the segment table of the segment above group 0 in which `place` lies. */
static uint32_t segment_of(const segmsg_sender_t *sender, const segmsg_place_t *place)
{
    uint32_t group = place->group & ~(uint32_t) SEGMSG_PLACE_COMMON;
    return (place->group & SEGMSG_PLACE_COMMON) != 0 ? sender->target->shape.common[group] - 1
                                                     : sender->run[group]->segment;
}

bool segmsg_sender_announce(segmsg_sender_t *sender, const segmsg_place_t *place, uint8_t tag,
                            uint32_t length)
{
    segmsg_ring_writer_t *ring = &sender->ring;
    uint32_t group = place->group & ~(uint32_t) SEGMSG_PLACE_COMMON;
    if (ring->line == NULL) {
        if (sender->lobby.line == NULL && segmsg_sender_form_ring(sender) != SEGMSG_OK) {
            return false;
        }
        if (ring->line == NULL
            && !segmsg_guest_publish(sender, place, tag, length,
                                     group == 0 ? 0 : segment_of(sender, place))) {
            return false;
        }
    }
    if (ring->line != NULL) {
        if (!segmsg_ring_has_room(ring, 1)) {
            return false;
        }
        segmsg_ring_announce(ring, segment_of(sender, place), place->first, place->partitions,
                             segmsg_header_make(SEGMSG_KIND_RUN, tag, 1, length));
        segmsg_sender_own_ahead(sender, 1);
        segmsg_ring_clear_ahead(ring, 1);
    }
    /* Relaxed: a hint. */
    atomic_store_explicit(&sender->answers, false, memory_order_relaxed);
    ++sender->messages[group];
    sender->partitions[group] += place->partitions;
    return true;
}

size_t segmsg_sender_sure_capacity(const segmsg_sender_t *sender)
{
    return sender->ring.line != NULL    ? sender->use.capacity
           : sender->lobby.line != NULL ? sender->lobby.capacity
                                        : 0;
}

void segmsg_sender_give_back(segmsg_sender_t *sender, const segmsg_place_t *place)
{
    if ((place->group & SEGMSG_PLACE_COMMON) != 0) {
        segmsg_common_give_back(sender, place);
        return;
    }
    segmsg_slab_free(&sender->run[place->group]->slab,
                     segmsg_extent_mask(place->first, place->partitions));
}

bool segmsg_sender_close(segmsg_sender_t *sender)
{
    segmsg_ring_writer_t *ring = &sender->ring;
    if (ring->line == NULL && sender->lobby.line == NULL) {
        return true;
    }
    if (ring->line == NULL) {
        if (!segmsg_guest_close(sender)) {
            return false;
        }
    } else {
        if (!segmsg_ring_has_room(ring, 1)) {
            return false;
        }
        /* The groups may go to another sender at once, so the ring is not touched after the header:
         * no next header is cleared here but before. */
        segmsg_ring_publish(ring, 1, segmsg_header_make(SEGMSG_KIND_CLOSE, 0, 1, 0));
    }
    *ring = (segmsg_ring_writer_t){.window_most = ring->window_most};
    sender->use = (segmsg_ring_use_t){.cache = sender->use.cache};
    forget_runs(sender);
    return true;
}

/* True if the receiver's table says of group `group_entry` that this sender has formed it. */
static bool stands(const segmsg_sender_t *sender, uint32_t group_entry)
{
    return segmsg_group_stands(sender->target, group_entry, &sender->self);
}

bool segmsg_sender_verify(segmsg_sender_t *sender)
{
    bool is_right = true;
    if (sender->ring.line != NULL) {
        segmsg_ring_read_credits(&sender->ring);
        is_right = segmsg_ring_is_whole(&sender->ring) && stands(sender, sender->use.group_entry);
    } else if (sender->lobby.line != NULL) {
        segmsg_guest_verify(sender);
        is_right = stands(sender, sender->lobby.group_entry);
    }
    for (uint32_t g = 1; g < sender->geometry.group_count; ++g) {
        if (sender->run[g] != NULL) {
            run_reclaim(sender, sender->run[g]);
            is_right = is_right && stands(sender, sender->run[g]->entry.group_entry);
        }
    }
    sender->is_corrupt = sender->is_corrupt || !is_right;
    return !segmsg_sender_is_corrupt(sender);
}
