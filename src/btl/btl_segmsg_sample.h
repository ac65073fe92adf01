/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What is seen now and then of calls to progress that come in a row: that the process has waited for so long that it
 * does nothing else. Its calls may then go without the clock, and it may yield or sleep.
 */
#ifndef MCA_BTL_SEGMSG_SAMPLE_H
#define MCA_BTL_SEGMSG_SAMPLE_H

#include "btl/btl_segmsg.h"

enum { MCA_BTL_SEGMSG_SAMPLE_EVERY = 32 /* calls in a row */ };

/*
 * Begins a turn, or goes on with another, for somebody who has called again and again in vain for so long that he does
 * nothing else. A turn ends when something is found. `gap`: ticks since the last call, or what the last turn took. By
 * who polls.
 */
void mca_btl_segmsg_sample(mca_btl_segmsg_module_t *module, uint64_t gap);

#endif
