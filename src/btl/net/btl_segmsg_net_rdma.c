/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Put and get between hosts: straight to and from the program's memory, which is registered.
 */
#include "btl/net/btl_segmsg_net_rdma.h"
#include "btl/net/btl_segmsg_net_atomics.h"
#include "btl/net/btl_segmsg_net_operations.h"
#include "btl/net/btl_segmsg_net_register.h"
#include "btl/btl_segmsg_ob1.h"

#if SEGMSG_HAVE_OFI

static int start_transfer(bool is_put, mca_btl_base_module_t *btl,
                          mca_btl_base_endpoint_t *endpoint, void *local, uint64_t remote,
                          mca_btl_base_registration_handle_t *local_handle,
                          mca_btl_base_registration_handle_t *remote_handle, size_t size,
                          mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext, void *cbdata)
{
    const mca_btl_segmsg_transfer_t transfer = {.endpoint = endpoint,
                                                .is_put = is_put,
                                                .local = local,
                                                .remote = remote,
                                                .size = size,
                                                .local_handle = local_handle,
                                                .cbfunc = cbfunc,
                                                .cbcontext = cbcontext,
                                                .cbdata = cbdata};
    if (endpoint->is_self || size == 0) {
        void *there = (void *) (uintptr_t) remote;
        if (size != 0) {
            memmove(is_put ? there : local, is_put ? local : there, size);
        }
        mca_btl_segmsg_transfer_done(&transfer, OPAL_SUCCESS);
        return OPAL_SUCCESS;
    }
    if (endpoint->link->loss.is_lost) {
        return OPAL_ERR_UNREACH;
    }
    mca_btl_segmsg_net_operation_t *operation =
        mca_btl_segmsg_net_operation_make(btl, &transfer, remote_handle);
    return operation == NULL ? OPAL_ERR_OUT_OF_RESOURCE
                             : mca_btl_segmsg_net_operation_start(operation);
}

static int put(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint, void *local_address,
               uint64_t remote_address, mca_btl_base_registration_handle_t *local_handle,
               mca_btl_base_registration_handle_t *remote_handle, size_t size, int flags, int order,
               mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext, void *cbdata)
{
    (void) flags, (void) order;
    return start_transfer(true, btl, endpoint, local_address, remote_address, local_handle,
                          remote_handle, size, cbfunc, cbcontext, cbdata);
}

static int get(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint, void *local_address,
               uint64_t remote_address, mca_btl_base_registration_handle_t *local_handle,
               mca_btl_base_registration_handle_t *remote_handle, size_t size, int flags, int order,
               mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext, void *cbdata)
{
    (void) flags, (void) order;
    const mca_btl_segmsg_ob1_get_t get = {.btl = btl,
                                          .endpoint = endpoint,
                                          .local = local_address,
                                          .remote = remote_address,
                                          .local_handle = local_handle,
                                          .cbfunc = cbfunc,
                                          .cbcontext = cbcontext,
                                          .cbdata = cbdata};
    if (OPAL_UNLIKELY(!mca_btl_segmsg_ob1_fit(&get, &size))) {
        return OPAL_SUCCESS;
    }
    return start_transfer(false, btl, endpoint, local_address, remote_address, local_handle,
                          remote_handle, size, cbfunc, cbcontext, cbdata);
}

bool mca_btl_segmsg_net_rdma_open(mca_btl_segmsg_net_t *net)
{
    OBJ_CONSTRUCT(&net->onesided.waiting, opal_list_t);
    OBJ_CONSTRUCT(&net->onesided.finished, opal_list_t);
    net->onesided.rcache = mca_btl_segmsg_net_register_cache(net);
    return net->onesided.rcache != NULL && mca_btl_segmsg_net_atomics_open(net);
}

void mca_btl_segmsg_net_rdma_set_module(mca_btl_segmsg_net_t *net)
{
    mca_btl_base_module_t *btl = &net->super;
    btl->btl_register_mem = mca_btl_segmsg_net_register_mem;
    btl->btl_deregister_mem = mca_btl_segmsg_net_deregister_mem;
    btl->btl_registration_handle_size = sizeof(mca_btl_base_registration_handle_t);
    if (!net->ofi.needs_local) {
        btl->btl_get_local_registration_threshold = SIZE_MAX;
        btl->btl_put_local_registration_threshold = SIZE_MAX;
    }
    btl->btl_put = put;
    btl->btl_get = get;
    mca_btl_segmsg_net_atomics_set_module(net);
}

void mca_btl_segmsg_net_rdma_close(mca_btl_segmsg_net_t *net)
{
    if (net->onesided.rcache != NULL) {
        mca_rcache_base_module_destroy(net->onesided.rcache);
        net->onesided.rcache = NULL;
    }
    mca_btl_segmsg_net_atomics_close(net);
}

#endif /* SEGMSG_HAVE_OFI */
