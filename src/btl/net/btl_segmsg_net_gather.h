/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The gatherer: sees to it that what was gathered leaves, although nobody calls progress.
 */
#ifndef MCA_BTL_SEGMSG_NET_GATHER_H
#define MCA_BTL_SEGMSG_NET_GATHER_H

#include "btl/net/btl_segmsg_net_types.h"

#if SEGMSG_HAVE_OFI

/* True if messages may be gathered: somebody will send what waits, by `flush`, which must be the same in
 * every call. Any gate is held, here and there. */
bool mca_btl_segmsg_net_gather_waits(bool (*flush)(mca_btl_segmsg_link_t *link));

/* Ends it. No gate is held. */
void mca_btl_segmsg_net_gather_close(void);

#endif /* SEGMSG_HAVE_OFI */
#endif
