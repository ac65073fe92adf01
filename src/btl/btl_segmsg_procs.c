/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg.h"

/* True if another BTL loops back to the own process. */
static bool another_serves_self(void)
{
    mca_btl_base_selected_module_t *selected;
    OPAL_LIST_FOREACH (selected, &mca_btl_base_modules_initialized,
                       mca_btl_base_selected_module_t) {
        if (strcmp(selected->btl_component->btl_version.mca_component_name, "self") == 0) {
            return true;
        }
    }
    return false;
}

/*
 * The receiver offers a segment for the first message of a new peer (row G3), unless one that an
 * earlier peer has given back stands in the table.
 */
static void offer_segment(void)
{
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    segmsg_export_t *own = &module->shm.export;
    /* Relaxed: a hint. A sender that finds nothing registered registers a segment itself. */
    uint32_t offered =
        atomic_load_explicit(&segmsg_export_head(own)->registered, memory_order_relaxed);
    if (offered < opal_list_get_size(&module->endpoints)) {
        uint32_t segment;
        (void) segmsg_segment_register(own, 0, own->shape.ring_starter, &segment);
    }
}

int mca_btl_segmsg_add_procs(mca_btl_base_module_t *btl, size_t count, opal_proc_t **procs,
                             mca_btl_base_endpoint_t **peers, opal_bitmap_t *reachable)
{
    (void) btl;
    const opal_proc_t *self = opal_proc_local_get();
    for (size_t p = 0; p < count; ++p) {
        peers[p] = NULL;
        if (mca_btl_segmsg.declined || (procs[p] == self && another_serves_self())) {
            continue;
        }
        mca_btl_segmsg_endpoint_t *endpoint = mca_btl_segmsg_endpoint_get(procs[p]);
        if (endpoint == NULL) {
            continue;
        }
        if (reachable != NULL) {
            int rc = opal_bitmap_set_bit(reachable, (int) p);
            if (rc != OPAL_SUCCESS) {
                return rc;
            }
        }
        ++endpoint->users;
        peers[p] = endpoint;
        if (!endpoint->is_self && endpoint->users == 1) {
            offer_segment();
        }
    }
    mca_btl_segmsg_choose_eager_limit();
    return OPAL_SUCCESS;
}

int mca_btl_segmsg_del_procs(mca_btl_base_module_t *btl, size_t count, opal_proc_t **procs,
                             mca_btl_base_endpoint_t **peers)
{
    (void) btl;
    (void) procs;
    for (size_t p = 0; p < count; ++p) {
        mca_btl_segmsg_endpoint_t *endpoint = peers[p];
        if (endpoint != NULL && --endpoint->users == 0) {
            mca_btl_segmsg_endpoint_release(endpoint);
        }
        /* peers[p] stays as it is: bml/r2 compares it with the entry in its list for RDMA, and
         * where they differ it asks again, for an endpoint that is no longer there. */
    }
    return OPAL_SUCCESS;
}

int mca_btl_segmsg_finalize(mca_btl_base_module_t *btl)
{
    mca_btl_segmsg_module_t *module = (mca_btl_segmsg_module_t *) btl;
    if (!module->initialised) {
        return OPAL_SUCCESS;
    }
    module->initialised = false;
    if (module->config.report) {
        mca_btl_segmsg_report();
    }
    while (!opal_list_is_empty(&module->endpoints)) {
        mca_btl_segmsg_endpoint_release(
            (mca_btl_segmsg_endpoint_t *) opal_list_get_first(&module->endpoints));
    }
    segmsg_receiver_destroy(&module->receiver);
    segmsg_shm_destroy(&module->shm);
    return OPAL_SUCCESS;
}
