/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/net/btl_segmsg_net_keepalive.h"

#if SEGMSG_HAVE_OFI

#include <netinet/in.h>

segmsg_keepalive_t mca_btl_segmsg_net_keepalive = {.live = -1, .closed = -1, .reserve = -1};

void mca_btl_segmsg_net_keepalive_open(void)
{
    if (mca_btl_segmsg.config.hosts.ofi_timeout != 0
        && !segmsg_keepalive_open(&mca_btl_segmsg_net_keepalive)) {
        opal_output_verbose(
            1, opal_btl_base_framework.framework_output,
            "segmsg: no sockets for the keepalive: peers on other hosts cannot tell "
            "that this process has ended");
    }
}

void mca_btl_segmsg_net_keepalive_close(void)
{
    segmsg_keepalive_close(&mca_btl_segmsg_net_keepalive);
}

void mca_btl_segmsg_net_keepalive_publish(mca_btl_segmsg_net_t *net,
                                          mca_btl_segmsg_net_modex_t *modex)
{
    const struct sockaddr_in *address = net->ofi.info->src_addr;
    bool has_address = address != NULL && net->ofi.info->src_addrlen >= sizeof(*address)
                       && address->sin_family == AF_INET;
    if (mca_btl_segmsg_net_keepalive.live >= 0 && has_address) {
        modex->keepalive =
            (segmsg_keepalive_peer_t){.address = address->sin_addr.s_addr,
                                      .live_port = mca_btl_segmsg_net_keepalive.live_port,
                                      .closed_port = mca_btl_segmsg_net_keepalive.closed_port};
    }
}

void mca_btl_segmsg_net_keepalive_forget(mca_btl_segmsg_link_t *link)
{
    if (link->alive.probe.socket >= 0) {
        segmsg_probe_end(&link->alive.probe, &mca_btl_segmsg_net_keepalive);
        --link->net->silence.probes;
    }
}

#endif /* SEGMSG_HAVE_OFI */
