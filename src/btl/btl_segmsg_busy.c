/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_busy.h"

void mca_btl_segmsg_endpoint_set_busy(mca_btl_segmsg_endpoint_t *endpoint)
{
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    OPAL_THREAD_LOCK(&module->lock);
    if (!endpoint->busy) {
        endpoint->busy = true;
        opal_list_append(&module->busy, &endpoint->busy_item);
        module->any_busy = true;
    }
    OPAL_THREAD_UNLOCK(&module->lock);
}

void mca_btl_segmsg_endpoint_block(mca_btl_segmsg_endpoint_t *endpoint)
{
    endpoint->blocked = true;
    mca_btl_segmsg_endpoint_set_busy(endpoint);
}

void mca_btl_segmsg_endpoint_unblock(mca_btl_segmsg_endpoint_t *endpoint)
{
    if (endpoint->blocked && !endpoint->retired
        && endpoint->buffered <= mca_btl_segmsg.config.message.queue_limit / 2) {
        endpoint->blocked = false;
    }
}

void mca_btl_segmsg_endpoint_clear_busy(mca_btl_segmsg_endpoint_t *endpoint)
{
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    if (endpoint->busy) {
        opal_list_remove_item(&module->busy, &endpoint->busy_item);
        module->any_busy = !opal_list_is_empty(&module->busy);
        endpoint->busy = false;
    }
}

mca_btl_segmsg_endpoint_t *mca_btl_segmsg_endpoint_next_busy(void)
{
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    mca_btl_segmsg_endpoint_t *endpoint = NULL;
    OPAL_THREAD_LOCK(&module->lock);
    char *item = (char *) opal_list_remove_first(&module->busy);
    if (item != NULL) {
        endpoint = (void *) (item - offsetof(mca_btl_segmsg_endpoint_t, busy_item));
        endpoint->busy = false;
    }
    module->any_busy = !opal_list_is_empty(&module->busy);
    OPAL_THREAD_UNLOCK(&module->lock);
    return endpoint;
}
