/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_operations.h"
#include "btl/btl_segmsg_atomics.h"
#include "btl/btl_segmsg_jobs.h"
#include "btl/btl_segmsg_report.h"

#include "base/copy_long.h"

OBJ_CLASS_INSTANCE(mca_btl_segmsg_operation_t, opal_list_item_t, NULL, NULL);

mca_btl_segmsg_operation_t *
mca_btl_segmsg_operation_start(const mca_btl_segmsg_transfer_t *transfer)
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
    atomic_fetch_add_explicit(&mca_btl_segmsg.idle.under_way, 1, memory_order_relaxed);
    return operation;
}

static void operation_forget(mca_btl_segmsg_operation_t *operation)
{
    opal_pointer_array_set_item(&mca_btl_segmsg.operations, operation->index, NULL);
    atomic_fetch_sub_explicit(&mca_btl_segmsg.idle.under_way, 1, memory_order_relaxed);
}

static void operation_finish(mca_btl_segmsg_operation_t *operation, int status)
{
    operation_forget(operation);
    mca_btl_segmsg_transfer_done(&operation->transfer, status);
    OBJ_RELEASE(operation);
}

int mca_btl_segmsg_operation_ask(mca_btl_segmsg_operation_t *operation,
                                 mca_btl_segmsg_rdma_header_t *header, const void *data,
                                 uint64_t size)
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
    while ((job = opal_list_remove_first(&endpoint->queue.jobs)) != NULL) {
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
        mca_btl_segmsg_store_old_value(operation->transfer.local, operation->is_32bit,
                                       header->operand[0]);
    }
    operation_finish(operation, OPAL_SUCCESS);
}

int mca_btl_segmsg_transfer_by_messages(const mca_btl_segmsg_transfer_t *transfer)
{
    mca_btl_segmsg_operation_t *operation = mca_btl_segmsg_operation_start(transfer);
    if (operation == NULL) {
        return OPAL_ERR_OUT_OF_RESOURCE;
    }
    if (transfer->is_put) {
        mca_btl_segmsg_rdma_header_t put = {.kind = SEGMSG_RDMA_PUT, .address = transfer->remote};
        return mca_btl_segmsg_operation_ask(operation, &put, transfer->local, transfer->size);
    }
    mca_btl_segmsg_rdma_header_t get = {.kind = SEGMSG_RDMA_GET,
                                        .address = transfer->remote,
                                        .size = transfer->size,
                                        .operand = {(uint64_t) (uintptr_t) transfer->local, 0}};
    return mca_btl_segmsg_operation_ask(operation, &get, NULL, 0);
}
