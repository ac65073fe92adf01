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
    if (sleep->after == 0) {
        mca_btl_segmsg_sleep_end(&mca_btl_segmsg);
    } else {
        segmsg_sleep_prepare();
        (void) mca_btl_segmsg_call(); /* the first time takes long */
    }
}

/* Calls after which it sleeps once that is due, and between two sleeps. */
enum { CALLS_BEFORE = 8 };

/* From now on it is seen what else the program does. */
static void mark(mca_btl_segmsg_sleeper_t *sleeper)
{
    sleeper->used = segmsg_nanoseconds_used();
    sleeper->blocked = segmsg_times_blocked();
}

/* It sleeps after some calls, unless the program does something else meanwhile. */
static void sleep_soon(mca_btl_segmsg_sleeper_t *sleeper)
{
    mark(sleeper);
    sleeper->more = CALLS_BEFORE;
}

/* Processor time is a thread's: where another one polls now, it begins to wait. */
static void begin_as_thread(mca_btl_segmsg_module_t *module)
{
    static _Thread_local char self;
    if (opal_using_threads() && module->node.sleeper.thread != &self) {
        module->node.sleeper.thread = &self;
        mca_btl_segmsg_sleep_end(module);
    }
}

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
    begin_as_thread(module);
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
            sleep_soon(sleeper);
        }
    }
    return sleeper->is_due;
}

/* True if something goes on that no message would tell. `context`: the module. */
static bool is_needed(void *context)
{
    mca_btl_segmsg_module_t *module = context;
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
 * True if the program has since used the processor for more than `budget` nanoseconds, or waited for something in the
 * kernel: then it was not in MPI all the time, and another wait has begun, though no message has ended the last one.
 */
static bool is_another(const mca_btl_segmsg_sleeper_t *sleeper, int64_t budget)
{
    return segmsg_nanoseconds_used() - sleeper->used > budget
           || segmsg_times_blocked() != sleeper->blocked;
}

/*
 * What the first call in vain after a sleep may take, or all later ones, nanoseconds. A call takes 25, and some
 * hundred with Open MPI's other progress functions, the first one 2000 (4000 beside other work); more if somebody yields
 * between two. Where it sleeps for want of processors the caches are others', and to find a wait over that is not costs
 * much: it sleeps late there.
 */
static int64_t budget(const mca_btl_segmsg_node_t *node, bool is_first)
{
    enum { CALL_NS = 1000, YIELD_NS = 4000, FIRST_NS = 5000, FIRST_CROWDED_NS = 30000 };
    bool is_crowded = node->sleeper.sleep.after > SEGMSG_SLEEP_AFTER;
    bool yields = is_crowded || !node->patience.is_itself || opal_using_threads();
    return is_first ? (is_crowded ? FIRST_CROWDED_NS : FIRST_NS + (yields ? YIELD_NS : 0))
                    : CALLS_BEFORE * (int64_t) (yields ? YIELD_NS : CALL_NS);
}

/* What has called progress. To walk the stack takes as long as a sleep; so it is done anew only now and then while a wait
 * goes on, as far as can be told. */
static mca_btl_segmsg_call_t call_of(mca_btl_segmsg_sleeper_t *sleeper)
{
    enum { SLEEPS = 4 };
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

/* A call more in vain, since it was found due or has slept. True if it is to sleep in it. */
static bool comes_to_sleep(mca_btl_segmsg_module_t *module)
{
    mca_btl_segmsg_sleeper_t *sleeper = &module->node.sleeper;
    bool is_first = sleeper->more == CALLS_BEFORE;
    if (is_first || sleeper->more == 0) {
        if (is_needed(module) || is_another(sleeper, budget(&module->node, is_first))) {
            mca_btl_segmsg_sleep_end(module);
            return false;
        }
        if (!is_first) {
            return true;
        }
        mark(sleeper);
    }
    --sleeper->more;
    return false;
}

mca_btl_segmsg_slept_t mca_btl_segmsg_sleep(mca_btl_segmsg_module_t *module)
{
    mca_btl_segmsg_sleeper_t *sleeper = &module->node.sleeper;
    if (!sleeper->is_due) {
        return MCA_BTL_SEGMSG_SLEEP_NOT;
    }
    if (!comes_to_sleep(module)) {
        return sleeper->is_due ? MCA_BTL_SEGMSG_SLEEP_SOON : MCA_BTL_SEGMSG_SLEEP_NOT;
    }
    mca_btl_segmsg_call_t call = call_of(sleeper);
    int64_t most = length(module, call);
    if (most == 0) {
        segmsg_sleep_learn(&sleeper->sleep, 0); /* nor does it wait soon, most likely */
        mca_btl_segmsg_sleep_end(module);
        return MCA_BTL_SEGMSG_SLEEP_NOT;
    }
    bool is_woken = segmsg_sleep(&sleeper->sleep, &module->receiver, most, is_needed, module);
    module->wait.looked_in_vain = 0;
    module->wait.called = segmsg_clock_ticks();
    sleep_soon(sleeper);
    if (call == MCA_BTL_SEGMSG_CALL_BLOCKS_ELSEWHERE) {
        mca_btl_segmsg_sleep_end(module); /* awake for as long before the next one */
    }
    return is_woken ? MCA_BTL_SEGMSG_SLEEP_FOUND : MCA_BTL_SEGMSG_SLEEP_VAIN;
}
