/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What a process publishes of its interfaces.
 */
#ifndef MCA_BTL_SEGMSG_NET_MODEX_H
#define MCA_BTL_SEGMSG_NET_MODEX_H

#include "btl/net/btl_segmsg_net_types.h"

#if SEGMSG_HAVE_OFI

/* What this process publishes of an interface. */
mca_btl_segmsg_net_modex_t mca_btl_segmsg_net_own_modex(mca_btl_segmsg_net_t *net);

/* Writes what is published of the interfaces to `to`, if not NULL; how many bytes. */
size_t mca_btl_segmsg_net_publish(void *to);

/* True if `bytes` behind the descriptor hold what a peer says that it has published. */
bool mca_btl_segmsg_net_is_whole(const mca_btl_segmsg_modex_t *modex, size_t bytes);

/* What a peer has published of interface `rail`; NULL if it has none. */
const mca_btl_segmsg_net_modex_t *mca_btl_segmsg_net_published(const mca_btl_segmsg_modex_t *modex,
                                                               uint32_t rail);

#else

static inline size_t mca_btl_segmsg_net_publish(void *to)
{
    (void) to;
    return 0;
}

static inline bool mca_btl_segmsg_net_is_whole(const mca_btl_segmsg_modex_t *modex, size_t bytes)
{
    (void) modex, (void) bytes;
    return true;
}

#endif /* SEGMSG_HAVE_OFI */

#endif
