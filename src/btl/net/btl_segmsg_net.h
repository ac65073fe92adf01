/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The modules between hosts: opening, closing.
 */
#ifndef MCA_BTL_SEGMSG_NET_H
#define MCA_BTL_SEGMSG_NET_H

#include "btl/net/btl_segmsg_net_types.h"

#if SEGMSG_HAVE_OFI

/* Opens the interfaces; how many. Says why if there is none although one is needed. */
unsigned mca_btl_segmsg_net_open(bool mpi_threads);

void mca_btl_segmsg_net_close(void);

#else

static inline unsigned mca_btl_segmsg_net_open(bool mpi_threads)
{
    (void) mpi_threads;
    return 0;
}

static inline void mca_btl_segmsg_net_close(void)
{
}

#endif /* SEGMSG_HAVE_OFI */

#endif
