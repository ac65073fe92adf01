/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Peers behind an interface.
 */
#ifndef MCA_BTL_SEGMSG_NET_PEER_H
#define MCA_BTL_SEGMSG_NET_PEER_H

#include "btl/net/btl_segmsg_net_types.h"

#if SEGMSG_HAVE_OFI

/* Frees the link of an endpoint, if it has one. */
void mca_btl_segmsg_link_free(mca_btl_segmsg_endpoint_t *endpoint);

/* The endpoint of `proc` on an interface, made if need be; NULL if it cannot be reached there. */
mca_btl_segmsg_endpoint_t *mca_btl_segmsg_net_endpoint_get(mca_btl_segmsg_net_t *net,
                                                           opal_proc_t *proc);

mca_btl_segmsg_endpoint_t *mca_btl_segmsg_net_endpoint_of(mca_btl_segmsg_net_t *net, uint64_t name);

void mca_btl_segmsg_net_endpoint_release(mca_btl_segmsg_endpoint_t *endpoint);

#else

static inline void mca_btl_segmsg_link_free(mca_btl_segmsg_endpoint_t *endpoint)
{
    (void) endpoint;
}

#endif /* SEGMSG_HAVE_OFI */

#endif
