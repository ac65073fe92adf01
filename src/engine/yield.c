/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "engine/yield.h"

#include "base/wait.h"

#include <sched.h>

bool segmsg_yield_is_held(const segmsg_yield_t *yield, int64_t *since, int64_t now)
{
    if (yield->yield_after == 0) {
        return false;
    }
    if (*since == 0) {
        *since = now;
    }
    return now - *since < yield->yield_after;
}

bool segmsg_yield_learn(segmsg_yield_t *yield, int64_t *since, int64_t taken)
{
    enum {
        TAKEN_NS = 3000,        /* one that was taken lasts longer */
        SLICE_NS = 1500000,     /* one that was taken by somebody who computes lasts longer */
        HELD_FIRST_NS = 200000, /* waiting before the next, after the first of these */
        HELD_MOST_NS =
            12800000, /* several time slices: the scheduler has long taken the processor by then */
        CONTENDED_WAITS = 256 /* waits until it is seen anew */
    };
    if (taken > SLICE_NS) {
        int64_t next = yield->yield_after == 0 ? HELD_FIRST_NS : 2 * yield->yield_after;
        yield->yield_after = next < HELD_MOST_NS ? next : HELD_MOST_NS;
        *since = 0;
        return false;
    }
    yield->yield_after = yield->yield_after <= HELD_FIRST_NS ? 0 : yield->yield_after / 2;
    if (taken > TAKEN_NS) {
        yield->contended = CONTENDED_WAITS;
        return true;
    }
    return false;
}

bool segmsg_yield_processor(segmsg_yield_t *yield, int64_t *since)
{
    if (yield->never) {
        return false;
    }
    if (yield->is_crowded || yield->always) {
        sched_yield();
        return true;
    }
    int64_t before = segmsg_nanoseconds();
    if (segmsg_yield_is_held(yield, since, before)) {
        return false;
    }
    sched_yield();
    return segmsg_yield_learn(yield, since, segmsg_nanoseconds() - before);
}
