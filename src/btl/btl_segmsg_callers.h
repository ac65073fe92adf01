/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * How many threads of this process call progress.
 */
#ifndef MCA_BTL_SEGMSG_CALLERS_H
#define MCA_BTL_SEGMSG_CALLERS_H

#include "btl/btl_segmsg.h"

/* Counts the calling thread among those that call progress, until it ends. */
void mca_btl_segmsg_callers_count(void);

/* Threads that end from now on are not heard of any more; before the component is unloaded. */
void mca_btl_segmsg_callers_close(void);

/* True if the node has more processes of the job, or threads of theirs in MPI, than processors that they may
 * use: whoever helps another one then takes the processor from somebody. */
bool mca_btl_segmsg_is_crowded(void);

#endif
