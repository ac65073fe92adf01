/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "base/wait.h"

#include <sched.h>
#include <sys/resource.h>
#include <time.h>

static int64_t nanoseconds_by(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t segmsg_nanoseconds(void)
{
    return nanoseconds_by(CLOCK_MONOTONIC);
}

int64_t segmsg_nanoseconds_used(void)
{
    return nanoseconds_by(CLOCK_THREAD_CPUTIME_ID);
}

long segmsg_times_blocked(void)
{
#if defined(RUSAGE_THREAD)
    struct rusage usage;
    return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nvcsw : 0;
#else
    return 0;
#endif
}

segmsg_deadline_t segmsg_deadline_in(int64_t nanoseconds)
{
    return (segmsg_deadline_t){.end = segmsg_nanoseconds() + nanoseconds};
}

bool segmsg_deadline_is_over(const segmsg_deadline_t *deadline)
{
    return segmsg_nanoseconds() >= deadline->end;
}

void segmsg_deadline_rest(segmsg_deadline_t *deadline)
{
    enum { YIELDS = 16, STEP = 50 * 1000 /* ns */, LONGEST = 1000 * 1000 /* ns */ };
    if (deadline->rests < YIELDS) {
        ++deadline->rests;
        sched_yield();
        return;
    }
    long pause = STEP * (long) (deadline->rests - YIELDS + 1);
    deadline->rests += pause < LONGEST;
    const struct timespec length = {.tv_nsec = pause};
    (void) nanosleep(&length, NULL);
}
