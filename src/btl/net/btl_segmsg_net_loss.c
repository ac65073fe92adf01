/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/net/btl_segmsg_net_loss.h"
#include "btl/net/btl_segmsg_net_operations.h"
#include "btl/btl_segmsg_report.h"
#include "btl/btl_segmsg_send.h"
#include "btl/btl_segmsg_operations.h"

#if SEGMSG_HAVE_OFI

void mca_btl_segmsg_link_lost(mca_btl_segmsg_link_t *link, const char *why)
{
    mca_btl_segmsg_endpoint_t *endpoint = link->endpoint;
    mca_btl_segmsg_net_t *net = link->net;
    if (link->loss.is_lost || link->loss.has_left || net->closing.end != 0) {
        return;
    }
    link->loss.is_lost = true;
    mca_btl_segmsg_say("ofi-lost", opal_process_info.nodename,
                       OPAL_NAME_PRINT(endpoint->proc->proc_name),
                       opal_get_proc_hostname(endpoint->proc), why);
    mca_btl_segmsg_fail_pending(endpoint);
    mca_btl_segmsg_net_operations_cancel(net, endpoint);
    mca_btl_segmsg_rdma_cancel(endpoint);
    if (net->error_cb != NULL) {
        net->error_cb(&net->super, MCA_BTL_ERROR_FLAGS_NONFATAL, endpoint->proc, (char *) why);
    }
}

void mca_btl_segmsg_net_lost(mca_btl_segmsg_net_t *net, const char *why)
{
    mca_btl_segmsg_say("ofi-lost", opal_process_info.nodename, "?", "?", why);
    if (net->error_cb != NULL) {
        net->error_cb(&net->super, MCA_BTL_ERROR_FLAGS_FATAL, NULL, (char *) why);
    }
}

#endif /* SEGMSG_HAVE_OFI */
