/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_agree.h"
#include "btl/btl_segmsg_eager.h"
#include "btl/btl_segmsg_endpoint.h"
#include "btl/btl_segmsg_params.h"
#include "btl/btl_segmsg_polling.h"
#include "btl/btl_segmsg_procs.h"
#include "btl/btl_segmsg_report.h"
#include "btl/btl_segmsg_times.h"
#include "btl/btl_segmsg_yield.h"
#include "btl/net/btl_segmsg_net_progress.h"

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
 * Gives up the peers that do not reach us: they use another BTL. Done when all have been tried, so that
 * everybody has said what others wait for.
 */
static void keep_agreed(size_t count, mca_btl_base_endpoint_t **peers, opal_bitmap_t *reachable)
{
    segmsg_deadline_t deadline =
        segmsg_deadline_in(mca_btl_segmsg.config.memory.agree_timeout * INT64_C(1000000000));
    for (size_t p = 0; p < count; ++p) {
        mca_btl_segmsg_endpoint_t *endpoint = peers[p];
        if (endpoint == NULL || endpoint->users != 1 || mca_btl_segmsg_agree(endpoint, &deadline)) {
            continue;
        }
        peers[p] = NULL;
        mca_btl_segmsg.node.has_others = true;
        if (reachable != NULL) {
            opal_bitmap_clear_bit(reachable, (int) p);
        }
        mca_btl_segmsg_endpoint_release(endpoint);
    }
}

int mca_btl_segmsg_add_procs(mca_btl_base_module_t *btl, size_t count, opal_proc_t **procs,
                             mca_btl_base_endpoint_t **peers, opal_bitmap_t *reachable)
{
    (void) btl;
    const opal_proc_t *self = opal_proc_local_get();
    bool has_self = false;
    for (size_t p = 0; p < count; ++p) {
        peers[p] = NULL;
        has_self = has_self || procs[p] == self;
        if (mca_btl_segmsg.declined || (procs[p] == self && another_serves_self())) {
            continue;
        }
        mca_btl_segmsg_endpoint_t *endpoint = mca_btl_segmsg_endpoint_get(procs[p]);
        if (endpoint == NULL) {
            mca_btl_segmsg.node.has_others = true;
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
    }
    if (has_self && count > 1) { /* MPI_Init: all processes of the job are at the same */
        keep_agreed(count, peers, reachable);
    }
    if (mca_btl_segmsg_nets == 0 && segmsg_compat_job_size() > segmsg_compat_local_peers() + 1) {
        mca_btl_segmsg.node.has_others = true; /* of which Open MPI may tell later, or never */
    }
    mca_btl_segmsg_polling_stop(); /* who polls reads what is chosen */
    mca_btl_segmsg_choose_times();
    mca_btl_segmsg_choose_eager_limit();
    mca_btl_segmsg_choose_wait();
    mca_btl_segmsg_polling_resume();
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
    module->idle.is_special = 0;
    if (module->config.message.report) {
        mca_btl_segmsg_report();
    }
    while (!opal_list_is_empty(&module->peers.endpoints)) {
        mca_btl_segmsg_endpoint_release(
            (mca_btl_segmsg_endpoint_t *) opal_list_get_first(&module->peers.endpoints));
    }
    segmsg_receiver_destroy(&module->receiver);
    segmsg_memory_close(&module->memory);
    return OPAL_SUCCESS;
}
