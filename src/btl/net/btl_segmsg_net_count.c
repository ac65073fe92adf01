/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What the interfaces count, for performance variables and the report.
 */
#include "btl/net/btl_segmsg_net_count.h"

#if SEGMSG_HAVE_OFI

#include <inttypes.h>

/* Messages or partitions that were sent through `group` of an interface. */
static uint64_t sent(const mca_btl_segmsg_net_t *net, uint32_t group, bool partitions)
{
    uint64_t sum =
        partitions ? net->counts.past_partitions[group] : net->counts.past_messages[group];
    mca_btl_segmsg_endpoint_t *endpoint;
    OPAL_LIST_FOREACH (endpoint, &net->endpoints, mca_btl_segmsg_endpoint_t) {
        if (endpoint->link != NULL) {
            const segmsg_source_t *source = &endpoint->link->source;
            sum += partitions ? source->partitions[group] : source->messages[group];
        }
    }
    return sum;
}

static uint64_t all_sent(const mca_btl_segmsg_net_t *net)
{
    uint64_t sum = 0;
    for (uint32_t group = 0; group < SEGMSG_GROUPS_MAX; ++group) {
        sum += sent(net, group, false);
    }
    return sum;
}

static uint64_t one_count(const mca_btl_segmsg_net_t *net, mca_btl_segmsg_net_count_t what)
{
    switch (what) {
    case SEGMSG_NET_MESSAGES:
        return all_sent(net);
    case SEGMSG_NET_WRITES:
        return net->ofi.counts.writes;
    case SEGMSG_NET_PARTS:
        return net->ofi.counts.parts;
    case SEGMSG_NET_CONTROL:
        return net->ofi.counts.tells;
    case SEGMSG_NET_RECALLS:
        return net->counts.recalls;
    case SEGMSG_NET_DELIVERED:
        return net->counts.delivered;
    case SEGMSG_NET_BYTES:
        return net->counts.delivered_bytes;
    case SEGMSG_NET_STRANGE:
        return net->counts.strange + net->counts.nobodys + net->ofi.counts.unnamed;
    }
    return 0;
}

uint64_t mca_btl_segmsg_net_count(mca_btl_segmsg_net_count_t what)
{
    uint64_t sum = 0;
    for (unsigned rail = 0; rail < mca_btl_segmsg_nets; ++rail) {
        sum += one_count(mca_btl_segmsg_net[rail], what);
    }
    return sum;
}

uint32_t mca_btl_segmsg_net_groups(void)
{
    return mca_btl_segmsg.config.hosts_groups.geometry.group_count;
}

void mca_btl_segmsg_net_add_sent(unsigned long long *by_group, bool partitions)
{
    for (unsigned rail = 0; rail < mca_btl_segmsg_nets; ++rail) {
        for (uint32_t group = 0; group < mca_btl_segmsg_net_groups(); ++group) {
            by_group[group] += sent(mca_btl_segmsg_net[rail], group, partitions);
        }
    }
}

void mca_btl_segmsg_net_add_received(unsigned long long *by_group)
{
    for (unsigned rail = 0; rail < mca_btl_segmsg_nets; ++rail) {
        for (uint32_t group = 0; group < mca_btl_segmsg_net_groups(); ++group) {
            by_group[group] += mca_btl_segmsg_net[rail]->targets.past[group];
        }
    }
}

void mca_btl_segmsg_net_report(void)
{
    for (unsigned rail = 0; rail < mca_btl_segmsg_nets; ++rail) {
        const mca_btl_segmsg_net_t *net = mca_btl_segmsg_net[rail];
        const segmsg_ofi_t *ofi = &net->ofi;
        uint64_t full = net->counts.past_full;
        mca_btl_segmsg_endpoint_t *endpoint;
        OPAL_LIST_FOREACH (endpoint, &net->endpoints, mca_btl_segmsg_endpoint_t) {
            full += endpoint->link == NULL ? 0 : endpoint->link->source.full;
        }
        opal_output(0,
                    "segmsg %s rail %u: messages %" PRIu64 ", writes %" PRIu64 " (%" PRIu64
                    " injected, %" PRIu64 " further parts), %" PRIu64
                    " times full, control %" PRIu64 ", recalls %" PRIu64 ", puts %" PRIu64
                    ", gets %" PRIu64 ", atomics %" PRIu64 "; delivered %" PRIu64
                    ", bytes %" PRIu64,
                    OPAL_NAME_PRINT(OPAL_PROC_MY_NAME), rail, all_sent(net), ofi->counts.writes,
                    ofi->counts.injected, ofi->counts.parts, full, ofi->counts.tells,
                    net->counts.recalls, ofi->counts.puts, ofi->counts.gets, ofi->counts.atomics,
                    net->counts.delivered, net->counts.delivered_bytes);
    }
}

#endif /* SEGMSG_HAVE_OFI */
