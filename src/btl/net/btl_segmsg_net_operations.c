/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/net/btl_segmsg_net_operations.h"
#include "btl/net/btl_segmsg_net_failure.h"
#include "btl/net/btl_segmsg_net_link.h"
#include "btl/net/btl_segmsg_net_tell.h"

#if SEGMSG_HAVE_OFI

static OBJ_CLASS_INSTANCE(mca_btl_segmsg_net_operation_t, opal_list_item_t, NULL, NULL);

/* All of an operation is done: Open MPI is told when the gate is open again. */
static void finish(mca_btl_segmsg_net_operation_t *operation)
{
    opal_list_append(&operation->net->onesided.finished, &operation->super);
}

static mca_btl_segmsg_net_operation_t *operation_of_part(segmsg_ofi_operation_t *part)
{
    return part->owner;
}

/* Puts an operation among those that have parts to start. */
static void wait_for_turn(mca_btl_segmsg_net_operation_t *operation)
{
    if (!operation->is_waiting) {
        operation->is_waiting = true;
        opal_list_append(&operation->net->onesided.waiting, &operation->super);
    }
}

static void part_done(segmsg_ofi_operation_t *part, int error)
{
    mca_btl_segmsg_net_operation_t *operation = operation_of_part(part);
    operation->is_part_busy[part - operation->part] = false;
    --operation->parts_busy;
    if (error != 0) {
        operation->status = OPAL_ERR_UNREACH;
        operation->started = operation->transfer.size;
        mca_btl_segmsg_link_failed(operation->transfer.endpoint->link, error);
    }
    if (operation->started < operation->transfer.size && !operation->is_atomic) {
        wait_for_turn(operation);
    } else if (operation->parts_busy == 0 && !operation->is_waiting) {
        finish(operation);
    }
}

/* Starts an atomic. The gate is held. */
static int start_atomic(mca_btl_segmsg_net_operation_t *operation)
{
    mca_btl_segmsg_net_t *net = operation->net;
    mca_btl_segmsg_net_words_t *words = operation->words;
    return segmsg_ofi_atomic(&net->ofi, operation->transfer.endpoint->link->address, operation->op,
                             operation->is_32bit, &words->operand, &words->compare,
                             operation->is_fetching ? &words->result : NULL,
                             net->onesided.atomics_region.descriptor, operation->remote,
                             operation->key, &operation->part[0]);
}

/* Longest part of a transfer in bytes: where the kernel carries them, several that are under way at a time
 * are faster than a long one that does not fit its buffers. */
static size_t part_bytes(const mca_btl_segmsg_net_t *net)
{
    size_t most = net->ofi.max_message;
    unsigned get_part = mca_btl_segmsg.config.hosts.ofi_rdma_chunk;
    return net->ofi.is_cpu_bound && get_part != 0 && get_part < most ? get_part : most;
}

/* Starts one part of a transfer. The gate is held. 0 or an error. */
static int start_part(mca_btl_segmsg_net_operation_t *operation)
{
    mca_btl_segmsg_net_t *net = operation->net;
    const mca_btl_segmsg_transfer_t *transfer = &operation->transfer;
    const mca_btl_segmsg_link_t *link = transfer->endpoint->link;
    uint32_t part = 0;
    while (operation->is_part_busy[part]) {
        ++part;
    }
    size_t left = transfer->size - operation->started;
    size_t most = part_bytes(net);
    size_t bytes = left < most ? left : most;
    char *local = (char *) transfer->local + operation->started;
    uint64_t remote = operation->remote + operation->started;
    int rc = operation->is_atomic ? start_atomic(operation)
             : transfer->is_put
                 ? segmsg_ofi_put(&net->ofi, link->address, local, bytes, operation->descriptor,
                                  remote, operation->key, &operation->part[part])
                 : segmsg_ofi_get(&net->ofi, link->address, local, bytes, operation->descriptor,
                                  remote, operation->key, &operation->part[part]);
    if (rc == 0) {
        operation->started += operation->is_atomic ? 0 : bytes;
        operation->is_part_busy[part] = true;
        ++operation->parts_busy;
    }
    return rc;
}

/* Starts as many parts of an operation as may be under way. The gate is held. 0: all are, or as many;
 * or an error. */
static int start_parts(mca_btl_segmsg_net_operation_t *operation)
{
    mca_btl_segmsg_link_t *link = operation->transfer.endpoint->link;
    int rc = mca_btl_segmsg_link_insert(link);
    /* What was sent before, as messages go, is not to be overtaken by a write. */
    if (rc == 0 && !mca_btl_segmsg_link_flush(link)) {
        rc = -FI_EAGAIN;
    }
    do {
        rc = rc == 0 ? start_part(operation) : rc;
    } while (rc == 0 && !operation->is_atomic && operation->started < operation->transfer.size
             && operation->parts_busy < MCA_BTL_SEGMSG_NET_PARTS);
    return rc;
}

int mca_btl_segmsg_net_operation_start(mca_btl_segmsg_net_operation_t *operation)
{
    mca_btl_segmsg_net_t *net = operation->net;
    opal_mutex_lock(&net->gate);
    int rc = opal_list_is_empty(&net->onesided.waiting) ? start_parts(operation) : -FI_EAGAIN;
    if (rc == -FI_EAGAIN) {
        wait_for_turn(operation);
        rc = 0;
    }
    if (rc != 0) {
        mca_btl_segmsg_link_failed(operation->transfer.endpoint->link, rc);
    }
    opal_mutex_unlock(&net->gate);
    if (rc != 0) {
        OBJ_RELEASE(operation);
        return OPAL_ERR_UNREACH;
    }
    return OPAL_SUCCESS;
}

/* An atomic's result goes where the caller wants it; its words are free again. */
static void end_atomic(mca_btl_segmsg_net_operation_t *operation)
{
    const mca_btl_segmsg_transfer_t *transfer = &operation->transfer;
    if (operation->is_fetching && operation->status == OPAL_SUCCESS) {
        if (operation->is_32bit) {
            memcpy(transfer->local, &operation->words->result, sizeof(uint32_t));
        } else {
            memcpy(transfer->local, &operation->words->result, sizeof(uint64_t));
        }
    }
    mca_btl_segmsg_net_t *net = operation->net;
    opal_mutex_lock(&net->gate);
    uint32_t index =
        (uint32_t) (operation->words - (mca_btl_segmsg_net_words_t *) net->onesided.atomics);
    net->onesided.atomic_free[net->onesided.atomics_free++] = (uint16_t) index;
    opal_mutex_unlock(&net->gate);
}

int mca_btl_segmsg_net_operations_progress(mca_btl_segmsg_net_t *net)
{
    int count = 0;
    opal_mutex_lock(&net->gate);
    mca_btl_segmsg_net_operation_t *operation;
    size_t turns = opal_list_get_size(&net->onesided.waiting);
    while (turns-- != 0) {
        operation = (mca_btl_segmsg_net_operation_t *) opal_list_get_first(&net->onesided.waiting);
        int rc = operation->transfer.endpoint->link->loss.is_lost ? -FI_ENOTCONN
                                                                  : start_parts(operation);
        if (rc == -FI_EAGAIN) {
            break;
        }
        opal_list_remove_first(&net->onesided.waiting);
        operation->is_waiting = false;
        if (rc != 0) {
            operation->status = OPAL_ERR_UNREACH;
            operation->started = operation->transfer.size;
            if (operation->parts_busy == 0) {
                finish(operation);
            }
        }
        ++count;
    }
    while ((operation =
                (mca_btl_segmsg_net_operation_t *) opal_list_remove_first(&net->onesided.finished))
           != NULL) {
        opal_mutex_unlock(&net->gate);
        if (operation->is_atomic) {
            end_atomic(operation);
        }
        mca_btl_segmsg_transfer_done(&operation->transfer, operation->status);
        OBJ_RELEASE(operation);
        ++count;
        opal_mutex_lock(&net->gate);
    }
    opal_mutex_unlock(&net->gate);
    return count;
}

mca_btl_segmsg_net_operation_t *
mca_btl_segmsg_net_operation_make(mca_btl_base_module_t *btl,
                                  const mca_btl_segmsg_transfer_t *transfer,
                                  const mca_btl_base_registration_handle_t *remote_handle)
{
    mca_btl_segmsg_net_operation_t *operation = OBJ_NEW(mca_btl_segmsg_net_operation_t);
    if (operation != NULL) {
        operation->net = (mca_btl_segmsg_net_t *) btl;
        for (uint32_t part = 0; part < MCA_BTL_SEGMSG_NET_PARTS; ++part) {
            operation->part[part].done = part_done;
            operation->part[part].owner = operation;
            operation->is_part_busy[part] = false;
        }
        operation->parts_busy = 0;
        operation->is_waiting = false;
        operation->transfer = *transfer;
        operation->remote = transfer->remote - remote_handle->base;
        operation->key = remote_handle->key;
        operation->descriptor =
            transfer->local_handle == NULL ? NULL : transfer->local_handle->descriptor;
        operation->started = 0;
        operation->status = OPAL_SUCCESS;
        operation->is_atomic = false;
    }
    return operation;
}

void mca_btl_segmsg_net_operations_cancel(mca_btl_segmsg_net_t *net,
                                          mca_btl_segmsg_endpoint_t *endpoint)
{
    opal_mutex_lock(&net->gate);
    mca_btl_segmsg_net_operation_t *operation;
    mca_btl_segmsg_net_operation_t *next;
    OPAL_LIST_FOREACH_SAFE (operation, next, &net->onesided.waiting,
                            mca_btl_segmsg_net_operation_t) {
        if (operation->transfer.endpoint == endpoint) {
            opal_list_remove_item(&net->onesided.waiting, &operation->super);
            operation->is_waiting = false;
            operation->status = OPAL_ERR_UNREACH;
            operation->started = operation->transfer.size;
            if (operation->parts_busy == 0) {
                finish(operation);
            }
        }
    }
    opal_mutex_unlock(&net->gate);
}

#endif /* SEGMSG_HAVE_OFI */
