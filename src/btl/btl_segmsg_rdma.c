/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The origin's side of put, get and atomics.
 */
#include "btl/btl_segmsg_ob1.h"
#include "btl/btl_segmsg_rdma.h"
#include "btl/btl_segmsg_transfers.h"
#include "btl/btl_segmsg_copy.h"
#include "btl/btl_segmsg_eager.h"
#include "btl/btl_segmsg_wait.h"
#include "btl/btl_segmsg_atomics.h"
#include "btl/btl_segmsg_operations.h"

#include "base/clock.h"
#include "base/copy_long.h"
#include "transfer/plan.h"

/* Does a transfer at once, in one copy; false if that cannot be. */
static bool transfer_here(const mca_btl_segmsg_transfer_t *transfer)
{
    void *remote = (void *) (uintptr_t) transfer->remote;
    if (transfer->size == 0) {
        return true;
    }
    if (transfer->endpoint->is_self) {
        memcpy(transfer->is_put ? remote : transfer->local,
               transfer->is_put ? transfer->local : remote, transfer->size);
        return true;
    }
    return transfer->endpoint->copy.copiers != 0
           && mca_btl_segmsg_copy(transfer->endpoint, transfer->is_put, transfer->local,
                                  transfer->remote, transfer->size);
}

/* Does a put or a get in the best way there is. */
static int start_transfer(bool is_put, mca_btl_segmsg_endpoint_t *endpoint, void *local,
                          uint64_t remote, mca_btl_base_registration_handle_t *local_handle,
                          size_t size, mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext,
                          void *cbdata)
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
    bool is_of_interest = !is_put && size >= SEGMSG_USE_FROM;
    if (is_of_interest) {
        mca_btl_segmsg_eager_note_get(size);
    }
    if (endpoint->copy.copiers != 0 && mca_btl_segmsg_transfers_start(&transfer)) {
        return OPAL_SUCCESS;
    }
    uint64_t begun = segmsg_plan_copy_begins(&mca_btl_segmsg.transfers, size);
    if (OPAL_LIKELY(transfer_here(&transfer))) {
        segmsg_plan_note_copy(&mca_btl_segmsg.transfers, &endpoint->transfers, is_put, size, begun);
        if (is_of_interest && begun == 0) { /* else this was said just now */
            mca_btl_segmsg_took(segmsg_clock_ticks());
        }
        mca_btl_segmsg_transfer_done(&transfer, OPAL_SUCCESS);
        return OPAL_SUCCESS;
    }
    return mca_btl_segmsg_transfer_by_messages(&transfer);
}

int mca_btl_segmsg_put(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                       void *local_address, uint64_t remote_address,
                       mca_btl_base_registration_handle_t *local_handle,
                       mca_btl_base_registration_handle_t *remote_handle, size_t size, int flags,
                       int order, mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext,
                       void *cbdata)
{
    (void) btl, (void) remote_handle, (void) flags, (void) order;
    return start_transfer(true, endpoint, local_address, remote_address, local_handle, size, cbfunc,
                          cbcontext, cbdata);
}

int mca_btl_segmsg_get(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                       void *local_address, uint64_t remote_address,
                       mca_btl_base_registration_handle_t *local_handle,
                       mca_btl_base_registration_handle_t *remote_handle, size_t size, int flags,
                       int order, mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext,
                       void *cbdata)
{
    (void) remote_handle, (void) flags, (void) order;
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
    return start_transfer(false, endpoint, local_address, remote_address, local_handle, size,
                          cbfunc, cbcontext, cbdata);
}

/* An atomic, fetching or not: on the own memory at once, on a peer's by asking it. */
static int start_atomic(mca_btl_base_endpoint_t *endpoint, void *local_address,
                        mca_btl_base_registration_handle_t *local_handle,
                        mca_btl_segmsg_rdma_header_t *header, bool is_fetching,
                        mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext, void *cbdata)
{
    if (endpoint->is_self) {
        uint64_t old = mca_btl_segmsg_atomic_do(header);
        if (is_fetching) {
            mca_btl_segmsg_store_old_value(local_address, header->is_32bit != 0, old);
        }
        cbfunc(endpoint->btl, endpoint, local_address, local_handle, cbcontext, cbdata,
               OPAL_SUCCESS);
        return OPAL_SUCCESS;
    }
    const mca_btl_segmsg_transfer_t transfer = {.endpoint = endpoint,
                                                .local = local_address,
                                                .local_handle = local_handle,
                                                .cbfunc = cbfunc,
                                                .cbcontext = cbcontext,
                                                .cbdata = cbdata};
    mca_btl_segmsg_operation_t *operation = mca_btl_segmsg_operation_start(&transfer);
    if (operation == NULL) {
        return OPAL_ERR_OUT_OF_RESOURCE;
    }
    operation->is_32bit = header->is_32bit != 0;
    operation->is_fetching = is_fetching;
    return mca_btl_segmsg_operation_ask(operation, header, NULL, 0);
}

int mca_btl_segmsg_atomic_op(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                             uint64_t remote_address,
                             mca_btl_base_registration_handle_t *remote_handle,
                             mca_btl_base_atomic_op_t op, uint64_t operand, int flags, int order,
                             mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext,
                             void *cbdata)
{
    (void) btl, (void) remote_handle, (void) order;
    mca_btl_segmsg_rdma_header_t header = {.kind = SEGMSG_RDMA_ATOMIC,
                                           .is_32bit = !!(flags & MCA_BTL_ATOMIC_FLAG_32BIT),
                                           .atomic = (uint32_t) op,
                                           .address = remote_address,
                                           .operand = {operand, 0}};
    return start_atomic(endpoint, NULL, NULL, &header, false, cbfunc, cbcontext, cbdata);
}

int mca_btl_segmsg_atomic_fop(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                              void *local_address, uint64_t remote_address,
                              mca_btl_base_registration_handle_t *local_handle,
                              mca_btl_base_registration_handle_t *remote_handle,
                              mca_btl_base_atomic_op_t op, uint64_t operand, int flags, int order,
                              mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext,
                              void *cbdata)
{
    (void) btl, (void) remote_handle, (void) order;
    mca_btl_segmsg_rdma_header_t header = {.kind = SEGMSG_RDMA_ATOMIC,
                                           .is_32bit = !!(flags & MCA_BTL_ATOMIC_FLAG_32BIT),
                                           .atomic = (uint32_t) op,
                                           .address = remote_address,
                                           .operand = {operand, 0}};
    return start_atomic(endpoint, local_address, local_handle, &header, true, cbfunc, cbcontext,
                        cbdata);
}

int mca_btl_segmsg_cswap_by_message(mca_btl_base_endpoint_t *endpoint, void *local_address,
                                    uint64_t remote_address,
                                    mca_btl_base_registration_handle_t *local_handle,
                                    uint64_t compare, uint64_t value, int flags,
                                    mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext,
                                    void *cbdata)
{
    mca_btl_segmsg_rdma_header_t header = {.kind = SEGMSG_RDMA_SWAP,
                                           .is_32bit = !!(flags & MCA_BTL_ATOMIC_FLAG_32BIT),
                                           .address = remote_address,
                                           .operand = {compare, value}};
    return start_atomic(endpoint, local_address, local_handle, &header, true, cbfunc, cbcontext,
                        cbdata);
}

int mca_btl_segmsg_atomic_cswap(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                                void *local_address, uint64_t remote_address,
                                mca_btl_base_registration_handle_t *local_handle,
                                mca_btl_base_registration_handle_t *remote_handle, uint64_t compare,
                                uint64_t value, int flags, int order,
                                mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext,
                                void *cbdata)
{
    (void) btl, (void) remote_handle, (void) order;
    return SEGMSG_OFFERS_CSWAP
               ? mca_btl_segmsg_cswap_by_message(endpoint, local_address, remote_address,
                                                 local_handle, compare, value, flags, cbfunc,
                                                 cbcontext, cbdata)
               : OPAL_ERR_NOT_SUPPORTED;
}
