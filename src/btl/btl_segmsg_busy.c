/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_busy.h"
#include "btl/btl_segmsg_disturb.h"

void mca_btl_segmsg_endpoint_set_busy(mca_btl_segmsg_endpoint_t *endpoint)
{
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    OPAL_THREAD_LOCK(&module->lock);
    if (!endpoint->queue.busy) {
        endpoint->queue.busy = true;
        opal_list_append(&module->peers.busy, &endpoint->queue.busy_item);
        module->idle.any_busy = true;
        mca_btl_segmsg_disturb();
    }
    OPAL_THREAD_UNLOCK(&module->lock);
}

void mca_btl_segmsg_endpoint_block(mca_btl_segmsg_endpoint_t *endpoint)
{
    endpoint->is_blocked = true;
    mca_btl_segmsg_endpoint_set_busy(endpoint);
}

void mca_btl_segmsg_endpoint_unblock(mca_btl_segmsg_endpoint_t *endpoint)
{
    if (endpoint->is_blocked && !endpoint->retired
        && endpoint->queue.buffered <= mca_btl_segmsg.config.message.queue_limit / 2) {
        endpoint->is_blocked = false;
    }
}

void mca_btl_segmsg_endpoint_clear_busy(mca_btl_segmsg_endpoint_t *endpoint)
{
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    if (endpoint->queue.busy) {
        opal_list_remove_item(&module->peers.busy, &endpoint->queue.busy_item);
        module->idle.any_busy = !opal_list_is_empty(&module->peers.busy);
        endpoint->queue.busy = false;
    }
}

mca_btl_segmsg_endpoint_t *mca_btl_segmsg_endpoint_next_busy(void)
{
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    mca_btl_segmsg_endpoint_t *endpoint = NULL;
    OPAL_THREAD_LOCK(&module->lock);
    char *item = (char *) opal_list_remove_first(&module->peers.busy);
    if (item != NULL) {
        endpoint = (void *) (item - offsetof(mca_btl_segmsg_endpoint_t, queue.busy_item));
        endpoint->queue.busy = false;
    }
    module->idle.any_busy = !opal_list_is_empty(&module->peers.busy);
    OPAL_THREAD_UNLOCK(&module->lock);
    return endpoint;
}
