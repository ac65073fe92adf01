/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Waiting outside of progress, where a processor is better left to others: how long, and how.
 */
#ifndef SEGMSG_WAIT_H
#define SEGMSG_WAIT_H

#include <stdbool.h>
#include <stdint.h>

/* Nanoseconds on a clock that only goes forward; since when, is not said. */
int64_t segmsg_nanoseconds(void);

/* Processor time that the calling thread has used, nanoseconds. A quarter of a microsecond: it asks the kernel. */
int64_t segmsg_nanoseconds_used(void);

/* How often the calling thread has given up its processor to wait for something; 0 where that is not known. */
long segmsg_times_blocked(void);

/* How long somebody has waited, and may. A structure that is all zero has not begun. */
typedef struct {
    int64_t end;    /* by segmsg_nanoseconds */
    unsigned rests; /* so far */
} segmsg_deadline_t;

/* A deadline `nanoseconds` from now. */
segmsg_deadline_t segmsg_deadline_in(int64_t nanoseconds);

/* True if the time is over. */
bool segmsg_deadline_is_over(const segmsg_deadline_t *deadline);

/*
 * Lets others run: at first for what is left of a time slice, since whoever is waited for may need this
 * processor, then for longer and longer, up to a millisecond.
 */
void segmsg_deadline_rest(segmsg_deadline_t *deadline);

#endif
