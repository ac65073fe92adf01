/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Progress: polling and delivery.
 */
#ifndef MCA_BTL_SEGMSG_PROGRESS_H
#define MCA_BTL_SEGMSG_PROGRESS_H

#include "btl/btl_segmsg.h"

int mca_btl_segmsg_progress(void);

#endif
