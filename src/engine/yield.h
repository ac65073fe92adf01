/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * When a process that waits yields its processor.
 *
 * With more processes than processors, whoever has to answer may wait for the processor of who waits for the answer.
 * Whether that is so shows when the processor is yielded and somebody takes it: other programs, and processes of
 * other jobs, are not known otherwise. Who waits for messages, as this process does, gives it back soon; who computes
 * keeps it for a time slice, several thousand times what a message takes. So after one that was kept for that long
 * the next is yielded later, and later still after each of that kind.
 *
 *     a wait:  looks in vain ... | yield | looks | yield | looks | ...
 *              up to 64 us, some      |
 *              if it is contended     +- nobody took it:    go on
 *                                        taken, given back: contended, the next 256 waits yield soon
 *                                        taken for a slice: held back for 0.2 ms of waiting, then 0.4, up to 12.8
 */
#ifndef SEGMSG_YIELD_H
#define SEGMSG_YIELD_H

#include <stdbool.h>
#include <stdint.h>

/* What a process knows of who else wants its processor. Begins all zero. */
typedef struct {
    bool never;
    bool always;         /* as if it were crowded */
    bool is_crowded;     /* there are fewer processors than processes that use them, for sure */
    unsigned contended;  /* waits to come that yield soon */
    int64_t yield_after; /* nanoseconds of waiting before the processor is yielded; 0: as usual */
} segmsg_yield_t;

/* A wait begins. True if it should yield soon. */
static inline bool segmsg_yield_begins(segmsg_yield_t *yield)
{
    if (yield->contended != 0) {
        --yield->contended;
        return true;
    }
    return (yield->is_crowded || yield->always) && !yield->never;
}

/*
 * Yields the processor, unless that is held back. `since`: 0 at the beginning of a wait and whenever something is
 * found, kept here otherwise. True if this wait should yield soon from now on.
 */
bool segmsg_yield_processor(segmsg_yield_t *yield, int64_t *since);

/* The two halves of that, for tests. True if it is held back at `now`, nanoseconds. */
bool segmsg_yield_is_held(const segmsg_yield_t *yield, int64_t *since, int64_t now);
/* The processor was away for `taken` nanoseconds. True as above. */
bool segmsg_yield_learn(segmsg_yield_t *yield, int64_t *since, int64_t taken);

#endif
