/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_yield.h"
#include "btl/btl_segmsg_sleep.h"
#include "btl/btl_segmsg_callers.h"
#include "btl/btl_segmsg_wait.h"

#include "base/clock.h"

/* True if Open MPI yields at every call that finds nothing. */
static bool open_mpi_yields(void)
{
    int index;
    const bool *value = NULL;
    return mca_base_var_find_by_name("mpi_yield_when_idle", &index) == OPAL_SUCCESS
           && mca_base_var_get_value(index, &value, NULL, NULL) == OPAL_SUCCESS && value != NULL
           && *value;
}

/* True if calls yield, or see whether to sleep, from the first one in vain. */
static bool is_short(const mca_btl_segmsg_patience_t *patience)
{
    return patience->yield.always || patience->yield.is_crowded
           || (mca_btl_segmsg.node.sleeper.sleep.after != 0
               && (opal_using_threads() || mca_btl_segmsg.wait.row_ticks == 0 /* no clock */));
}

void mca_btl_segmsg_choose_wait(void)
{
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    mca_btl_segmsg_patience_t *patience = &module->node.patience;
    int how = module->config.message.wait;
    patience->is_itself = !open_mpi_yields();
    bool may = how != MCA_BTL_SEGMSG_WAIT_SPIN && patience->is_itself;
    /* Relaxed: a hint. */
    patience->callers = atomic_load_explicit(&module->node.callers, memory_order_relaxed);
    patience->is_auto = may && how != MCA_BTL_SEGMSG_WAIT_YIELD;
    patience->yield.always = may && how == MCA_BTL_SEGMSG_WAIT_YIELD;
    patience->yield.is_crowded = patience->is_auto && mca_btl_segmsg_is_crowded();
    mca_btl_segmsg_choose_sleep();
    module->idle.yields = is_short(patience);
}

void mca_btl_segmsg_wait_as_threads(void)
{
    /* Relaxed: a hint. */
    if (OPAL_UNLIKELY(atomic_load_explicit(&mca_btl_segmsg.node.callers, memory_order_relaxed)
                      != mca_btl_segmsg.node.patience.callers)) {
        mca_btl_segmsg_choose_wait();
    }
}

/* Yields; who called progress waits all the same. */
static void yield(mca_btl_segmsg_module_t *module)
{
    mca_btl_segmsg_patience_t *patience = &module->node.patience;
    /*
     * One that nobody takes ends it: two jobs that share processors then take turns of many messages each, which
     * is three times as fast as if each message waited for the other job.
     */
    module->idle.yields = segmsg_yield_processor(&patience->yield, &patience->since)
                          || mca_btl_segmsg.node.sleeper.is_due;
    module->wait.called = segmsg_clock_ticks();
}

void mca_btl_segmsg_lose_patience(mca_btl_segmsg_module_t *module)
{
    enum { PATIENCE = 64, BETWEEN = 2 /* between two times */ };
    mca_btl_segmsg_patience_t *patience = &module->node.patience;
    if (patience->delivered != module->counts.delivered_fragments) {
        patience->delivered = module->counts.delivered_fragments;
        mca_btl_segmsg_begin_wait(module);
    } else if (mca_btl_segmsg_sleep_falls_due(module, 1)) {
        module->idle.yields = true;
    } else if (patience->is_auto && !opal_using_threads() /* others could not poll */
               && ++patience->vain >= PATIENCE) {
        patience->vain = PATIENCE - BETWEEN;
        yield(module);
    }
}

/*
 * True if this call comes right after the last one. A program that tests between its computations keeps its
 * processor; but whoever asks a third one for a lock, and is answered, waits for the holder all the same.
 */
static bool is_right_after(const mca_btl_segmsg_module_t *module, uint64_t now)
{
    enum { MICROSECONDS = 20 /* that Open MPI's other progress functions may take */ };
    return module->wait.row_ticks == 0
           || now - module->node.patience.ended < MICROSECONDS * module->wait.row_ticks;
}

void mca_btl_segmsg_found(mca_btl_segmsg_module_t *module)
{
    mca_btl_segmsg_patience_t *patience = &module->node.patience;
    if (patience->vain != 0 || module->node.sleeper.is_due) {
        mca_btl_segmsg_begin_wait(module);
        mca_btl_segmsg_sleep_end(module);
        module->idle.yields = segmsg_yield_begins(&patience->yield);
    }
    patience->ended = module->wait.row_ticks == 0 ? 0 : segmsg_clock_ticks();
}

bool mca_btl_segmsg_rest(mca_btl_segmsg_module_t *module)
{
    mca_btl_segmsg_patience_t *patience = &module->node.patience;
    ++patience->vain;
    bool was_due = mca_btl_segmsg_sleep_falls_due(module, 1);
    mca_btl_segmsg_slept_t slept = mca_btl_segmsg_sleep(module);
    if (was_due && !module->node.sleeper.is_due) {
        module->idle.yields = is_short(patience); /* it has turned out that nobody waits */
    } else if (slept == MCA_BTL_SEGMSG_SLEEP_NOT && patience->is_itself
               && (patience->yield.always || is_right_after(module, module->wait.called))) {
        yield(module);
    }
    patience->ended = module->wait.row_ticks == 0 ? 0 : segmsg_clock_ticks();
    return slept == MCA_BTL_SEGMSG_SLEEP_FOUND;
}
