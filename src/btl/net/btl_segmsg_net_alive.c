/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Peers and connections that are lost. A provider over TCP retries for a quarter of an hour and more,
 * and a process that only waits for a message has sent nothing that could fail. But a silent peer may
 * just compute, or be stopped by a debugger. So a peer that has been silent for a quarter of
 * btl_segmsg_ofi_timeout is probed at its two ports by turns (fabric/mca_btl_segmsg_net_keepalive.h), where the kernel of
 * its host answers. It is lost if its process has ended, or if neither port has answered for the other
 * three quarters.
 *
 * Only peers with which groups are formed are probed, only by a process that is in MPI, and no more than
 * btl_segmsg_ofi_keepalive_peers at a time: the time of one that is not probed yet has not begun.
 */
#include "btl/net/btl_segmsg_net_alive.h"
#include "btl/net/btl_segmsg_net_loss.h"
#include "btl/net/btl_segmsg_net_keepalive.h"

#if SEGMSG_HAVE_OFI

#include "base/clock.h"

static bool is_in_use(const mca_btl_segmsg_link_t *link)
{
    bool is = false;
    for (uint32_t group = 0; group < SEGMSG_GROUPS_MAX; ++group) {
        is = is || link->source.segment[group].state != SEGMSG_SOURCE_ABSENT
             || link->inlet.formed[group] != 0;
    }
    return is && !link->loss.is_lost && !link->loss.has_left;
}

static uint64_t ticks_of(uint64_t milliseconds)
{
    return segmsg_clock_ticks_in(&mca_btl_segmsg.start, milliseconds * 1000000 /* ns */);
}

/* Ticks after which a probe asks the other port. The kernel repeats a request after 1, 3, 7 seconds. */
static uint64_t turn_ticks(void)
{
    enum { LONGEST = 4000 /* ms, room for three requests */, PARTS = 16 /* of the time-out */ };
    uint64_t part = (uint64_t) mca_btl_segmsg.config.hosts.ofi_timeout * 1000 / PARTS;
    return ticks_of(part < LONGEST ? part : LONGEST);
}

/* Acts on what a probe has found so far. */
static void conclude(mca_btl_segmsg_link_t *link, segmsg_probe_result_t result, uint64_t now,
                     uint64_t timeout)
{
    enum { TURNS = 4 /* both ports were asked twice, however long the process was out of MPI */ };
    if (result == SEGMSG_PROBE_ALIVE) {
        mca_btl_segmsg_net_keepalive_forget(link);
        link->alive.heard = now;
    } else if (result == SEGMSG_PROBE_ENDED) {
        mca_btl_segmsg_net_keepalive_forget(link);
        mca_btl_segmsg_link_lost(link, "its process has ended");
    } else if (link->alive.turns >= TURNS && now - link->alive.asked > timeout - timeout / 4) {
        mca_btl_segmsg_net_keepalive_forget(link);
        mca_btl_segmsg_link_lost(link, "its host or the network does not answer");
    }
}

static void start_probe(mca_btl_segmsg_link_t *link, uint64_t now, uint64_t timeout)
{
    if (link->net->silence.probes >= mca_btl_segmsg.config.hosts.ofi_keepalive_peers) {
        return;
    }
    segmsg_probe_result_t result =
        segmsg_probe_start(&link->alive.probe, &mca_btl_segmsg_net_keepalive,
                           &link->published.keepalive);
    if (link->alive.probe.socket >= 0) {
        ++link->net->silence.probes;
        link->alive.asked = link->alive.turned = now;
        link->alive.turns = 0;
        conclude(link, result, now, timeout);
    }
}

static void look_at_probe(mca_btl_segmsg_link_t *link, uint64_t now, uint64_t timeout)
{
    bool turn = now - link->alive.turned >= turn_ticks();
    segmsg_probe_result_t result =
        segmsg_probe_look(&link->alive.probe, &link->published.keepalive, turn);
    if (turn) {
        link->alive.turned = now;
        ++link->alive.turns;
    }
    conclude(link, result, now, timeout);
}

/* True if the peer is to be asked: it has been silent for long; or something has failed, and it has not
 * answered since, or not for a second. */
static bool is_silent(const mca_btl_segmsg_link_t *link, uint64_t now, uint64_t timeout)
{
    uint64_t suspected = link->net->silence.suspected;
    return now - link->alive.heard > timeout / 4
           || (suspected != 0
               && (link->alive.heard <= suspected || now - link->alive.heard > ticks_of(1000)));
}

static void look_after(mca_btl_segmsg_link_t *link, uint64_t now, uint64_t timeout)
{
    if (link->alive.heard == 0 || link->alive.heard > now) {
        link->alive.heard = now;
    }
    if (!is_silent(link, now, timeout)) {
        mca_btl_segmsg_net_keepalive_forget(link);
    } else if (link->alive.probe.socket >= 0) {
        look_at_probe(link, now, timeout);
    } else {
        start_probe(link, now, timeout);
    }
}

void mca_btl_segmsg_net_alive_suspect(mca_btl_segmsg_net_t *net, int error)
{
    opal_output_verbose(1, opal_btl_base_framework.framework_output,
                        "segmsg: the network interface reports: %s", segmsg_ofi_error_text(error));
    uint64_t now = segmsg_clock_ticks();
    if (net->silence.suspected == 0) {
        net->silence.suspected = now;
        net->silence.suspicion = error;
    }
    net->times.checked = 0; /* look now */
}

void mca_btl_segmsg_net_alive_check(mca_btl_segmsg_net_t *net, uint64_t now)
{
    uint64_t timeout = ticks_of((uint64_t) mca_btl_segmsg.config.hosts.ofi_timeout * 1000);
    if (timeout == 0) {
        return;
    }
    if (mca_btl_segmsg_net_keepalive.live >= 0) {
        segmsg_keepalive_empty_queue(&mca_btl_segmsg_net_keepalive);
    }
    bool is_any_lost = false;
    mca_btl_segmsg_endpoint_t *endpoint;
    mca_btl_segmsg_endpoint_t *next;
    OPAL_LIST_FOREACH_SAFE (endpoint, next, &net->endpoints, mca_btl_segmsg_endpoint_t) {
        mca_btl_segmsg_link_t *link = endpoint->link;
        if (link != NULL && link->published.keepalive.live_port != 0 && is_in_use(link)) {
            look_after(link, now, timeout);
        } else if (link != NULL) {
            mca_btl_segmsg_net_keepalive_forget(link);
        }
        is_any_lost = is_any_lost || (link != NULL && link->loss.is_lost);
    }
    if (net->silence.suspected != 0 && (is_any_lost || now - net->silence.suspected > timeout)) {
        if (!is_any_lost) {
            mca_btl_segmsg_net_lost(net, segmsg_ofi_error_text(net->silence.suspicion));
        }
        net->silence.suspected = 0;
    }
}

#endif /* SEGMSG_HAVE_OFI */
