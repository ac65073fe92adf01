/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Times in ticks of the clock, which is calibrated while processes start.
 */
#ifndef MCA_BTL_SEGMSG_TIMES_H
#define MCA_BTL_SEGMSG_TIMES_H

#include "btl/btl_segmsg.h"

/* Converts times to ticks, better as time goes by. */
void mca_btl_segmsg_choose_times(void);

#endif
