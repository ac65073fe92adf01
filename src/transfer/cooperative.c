/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "transfer/cooperative.h"

#include "base/clock.h"
#include "transfer/plan.h"
#include "transfer/records.h"

/* Units that the helper has claimed, when nothing is left to claim. */
static uint32_t others(const segmsg_transfer_t *transfer)
{
    return segmsg_joint_units(&transfer->cut) - transfer->own;
}

static segmsg_joint_state_t state_of(const segmsg_transfers_t *transfers, int index)
{
    return segmsg_joint_state(segmsg_records_shared(transfers, index),
                              others(&transfers->transfer[index]));
}

/* Ends a transfer of which the helper holds nothing any more. */
static void finish(segmsg_transfers_t *transfers, int index)
{
    const segmsg_transfer_t *transfer = &transfers->transfer[index];
    uint64_t offset = transfer->own * transfer->cut.unit_bytes;
    bool is_undone = state_of(transfers, index) == SEGMSG_JOINT_UNDONE;
    bool has_helped = others(transfer) != 0 && !is_undone;
    bool copied = transfer->copied;
    segmsg_plan_note_help(transfers, transfer, has_helped ? transfer->want.bytes - offset : 0);
    if (__builtin_expect(copied && is_undone, 0)) {
        copied =
            segmsg_transfer_copy(transfers, &transfer->want, offset, transfer->want.bytes - offset);
    }
    segmsg_records_end(transfers, index, copied);
}

/*
 * Waits a moment for the helper, which as a rule is copying its last units. A program that computes, and tests
 * now and then, would otherwise learn of the end at its next test, and its peer with it. The processor is not
 * given up: where others want it, it would come back a time slice later. What takes longer is waited for in
 * progress.
 */
static segmsg_joint_state_t spin(const segmsg_transfers_t *transfers, int index)
{
    enum { LOOKS = 1000 /* without a clock */, MOST = 100 /* microseconds */ };
    uint64_t begun = segmsg_clock_ticks();
    for (unsigned looks = 0;; ++looks) {
        segmsg_joint_state_t state = state_of(transfers, index);
        bool is_over = transfers->microsecond == 0
                           ? looks == LOOKS
                           : segmsg_clock_ticks() - begun > MOST * transfers->microsecond;
        if (state != SEGMSG_JOINT_AWAITED || is_over) {
            return state;
        }
        segmsg_clock_relax();
    }
}

bool segmsg_cooperative_start(segmsg_transfers_t *transfers, const segmsg_transfer_want_t *want)
{
    const segmsg_joint_cut_t cut = segmsg_joint_cut(want->bytes, transfers->config.unit_bytes);
    int index = segmsg_records_begin(transfers, want, &cut, SEGMSG_TRANSFER_COPYING);
    if (__builtin_expect(index < 0, 0)) {
        return false;
    }
    segmsg_transfer_t *transfer = &transfers->transfer[index];
    (void) segmsg_records_ask(transfers, index,
                              transfer); /* without room, it is done without help */
    segmsg_records_copy(transfers, index);
    transfer->own_done = segmsg_clock_ticks();
    if (spin(transfers, index) != SEGMSG_JOINT_AWAITED) {
        segmsg_plan_note_copy(transfers, want->peer, want->is_put, want->bytes, transfer->begun);
        finish(transfers, index);
    } else {
        transfer->state = SEGMSG_TRANSFER_AWAITED;
        transfer->verified = segmsg_clock_ticks();
        segmsg_records_start_waiting(transfers, index);
    }
    return true;
}

bool segmsg_cooperative_progress(segmsg_transfers_t *transfers, int index)
{
    if (__builtin_expect(state_of(transfers, index) == SEGMSG_JOINT_AWAITED, 0)) {
        if (!segmsg_records_peer_is_gone(transfers, index)) {
            return false;
        }
        if (state_of(transfers, index) == SEGMSG_JOINT_AWAITED) { /* no report before it died */
            segmsg_records_give_up(transfers, index);
            return true;
        }
    }
    segmsg_records_stop_waiting(transfers, index);
    finish(transfers, index);
    return true;
}

bool segmsg_cooperative_is_written(segmsg_transfers_t *transfers, int index)
{
    return transfers->transfer[index].state == SEGMSG_TRANSFER_AWAITED
           && state_of(transfers, index) == SEGMSG_JOINT_AWAITED
           && segmsg_records_are_sound(transfers, index)
           && !segmsg_records_peer_is_gone(transfers, index);
}
