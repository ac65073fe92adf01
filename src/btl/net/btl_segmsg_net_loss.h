/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Peers and interfaces that are lost. By who polls.
 */
#ifndef MCA_BTL_SEGMSG_NET_LOSS_H
#define MCA_BTL_SEGMSG_NET_LOSS_H

#include "btl/net/btl_segmsg_net_types.h"

#if SEGMSG_HAVE_OFI

/* Nothing more can be sent to the peer. */
void mca_btl_segmsg_link_lost(mca_btl_segmsg_link_t *link, const char *why);

/* Nothing more can be sent to anybody. */
void mca_btl_segmsg_net_lost(mca_btl_segmsg_net_t *net, const char *why);

#endif /* SEGMSG_HAVE_OFI */

#endif
