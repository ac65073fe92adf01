/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Whether the program works on what it receives: reads it, and writes what it sends next. Where the data lies then
 * matters more than who copies it: what a helper has copied lies in the helper's cache, modified, and what the
 * kernel copies out of a buffer that was just written comes line by line out of the other's cache. Nobody says
 * what a program does with its data; but one that computes between its messages, for a tenth of the time that
 * these take or longer, most likely does it with them.
 *
 * Messages come in bursts (a halo from six neighbours, the steps of a collective operation), and are worked on
 * when the burst is whole. A burst ends when the program has been away for as long as it took, or after a number
 * of messages; then it counts as used or as not.
 *
 *     [message][message][message]--- away ---[message][message]-- ...
 *     |<-------- a burst ------------------->|
 *
 * A long pause (an interrupt, a page fault) is one burst more that was used; it takes three more of these than of
 * the others to be believed, and three of the others not to be any more.
 */
#ifndef SEGMSG_USE_H
#define SEGMSG_USE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    /* Bytes of the shortest message that is of interest: 8 KB and a header go at once anyway. */
    SEGMSG_USE_FROM = 8192 + 256
};

/* Begins all zero. By one thread at a time, but for is_likely. */
typedef struct {
    /* The burst that is going on: */
    unsigned messages;
    uint64_t took;          /* what these take, ticks, by their lengths, */
    uint64_t away;          /* and for how long the program was away */
    int used;               /* bursts that were used, less those that were not, from 0 to 3 */
    _Atomic bool is_likely; /* relaxed: a hint */
} segmsg_use_t;

/*
 * A message of `bytes` bytes comes; since the last one the program was away for `away` ticks, which include what is
 * done about a message outside of progress. `microsecond` is one, in ticks; 0: there is no clock, nothing is known.
 */
void segmsg_use_note(segmsg_use_t *use, uint64_t bytes, uint64_t away, uint64_t microsecond);

/* True if the program most likely works on what comes. */
static inline bool segmsg_use_is_likely(const segmsg_use_t *use)
{
    /* Relaxed: a hint. */
    return atomic_load_explicit(&use->is_likely, memory_order_relaxed);
}

#endif
