/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_sleep.h"
#include "btl/btl_segmsg_callers.h"
#include "btl/net/btl_segmsg_net_progress.h"

#include "base/quota.h"
#include "base/wait.h"

#include <time.h>

void mca_btl_segmsg_choose_sleep(void)
{
    enum { CROWDED_NS = 10000000 }; /* a time slice or two: yielding is faster in shorter waits */
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    mca_btl_segmsg_node_t *node = &module->node;
    int how = module->config.message.wait;
    /* All of the node are taken to be in the same control group. */
    bool is_short = how == MCA_BTL_SEGMSG_WAIT_AUTO
                    && segmsg_quota_is_short(segmsg_quota("/proc/self"), node->processes,
                                             (unsigned long) node->processor_count);
    /* Whoever waits for something else as well must go on calling progress. */
    bool is_free =
        mca_btl_segmsg_nets == 0 && (node->unreached == 0 || how == MCA_BTL_SEGMSG_WAIT_BLOCK);
    node->patience.sleep.after = !is_free                           ? 0
                                 : how == MCA_BTL_SEGMSG_WAIT_BLOCK ? SEGMSG_SLEEP_AFTER
                                 : how != MCA_BTL_SEGMSG_WAIT_AUTO  ? 0
                                 : is_short                         ? SEGMSG_SLEEP_AFTER
                                 : node->patience.is_itself && mca_btl_segmsg_is_crowded()
                                     ? CROWDED_NS
                                     : 0;
    if (node->patience.sleep.after != 0) {
        segmsg_sleep_prepare();
    }
}

/* Processor time of this thread. */
static int64_t processor_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

bool mca_btl_segmsg_sleep_falls_due(mca_btl_segmsg_module_t *module, unsigned calls)
{
    enum { CALLS = 16 }; /* from one look at the clocks to the next */
    mca_btl_segmsg_patience_t *patience = &module->node.patience;
    if (patience->sleep.after == 0) {
        return false;
    }
    if (patience->heard != module->counts.delivered_fragments) {
        patience->heard = module->counts.delivered_fragments;
        mca_btl_segmsg_sleep_end(module);
    }
    patience->calls += calls;
    if (patience->calls >= CALLS) {
        patience->calls = 0;
        int64_t spent = processor_time();
        if (patience->began == 0) {
            patience->began = segmsg_nanoseconds();
            patience->spent = spent;
        }
        patience->is_due = segmsg_sleep_is_due(&patience->sleep, spent - patience->spent);
    }
    return patience->is_due;
}

/* True if something goes on that no message would tell. */
static bool is_needed(const mca_btl_segmsg_module_t *module)
{
    /* Relaxed, all: hints; who has begun something since calls progress for it, or waits for an answer. */
    return module->idle.any_busy
           || atomic_load_explicit(&module->transfers.work, memory_order_relaxed) != 0
           || atomic_load_explicit(&module->idle.under_way, memory_order_relaxed) != 0
           || atomic_load_explicit(&module->node.callers, memory_order_relaxed) > 1;
}

/*
 * True if the program has done nothing between some calls in a row: by the processor time that it uses there, since
 * others may have had the processor as well.
 */
static bool does_nothing_else(mca_btl_segmsg_patience_t *patience)
{
    enum {
        OTHERS_NS = 5000, /* that Open MPI's other progress functions may take */
        ROW = 3,          /* calls: a test makes two */
        APART = 4         /* calls after each of which it does something */
    };
    int64_t last = patience->used;
    patience->used = processor_time();
    if (last == 0) {
        patience->row = patience->apart = 0;
    } else if (patience->used - last <= OTHERS_NS) {
        patience->row += patience->row < ROW;
    } else {
        patience->row = 0;
        if (++patience->apart == APART) {
            patience->is_due = false; /* it does not wait; nor soon again, most likely */
            segmsg_sleep_learn(&patience->sleep, 0);
            patience->began = patience->used = 0;
        }
    }
    return patience->row == ROW;
}

mca_btl_segmsg_slept_t mca_btl_segmsg_sleep(mca_btl_segmsg_module_t *module)
{
    enum { ELSEWHERE_NS = 100000 }; /* what comes by other transports is looked for so often */
    mca_btl_segmsg_patience_t *patience = &module->node.patience;
    if (!patience->is_due || is_needed(module) || !does_nothing_else(patience)) {
        return MCA_BTL_SEGMSG_SLEEP_NOT;
    }
    int64_t most = segmsg_sleep_length(segmsg_nanoseconds() - patience->began);
    most = module->node.unreached != 0 && most > ELSEWHERE_NS ? ELSEWHERE_NS : most;
    bool is_woken = segmsg_sleep(&patience->sleep, &module->receiver, most);
    patience->apart = 0;
    patience->used = processor_time();
    module->wait.looked_in_vain = 0;
    module->wait.called = segmsg_clock_ticks();
    return is_woken ? MCA_BTL_SEGMSG_SLEEP_FOUND : MCA_BTL_SEGMSG_SLEEP_VAIN;
}
