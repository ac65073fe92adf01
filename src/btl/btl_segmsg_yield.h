/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A process that waits in MPI yields its processor where others need it (engine/yield.h).
 */
#ifndef MCA_BTL_SEGMSG_YIELD_H
#define MCA_BTL_SEGMSG_YIELD_H

#include "btl/btl_segmsg.h"

/* Chooses anew how the process waits, when peers have come. */
void mca_btl_segmsg_choose_wait(void);

/* The same if there are more or fewer threads in MPI than then. By who polls. */
void mca_btl_segmsg_wait_as_threads(void);

/* Some calls in a row have found nothing, a microsecond or so. By who polls. */
void mca_btl_segmsg_lose_patience(mca_btl_segmsg_module_t *module);

/* With idle.yields set a call has found something. By who polls. */
void mca_btl_segmsg_found(mca_btl_segmsg_module_t *module);

/* The same if it has found nothing: yields, or sleeps. True if there is something by now. By who polls. */
bool mca_btl_segmsg_rest(mca_btl_segmsg_module_t *module);

#endif
