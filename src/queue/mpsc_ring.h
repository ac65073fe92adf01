/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The ring from many senders to one receiver, both ends: the lobby, group 0 for all who talk little. A sender
 * claims as many contiguous lines as its message takes by raising the count of claimed lines, writes there, and
 * publishes; the receiver takes entries in the order in which they were claimed.
 *
 *            reader.returned     reader.position    claimed
 *                  |                   |               |
 *   0              v                   v               v                           count
 *   +--------------+-------------------+---------------+---------------------------+
 *   | free: all    | taken, perhaps    | published, or | free: all headers are 0   |
 *   | headers 0    | in use            | 0: not yet    |                           |
 *   +--------------+-------------------+---------------+---------------------------+
 *
 *     senders                                              receiver
 *     segmsg_mpsc_claim     word, acquire    <----------   segmsg_mpsc_give_back   headers 0; word, release
 *                           claimed, compare and swap        ... uses the message ...
 *       ... copies the message ...                         segmsg_mpsc_advance
 *     segmsg_mpsc_publish   header, release  ---------->   segmsg_mpsc_look        header, acquire
 *
 * Shared are the headers, the control block's `word`, the lines given back in all, which the receiver alone
 * writes, and its `claimed`, which all senders raise. A line that is claimed says "nothing yet" until it is
 * published, since the receiver clears the headers of all that it gives back: payload may have lain where the next
 * header will be. An entry that does not fit before the end is preceded by one of kind WRAP, which fills the rest.
 *
 * A sender that dies between claiming and publishing holds up all that come after it: that is for the receiver to
 * find out (engine/lobby.h).
 */
#ifndef SEGMSG_MPSC_RING_H
#define SEGMSG_MPSC_RING_H

#include "queue/layout.h"

#include <stdbool.h>

/* A sender's end. All of it is the sender's own memory, but what the two pointers name. */
typedef struct {
    segmsg_line_t *line;       /* partition 0 of the image */
    segmsg_control_t *control; /* how much is claimed, and how much was given back */
    uint32_t count;            /* lines */
    uint32_t name;             /* stands in every entry: whose it is */
    uint64_t last;             /* where this sender's last entry ends, in lines claimed by all */
    uint64_t consumed;         /* the control word as last seen */
    bool is_corrupt;           /* the ring held what no correct process writes; for good */
} segmsg_mpsc_writer_t;

/* The receiver's end, likewise. */
typedef struct {
    segmsg_line_t *line; /* partition 0; never NULL: a line without an entry at first */
    segmsg_control_t *control;
    uint32_t count;    /* lines */
    uint32_t at;       /* where the next entry will appear */
    uint64_t position; /* lines taken in all */
    uint64_t returned; /* lines given back in all */
    uint32_t open;     /* messages taken and not yet returned */
} segmsg_mpsc_reader_t;

/* ---- a sender's end ---- */

static inline void segmsg_mpsc_open_writer(segmsg_mpsc_writer_t *ring, unsigned char *partition,
                                           segmsg_control_t *control, uint32_t count, uint32_t name)
{
    ring->line = (void *) partition;
    ring->control = control;
    ring->count = count;
    ring->name = name;
    /* Relaxed: only what is compared with later. */
    ring->consumed = atomic_load_explicit(&control->word, memory_order_relaxed);
}

/* Publishes the entry at line `at`, which was claimed. */
static inline void segmsg_mpsc_publish(const segmsg_mpsc_writer_t *ring, uint32_t at,
                                       uint64_t header)
{
    ring->line[at].lobby.guest = ring->name;
    /* Release: the message and whose it is come first. */
    atomic_store_explicit(&ring->line[at].header, header, memory_order_release);
}

/*
 * Reads how much was claimed in all, and returns how many lines are free. Both counts only rise, and between
 * them there is never more than the ring holds.
 */
static inline uint32_t segmsg_mpsc_free(segmsg_mpsc_writer_t *ring, uint64_t *claimed)
{
    /* Acquire: the receiver's reads, and the cleared headers, come before our writes. Read first:
     * what is consumed was claimed before. */
    uint64_t consumed = atomic_load_explicit(&ring->control->word, memory_order_acquire);
    /* Acquire: before the word is read again, which is then at least what permitted the last claim. */
    *claimed = atomic_load_explicit(&ring->control->claimed, memory_order_acquire);
    if ((int64_t) (consumed - ring->consumed) < 0 || (int64_t) (*claimed - ring->last) < 0) {
        ring->is_corrupt = true;
        return 0;
    }
    ring->consumed = consumed;
    uint64_t used = *claimed - consumed;
    if (used > ring->count) {
        /* Lines were claimed that were consumed in between; or it cannot be. Relaxed: compared only. */
        ring->is_corrupt =
            ring->is_corrupt
            || atomic_load_explicit(&ring->control->word, memory_order_relaxed) == consumed;
        return 0;
    }
    return ring->count - (uint32_t) used;
}

/* True if `lines` lines from `at` on, which were claimed, hold no header. */
static inline bool segmsg_mpsc_are_empty(const segmsg_mpsc_writer_t *ring, uint32_t at,
                                         uint32_t lines)
{
    uint64_t headers = 0;
    for (uint32_t l = at; l < at + lines; ++l) {
        /* Relaxed: ordered by the acquire of the word. */
        headers |= atomic_load_explicit(&ring->line[l].header, memory_order_relaxed);
    }
    return headers == 0;
}

/* Claims `lines` contiguous lines, at most (count + 1) / 2, so that they fit wherever the ring stands; *at receives the first. False if they cannot be had
 * now, or never: the ring then says that it is corrupt. */
static inline bool segmsg_mpsc_claim(segmsg_mpsc_writer_t *ring, uint32_t lines, uint32_t *at)
{
    uint64_t claimed;
    uint32_t skip;
    do {
        uint32_t free = segmsg_mpsc_free(ring, &claimed);
        *at = (uint32_t) (claimed % ring->count);
        skip = *at + lines > ring->count ? ring->count - *at : 0;
        if (skip + lines > free) {
            return false;
        }
        /* Release: who sees that so much is claimed sees the word that permitted it, when it looks again: else
         * it would take the count for nonsense. Relaxed where it fails: all is read anew. */
    } while (!atomic_compare_exchange_weak_explicit(&ring->control->claimed, &claimed,
                                                    claimed + skip + lines, memory_order_release,
                                                    memory_order_relaxed));
    if (!segmsg_mpsc_are_empty(ring, *at, skip)
        || !segmsg_mpsc_are_empty(ring, skip == 0 ? *at : 0, lines)) {
        ring->is_corrupt = true; /* somebody's message lies there */
        return false;
    }
    if (skip != 0) {
        segmsg_mpsc_publish(ring, *at, segmsg_header_make(SEGMSG_KIND_WRAP, 0, skip, 0));
        *at = 0;
    }
    ring->last = claimed + skip + lines;
    return true;
}

/* ---- the receiver's end ---- */

/* The header of the next entry; 0: nothing yet. Where segmsg_mpsc_unread is 0, one that was taken before. */
static inline uint64_t segmsg_mpsc_look(const segmsg_mpsc_reader_t *ring)
{
    /* Acquire: what stands behind the header. */
    return atomic_load_explicit(&ring->line[ring->at].header, memory_order_acquire);
}

/* True if something stands in the next line. */
static inline bool segmsg_mpsc_has_something(const segmsg_mpsc_reader_t *ring)
{
    /* Relaxed: read again, with acquire, by whoever uses it. */
    return atomic_load_explicit(&ring->line[ring->at].header, memory_order_relaxed) != 0;
}

/* Lines from the reader's position on that were not taken yet: the rest is not given back. */
static inline uint64_t segmsg_mpsc_unread(const segmsg_mpsc_reader_t *ring)
{
    return ring->count - (ring->position - ring->returned);
}

/* True if senders have claimed everything before `position`, in lines, and no more than there is. */
static inline bool segmsg_mpsc_is_claimed(const segmsg_mpsc_reader_t *ring, uint64_t position)
{
    /* Relaxed: whoever published an entry claimed it before; else only compared. */
    uint64_t claimed = atomic_load_explicit(&ring->control->claimed, memory_order_relaxed);
    return claimed - ring->returned <= ring->count && (int64_t) (claimed - position) >= 0;
}

/* True if nobody has claimed a line that was not taken. */
static inline bool segmsg_mpsc_is_drained(const segmsg_mpsc_reader_t *ring)
{
    /* Relaxed: asked again before anything is done about it. */
    return atomic_load_explicit(&ring->control->claimed, memory_order_relaxed) == ring->position;
}

/* True if everything before `position`, in lines, was taken. */
static inline bool segmsg_mpsc_has_passed(const segmsg_mpsc_reader_t *ring, uint64_t position)
{
    return (int64_t) (ring->position - position) >= 0;
}

/* `lines` lines were taken. */
static inline void segmsg_mpsc_advance(segmsg_mpsc_reader_t *ring, uint32_t lines)
{
    ring->at += lines;
    if (ring->at == ring->count) {
        ring->at = 0;
    }
    ring->position += lines;
}

/* Gives back all lines that were taken, if no message lies in them any more. Whatever was written there may lie
 * where the next header will: all headers are cleared before. */
static inline void segmsg_mpsc_give_back(segmsg_mpsc_reader_t *ring)
{
    if (ring->open != 0) {
        return;
    }
    for (; ring->returned != ring->position; ++ring->returned) {
        /* Relaxed: ordered by the release below. */
        atomic_store_explicit(&ring->line[ring->returned % ring->count].header, 0,
                              memory_order_relaxed);
    }
    /* Release: our reads, and the cleared headers, come before the senders' writes. */
    atomic_store_explicit(&ring->control->word, ring->returned, memory_order_release);
}

/* A message that was taken is done with. */
static inline void segmsg_mpsc_return(segmsg_mpsc_reader_t *ring)
{
    --ring->open;
    segmsg_mpsc_give_back(ring);
}

/* False if somebody has written over the counts. */
static inline bool segmsg_mpsc_stands(const segmsg_mpsc_reader_t *ring)
{
    /* Relaxed: written by this process. */
    return atomic_load_explicit(&ring->control->word, memory_order_relaxed) == ring->returned
           && segmsg_mpsc_is_claimed(ring, ring->position);
}

#endif
