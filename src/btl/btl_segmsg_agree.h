/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Two processes agree to use shared memory between them.
 */
#ifndef MCA_BTL_SEGMSG_AGREE_H
#define MCA_BTL_SEGMSG_AGREE_H

#include "base/wait.h"
#include "btl/btl_segmsg.h"

/* This process's rank among those of its job on the node; UINT32_MAX: unknown. */
uint32_t mca_btl_segmsg_agree_rank(void);

/* Says whether the peer of `modex` is reached through shared memory. */
void mca_btl_segmsg_agree_say(mca_btl_segmsg_endpoint_t *endpoint,
                              const mca_btl_segmsg_modex_t *modex, bool reached);

/* Waits until the peer has said the same of this process, or the deadline is over, which is one for all
 * peers. False if it does not reach us; true also of one that says nothing. */
bool mca_btl_segmsg_agree(const mca_btl_segmsg_endpoint_t *endpoint, segmsg_deadline_t *deadline);

#endif
