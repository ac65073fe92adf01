/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The sending side of a pair of processes: selects the group, takes a run of contiguous partitions
 * in the image of the receiver's segment, and publishes what the caller copied there as a single
 * message (rows G6 to G9).
 *
 *     segmsg_place_t place;
 *     if (segmsg_sender_take(sender, length, &place) == SEGMSG_OK) {
 *         ... copy `length` bytes to place.data ...
 *         segmsg_sender_publish(sender, &place, tag, length);
 *     }
 *
 * A place in group 0 must be published before the next one is taken. A place above it may be kept
 * for long (the PML packs into it) and published in any order, or given back with
 * segmsg_sender_give_back. The order of delivery is the order of publishing.
 *
 * One thread at a time per sender.
 */
#ifndef SEGMSG_SENDER_H
#define SEGMSG_SENDER_H

#include "base/cache.h"
#include "engine/runs.h"
#include "engine/sender_types.h"
#include "queue/doorbell.h"
#include "queue/message.h"

/*
 * Prepares a sender for the receiver whose export `target` maps; its head must have been checked.
 * No group is formed yet.
 */
void segmsg_sender_init(segmsg_sender_t *sender, segmsg_export_t *target,
                        const segmsg_identity_t *self, const segmsg_growth_t *growth);

/* Frees what the sender holds here; nothing is said to the receiver. */
void segmsg_sender_destroy(segmsg_sender_t *sender);

/* What the sender does about cache lines from now on. */
void segmsg_sender_set_cache(segmsg_sender_t *sender, const segmsg_cache_policy_t *policy);

segmsg_error_t segmsg_sender_take_slow(segmsg_sender_t *sender, size_t length,
                                       segmsg_place_t *place);

/* Says goodbye: the receiver gives this sender's groups back to its tables, so no place that was
 * taken before may be written or published afterwards. Whatever is taken then forms new groups.
 * False if there is no room to say so now. */
bool segmsg_sender_close(segmsg_sender_t *sender);

/* Makes `lines` lines that were reserved at `data` a place; false if it is NULL: there is no room. */
SEGMSG_INLINE bool segmsg_ring_place(const segmsg_ring_writer_t *ring, uint32_t lines, void *data,
                                     segmsg_place_t *place)
{
    place->data = data;
    place->group = 0;
    place->first = ring->at;
    place->partitions = lines;
    return data != NULL;
}

/* Owns `lines` lines, the first of them `ahead` lines after the next header's; less than a lap. */
SEGMSG_INLINE void segmsg_ring_own(const segmsg_ring_writer_t *ring, uint32_t ahead, uint32_t lines)
{
    uint32_t at = ring->at + ahead;
    at -= at >= ring->window ? ring->window : 0;
    uint32_t before_end = ring->window - at;
    const segmsg_line_t *line = &ring->line[at];
    if (__builtin_expect(lines > before_end, 0)) {
        for (const segmsg_line_t *end = line + before_end; line != end; ++line) {
            segmsg_cache_own(line);
        }
        lines -= before_end;
        line = ring->line;
    }
    for (const segmsg_line_t *end = line + lines; line != end; ++line) {
        segmsg_cache_own(line);
    }
}

/*
 * After a message of `lines` lines: owns those of the next one. The nearest are asked for every time,
 * because the receiver's hardware prefetchers take them back; those far ahead once, as they come into
 * view. Lines that the receiver has not read yet are asked for as well: they are still here.
 */
SEGMSG_INLINE void segmsg_sender_own_ahead(const segmsg_sender_t *sender, uint32_t lines)
{
    uint32_t near = lines + sender->use.cache.near;
    near = near < sender->use.near_most ? near : sender->use.near_most;
    segmsg_ring_own(&sender->ring, 0, near);
    if (lines <= sender->use.far_most) {
        segmsg_ring_own(&sender->ring, sender->use.cache.far, lines);
    }
}

/* Pushes the `lines` lines from `first` on out of this core's caches. */
SEGMSG_INLINE void segmsg_ring_demote(const segmsg_ring_writer_t *ring, uint32_t first,
                                      uint32_t lines)
{
    for (uint32_t i = 0; i < lines; ++i) {
        segmsg_cache_demote(&ring->line[first + i]);
    }
}

/* Pushes a message of more than SEGMSG_LONG_LINES lines on, if that pays, and sees whether a message of the
 * receiver's crosses it. */
void segmsg_sender_demote_long(segmsg_sender_t *sender, uint32_t first, uint32_t lines,
                               bool answers);

/* Pushes the `lines` lines from `first` on towards the receiver, if that pays. */
SEGMSG_INLINE void segmsg_sender_demote(segmsg_sender_t *sender, uint32_t first, uint32_t lines,
                                        bool answers)
{
    if (__builtin_expect(lines > SEGMSG_LONG_LINES, 0)) {
        segmsg_sender_demote_long(sender, first, lines, answers);
    } else if (lines
               <= (answers ? sender->use.cache.answer_lines : sender->use.cache.demote_lines)) {
        segmsg_ring_demote(&sender->ring, first, lines);
    }
}

/* The receiver of this sender has sent something: what goes there next is waited for. */
static inline void segmsg_sender_answers(segmsg_sender_t *sender)
{
    /* Relaxed: a hint. */
    atomic_store_explicit(&sender->answers, true, memory_order_relaxed);
}

/* What the receiver sends to this process comes through `back`, until this is called again with another one or
 * NULL. Only where the same thread polls and sends. */
static inline void segmsg_sender_set_back(segmsg_sender_t *sender, const segmsg_ring_reader_t *back)
{
    sender->flow.back = back;
}

/*
 * Takes the line of the next header back from the receiver, which looks at it all the time. Worth
 * while only if the message is written in a moment: as the answer to one that takes no time to read.
 */
static inline void segmsg_sender_own_next(const segmsg_sender_t *sender)
{
    const segmsg_ring_writer_t *ring = &sender->ring;
    if (sender->use.near_most != 0) {
        segmsg_cache_own(&ring->line[ring->at]);
    }
}

/*
 * Longest message in bytes for which group 0 is the best now. The lines of a ring change hands all the
 * time; a stream of long messages is faster through a segment that is several times as large as a
 * core's first cache. A single one that somebody waits for is faster through lines that are owned; or,
 * where it is reuse that counts, through the partitions that the last one has left.
 */
SEGMSG_INLINE size_t segmsg_sender_ring_capacity(const segmsg_sender_t *sender)
{
    /* Relaxed: a hint. */
    return atomic_load_explicit(&sender->answers, memory_order_relaxed)
               ? sender->use.reply_capacity
               : sender->use.stream_capacity;
}

/*
 * Takes a place for a message of `length` bytes, forming groups that are not there yet.
 * Returns SEGMSG_OK; SEGMSG_ERR_FULL (try again when the receiver has returned something);
 * SEGMSG_ERR_TOO_LARGE; SEGMSG_ERR_NO_SPACE / SEGMSG_ERR_TABLE_FULL when a group that the
 * message cannot do without cannot be formed; or SEGMSG_ERR_CORRUPT, now and ever after.
 */
SEGMSG_INLINE segmsg_error_t segmsg_sender_take(segmsg_sender_t *sender, size_t length,
                                                segmsg_place_t *place)
{
    segmsg_ring_writer_t *ring = &sender->ring;
    if (__builtin_expect(length <= segmsg_sender_ring_capacity(sender), 1)) {
        uint32_t lines = (uint32_t) (length + SEGMSG_HEADER_BYTES + SEGMSG_LINE - 1) / SEGMSG_LINE;
        if (__builtin_expect(segmsg_ring_fits(ring, lines), 1)) {
            (void) segmsg_ring_place(ring, lines, segmsg_ring_reserve(ring, lines), place);
            return SEGMSG_OK;
        }
    }
    return segmsg_sender_take_slow(sender, length, place);
}

/* True if whoever copies to `place` need not ask for its lines: they have been asked for, or asking
 * does not pay. */
SEGMSG_INLINE bool segmsg_sender_has_lines(const segmsg_sender_t *sender,
                                           const segmsg_place_t *place)
{
    return place->group == 0 || sender->use.cache.most == 0;
}

/*
 * Compares what the receiver's export says about this sender with what the sender knows. Costs some lines
 * that are elsewhere: to be called now and then, by a process that waits. False if it is corrupt.
 */
bool segmsg_sender_verify(segmsg_sender_t *sender);

/* Wakes the receiver if it sleeps. */
void segmsg_sender_ring(segmsg_sender_t *sender);

/* Something was published: wakes the receiver if it sleeps. */
SEGMSG_INLINE void segmsg_sender_wake(segmsg_sender_t *sender)
{
    if (segmsg_doorbell_is_offered(sender->flow.doorbell)) {
        segmsg_sender_ring(sender);
    }
}

/* Publishes a message above group 0; false if group 0 has no room to announce it now. */
bool segmsg_sender_announce(segmsg_sender_t *sender, const segmsg_place_t *place, uint8_t tag,
                            uint32_t length);

/*
 * Publishes the message in `place`. A place in group 0 always succeeds. Returns false if the
 * message cannot be announced at this moment: the place stays taken, call again later; or never, if
 * segmsg_sender_is_corrupt.
 */
SEGMSG_INLINE bool segmsg_sender_publish(segmsg_sender_t *sender, const segmsg_place_t *place,
                                         uint8_t tag, uint32_t length)
{
    if (__builtin_expect(place->group != 0, 0)) {
        return segmsg_sender_announce(sender, place, tag, length);
    }
    segmsg_ring_publish(&sender->ring, place->partitions,
                        segmsg_header_make(SEGMSG_KIND_MESSAGE, tag, place->partitions, length));
    /* Relaxed: a hint. */
    segmsg_sender_demote(sender, place->first, place->partitions,
                         atomic_load_explicit(&sender->answers, memory_order_relaxed));
    atomic_store_explicit(&sender->answers, false, memory_order_relaxed);
    segmsg_sender_own_ahead(sender, place->partitions);
    segmsg_ring_clear_ahead(&sender->ring, place->partitions);
    ++sender->messages[0];
    sender->partitions[0] += place->partitions;
    segmsg_sender_wake(sender);
    return true;
}

/*
 * Longest message in bytes that can be sent whatever memory can be had for further groups: through
 * the ring that there is, or through the lobby. 0 if there is neither.
 */
size_t segmsg_sender_sure_capacity(const segmsg_sender_t *sender);

/* Gives a place above group 0 back unpublished. */
void segmsg_sender_give_back(segmsg_sender_t *sender, const segmsg_place_t *place);

#endif
