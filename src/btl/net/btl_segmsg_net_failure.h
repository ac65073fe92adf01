/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Links that have failed, where Open MPI cannot be called.
 */
#ifndef MCA_BTL_SEGMSG_NET_FAILURE_H
#define MCA_BTL_SEGMSG_NET_FAILURE_H

#include "btl/net/btl_segmsg_net_types.h"

#if SEGMSG_HAVE_OFI

/* Nothing more can be sent to the peer, which who polls says as soon as it comes by. The gate is held.
 * `error` is libfabric's, or the engine's. */
void mca_btl_segmsg_link_failed(mca_btl_segmsg_link_t *link, int error);

void mca_btl_segmsg_link_broken(mca_btl_segmsg_link_t *link, segmsg_error_t error);

#endif /* SEGMSG_HAVE_OFI */

#endif
