/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What is counted, summed over the interfaces; 0 where there are none.
 */
#ifndef MCA_BTL_SEGMSG_NET_COUNT_H
#define MCA_BTL_SEGMSG_NET_COUNT_H

#include "btl/net/btl_segmsg_net_types.h"

#if SEGMSG_HAVE_OFI

/* Counters, summed over the interfaces; 0 where there are none. */
uint64_t mca_btl_segmsg_net_count(mca_btl_segmsg_net_count_t what);

/* Groups of the geometry between hosts. */
uint32_t mca_btl_segmsg_net_groups(void);

/* Add what was sent, in messages or partitions, and received, by group. */
void mca_btl_segmsg_net_add_sent(unsigned long long *by_group, bool partitions);

void mca_btl_segmsg_net_add_received(unsigned long long *by_group);

/* Statistics line of each interface on standard error. */
void mca_btl_segmsg_net_report(void);

#else

static inline uint64_t mca_btl_segmsg_net_count(mca_btl_segmsg_net_count_t what)
{
    (void) what;
    return 0;
}

static inline uint32_t mca_btl_segmsg_net_groups(void)
{
    return 0;
}

static inline void mca_btl_segmsg_net_add_sent(unsigned long long *by_group, bool partitions)
{
    (void) by_group, (void) partitions;
}

static inline void mca_btl_segmsg_net_add_received(unsigned long long *by_group)
{
    (void) by_group;
}

static inline void mca_btl_segmsg_net_report(void)
{
}

#endif /* SEGMSG_HAVE_OFI */

#endif
