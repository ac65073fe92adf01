/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The partitions of a segment above group 0 (between hosts: of any group), both ends: which are a message's
 * (rows G5, G8), and how they come back. A segment has at most 64, so that a set of them is a word.
 *
 *     taken      0 0 1 1 1 0 1 1     allocation bitmap, in the sender's own memory
 *     directory  - - F u l - F l     first, used, last: an entry a partition, to be looked at by anybody
 *     word       0 1 1 0 1 1 0 0     credit bitmap: bit i flips when partition i is returned
 *
 * One sender's segment:
 *
 *     sender                                           receiver
 *     segmsg_extent_find, segmsg_slab_occupy
 *       ... message, descriptor, header: release -->     ... uses the message ...
 *     segmsg_credits_read   inverse, word: acquire <-- segmsg_credits_give   word, inverse: release
 *     segmsg_slab_credit
 *
 * Exact, since no partition is taken again before its return was seen, and idempotent, so that the same word
 * may be written again, or sent over a network. Between hosts it goes in a message (rma/wire.h).
 *
 * A segment that senders share has its allocation bitmap in the control block instead:
 *
 *     segmsg_common_claim   claimed: acquire       <-- segmsg_common_return  directory, then claimed: release
 */
#ifndef SEGMSG_SLAB_H
#define SEGMSG_SLAB_H

#include "queue/layout.h"

#include <stdbool.h>

/* ---- contiguous extents of partitions in a word ---- */

enum { SEGMSG_EXTENT_NONE = 64 }; /* none found */

/* The bits of `count` partitions from `first`; count from 1 to 64, first + count at most 64. */
static inline uint64_t segmsg_extent_mask(uint32_t first, uint32_t count)
{
    return (UINT64_MAX >> (64 - count)) << first;
}

/*
 * The lowest partition at which `count` (1 to 64) contiguous ones are free in `taken`, or
 * SEGMSG_EXTENT_NONE. After k steps bit i of `starts` says that the partitions from i on are free for
 * a stretch that doubles with every step, so the search takes log2(count) shifts.
 */
static inline uint32_t segmsg_extent_find(uint64_t taken, uint32_t count)
{
    uint64_t starts = ~taken;
    uint32_t have = 1;
    while (have < count) {
        uint32_t step = count - have < have ? count - have : have;
        starts &= starts >> step;
        have += step;
    }
    return starts == 0 ? (uint32_t) SEGMSG_EXTENT_NONE : (uint32_t) __builtin_ctzll(starts);
}

/* ---- the directory ---- */

/* Enters an extent: first mark, and from each partition to the next. */
static inline void segmsg_directory_enter(segmsg_directory_entry_t *directory, uint32_t first,
                                          uint32_t partitions)
{
    uint32_t mark = SEGMSG_DIRECTORY_USED | SEGMSG_DIRECTORY_FIRST;
    for (uint32_t p = first; p < first + partitions; ++p) {
        uint32_t next = p + 1 < first + partitions ? p + 1 : SEGMSG_DIRECTORY_LAST;
        /* Relaxed: the announcement's release orders it for the receiver. */
        atomic_store_explicit(&directory[p], (uint16_t) (mark | next), memory_order_relaxed);
        mark = SEGMSG_DIRECTORY_USED;
    }
}

/* True if no message is entered in these partitions. */
static inline bool segmsg_directory_is_free(const segmsg_directory_entry_t *directory,
                                            uint32_t first, uint32_t partitions)
{
    for (uint32_t p = first; p < first + partitions; ++p) {
        /* Relaxed: ordered by whatever gave the partitions back. */
        if (atomic_load_explicit(&directory[p], memory_order_relaxed) != SEGMSG_DIRECTORY_FREE) {
            return false;
        }
    }
    return true;
}

/* Frees the partitions whose bits are set. */
static inline void segmsg_directory_clear(segmsg_directory_entry_t *directory, uint64_t partitions)
{
    while (partitions != 0) {
        /* Relaxed: ordered by whatever gives the partitions to the next message. */
        atomic_store_explicit(&directory[__builtin_ctzll(partitions)], SEGMSG_DIRECTORY_FREE,
                              memory_order_relaxed);
        partitions &= partitions - 1;
    }
}

/* ---- the sender's end, of a segment of its own ---- */

typedef struct {
    segmsg_directory_entry_t *directory;
    uint64_t taken;    /* bit i is set while partition i is a message's, or does not exist */
    uint64_t exists;   /* bit i is set if partition i exists */
    uint64_t returned; /* the credit bitmap as last believed */
} segmsg_slab_t;

/* Begins with `count` partitions, of which none is a message's. */
static inline void segmsg_slab_open(segmsg_slab_t *slab, segmsg_directory_entry_t *directory,
                                    uint32_t count)
{
    uint64_t exists = segmsg_extent_mask(0, count);
    *slab = (segmsg_slab_t){.directory = directory, .taken = ~exists, .exists = exists};
}

static inline bool segmsg_slab_is_empty(const segmsg_slab_t *slab)
{
    return (slab->taken & slab->exists) == 0;
}

/* An extent that was found becomes a message's. */
static inline void segmsg_slab_occupy(segmsg_slab_t *slab, uint32_t first, uint32_t partitions)
{
    slab->taken |= segmsg_extent_mask(first, partitions);
    segmsg_directory_enter(slab->directory, first, partitions);
}

/* Partitions are nobody's any more. */
static inline void segmsg_slab_free(segmsg_slab_t *slab, uint64_t partitions)
{
    slab->taken &= ~partitions;
    segmsg_directory_clear(slab->directory, partitions);
}

/* Frees what the receiver has returned since the last credits that were believed: what flipped. False,
 * with nothing freed, if that is not all among `out`. */
static inline bool segmsg_slab_credit(segmsg_slab_t *slab, uint64_t credits, uint64_t out)
{
    uint64_t flipped = credits ^ slab->returned;
    if ((flipped & ~out) != 0) {
        return false;
    }
    slab->returned = credits;
    segmsg_slab_free(slab, flipped);
    return true;
}

/*
 * Reads the credits in a control block. False if the inverse does not confirm them: the receiver is about
 * to write it, or they were overwritten, which the receiver finds out; for now nothing has come back.
 */
static inline bool segmsg_credits_read(const segmsg_control_t *control, uint64_t *credits)
{
    /* Acquire, both: the receiver's reads of these partitions come before the writes over them here. The
     * inverse first, which is written last: a word that agrees is the one that was written with it. */
    uint64_t inverse = atomic_load_explicit(&control->inverse, memory_order_acquire);
    *credits = atomic_load_explicit(&control->word, memory_order_acquire);
    return *credits == ~inverse;
}

/* ---- the receiver's end ---- */

/* Returns partitions to their sender; *credits is what the receiver alone writes in the control block. */
static inline void segmsg_credits_give(segmsg_control_t *control, uint64_t *credits,
                                       uint64_t partitions)
{
    *credits ^= partitions;
    /* Release, both: the reads of the message come before the sender's writes over it; and the word comes
     * before its inverse. */
    atomic_store_explicit(&control->word, *credits, memory_order_release);
    atomic_store_explicit(&control->inverse, ~*credits, memory_order_release);
}

/* False if somebody has written over the credits. */
static inline bool segmsg_credits_stand(const segmsg_control_t *control, uint64_t credits)
{
    /* Relaxed, both: this process has written them. */
    return atomic_load_explicit(&control->word, memory_order_relaxed) == credits
           && atomic_load_explicit(&control->inverse, memory_order_relaxed) == ~credits;
}

/* ---- a segment that senders share ---- */

/* Sender: claims `partitions` contiguous ones of `count`; returns the first, or SEGMSG_EXTENT_NONE. */
static inline uint32_t segmsg_common_claim(segmsg_control_t *control, uint32_t count,
                                           uint32_t partitions)
{
    uint64_t missing = ~segmsg_extent_mask(0, count);
    /* Relaxed: the compare and swap makes sure of what it says. */
    uint64_t taken = atomic_load_explicit(&control->claimed, memory_order_relaxed);
    uint32_t first;
    do {
        first = segmsg_extent_find(taken | missing, partitions);
        if (first == SEGMSG_EXTENT_NONE) {
            break;
        }
        /* Acquire: the receiver's reads of these partitions come before the writes over them here. */
    } while (!atomic_compare_exchange_weak_explicit(&control->claimed, &taken,
                                                    taken | segmsg_extent_mask(first, partitions),
                                                    memory_order_acquire, memory_order_relaxed));
    return first;
}

/* Sender, of what it has not published, and receiver: gives partitions back. False if somebody else has. */
static inline bool segmsg_common_return(segmsg_control_t *control,
                                        segmsg_directory_entry_t *directory, uint64_t partitions)
{
    segmsg_directory_clear(directory, partitions);
    /* Release: what was read or written there, and the directory, come before the next sender's writes. */
    uint64_t claimed =
        atomic_fetch_and_explicit(&control->claimed, ~partitions, memory_order_release);
    return (claimed & partitions) == partitions;
}

/* False if partitions are claimed that do not exist. */
static inline bool segmsg_common_stands(const segmsg_control_t *control, uint32_t count)
{
    /* Relaxed: only compared. */
    uint64_t claimed = atomic_load_explicit(&control->claimed, memory_order_relaxed);
    return (claimed & ~segmsg_extent_mask(0, count)) == 0;
}

#endif
