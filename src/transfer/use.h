/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Whether the program works on what it receives. What a helper has copied lies in the helper's cache, modified,
 * and the program that reads it next fetches it from there, line by line, which takes longer than the copy by
 * a single process would have. Nobody says what a program does with its data; but one that computes after its
 * transfers for a quarter as long as they take, or longer, most likely does it with what came.
 *
 *     transfer         progress                    transfer
 *   --[==========]....[]..waits..................[==========]....[]--
 *     |<- took ->|gap |                            gap / took: average of the last ones, in 1/256
 *
 * Times are ticks of any clock. All of this is a hint: any thread may note and ask, and what is lost when two
 * do so at a time comes again.
 */
#ifndef SEGMSG_USE_H
#define SEGMSG_USE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Begins all zero. Relaxed, all. */
typedef struct {
    _Atomic uint64_t
        ended; /* moment at which a transfer ended after which nothing was seen yet; 0: none */
    _Atomic uint64_t took;  /* what that took, ticks */
    _Atomic uint32_t share; /* gap / took, in 1/256 */
} segmsg_use_t;

/* A transfer has ended at `now`, having taken `took` ticks. True if segmsg_use_called has to be called. */
bool segmsg_use_ended(segmsg_use_t *use, uint64_t took, uint64_t now);

/* True if segmsg_use_called has to be called. */
static inline bool segmsg_use_is_open(const segmsg_use_t *use)
{
    return atomic_load_explicit(&use->ended, memory_order_relaxed) != 0;
}

/* The program has called again, at `now`, for the first time since. False: somebody else has said so. */
bool segmsg_use_called(segmsg_use_t *use, uint64_t now);

/* True if the program most likely works on what comes. */
static inline bool segmsg_use_is_likely(const segmsg_use_t *use)
{
    enum { LIKELY = 64 /* in 1/256 */ };
    return atomic_load_explicit(&use->share, memory_order_relaxed) > LIKELY;
}

#endif
