/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/net/btl_segmsg_net_link.h"
#include "btl/btl_segmsg_busy.h"
#include "btl/btl_segmsg_jobs.h"
#include "btl/btl_segmsg_resume.h"
#include "btl/btl_segmsg_send.h"
#include "btl/btl_segmsg_way.h"

/* Goes on with what had to wait for one peer. */
static int serve_endpoint(mca_btl_segmsg_endpoint_t *endpoint)
{
    int count = mca_btl_segmsg_send_pending(endpoint) + mca_btl_segmsg_jobs_progress(endpoint);
    bool more = false;
    if (endpoint->link != NULL) {
        count += mca_btl_segmsg_link_serve(endpoint->link, &more);
    }
    OPAL_THREAD_LOCK(&endpoint->lock);
    mca_btl_segmsg_check_sender(endpoint);
    /* The PML, which is next, tries again what it keeps. */
    mca_btl_segmsg_endpoint_unblock(endpoint);
    if ((endpoint->is_blocked && !endpoint->retired)
        || !opal_list_is_empty(&endpoint->queue.pending)
        || !opal_list_is_empty(&endpoint->queue.jobs) || more) {
        mca_btl_segmsg_endpoint_set_busy(endpoint);
    }
    OPAL_THREAD_UNLOCK(&endpoint->lock);
    return count;
}

int mca_btl_segmsg_resume(mca_btl_segmsg_module_t *module)
{
    OPAL_THREAD_LOCK(&module->lock);
    size_t turns = opal_list_get_size(&module->peers.busy);
    OPAL_THREAD_UNLOCK(&module->lock);
    int count = 0;
    mca_btl_segmsg_endpoint_t *endpoint;
    while (turns-- != 0 && (endpoint = mca_btl_segmsg_endpoint_next_busy()) != NULL) {
        count += serve_endpoint(endpoint);
    }
    return count;
}
