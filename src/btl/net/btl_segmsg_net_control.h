/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Control messages: groups are formed and dissolved, partitions returned.
 */
#ifndef MCA_BTL_SEGMSG_NET_CONTROL_H
#define MCA_BTL_SEGMSG_NET_CONTROL_H

#include "btl/net/btl_segmsg_net_types.h"

#if SEGMSG_HAVE_OFI

/* The peer has given partitions back. The gate is held. */
void mca_btl_segmsg_link_returned(mca_btl_segmsg_link_t *link, const segmsg_return_t *what);

/* A control message has come. By who polls. */
void mca_btl_segmsg_net_heard(mca_btl_segmsg_net_t *net, const segmsg_control_message_t *message);

#endif /* SEGMSG_HAVE_OFI */

#endif
