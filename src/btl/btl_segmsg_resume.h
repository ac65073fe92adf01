/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What had to wait for room at a peer goes on when progress comes.
 */
#ifndef MCA_BTL_SEGMSG_RESUME_H
#define MCA_BTL_SEGMSG_RESUME_H

#include "btl/btl_segmsg.h"

/* Goes on with what had to wait, each peer once. Returns how much could. By who polls. */
int mca_btl_segmsg_resume(mca_btl_segmsg_module_t *module);

#endif
