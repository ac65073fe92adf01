/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "transfer/use.h"

/* All relaxed: hints. */
#define get(from)       atomic_load_explicit(from, memory_order_relaxed)
#define set(to, number) atomic_store_explicit(to, number, memory_order_relaxed)

bool segmsg_use_ended(segmsg_use_t *use, uint64_t took, uint64_t now)
{
    set(&use->took, took + 1);
    return atomic_exchange_explicit(&use->ended, now == 0 ? 1 : now, memory_order_relaxed) == 0;
}

bool segmsg_use_called(segmsg_use_t *use, uint64_t now)
{
    enum {
        ONE = 256,
        MOST =
            8
            * ONE, /* a long one counts for several: transfers come in groups, and what they brought is
                           used when all are there */
        WEIGHT = 8 /* of what was known before, against one more */
    };
    uint64_t ended = atomic_exchange_explicit(&use->ended, 0, memory_order_relaxed);
    if (ended == 0) {
        return false;
    }
    uint64_t took = get(&use->took);
    /* Another transfer may have ended since `now` was read. */
    uint64_t gap = (int64_t) (now - ended) < 0 ? 0 : now - ended;
    uint32_t ratio = gap >= MOST / ONE * took ? MOST : (uint32_t) (gap * ONE / took);
    uint32_t share = get(&use->share);
    set(&use->share, share - share / WEIGHT + ratio / WEIGHT);
    return true;
}
