/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/net/btl_segmsg_net_failure.h"

#if SEGMSG_HAVE_OFI

static void set_failure(mca_btl_segmsg_link_t *link, const char *why)
{
    if (!link->loss.has_failed && !link->loss.is_lost) {
        link->loss.has_failed = true;
        link->loss.failure = why;
        link->net->has_failures = true;
    }
}

void mca_btl_segmsg_link_failed(mca_btl_segmsg_link_t *link, int error)
{
    set_failure(link, segmsg_ofi_error_text(error));
}

void mca_btl_segmsg_link_broken(mca_btl_segmsg_link_t *link, segmsg_error_t error)
{
    set_failure(link, segmsg_error_text(error));
}

#endif /* SEGMSG_HAVE_OFI */
