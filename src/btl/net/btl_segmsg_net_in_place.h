/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Messages that are sent from the user's memory.
 */
#ifndef MCA_BTL_SEGMSG_NET_IN_PLACE_H
#define MCA_BTL_SEGMSG_NET_IN_PLACE_H

#include "btl/net/btl_segmsg_net_types.h"

#if SEGMSG_HAVE_OFI

/* Publishes such a fragment; mca_btl_segmsg_frag_done will be called. False if it must wait. */
bool mca_btl_segmsg_link_publish_in_place(mca_btl_segmsg_link_t *link, mca_btl_segmsg_frag_t *frag,
                                          uint32_t length);

/* Calls `tell` for the fragments that are done. By who polls. */
int mca_btl_segmsg_net_in_place_progress(mca_btl_segmsg_net_t *net,
                                         void (*tell)(mca_btl_segmsg_frag_t *frag, int status));

#else

static inline bool mca_btl_segmsg_link_publish_in_place(struct mca_btl_segmsg_link_t *link,
                                                        mca_btl_segmsg_frag_t *frag,
                                                        uint32_t length)
{
    (void) link, (void) frag, (void) length;
    return false;
}

#endif /* SEGMSG_HAVE_OFI */

#endif
