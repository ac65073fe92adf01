/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Does whoever calls progress wait, or does it compute and test now and then?
 */
#ifndef MCA_BTL_SEGMSG_WAIT_H
#define MCA_BTL_SEGMSG_WAIT_H

#include "btl/btl_segmsg.h"

/*
 * True if whoever calls progress does nothing else: it waits. One that computes and tests now and then
 * whether its messages have gone is not to lose time by work for others.
 */
static inline bool mca_btl_segmsg_is_waiting(const mca_btl_segmsg_module_t *module)
{
    enum { CALLS_OF_A_TEST = 2 }; /* MPI_Test calls progress so many times, at most */
    return module->wait.calls_in_a_row > CALLS_OF_A_TEST || module->wait.row_ticks == 0;
}

/* Something was found, or the program has computed. By who polls. */
static inline void mca_btl_segmsg_begin_wait(mca_btl_segmsg_module_t *module)
{
    module->node.patience.vain = 0;
    module->node.patience.since = 0;
}

/*
 * The first calls of somebody who waits look like a test. What they became lately says what they are: each
 * time that something was begun that a waiter would stay for, it is seen at the end of the row whether it did.
 */
static inline void mca_btl_segmsg_end_row(mca_btl_segmsg_module_t *module)
{
    if (module->wait.watches) {
        module->wait.watches = false;
        module->wait.habit =
            mca_btl_segmsg_is_waiting(module)
                ? module->wait.habit + (module->wait.habit < MCA_BTL_SEGMSG_HABIT_MAX)
                : module->wait.habit - (module->wait.habit < 2 ? module->wait.habit : 2);
    }
    module->wait.calls_in_a_row = 0;
    mca_btl_segmsg_begin_wait(module);
}

/* True if somebody who waits has called progress, and that the PML, and that this; or it is to be found out. */
bool mca_btl_segmsg_waits(void);

/* Something was begun that is over when progress has been called a few times more: sees whether it is. */
void mca_btl_segmsg_watch(void);

/* What this call does took until `now`, in ticks: whoever called progress waits all the same, and what comes until
 * the next call is the program's own. */
void mca_btl_segmsg_took(uint64_t now);

#endif
