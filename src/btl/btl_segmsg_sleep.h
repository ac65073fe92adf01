/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A process that has waited in MPI for long sleeps until a message comes (engine/sleep.h): where it is told to, and
 * where it only wastes the processor time that a container or the other processes have.
 */
#ifndef MCA_BTL_SEGMSG_SLEEP_H
#define MCA_BTL_SEGMSG_SLEEP_H

#include "btl/btl_segmsg.h"

/* Chooses anew after how long a wait the process sleeps, when peers or threads have come. */
void mca_btl_segmsg_choose_sleep(void);

/* The wait is over, or the program does something else. By who polls. */
static inline void mca_btl_segmsg_sleep_end(mca_btl_segmsg_module_t *module)
{
    mca_btl_segmsg_sleeper_t *sleeper = &module->node.sleeper;
    sleeper->is_due = false;
    sleeper->began = 0;
    sleeper->frame = NULL;
    segmsg_sleep_end(&sleeper->sleep);
}

/*
 * To be called after so many calls in vain, or more than that. True if the wait has taken so much of the thread's
 * processor time that it is to sleep: where others have the processor in between, it takes little. By who polls.
 */
bool mca_btl_segmsg_sleep_falls_due(mca_btl_segmsg_module_t *module, unsigned calls);

typedef enum {
    MCA_BTL_SEGMSG_SLEEP_NOT,  /* no wait, or something is under way that calls carry on */
    MCA_BTL_SEGMSG_SLEEP_SOON, /* after some more calls */
    MCA_BTL_SEGMSG_SLEEP_VAIN, /* nothing came */
    MCA_BTL_SEGMSG_SLEEP_FOUND /* there is something to be looked for */
} mca_btl_segmsg_slept_t;

/* Sleeps, if that is due and progress was called by a function of MPI that blocks. By who polls, after a call in vain. */
mca_btl_segmsg_slept_t mca_btl_segmsg_sleep(mca_btl_segmsg_module_t *module);

#endif
