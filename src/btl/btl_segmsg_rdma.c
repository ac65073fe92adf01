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
#include "btl/btl_segmsg_report.h"
#include "btl/btl_segmsg_serve.h"

#include "base/copy_long.h"
#include "transfer/plan.h"

OBJ_CLASS_INSTANCE(mca_btl_segmsg_operation_t, opal_list_item_t, NULL, NULL);

/* Enters an operation so that its answer finds it; NULL if there is no memory. */
static mca_btl_segmsg_operation_t *operation_start(const mca_btl_segmsg_transfer_t *transfer)
{
    mca_btl_segmsg_operation_t *operation = OBJ_NEW(mca_btl_segmsg_operation_t);
    if (operation == NULL) {
        return NULL;
    }
    operation->transfer = *transfer;
    operation->remaining = transfer->size;
    operation->is_32bit = false;
    operation->is_fetching = false;
    static _Atomic uint32_t generations;
    /* Relaxed: a number that differs from those of the operations before. */
    operation->generation = atomic_fetch_add_explicit(&generations, 1, memory_order_relaxed);
    operation->index = opal_pointer_array_add(&mca_btl_segmsg.operations, operation);
    if (operation->index < 0) {
        OBJ_RELEASE(operation);
        return NULL;
    }
    atomic_fetch_add_explicit(&mca_btl_segmsg.under_way, 1, memory_order_relaxed);
    return operation;
}

static void operation_forget(mca_btl_segmsg_operation_t *operation)
{
    opal_pointer_array_set_item(&mca_btl_segmsg.operations, operation->index, NULL);
    atomic_fetch_sub_explicit(&mca_btl_segmsg.under_way, 1, memory_order_relaxed);
}

static void operation_finish(mca_btl_segmsg_operation_t *operation, int status)
{
    operation_forget(operation);
    mca_btl_segmsg_transfer_done(&operation->transfer, status);
    OBJ_RELEASE(operation);
}

/* Asks the target for `header`; the operation ends with the answer, or here if it cannot be sent. */
static int operation_ask(mca_btl_segmsg_operation_t *operation,
                         mca_btl_segmsg_rdma_header_t *header, const void *data, uint64_t size)
{
    header->operation = (uint32_t) operation->index;
    header->generation = operation->generation;
    int rc = mca_btl_segmsg_job_start(operation->transfer.endpoint, header, data, size, 0);
    if (rc != OPAL_SUCCESS) {
        operation_forget(operation);
        OBJ_RELEASE(operation);
    }
    return rc;
}

void mca_btl_segmsg_rdma_cancel(mca_btl_segmsg_endpoint_t *endpoint)
{
    opal_list_item_t *job;
    while ((job = opal_list_remove_first(&endpoint->jobs)) != NULL) {
        OBJ_RELEASE(job);
    }
    opal_pointer_array_t *operations = &mca_btl_segmsg.operations;
    for (int index = 0; index < opal_pointer_array_get_size(operations); ++index) {
        mca_btl_segmsg_operation_t *operation = opal_pointer_array_get_item(operations, index);
        if (operation != NULL && operation->transfer.endpoint == endpoint) {
            operation_finish(operation, OPAL_ERR_UNREACH);
        }
    }
}

/* An old value arrives where the caller wants it. */
static void store_old_value(void *local_address, bool is_32bit, uint64_t value)
{
    if (is_32bit) {
        uint32_t narrow = (uint32_t) value;
        memcpy(local_address, &narrow, sizeof(narrow));
    } else {
        memcpy(local_address, &value, sizeof(value));
    }
}

void mca_btl_segmsg_operation_answer(const mca_btl_segmsg_rdma_header_t *header,
                                     const void *payload)
{
    mca_btl_segmsg_operation_t *operation =
        opal_pointer_array_get_item(&mca_btl_segmsg.operations, (int) header->operation);
    if (OPAL_UNLIKELY(operation == NULL || operation->generation != header->generation)) {
        return; /* cancelled meanwhile */
    }
    if (header->kind == SEGMSG_RDMA_DATA) {
        if (OPAL_UNLIKELY(header->size > operation->remaining
                          || header->address > operation->transfer.size - header->size)) {
            mca_btl_segmsg_fail(operation->transfer.endpoint, SEGMSG_ERR_CORRUPT);
        }
        segmsg_copy_long((char *) operation->transfer.local + header->address, payload,
                         header->size);
        operation->remaining -= header->size;
        if (operation->remaining != 0) {
            return;
        }
    } else if (operation->is_fetching) {
        store_old_value(operation->transfer.local, operation->is_32bit, header->operand[0]);
    }
    operation_finish(operation, OPAL_SUCCESS);
}

int mca_btl_segmsg_transfer_by_messages(const mca_btl_segmsg_transfer_t *transfer)
{
    mca_btl_segmsg_operation_t *operation = operation_start(transfer);
    if (operation == NULL) {
        return OPAL_ERR_OUT_OF_RESOURCE;
    }
    if (transfer->is_put) {
        mca_btl_segmsg_rdma_header_t put = {.kind = SEGMSG_RDMA_PUT, .address = transfer->remote};
        return operation_ask(operation, &put, transfer->local, transfer->size);
    }
    mca_btl_segmsg_rdma_header_t get = {.kind = SEGMSG_RDMA_GET,
                                        .address = transfer->remote,
                                        .size = transfer->size,
                                        .operand = {(uint64_t) (uintptr_t) transfer->local, 0}};
    return operation_ask(operation, &get, NULL, 0);
}

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
    return transfer->endpoint->single_copy
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
    if (endpoint->single_copy && mca_btl_segmsg_transfers_start(&transfer)) {
        return OPAL_SUCCESS;
    }
    uint64_t begun = segmsg_plan_copy_begins(&mca_btl_segmsg.transfers);
    if (OPAL_LIKELY(transfer_here(&transfer))) {
        segmsg_plan_note_copy(&mca_btl_segmsg.transfers, &endpoint->transfers, is_put, size, begun);
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
            store_old_value(local_address, header->is_32bit != 0, old);
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
    mca_btl_segmsg_operation_t *operation = operation_start(&transfer);
    if (operation == NULL) {
        return OPAL_ERR_OUT_OF_RESOURCE;
    }
    operation->is_32bit = header->is_32bit != 0;
    operation->is_fetching = is_fetching;
    return operation_ask(operation, header, NULL, 0);
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
