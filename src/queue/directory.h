/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The directory of a segment above group 0 (row G5): which partitions are a message's, which is its
 * first, and where each goes on.
 */
#ifndef SEGMSG_DIRECTORY_H
#define SEGMSG_DIRECTORY_H

#include "queue/layout.h"

#include <stdbool.h>

/* Enters a run: first mark, and from each partition to the next. */
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

#endif
