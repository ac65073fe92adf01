/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_times.h"
#include "btl/net/btl_segmsg_net_types.h"

#if SEGMSG_HAVE_OFI
static void choose_net_times(void)
{
    const segmsg_clock_moment_t *start = &mca_btl_segmsg.start;
    for (unsigned rail = 0; rail < mca_btl_segmsg_nets; ++rail) {
        mca_btl_segmsg_net_t *net = mca_btl_segmsg_net[rail];
        net->times.look_ticks =
            segmsg_clock_ticks_in(start, mca_btl_segmsg.config.hosts.ofi_poll_interval);
        net->times.gap_ticks =
            segmsg_clock_ticks_in(start, mca_btl_segmsg.config.hosts.ofi_coalesce_gap);
        net->times.check_ticks = segmsg_clock_ticks_in(start, UINT64_C(250000000) /* ns */);
    }
}
#endif

/* This one and the peers that are reached through memory, of any job. */
static unsigned long count_processes(mca_btl_segmsg_module_t *module)
{
    unsigned long count = 1;
    mca_btl_segmsg_endpoint_t *endpoint;
    OPAL_THREAD_LOCK(&module->lock);
    OPAL_LIST_FOREACH (endpoint, &module->peers.endpoints, mca_btl_segmsg_endpoint_t) {
        count += !endpoint->is_self && !endpoint->retired && endpoint->link == NULL;
    }
    OPAL_THREAD_UNLOCK(&module->lock);
    return count;
}

void mca_btl_segmsg_choose_times(void)
{
    mca_btl_segmsg.wait.look_ticks =
        segmsg_clock_ticks_in(&mca_btl_segmsg.start, mca_btl_segmsg.config.message.poll_interval);
    mca_btl_segmsg.wait.row_ticks =
        mca_btl_segmsg.config.message.poll_interval == 0
            ? 0
            : segmsg_clock_ticks_in(&mca_btl_segmsg.start, 1000 /* ns */);
    mca_btl_segmsg.node.processes = count_processes(&mca_btl_segmsg);
    mca_btl_segmsg.node.processor_count = segmsg_processors_count(&mca_btl_segmsg.node.processors);
    mca_btl_segmsg.transfers.microsecond = mca_btl_segmsg.wait.row_ticks;
    mca_btl_segmsg.transfers.verify_every =
        segmsg_clock_ticks_in(&mca_btl_segmsg.start, UINT64_C(500000000) /* ns */);
#if SEGMSG_HAVE_OFI
    choose_net_times();
#endif
}
