/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_yield.h"
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

void mca_btl_segmsg_choose_wait(void)
{
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    mca_btl_segmsg_patience_t *patience = &module->node.patience;
    int how = module->config.message.wait;
    bool may = how != MCA_BTL_SEGMSG_WAIT_SPIN && !open_mpi_yields();
    patience->is_auto = may && how == MCA_BTL_SEGMSG_WAIT_AUTO;
    patience->yield.is_crowded =
        may && (how == MCA_BTL_SEGMSG_WAIT_YIELD || mca_btl_segmsg_is_crowded());
    module->idle.yields = patience->yield.is_crowded;
}

/* Begins a wait. */
static void begin(mca_btl_segmsg_patience_t *patience)
{
    patience->vain = 0;
    patience->since = 0;
}

/* Yields; who called progress waits all the same. */
static void yield(mca_btl_segmsg_module_t *module)
{
    module->idle.yields =
        segmsg_yield_processor(&module->node.patience.yield, &module->node.patience.since);
    module->wait.called = segmsg_clock_ticks();
}

void mca_btl_segmsg_lose_patience(mca_btl_segmsg_module_t *module)
{
    enum { PATIENCE = 64, BETWEEN = 2 /* between two times */ };
    mca_btl_segmsg_patience_t *patience = &module->node.patience;
    if (patience->delivered != module->counts.delivered_fragments) {
        patience->delivered = module->counts.delivered_fragments;
        begin(patience);
    } else if (patience->is_auto && ++patience->vain >= PATIENCE) {
        patience->vain = PATIENCE - BETWEEN;
        yield(module);
    }
}

void mca_btl_segmsg_yield_after(mca_btl_segmsg_module_t *module, int count)
{
    mca_btl_segmsg_patience_t *patience = &module->node.patience;
    if (count == 0) {
        ++patience->vain;
        /* Whoever asks a third one for a lock, and is answered, does not look as if it waited for the holder. */
        if (patience->yield.is_crowded || mca_btl_segmsg_is_waiting(module)) {
            yield(module);
        }
    } else if (patience->vain != 0) {
        begin(patience);
        module->idle.yields = segmsg_yield_begins(&patience->yield);
    }
}
