/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "transfer/initiator.h"

#include "base/clock.h"
#include "transfer/chunked.h"
#include "transfer/cooperative.h"
#include "transfer/helper.h"
#include "transfer/plan.h"
#include "transfer/records.h"

#include <time.h>

void segmsg_transfers_init(segmsg_transfers_t *transfers, const segmsg_transfer_ops_t *ops,
                           void *context, const segmsg_export_t *region,
                           const segmsg_transfer_config_t *config)
{
    transfers->ops = ops;
    transfers->context = context;
    transfers->region = region;
    transfers->config = *config;
    transfers->first_help = transfers->help_count = 0;
    /* Relaxed: no other thread uses it yet. */
    atomic_store_explicit(&transfers->work, 0, memory_order_relaxed);
    transfers->use = (segmsg_use_t){0};
    segmsg_records_init(transfers);
}

bool segmsg_transfers_start(segmsg_transfers_t *transfers, const segmsg_transfer_want_t *want)
{
    switch (segmsg_plan(transfers, want)) {
    case SEGMSG_BY_CHUNKS:
        return segmsg_chunked_start(transfers, want);
    case SEGMSG_BY_COOPERATIVE_COPY:
        return segmsg_cooperative_start(transfers, want);
    default:
        return false;
    }
}

/* Goes on with a transfer; true if it has ended. */
static bool go_on(segmsg_transfers_t *transfers, int index, bool waits, unsigned *late)
{
    if (!segmsg_records_is_waiting(transfers, index)) {
        return false; /* ended meanwhile, in a callback that called progress */
    }
    return transfers->transfer[index].state == SEGMSG_TRANSFER_AWAITED
               ? segmsg_cooperative_progress(transfers, index)
               : segmsg_chunked_progress(transfers, index, waits, late);
}

int segmsg_transfers_progress(segmsg_transfers_t *transfers, bool waits, bool copies)
{
    int count = 0;
    unsigned late = 0;
    /* First, since an initiator may be about to do by itself what it waits for. */
    waits = waits || transfers->config.chunks_always;
    if (waits && segmsg_helper_progress(transfers, copies)) {
        transfers->ops->copied_until(transfers->context, segmsg_clock_ticks());
        ++count;
    }
    /* Relaxed: a hint; each is looked at again. */
    uint64_t waiting = atomic_load_explicit(&transfers->waiting, memory_order_relaxed);
    for (; waiting != 0; waiting &= waiting - 1) {
        count += go_on(transfers, __builtin_ctzll(waiting), waits, &late);
    }
    return count;
}

void segmsg_transfers_abandon(segmsg_transfers_t *transfers, const void *argument)
{
    const struct timespec pause = {.tv_nsec = 200000};
    for (int index = 0; index < SEGMSG_JOINTS; ++index) {
        if (!segmsg_records_is_waiting(transfers, index)
            || (argument != NULL
                && transfers->transfer[index].want.asker.argument[0] != argument)) {
            continue;
        }
        while (segmsg_cooperative_is_written(transfers, index)) {
            (void) nanosleep(&pause, NULL);
        }
        if (transfers->transfer[index].state != SEGMSG_TRANSFER_AWAITED) {
            transfers->ops->streams(transfers->context, -1);
        }
        segmsg_records_stop_waiting(transfers, index); /* the record is not used again */
    }
}

void segmsg_transfers_forget(segmsg_transfers_t *transfers, const segmsg_transfer_peer_t *peer)
{
    segmsg_helper_drop(transfers, peer, NULL);
    for (int index = 0; index < SEGMSG_JOINTS; ++index) {
        const segmsg_transfer_t *transfer = &transfers->transfer[index];
        if (!segmsg_records_is_waiting(transfers, index) || transfer->want.peer != peer) {
            continue;
        }
        if (transfer->state == SEGMSG_TRANSFER_AWAITED) {
            segmsg_records_give_up(transfers, index);
        } else {
            segmsg_chunked_give_up(transfers, index);
        }
    }
}
