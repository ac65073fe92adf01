/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Atomics on the memory of peers on other hosts: the provider's, or by messages.
 */
#ifndef MCA_BTL_SEGMSG_NET_ATOMICS_H
#define MCA_BTL_SEGMSG_NET_ATOMICS_H

#include "btl/net/btl_segmsg_net_types.h"

#if SEGMSG_HAVE_OFI

/* Memory for what is under way; false if it cannot be had. */
bool mca_btl_segmsg_net_atomics_open(mca_btl_segmsg_net_t *net);
void mca_btl_segmsg_net_atomics_close(mca_btl_segmsg_net_t *net);

/* What the module offers of them. */
void mca_btl_segmsg_net_atomics_set_module(mca_btl_segmsg_net_t *net);

#endif /* SEGMSG_HAVE_OFI */

#endif
