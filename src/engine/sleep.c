/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "engine/sleep.h"

#include "base/futex.h"
#include "base/wait.h"
#include "engine/groups.h"
#include "queue/doorbell.h"

void segmsg_sleep_prepare(void)
{
    static _Atomic bool is_registered;
    /* Relaxed: to do it twice does no harm. */
    if (!atomic_load_explicit(&is_registered, memory_order_relaxed)) {
        atomic_store_explicit(&is_registered, segmsg_barrier_register(), memory_order_relaxed);
    }
}

/* Something is there that whoever polls would find, if not at once. */
static bool has_something(const segmsg_receiver_t *receiver)
{
    if (segmsg_receiver_has_new_groups(receiver) || receiver->has_newcomers) {
        return true;
    }
    /* Relaxed, both: what orders this is the doorbell; and it is read again by who uses it. */
    const segmsg_mpsc_reader_t *lobby = &receiver->lobby.ring;
    uint64_t found = atomic_load_explicit(&lobby->line[lobby->at].header, memory_order_relaxed);
    for (uint32_t r = 0; r < receiver->reader_count && found == 0; ++r) {
        const segmsg_ring_reader_t *ring = &receiver->reader[r]->ring;
        found = atomic_load_explicit(&ring->line[ring->at].header, memory_order_relaxed);
    }
    return found != 0;
}

void segmsg_sleep_learn(segmsg_sleep_t *sleep, int64_t slept)
{
    enum {
        SHORT_NS = 100000, /* it has cost more than to wait */
        LEAST_NS = SEGMSG_SLEEP_AFTER,
        MOST_NS = 1600000
    };
    if (slept >= SHORT_NS) {
        sleep->more = sleep->more <= LEAST_NS ? 0 : sleep->more / 2;
    } else {
        int64_t more = sleep->more == 0 ? LEAST_NS : 2 * sleep->more;
        sleep->more = more < MOST_NS ? more : MOST_NS;
    }
}

bool segmsg_sleep(segmsg_sleep_t *sleep, segmsg_receiver_t *receiver, int64_t most,
                  segmsg_sleep_needed_t is_needed, void *context)
{
    _Atomic uint32_t *bell = &segmsg_export_head(receiver->own)->doorbell;
    if (!segmsg_doorbell_arm(bell) && !segmsg_barrier_everywhere()) {
        /* A sender may not see that it is armed; then not for long. */
        most = most < SEGMSG_SLEEP_AFTER ? most : SEGMSG_SLEEP_AFTER;
    }
    if (has_something(receiver) || (is_needed != NULL && is_needed(context))) {
        (void) segmsg_doorbell_disarm(bell);
        return true;
    }
    if (sleep->since == 0) {
        sleep->since = segmsg_nanoseconds();
    }
    segmsg_futex_wait(bell, SEGMSG_DOORBELL_SLEEPS, most);
    ++sleep->times;
    if (!segmsg_doorbell_disarm(bell)) {
        return false;
    }
    if (is_needed != NULL && is_needed(context)) {
        return true; /* and nothing is learned */
    }
    ++sleep->rung;
    segmsg_sleep_learn(sleep, segmsg_nanoseconds() - sleep->since);
    segmsg_sleep_end(sleep);
    return true;
}
