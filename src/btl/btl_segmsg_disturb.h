/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What keeps a process that waits from sleep, or ends its sleep, without a message (btl_segmsg_sleep.h).
 */
#ifndef MCA_BTL_SEGMSG_DISTURB_H
#define MCA_BTL_SEGMSG_DISTURB_H

#include "btl/btl_segmsg.h"

/* A thread has done something that another one, which sleeps, is to see. */
void mca_btl_segmsg_disturb(void);

/* The PML was refused something: it keeps that, and offers it again when it is called. */
static inline void mca_btl_segmsg_refused(void)
{
    /* Relaxed: who sleeps all the same is late by one sleep. */
    atomic_store_explicit(&mca_btl_segmsg.node.sleeper.refused, true, memory_order_relaxed);
}

#endif
