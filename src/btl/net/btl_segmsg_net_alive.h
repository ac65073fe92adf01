/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Is it alive? Peers from which nothing is heard.
 */
#ifndef MCA_BTL_SEGMSG_NET_ALIVE_H
#define MCA_BTL_SEGMSG_NET_ALIVE_H

#include "btl/net/btl_segmsg_net_types.h"

#if SEGMSG_HAVE_OFI

/* Something has failed that cannot be laid to a peer. By who polls, as the next one. */
void mca_btl_segmsg_net_alive_suspect(mca_btl_segmsg_net_t *net, int error);

/* Looks after peers from which nothing has come for long. */
void mca_btl_segmsg_net_alive_check(mca_btl_segmsg_net_t *net, uint64_t now);

#endif /* SEGMSG_HAVE_OFI */

#endif
