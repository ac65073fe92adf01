/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Runs of contiguous partitions in a 64-bit occupancy word (row G8): bit i is set while partition i
 * of the segment is taken.
 */
#ifndef SEGMSG_RUN_H
#define SEGMSG_RUN_H

#include <stdint.h>

enum { SEGMSG_RUN_NONE = 64 }; /* no run found */

/* The bits of `count` partitions from `first`; count from 1 to 64, first + count at most 64. */
static inline uint64_t segmsg_run_mask(uint32_t first, uint32_t count)
{
    return (UINT64_MAX >> (64 - count)) << first;
}

/*
 * The lowest partition at which `count` (1 to 64) contiguous ones are free in `taken`, or
 * SEGMSG_RUN_NONE. After k steps bit i of `starts` says that the partitions from i on are free for
 * a stretch that doubles with every step, so the search takes log2(count) shifts.
 */
static inline uint32_t segmsg_run_find(uint64_t taken, uint32_t count)
{
    uint64_t starts = ~taken;
    uint32_t have = 1;
    while (have < count) {
        uint32_t step = count - have < have ? count - have : have;
        starts &= starts >> step;
        have += step;
    }
    return starts == 0 ? (uint32_t) SEGMSG_RUN_NONE : (uint32_t) __builtin_ctzll(starts);
}

#endif
