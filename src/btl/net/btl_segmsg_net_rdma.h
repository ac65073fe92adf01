/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * One-sided, by the provider.
 */
#ifndef MCA_BTL_SEGMSG_NET_RDMA_H
#define MCA_BTL_SEGMSG_NET_RDMA_H

#include "btl/net/btl_segmsg_net_types.h"

#if SEGMSG_HAVE_OFI

bool mca_btl_segmsg_net_rdma_open(mca_btl_segmsg_net_t *net);

void mca_btl_segmsg_net_rdma_close(mca_btl_segmsg_net_t *net);

void mca_btl_segmsg_net_rdma_set_module(mca_btl_segmsg_net_t *net);

#endif /* SEGMSG_HAVE_OFI */

#endif
