/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Memory that peers may write to and read, and that the network reads and writes.
 */
#ifndef MCA_BTL_SEGMSG_NET_REGISTER_H
#define MCA_BTL_SEGMSG_NET_REGISTER_H

#include "btl/net/btl_segmsg_net_types.h"

#if SEGMSG_HAVE_OFI

/* What Open MPI carries to the peers of memory that was registered. */
struct mca_btl_base_registration_handle_t {
    uint64_t key;
    uint64_t base; /* what remote addresses count from */
    void *descriptor;
};

/* The cache of registrations of an interface; NULL if it cannot be had. */
mca_rcache_base_module_t *mca_btl_segmsg_net_register_cache(mca_btl_segmsg_net_t *net);

/* As Open MPI calls them. */
mca_btl_base_registration_handle_t *
mca_btl_segmsg_net_register_mem(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                                void *base, size_t size, uint32_t flags);

int mca_btl_segmsg_net_deregister_mem(mca_btl_base_module_t *btl,
                                      mca_btl_base_registration_handle_t *handle);

#endif /* SEGMSG_HAVE_OFI */

#endif
