/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A receiver that has waited for long sleeps in the kernel, until a sender wakes it (queue/doorbell.h).
 *
 * To sleep and be woken takes some tens of microseconds, so who waits for less is better awake. After as long a wait
 * again nothing is lost that counts: it takes at most twice as long as if it were known how long the wait will be. Waits
 * are often alike: each time that a sleep was short, the next ones begin later, and sooner again after long ones.
 *
 *     a wait:  looks in vain, `after` ns | sleeps | looks | sleeps longer | looks | ... up to 1 ms | looks | ...
 *                                            ends at once when a sender rings
 *
 * A sleep that ends without that is for what no sender tells. It takes 5 us of a processor, and in a virtual machine
 * 30: after a tenth of a second sleeps grow further, to 4 ms, so that a process that waits uses less than a hundredth.
 */
#ifndef SEGMSG_SLEEP_H
#define SEGMSG_SLEEP_H

#include "engine/receiver_types.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    SEGMSG_SLEEP_AFTER = 50 * 1000,      /* ns */
    SEGMSG_SLEEP_LEAST = 200 * 1000,     /* ns */
    SEGMSG_SLEEP_USUAL = 1000 * 1000,    /* ns */
    SEGMSG_SLEEP_MOST = 4 * 1000 * 1000, /* ns */
    SEGMSG_SLEEP_SHARE = 100             /* of a long wait */
};

/* How a process sleeps, and how that went. Begins all zero. */
typedef struct {
    int64_t after; /* nanoseconds of waiting before it sleeps; 0: it never does */
    int64_t more;  /* and so many, since of late messages came soon after it had fallen asleep */
    int64_t since; /* when it first slept in this wait, nanoseconds; 0: not yet */
    uint64_t times;
    uint64_t rung; /* of these, that a sender ended */
} segmsg_sleep_t;

/* True if a process that has waited for `waited` nanoseconds sleeps. */
static inline bool segmsg_sleep_is_due(const segmsg_sleep_t *sleep, int64_t waited)
{
    return sleep->after != 0 && waited >= sleep->after + sleep->more;
}

/* The wait is over. */
static inline void segmsg_sleep_end(segmsg_sleep_t *sleep)
{
    sleep->since = 0;
}

/* What is learned from a wait that a sender ended `slept` nanoseconds after its first sleep; 0: there was no wait. */
void segmsg_sleep_learn(segmsg_sleep_t *sleep, int64_t slept);

/* How long a process that has waited for `waited` nanoseconds sleeps, at most. */
static inline int64_t segmsg_sleep_length(int64_t waited)
{
    int64_t share = waited / SEGMSG_SLEEP_SHARE;
    return waited < SEGMSG_SLEEP_LEAST   ? SEGMSG_SLEEP_LEAST
           : waited < SEGMSG_SLEEP_USUAL ? waited
           : share < SEGMSG_SLEEP_USUAL  ? SEGMSG_SLEEP_USUAL
           : share < SEGMSG_SLEEP_MOST   ? share
                                         : SEGMSG_SLEEP_MOST;
}

/* Readies this process, as a sender, for receivers that sleep. Takes some milliseconds the first time. */
void segmsg_sleep_prepare(void);

/* True if there is something else for which it must not sleep. */
typedef bool (*segmsg_sleep_needed_t)(void *context);

/*
 * Sleeps for `most` nanoseconds at most, unless a message is there already, or `is_needed` (NULL: nothing) says so: whoever
 * changes what that looks at rings afterwards, as a sender does. True if there is something to be looked for, or somebody
 * has rung. May end before for no reason.
 * One thread at a time per receiver, the one that polls.
 */
bool segmsg_sleep(segmsg_sleep_t *sleep, segmsg_receiver_t *receiver, int64_t most,
                  segmsg_sleep_needed_t is_needed, void *context);

#endif
