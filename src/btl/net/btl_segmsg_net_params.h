/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Parameters of the way between hosts.
 */
#ifndef MCA_BTL_SEGMSG_NET_PARAMS_H
#define MCA_BTL_SEGMSG_NET_PARAMS_H

#include "btl/net/btl_segmsg_net_types.h"

#if SEGMSG_HAVE_OFI

bool mca_btl_segmsg_net_check_params(void);

/* What the test parameter makes us believe of the provider. False if it cannot be read. */
bool mca_btl_segmsg_net_pretence(segmsg_ofi_pretence_t *pretence);

#else

static inline bool mca_btl_segmsg_net_check_params(void)
{
    return true;
}

#endif /* SEGMSG_HAVE_OFI */

#endif
