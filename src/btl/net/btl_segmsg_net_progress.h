/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What arrives from other hosts.
 */
#ifndef MCA_BTL_SEGMSG_NET_PROGRESS_H
#define MCA_BTL_SEGMSG_NET_PROGRESS_H

#include "btl/net/btl_segmsg_net_types.h"

#if SEGMSG_HAVE_OFI

/* Polls the interfaces, as often as it pays. */
int mca_btl_segmsg_net_progress(mca_btl_segmsg_module_t *module);

#else

static inline int mca_btl_segmsg_net_progress(mca_btl_segmsg_module_t *module)
{
    (void) module;
    return 0;
}

#endif /* SEGMSG_HAVE_OFI */

#endif
