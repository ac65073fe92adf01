/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_blocking.h"
#include "btl/btl_segmsg_callers.h"
#include "btl/btl_segmsg_sleep.h"
#include "btl/net/btl_segmsg_net_progress.h"

#include "base/quota.h"
#include "base/wait.h"

/* True if the control groups give the processes of the node less processor time than they would use. All are taken to be
 * in the same ones. */
static bool is_short_of_time(const mca_btl_segmsg_node_t *node)
{
    static bool is_known;
    static unsigned long quota;
    if (!is_known) {
        is_known = true;
        quota = segmsg_quota("/proc/self");
    }
    return segmsg_quota_is_short(quota, node->processes, (unsigned long) node->processor_count);
}

/* After how long a wait the process sleeps, nanoseconds; 0: it does not. */
static int64_t sleeps_after(const mca_btl_segmsg_module_t *module)
{
    enum { CROWDED_NS = 10000000 }; /* a time slice or two: yielding is faster in shorter waits */
    const mca_btl_segmsg_node_t *node = &module->node;
    int how = module->config.message.wait;
    if (!module->initialised || module->declined || mca_btl_segmsg_nets != 0) {
        return 0; /* no message comes, or some come by a network, which does not wake */
    }
    if (how == MCA_BTL_SEGMSG_WAIT_BLOCK) {
        return SEGMSG_SLEEP_AFTER;
    }
    if (how != MCA_BTL_SEGMSG_WAIT_AUTO || node->has_others) {
        return 0;
    }
    return is_short_of_time(node)                                    ? SEGMSG_SLEEP_AFTER
           : node->patience.is_itself && mca_btl_segmsg_is_crowded() ? CROWDED_NS
                                                                     : 0;
}

void mca_btl_segmsg_choose_sleep(void)
{
    segmsg_sleep_t *sleep = &mca_btl_segmsg.node.sleeper.sleep;
    sleep->after = sleeps_after(&mca_btl_segmsg);
    if (sleep->after != 0) {
        segmsg_sleep_prepare();
        (void) mca_btl_segmsg_call(); /* the first time takes long */
    }
}

/* Calls after which it sleeps once that is due, and between two sleeps. */
enum { CALLS_BEFORE = 8 };

bool mca_btl_segmsg_sleep_falls_due(mca_btl_segmsg_module_t *module, unsigned calls)
{
    enum { CALLS = 16 }; /* from one look at the clocks to the next */
    mca_btl_segmsg_sleeper_t *sleeper = &module->node.sleeper;
    if (sleeper->sleep.after == 0) {
        return false;
    }
    if (sleeper->heard != module->counts.delivered_fragments) {
        sleeper->heard = module->counts.delivered_fragments;
        mca_btl_segmsg_sleep_end(module);
    }
    sleeper->calls += calls;
    if (!sleeper->is_due && sleeper->calls >= CALLS) {
        sleeper->calls = 0;
        int64_t used = segmsg_nanoseconds_used();
        if (sleeper->began == 0) {
            sleeper->began = segmsg_nanoseconds();
            sleeper->spent = used;
        }
        if (segmsg_sleep_is_due(&sleeper->sleep, used - sleeper->spent)) {
            sleeper->is_due = true;
            sleeper->more = CALLS_BEFORE;
        }
    }
    return sleeper->is_due;
}

/* True if something goes on that no message would tell. */
static bool is_needed(mca_btl_segmsg_module_t *module)
{
    /* Relaxed, all: hints; who has begun something since calls progress for it, or waits for an answer. */
    bool is_refused =
        atomic_load_explicit(&module->node.sleeper.refused, memory_order_relaxed)
        && atomic_exchange_explicit(&module->node.sleeper.refused, false, memory_order_relaxed);
    return is_refused || module->idle.any_busy
           || atomic_load_explicit(&module->transfers.work, memory_order_relaxed) != 0
           || atomic_load_explicit(&module->idle.under_way, memory_order_relaxed) != 0
           || atomic_load_explicit(&module->node.callers, memory_order_relaxed) > 1;
}

/*
 * True if the program has used the processor for something else since it was found due, or last slept: another wait
 * has begun, which no message told. A call takes 25 ns, and some hundred with Open MPI's other progress functions; more if
 * Open MPI yields between two.
 */
static bool is_another(const mca_btl_segmsg_node_t *node)
{
    enum { CALL_NS = 1000, YIELD_NS = 4000 };
    return segmsg_nanoseconds_used() - node->sleeper.used
           > CALLS_BEFORE * (int64_t) (node->patience.is_itself ? CALL_NS : YIELD_NS);
}

/* What has called progress. To walk the stack takes as long as a sleep; so it is done anew only now and then while a wait
 * goes on, as far as can be told. */
static mca_btl_segmsg_call_t call_of(mca_btl_segmsg_sleeper_t *sleeper)
{
    enum { SLEEPS = 16 };
    const void *frame = __builtin_frame_address(0);
    if (frame == sleeper->frame && ++sleeper->sleeps < SLEEPS) {
        return MCA_BTL_SEGMSG_CALL_BLOCKS;
    }
    mca_btl_segmsg_call_t call = mca_btl_segmsg_call();
    sleeper->frame = call == MCA_BTL_SEGMSG_CALL_BLOCKS ? frame : NULL;
    sleeper->sleeps = 0;
    return call;
}

/* How long it sleeps at most, nanoseconds; 0: not at all. */
static int64_t length(const mca_btl_segmsg_module_t *module, mca_btl_segmsg_call_t call)
{
    enum {
        ELSEWHERE_NS = 100000, /* what comes by other transports is looked for so often */
        THREADS_NS = 200000    /* and what other threads do */
    };
    const mca_btl_segmsg_sleeper_t *sleeper = &module->node.sleeper;
    int64_t most = call == MCA_BTL_SEGMSG_CALL_RETURNS            ? 0
                   : call == MCA_BTL_SEGMSG_CALL_BLOCKS_ELSEWHERE ? SEGMSG_SLEEP_AFTER
                   : module->node.has_others                      ? ELSEWHERE_NS
                   : opal_using_threads()                         ? THREADS_NS
                                                                  : SEGMSG_SLEEP_MOST;
    int64_t usual = segmsg_sleep_length(segmsg_nanoseconds() - sleeper->began);
    return most < usual ? most : usual;
}

mca_btl_segmsg_slept_t mca_btl_segmsg_sleep(mca_btl_segmsg_module_t *module)
{
    mca_btl_segmsg_sleeper_t *sleeper = &module->node.sleeper;
    if (!sleeper->is_due) {
        return MCA_BTL_SEGMSG_SLEEP_NOT;
    }
    if (is_needed(module)) {
        mca_btl_segmsg_sleep_end(module);
        return MCA_BTL_SEGMSG_SLEEP_NOT;
    }
    if (sleeper->more != 0) {
        if (sleeper->more-- == CALLS_BEFORE) {
            sleeper->used = segmsg_nanoseconds_used(); /* the first call after a sleep is slow */
        }
        return MCA_BTL_SEGMSG_SLEEP_SOON;
    }
    if (is_another(&module->node)) {
        mca_btl_segmsg_sleep_end(module);
        return MCA_BTL_SEGMSG_SLEEP_NOT;
    }
    mca_btl_segmsg_call_t call = call_of(sleeper);
    int64_t most = length(module, call);
    if (most == 0) {
        segmsg_sleep_learn(&sleeper->sleep, 0); /* nor does it wait soon, most likely */
        mca_btl_segmsg_sleep_end(module);
        return MCA_BTL_SEGMSG_SLEEP_NOT;
    }
    bool is_woken = segmsg_sleep(&sleeper->sleep, &module->receiver, most);
    module->wait.looked_in_vain = 0;
    module->wait.called = segmsg_clock_ticks();
    sleeper->more = CALLS_BEFORE;
    if (call == MCA_BTL_SEGMSG_CALL_BLOCKS_ELSEWHERE) {
        mca_btl_segmsg_sleep_end(module); /* awake for as long before the next one */
    }
    return is_woken ? MCA_BTL_SEGMSG_SLEEP_FOUND : MCA_BTL_SEGMSG_SLEEP_VAIN;
}
