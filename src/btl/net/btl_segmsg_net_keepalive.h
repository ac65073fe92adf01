/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The ports at which peers probe this process, and the probes of peers: see btl_segmsg_net_alive.c.
 */
#ifndef MCA_BTL_SEGMSG_NET_KEEPALIVE_H
#define MCA_BTL_SEGMSG_NET_KEEPALIVE_H

#include "btl/net/btl_segmsg_net_types.h"

#if SEGMSG_HAVE_OFI

/* This process's ports, and what its probes need. */
extern segmsg_keepalive_t mca_btl_segmsg_net_keepalive;

/* What probes of this process need; without it peers cannot tell that it has ended. */
void mca_btl_segmsg_net_keepalive_open(void);

void mca_btl_segmsg_net_keepalive_close(void);

/* Adds the ports of this process to what it publishes of an interface. */
void mca_btl_segmsg_net_keepalive_publish(mca_btl_segmsg_net_t *net,
                                          mca_btl_segmsg_net_modex_t *modex);

/* Ends the probe of a link that goes. The gate is held. */
void mca_btl_segmsg_net_keepalive_forget(mca_btl_segmsg_link_t *link);

#endif /* SEGMSG_HAVE_OFI */

#endif
