/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/net/btl_segmsg_net_progress.h"
#include "btl/btl_segmsg_sample.h"
#include "btl/btl_segmsg_wait.h"
#include "btl/btl_segmsg_yield.h"

/*
 * Begins a turn of calls without the clock, which takes longer than all the rest of a call that has nothing to do. In
 * a turn so many calls go by between two that look that these are as far apart as with the clock. `gap` is what the
 * last turn took. None begins where many senders or the network are to be looked at.
 */
static void begin_turn(mca_btl_segmsg_module_t *module, uint64_t gap)
{
    enum { LOOKS = 4, BETWEEN_MOST = 3 };
    mca_btl_segmsg_idle_t *idle = &module->idle;
    segmsg_watch_set(&idle->watch, &module->receiver);
    if (idle->watch.headers == 0 || mca_btl_segmsg_nets != 0 || opal_using_threads()) {
        return;
    }
    uint64_t wanted = LOOKS * module->wait.look_ticks;
    if (gap < wanted) {
        idle->between = (uint8_t) ((2 * idle->between + 1) & BETWEEN_MOST);
    } else if (gap > 2 * wanted) {
        idle->between /= 2;
    }
    idle->left = module->wait.turn = (uint8_t) (LOOKS * (idle->between + 1) - 1);
}

void mca_btl_segmsg_sample(mca_btl_segmsg_module_t *module, uint64_t gap)
{
    enum { ROW = 4 /* samples */ };
    mca_btl_segmsg_wait_t *wait = &module->wait;
    wait->turn = 0;
    if (wait->delivered != (uint32_t) module->counts.delivered_fragments) {
        wait->delivered = (uint32_t) module->counts.delivered_fragments;
        wait->samples = module->idle.between = 0;
    } else if (wait->samples < ROW) {
        ++wait->samples;
    } else if (!module->idle.yields) {
        mca_btl_segmsg_lose_patience(module);
        begin_turn(module, gap);
        wait->calls_in_a_row -= module->idle.left != 0; /* the next is due after the turn */
    }
}
