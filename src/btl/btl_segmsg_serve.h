/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What peers ask for, and what they answer, by messages of segmsg's own.
 */
#ifndef MCA_BTL_SEGMSG_SERVE_H
#define MCA_BTL_SEGMSG_SERVE_H

#include "btl/btl_segmsg.h"

/* A message with segmsg's own tag has come from `endpoint`. */
void mca_btl_segmsg_rdma_receive(mca_btl_segmsg_endpoint_t *endpoint, const void *data,
                                 size_t size);

#endif
