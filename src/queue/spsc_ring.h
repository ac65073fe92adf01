/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The ordered ring from one sender to one receiver: group 0 of a pair, both ends. Short messages lie in
 * it; longer ones are announced in it by a descriptor. Its lines are partitions of a segment of the
 * receiver, its directory the header words at the heads of messages (queue/layout.h draws one).
 *
 *            reader.position - open          writer.head
 *                  |                             |
 *   0              v                             v              window         count
 *   +--------------+-----------------------------+---------------+---------------+
 *   | free         | header, message | header ...| 0: next header| not used now  |
 *   +--------------+-----------------------------+---------------+---------------+
 *                    published and not returned
 *
 *     sender                                               receiver
 *     segmsg_ring_has_room       word, acquire  <-------   segmsg_ring_return    word, release
 *     segmsg_ring_reserve                                    ... uses the message ...
 *       ... copies the message ...                         segmsg_ring_take
 *     segmsg_ring_publish        header, release ------>   segmsg_ring_look      header, acquire
 *
 * Two words are shared: the header at the reader's position, 0 until the message is there, and the
 * control block's `word`, the lines consumed in all. The sender clears the header after a message before
 * it publishes that message, since payload of an earlier round may lie there; so one line beyond every
 * message must be free. Neither end waits, and neither writes what the other writes.
 */
#ifndef SEGMSG_SPSC_RING_H
#define SEGMSG_SPSC_RING_H

#include "queue/layout.h"

#include <stdbool.h>

enum { SEGMSG_RING_NONE = UINT32_MAX }; /* no line */

/* The sender's end. All of it is the sender's own memory, but what the two pointers name. */
typedef struct {
    segmsg_line_t *line;       /* partition 0 of the image; NULL while there is no ring */
    segmsg_control_t *control; /* how much the receiver has consumed */
    uint32_t count;            /* lines */
    uint32_t window_most;      /* lines used while nothing speaks for more; 0: all of them */
    uint32_t window;           /* those used this time round */
    uint32_t at;               /* where the next header goes */
    uint32_t cleared;          /* a line after `at` that reads as "nothing yet"; SEGMSG_RING_NONE */
    uint64_t head;             /* lines published in all */
    uint64_t limit;            /* `head` may reach this: consumed as last seen + count - spare */
    uint64_t consumed;         /* the control word as last seen */
    uint32_t spare;            /* lines kept for entries that must always fit */
    bool reuses;               /* lines are best used again as soon as they can be */
    bool is_corrupt;           /* the control word held what no receiver writes; for good */
} segmsg_ring_writer_t;

/* The receiver's end, likewise. */
typedef struct {
    segmsg_line_t *line;       /* partition 0; never NULL: a line without a message at first */
    segmsg_control_t *control; /* where the sender is told; NULL while there is no ring */
    uint32_t count;            /* lines */
    uint32_t at;               /* where the next header will appear */
    uint64_t position;         /* lines consumed in all */
    uint32_t open;             /* messages taken and not yet returned */
} segmsg_ring_reader_t;

/* ---- the sender's end ---- */

/* Lines of a round that begins. */
SEGMSG_INLINE uint32_t segmsg_ring_window(const segmsg_ring_writer_t *ring)
{
    return ring->window_most != 0 && ring->window_most < ring->count ? ring->window_most
                                                                     : ring->count;
}

/* Begins at line 0 of a new segment, whose lines and control block are all 0, keeping `spare` lines. */
static inline void segmsg_ring_open(segmsg_ring_writer_t *ring, unsigned char *partition,
                                    segmsg_control_t *control, uint32_t count, uint32_t spare)
{
    *ring = (segmsg_ring_writer_t){.line = (void *) partition,
                                   .control = control,
                                   .count = count,
                                   .window_most = ring->window_most,
                                   .reuses = ring->reuses,
                                   .cleared = SEGMSG_RING_NONE,
                                   .limit = count - spare,
                                   .spare = spare,
                                   .is_corrupt = ring->is_corrupt};
    ring->window = segmsg_ring_window(ring);
}

/* Reads how much the receiver has consumed, and counts as room no more than it can have. */
static inline void segmsg_ring_read_credits(segmsg_ring_writer_t *ring)
{
    /* Acquire: the receiver's reads of what it consumed come before the writes over it here. */
    uint64_t consumed = atomic_load_explicit(&ring->control->word, memory_order_acquire);
    /* It only rises, up to what was published. */
    if (consumed - ring->consumed > ring->head - ring->consumed) {
        ring->is_corrupt = true;
        return;
    }
    ring->consumed = consumed;
    ring->limit = consumed + ring->count - ring->spare;
}

/* True if `lines` lines and the header after them can be written at this moment. */
SEGMSG_INLINE bool segmsg_ring_has_room(segmsg_ring_writer_t *ring, uint32_t lines)
{
    if (ring->head + lines + 1 <= ring->limit) {
        return true;
    }
    segmsg_ring_read_credits(ring);
    return ring->head + lines + 1 <= ring->limit;
}

/* True if `lines` lines are there now without going round the end of the window. */
SEGMSG_INLINE bool segmsg_ring_fits(segmsg_ring_writer_t *ring, uint32_t lines)
{
    return ring->at + lines <= ring->window && segmsg_ring_has_room(ring, lines);
}

/* Reserves `lines` lines that fit; returns where the message goes. Fewer may be published, or none. */
SEGMSG_INLINE void *segmsg_ring_reserve(segmsg_ring_writer_t *ring, uint32_t lines)
{
    if (ring->cleared < ring->at + lines) {
        ring->cleared = SEGMSG_RING_NONE; /* it is written over */
    }
    return ring->line[ring->at].bytes + SEGMSG_HEADER_BYTES;
}

/* Publishes the line at ring->at with `header`, `lines` long; what follows becomes the next header
 * and must read as "nothing yet" before this message can be seen. */
SEGMSG_INLINE void segmsg_ring_publish(segmsg_ring_writer_t *ring, uint32_t lines, uint64_t header)
{
    uint32_t next = ring->at + lines;
    if (next == ring->count) {
        next = 0;
        ring->window = segmsg_ring_window(ring);
    }
    if (next != ring->cleared) {
        /* Relaxed: ordered by the release below. */
        atomic_store_explicit(&ring->line[next].header, 0, memory_order_relaxed);
    }
    /* Release: payload and the cleared next header come first. */
    atomic_store_explicit(&ring->line[ring->at].header, header, memory_order_release);
    ring->at = next;
    ring->head += lines;
}

/* Publishes the descriptor of a message of another segment, in a line that there must be room for. */
SEGMSG_INLINE void segmsg_ring_announce(segmsg_ring_writer_t *ring, uint32_t segment,
                                        uint32_t first, uint32_t partitions, uint64_t header)
{
    segmsg_announcement_t *announcement = &ring->line[ring->at].announcement;
    announcement->segment = segment;
    announcement->first = (uint16_t) first;
    announcement->partitions = (uint16_t) partitions;
    segmsg_ring_publish(ring, 1, header);
}

/*
 * After a message of `lines` lines, where lines are used again soon: the next message is likely to be as
 * long, so the line after it is cleared now, when nobody waits. What was cleared counts for the next
 * message only; a wrap before it passes over that line and leaves it as it is.
 */
SEGMSG_INLINE void segmsg_ring_clear_ahead(segmsg_ring_writer_t *ring, uint32_t lines)
{
    if (!ring->reuses) {
        return;
    }
    uint32_t after = ring->at + lines;
    ring->cleared = SEGMSG_RING_NONE;
    if (after < ring->window && ring->head + lines + 1 <= ring->limit) {
        /* Relaxed: ordered by the release with which the next message is published. */
        atomic_store_explicit(&ring->line[after].header, 0, memory_order_relaxed);
        ring->cleared = after;
    }
}

/* True if a message of `lines` lines would go beyond the window. */
static inline bool segmsg_ring_leaves_window(const segmsg_ring_writer_t *ring, uint32_t lines)
{
    return ring->at + lines > ring->window;
}

/* True if the next message should go to the begin of the ring, though it would fit before its end: the
 * window is full, holds several such messages, and the receiver has read its begin. */
static inline bool segmsg_ring_wraps_early(segmsg_ring_writer_t *ring, uint32_t lines)
{
    return segmsg_ring_leaves_window(ring, lines) && 2 * lines <= ring->window_most
           && segmsg_ring_has_room(ring, ring->count - ring->at + lines);
}

/* Reserves `lines` lines, going round the end of the ring, or if that is `preferred` of the window, if they do
 * not fit before it. NULL if there is no room. */
static inline void *segmsg_ring_reserve_round(segmsg_ring_writer_t *ring, uint32_t lines,
                                              bool preferred)
{
    bool wraps =
        ring->at + lines > ring->count || (preferred && segmsg_ring_wraps_early(ring, lines));
    uint32_t skip = wraps ? ring->count - ring->at : 0;
    if (!segmsg_ring_has_room(ring, skip + lines)) {
        return NULL;
    }
    if (wraps) {
        segmsg_ring_publish(ring, skip, segmsg_header_make(SEGMSG_KIND_WRAP, 0, skip, 0));
    } else if (segmsg_ring_leaves_window(ring, lines)) {
        ring->window = ring->count; /* this time round all of it */
    }
    return segmsg_ring_reserve(ring, lines);
}

/* False if the first line not yet returned has lost its header: nobody but the sender writes there, and
 * it has no room for that yet. After segmsg_ring_read_credits. */
static inline bool segmsg_ring_is_whole(const segmsg_ring_writer_t *ring)
{
    const segmsg_line_t *line = &ring->line[ring->consumed % ring->count];
    /* Relaxed: this process has written it. */
    return ring->consumed == ring->head
           || atomic_load_explicit(&line->header, memory_order_relaxed) != 0;
}

/* ---- the receiver's end ---- */

/* The next header; 0: nothing yet. */
SEGMSG_INLINE uint64_t segmsg_ring_look(const segmsg_ring_reader_t *ring)
{
    /* Acquire: the payload behind the header. */
    return atomic_load_explicit(&ring->line[ring->at].header, memory_order_acquire);
}

/* True if segmsg_ring_look will find something. */
static inline bool segmsg_ring_has_something(const segmsg_ring_reader_t *ring)
{
    /* Relaxed: only a question. */
    return atomic_load_explicit(&ring->line[ring->at].header, memory_order_relaxed) != 0;
}

/* True unless `header`, which stands at the reader's position, is that of a message in the ring, with `span` lines
 * and `length` bytes. A macro, since gcc 12 loses what is expected of the conditions of an inline function, and
 * puts the receive path behind two jumps. Each argument is used more than once. */
#define SEGMSG_RING_IS_OTHER(ring, header, span, length)              \
    (segmsg_header_kind(header) != SEGMSG_KIND_MESSAGE || (span) == 0 \
     || (span) > (ring)->count - (ring)->at                           \
     || (length) > (span) *SEGMSG_LINE - SEGMSG_HEADER_BYTES)

/* Advances past `lines` lines. */
SEGMSG_INLINE void segmsg_ring_advance(segmsg_ring_reader_t *ring, uint32_t lines)
{
    ring->at += lines;
    if (ring->at == ring->count) {
        ring->at = 0;
    }
    ring->position += lines;
}

/* Takes the message of `lines` lines at the reader's position, to be returned once. */
SEGMSG_INLINE void segmsg_ring_take(segmsg_ring_reader_t *ring, uint32_t lines)
{
    segmsg_ring_advance(ring, lines);
    ++ring->open;
}

/* Gives all lines back that no message lies in any more. A later message may be returned while an
 * earlier one is in use, so that is all or nothing. */
SEGMSG_INLINE void segmsg_ring_give_credits(const segmsg_ring_reader_t *ring)
{
    if (ring->open == 0) {
        /* Release: the reads of the messages come before the sender's writes over them. */
        atomic_store_explicit(&ring->control->word, ring->position, memory_order_release);
    }
}

/* A message that was taken is done with. */
SEGMSG_INLINE void segmsg_ring_return(segmsg_ring_reader_t *ring)
{
    --ring->open;
    segmsg_ring_give_credits(ring);
}

/* Follows a WRAP of `span` lines at the reader's position to line 0. False if it cannot be one. */
static inline bool segmsg_ring_follow_wrap(segmsg_ring_reader_t *ring, uint32_t span)
{
    if (ring->at == 0 || span != ring->count - ring->at) {
        return false;
    }
    segmsg_ring_advance(ring, span);
    segmsg_ring_give_credits(ring);
    return true;
}

/* False if somebody has written over the credits. While a message is in use, an earlier count stands there. */
static inline bool segmsg_ring_credits_stand(const segmsg_ring_reader_t *ring)
{
    /* Relaxed: this process has written it. */
    return ring->control == NULL || ring->open != 0
           || atomic_load_explicit(&ring->control->word, memory_order_relaxed) == ring->position;
}

#endif
