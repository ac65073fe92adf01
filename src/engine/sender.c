/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "engine/sender.h"

#include "base/futex.h"
#include "engine/growth.h"
#include "engine/guest.h"
#include "engine/runs.h"

#include <stdlib.h>
#include <string.h>

void segmsg_sender_init(segmsg_sender_t *sender, segmsg_export_t *target,
                        const segmsg_identity_t *self, const segmsg_growth_t *growth)
{
    memset(sender, 0, sizeof(*sender));
    sender->target = target;
    sender->self = *self;
    sender->flow.doorbell = &segmsg_export_head(target)->doorbell;
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
    sender->ring.window_most = policy->lap != 0 ? policy->lap : policy->calm;
    sender->ring.reuses = policy->lap != 0;
}

/*
 * True if a message of the receiver's is there when one was published: the receiver does not wait for that, it
 * sends. In a dialogue only one of the two has something to send at a time.
 */
static bool is_crossed(const segmsg_sender_t *sender)
{
    return sender->flow.back != NULL && segmsg_ring_has_something(sender->flow.back);
}

/* The receiver is about to read what it has sent for, unless it is busy with a message of its own: then the next
 * thing to do is to read that. */
void segmsg_sender_demote_long(segmsg_sender_t *sender, uint32_t first, uint32_t lines,
                               bool answers)
{
    enum { ONCE = 2, MOST = 16 };
    const segmsg_cache_policy_t *cache = &sender->use.cache;
    if (sender->ring.reuses) {
        return; /* neither lines nor pushing depend on it */
    }
    bool crosses = is_crossed(sender);
    uint32_t *crossed = &sender->flow.crossed;
    if (crosses) {
        *crossed += *crossed < MOST ? ONCE : 0;
    } else {
        *crossed -= *crossed != 0;
    }
    if (!crosses && lines <= (answers ? cache->answer_lines : cache->demote_lines)) {
        segmsg_ring_demote(&sender->ring, first, lines);
    }
}

/*
 * True if what the receiver sends follows what it gets, and not much of that is under way: a dialogue needs few
 * lines, which stay in the first caches. A stream, and long messages that cross each other, are faster through
 * many that lie in the second ones.
 */
static bool is_dialogue(segmsg_sender_t *sender, uint32_t lines)
{
    enum {
        FEW = 4,    /* of the window, one in so many */
        CROSSED = 4 /* so often that it is no chance */
    };
    segmsg_ring_writer_t *ring = &sender->ring;
    /* Relaxed: a hint. */
    if (!atomic_load_explicit(&sender->answers, memory_order_relaxed)
        || (lines > SEGMSG_LONG_LINES && sender->flow.crossed > CROSSED)) {
        return false;
    }
    segmsg_ring_read_credits(ring);
    return ring->head - ring->consumed <= ring->window / FEW;
}

/* Takes `lines` in the ring, going round its end if need be. */
static bool take_ring(segmsg_sender_t *sender, uint32_t lines, segmsg_place_t *place)
{
    segmsg_ring_writer_t *ring = &sender->ring;
    bool wraps_early = true;
    if (segmsg_ring_leaves_window(ring, lines) && !ring->reuses) {
        wraps_early = is_dialogue(sender, lines);
        if (wraps_early) {
            sender->flow.streamed -= sender->flow.streamed != 0;
        } else {
            segmsg_growth_stream(sender);
        }
    }
    void *data = segmsg_ring_reserve_round(ring, lines, wraps_early);
    return segmsg_ring_place(ring, lines, data, place);
}

/* A guest's message: through the lobby if it is short, else announced there. */
static segmsg_error_t take_as_guest(segmsg_sender_t *sender, size_t length, segmsg_place_t *place)
{
    segmsg_error_t error = length <= sender->lobby.capacity
                               ? segmsg_guest_take(sender, length, place)
                               : segmsg_runs_take_larger(sender, length, 1, place);
    sender->guest_messages += error == SEGMSG_OK;
    sender->full += error == SEGMSG_ERR_FULL;
    return error;
}

static segmsg_error_t take_slow(segmsg_sender_t *sender, size_t length, segmsg_place_t *place)
{
    if (length > segmsg_geometry_capacity(&sender->geometry)) {
        return SEGMSG_ERR_TOO_LARGE;
    }
    segmsg_ring_writer_t *ring = &sender->ring;
    if (sender->connection == SEGMSG_CONNECTION_NONE) {
        segmsg_error_t error = segmsg_growth_begin(sender);
        if (error != SEGMSG_OK) {
            return error;
        }
    }
    if (sender->connection == SEGMSG_CONNECTION_GUEST && segmsg_growth_is_due(sender, false)) {
        segmsg_growth_leave_lobby(sender);
    }
    if (sender->connection == SEGMSG_CONNECTION_GUEST) {
        segmsg_error_t error = take_as_guest(sender, length, place);
        bool is_due_now = error == SEGMSG_ERR_FULL && length <= sender->lobby.capacity
                          && segmsg_growth_is_due(sender, true);
        if (error != SEGMSG_ERR_TOO_LARGE && !is_due_now) {
            return error;
        }
        segmsg_growth_leave_lobby(sender);
        if (!segmsg_sender_has_ring(sender)) {
            return error;
        }
    }
    if (segmsg_growth_has_outgrown(sender, length)) {
        segmsg_growth_replace_starter(sender);
    }
    uint32_t lines = segmsg_group_partitions(&sender->geometry, 0, length);
    if (length <= segmsg_sender_ring_capacity(sender) && take_ring(sender, lines, place)) {
        return SEGMSG_OK;
    }
    /* A message above group 0 needs a line there to be announced; without one it must wait. */
    if (!segmsg_ring_has_room(ring, 1)) {
        ++sender->full;
        return SEGMSG_ERR_FULL;
    }
    segmsg_error_t larger = segmsg_runs_take_larger(sender, length, 1, place);
    if (larger == SEGMSG_OK) {
        uint32_t group = place->group & ~(uint32_t) SEGMSG_PLACE_COMMON;
        sender->starter_long += segmsg_growth_is_long(sender, length);
        sender->passed += group != segmsg_geometry_select(&sender->geometry, 0, length);
        return SEGMSG_OK;
    }
    /* No group above can be had, so it is the ring, be it the best or not, now or later. */
    if (larger != SEGMSG_ERR_FULL && length <= sender->use.capacity) {
        if (take_ring(sender, lines, place)) {
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
    return segmsg_sender_is_corrupt(sender)
               ? SEGMSG_ERR_CORRUPT
               : segmsg_sender_outcome(sender, take_slow(sender, length, place));
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
    if (sender->connection == SEGMSG_CONNECTION_NONE && segmsg_growth_begin(sender) != SEGMSG_OK) {
        return false;
    }
    if (sender->connection == SEGMSG_CONNECTION_GUEST) {
        if (!segmsg_guest_publish(sender, place, tag, length,
                                  group == 0 ? 0 : segment_of(sender, place))) {
            return false;
        }
    } else {
        if (!segmsg_ring_has_room(ring, 1)) {
            return false;
        }
        segmsg_ring_announce(ring, segment_of(sender, place), place->first, place->partitions,
                             segmsg_header_make(SEGMSG_KIND_RUN, tag, 1, length));
        if (ring->at > ring->window) {
            ring->window = ring->count; /* this time round all of it */
        }
        segmsg_sender_own_ahead(sender, 1);
        segmsg_ring_clear_ahead(ring, 1);
    }
    /* Relaxed: a hint. */
    atomic_store_explicit(&sender->answers, false, memory_order_relaxed);
    ++sender->messages[group];
    sender->partitions[group] += place->partitions;
    segmsg_sender_wake(sender);
    return true;
}

void segmsg_sender_ring(segmsg_sender_t *sender)
{
    enum {
        IN_VAIN_MOST = 4096
    }; /* messages: a barrier everywhere takes as long as some hundreds */
    _Atomic uint32_t *bell = sender->flow.doorbell;
    bool is_last = ++sender->flow.unrung == IN_VAIN_MOST;
    if (is_last ? segmsg_doorbell_withdraw(bell) : segmsg_doorbell_ring(bell)) {
        segmsg_futex_wake(bell);
        sender->flow.unrung = 0;
    } else if (is_last) {
        sender->flow.unrung = 0;
    }
}

size_t segmsg_sender_sure_capacity(const segmsg_sender_t *sender)
{
    return segmsg_sender_has_ring(sender)                  ? sender->use.capacity
           : sender->connection == SEGMSG_CONNECTION_GUEST ? sender->lobby.capacity
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
    if (sender->connection == SEGMSG_CONNECTION_NONE) {
        return true;
    }
    if (sender->connection == SEGMSG_CONNECTION_GUEST) {
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
    segmsg_sender_wake(sender);
    segmsg_growth_end(sender);
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
    if (segmsg_sender_has_ring(sender)) {
        segmsg_ring_read_credits(&sender->ring);
        is_right = segmsg_ring_is_whole(&sender->ring) && stands(sender, sender->use.group_entry);
    } else if (sender->connection == SEGMSG_CONNECTION_GUEST) {
        segmsg_guest_verify(sender);
        is_right = stands(sender, sender->lobby.ring.name);
    }
    for (uint32_t g = 1; g < sender->geometry.group_count; ++g) {
        if (sender->run[g] != NULL) {
            segmsg_runs_reclaim(sender, sender->run[g]);
            is_right = is_right && stands(sender, sender->run[g]->entry.group_entry);
        }
    }
    sender->is_corrupt = sender->is_corrupt || !is_right;
    return !segmsg_sender_is_corrupt(sender);
}
