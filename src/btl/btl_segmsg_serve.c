/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The target's side of put, get and atomics; and the transfers of both sides, which go out message
 * by message as there is room.
 */
#include "btl/btl_segmsg_rdma.h"
#include "btl/btl_segmsg_transfers.h"
#include "btl/btl_segmsg_way.h"
#include "btl/btl_segmsg_copy.h"
#include "btl/btl_segmsg_frag.h"
#include "btl/btl_segmsg_report.h"
#include "btl/btl_segmsg_send.h"
#include "btl/btl_segmsg_serve.h"
#include "btl/btl_segmsg_busy.h"

#include "base/copy_long.h"

enum { SEGMSG_LONG_PAYLOAD = 1024 }; /* bytes */

OBJ_CLASS_INSTANCE(mca_btl_segmsg_job_t, opal_list_item_t, NULL, NULL);

/* Notes in a job's header and in what is left of it that `size` bytes go with this message. */
static void job_describe(mca_btl_segmsg_rdma_header_t *header, uint64_t remaining, size_t size)
{
    if (header->kind == SEGMSG_RDMA_PUT || header->kind == SEGMSG_RDMA_DATA) {
        header->size = size;
        header->is_last = size == remaining;
    }
}

/* Where the payload of a message begins: a long one at a line, so that lines are copied to lines. */
static size_t payload_offset(size_t size)
{
    return size < SEGMSG_LONG_PAYLOAD ? sizeof(mca_btl_segmsg_rdma_header_t) : SEGMSG_LINE;
}

size_t mca_btl_segmsg_rdma_length(size_t size)
{
    return payload_offset(size) + size;
}

void mca_btl_segmsg_rdma_write(void *to, const mca_btl_segmsg_rdma_header_t *header,
                               const void *data, size_t size)
{
    unsigned char *payload = (unsigned char *) to + payload_offset(size);
    if (size >= SEGMSG_LONG_PAYLOAD) {
        segmsg_copy_long(payload, data, size);
    } else if (size != 0) {
        memcpy(payload, data, size);
    }
    memcpy(to, header, sizeof(*header));
}

bool mca_btl_segmsg_rdma_send_now(mca_btl_segmsg_endpoint_t *endpoint,
                                  const mca_btl_segmsg_rdma_header_t *header, const void *data,
                                  size_t size)
{
    size_t length = mca_btl_segmsg_rdma_length(size);
    segmsg_place_t place;
    bool sent = false;
    OPAL_THREAD_LOCK(&endpoint->lock);
    bool is_short = length <= mca_btl_segmsg.config.message.inline_limit;
    if (!endpoint->retired && opal_list_is_empty(&endpoint->pending)
        && (is_short ? mca_btl_segmsg_take(endpoint, length, &place)
                     : mca_btl_segmsg_take_lasting(endpoint, length, &place))
               == SEGMSG_OK) {
        mca_btl_segmsg_rdma_write(place.data, header, data, size);
        sent = mca_btl_segmsg_publish(endpoint, &place, MCA_BTL_SEGMSG_TAG, (uint32_t) length);
        if (OPAL_UNLIKELY(!sent)) {
            mca_btl_segmsg_give_back(endpoint, &place);
        }
    }
    OPAL_THREAD_UNLOCK(&endpoint->lock);
    return sent;
}

/* The same through a fragment, which may wait in the queue: where memory is short. */
static bool job_fragment(mca_btl_segmsg_endpoint_t *endpoint,
                         const mca_btl_segmsg_rdma_header_t *header, const void *data, size_t size)
{
    size_t length = mca_btl_segmsg_rdma_length(size);
    mca_btl_base_descriptor_t *descriptor =
        mca_btl_segmsg_alloc_place(endpoint, MCA_BTL_NO_ORDER, length,
                                   MCA_BTL_DES_FLAGS_BTL_OWNERSHIP);
    if (descriptor == NULL && endpoint->memory_short && opal_list_is_empty(&endpoint->pending)) {
        /* It will go in pieces; one at a time, so that no heap of buffers grows. */
        descriptor = mca_btl_segmsg_alloc_buffer(endpoint, MCA_BTL_NO_ORDER, length,
                                                 MCA_BTL_DES_FLAGS_BTL_OWNERSHIP);
    }
    if (descriptor == NULL) {
        return false;
    }
    mca_btl_segmsg_rdma_write(descriptor->des_segments[0].seg_addr.pval, header, data, size);
    (void) mca_btl_segmsg_send(endpoint->btl, endpoint, descriptor, MCA_BTL_SEGMSG_TAG);
    return true;
}

/* Copies the next piece to the peer's memory; if that cannot be done after all, it all goes in
 * messages. */
static void copy_step(mca_btl_segmsg_endpoint_t *endpoint, mca_btl_segmsg_work_t *work)
{
    uint64_t most = mca_btl_segmsg.config.copy.cooperative_help_max;
    size_t size = work->remaining < most ? (size_t) work->remaining : (size_t) most;
    uint64_t done = work->header.size; /* so far */
    if (OPAL_UNLIKELY(!mca_btl_segmsg_copy(endpoint, true, (void *) (uintptr_t) work->data,
                                           work->to + done, size))) {
        work->data -= done;
        work->remaining += done;
        work->header.size = 0;
        work->header.kind = SEGMSG_RDMA_DATA;
        work->to = 0;
        return;
    }
    work->header.size += size;
    work->data += size;
    work->remaining -= size;
}

/*
 * Sends the next message; false if there is no room. The messages are much shorter than the largest
 * group holds, so that the other side copies one while this side copies the next.
 */
static bool message_step(mca_btl_segmsg_endpoint_t *endpoint, mca_btl_segmsg_work_t *work)
{
    size_t most = mca_btl_segmsg.config.copy.chunk_size;
    size_t size = work->remaining < most ? (size_t) work->remaining : most;
    job_describe(&work->header, work->remaining, size);
    if (!mca_btl_segmsg_rdma_send_now(endpoint, &work->header, work->data, size)
        && !job_fragment(endpoint, &work->header, work->data, size)) {
        return false;
    }
    if (size != 0) {
        work->header.address += size;
        work->data += size;
        work->remaining -= size;
    }
    return true;
}

typedef enum { STEP_NONE, STEP_MORE, STEP_LAST } step_t;

/* Does the next piece of a job, if that can be done now. */
static step_t step(mca_btl_segmsg_endpoint_t *endpoint, mca_btl_segmsg_work_t *work)
{
    if (work->to != 0 && work->remaining != 0) {
        copy_step(endpoint, work);
        return STEP_MORE;
    }
    if (!message_step(endpoint, work)) {
        return STEP_NONE;
    }
    return work->remaining == 0 ? STEP_LAST : STEP_MORE;
}

int mca_btl_segmsg_job_start(mca_btl_segmsg_endpoint_t *endpoint,
                             const mca_btl_segmsg_rdma_header_t *header, const void *data,
                             uint64_t size, uint64_t to)
{
    mca_btl_segmsg_work_t work = {.header = *header, .data = data, .remaining = size, .to = to};
    OPAL_THREAD_LOCK(&endpoint->lock);
    step_t last = opal_list_is_empty(&endpoint->jobs) ? STEP_MORE : STEP_NONE;
    OPAL_THREAD_UNLOCK(&endpoint->lock);
    /* What this process copies takes long: one piece at a time. */
    unsigned turns = to == 0 ? mca_btl_segmsg.config.copy.chunk_batch : 1;
    for (unsigned turn = 0; last == STEP_MORE && turn < turns; ++turn) {
        last = step(endpoint, &work);
    }
    if (last == STEP_LAST) {
        return OPAL_SUCCESS;
    }
    mca_btl_segmsg_job_t *job = OBJ_NEW(mca_btl_segmsg_job_t);
    if (job == NULL) {
        return OPAL_ERR_OUT_OF_RESOURCE;
    }
    job->work = work;
    OPAL_THREAD_LOCK(&endpoint->lock);
    opal_list_append(&endpoint->jobs, &job->super);
    mca_btl_segmsg_endpoint_set_busy(endpoint);
    OPAL_THREAD_UNLOCK(&endpoint->lock);
    return OPAL_SUCCESS;
}

/* Puts a job back among those of its endpoint: where it was, or behind the others. */
static void keep_job(mca_btl_segmsg_endpoint_t *endpoint, mca_btl_segmsg_job_t *job,
                     bool was_served)
{
    OPAL_THREAD_LOCK(&endpoint->lock);
    if (was_served) {
        opal_list_append(&endpoint->jobs, &job->super);
    } else {
        opal_list_prepend(&endpoint->jobs, &job->super);
    }
    OPAL_THREAD_UNLOCK(&endpoint->lock);
}

int mca_btl_segmsg_jobs_progress(mca_btl_segmsg_endpoint_t *endpoint)
{
    int turns = (int) mca_btl_segmsg.config.copy.chunk_batch;
    for (int turn = 0; turn < turns; ++turn) {
        OPAL_THREAD_LOCK(&endpoint->lock);
        mca_btl_segmsg_job_t *job =
            (mca_btl_segmsg_job_t *) opal_list_remove_first(&endpoint->jobs);
        OPAL_THREAD_UNLOCK(&endpoint->lock);
        if (job == NULL) {
            return turn;
        }
        step_t last = step(endpoint, &job->work);
        if (last == STEP_LAST) {
            OBJ_RELEASE(job);
            continue;
        }
        bool copies = job->work.to != 0;
        keep_job(endpoint, job, last == STEP_MORE);
        if (last == STEP_NONE || copies) {
            return turn + (last != STEP_NONE);
        }
    }
    return turns;
}

static uint64_t atomic_64(segmsg_compat_int64_t *at, mca_btl_base_atomic_op_t op, int64_t operand)
{
    switch (op) {
    case MCA_BTL_ATOMIC_ADD:
        return (uint64_t) opal_atomic_fetch_add_64(at, operand);
    case MCA_BTL_ATOMIC_AND:
        return (uint64_t) opal_atomic_fetch_and_64(at, operand);
    case MCA_BTL_ATOMIC_OR:
        return (uint64_t) opal_atomic_fetch_or_64(at, operand);
    case MCA_BTL_ATOMIC_XOR:
        return (uint64_t) opal_atomic_fetch_xor_64(at, operand);
    case MCA_BTL_ATOMIC_SWAP:
        return (uint64_t) opal_atomic_swap_64(at, operand);
    case MCA_BTL_ATOMIC_MIN:
        return (uint64_t) opal_atomic_fetch_min_64(at, operand);
    case MCA_BTL_ATOMIC_MAX:
        return (uint64_t) opal_atomic_fetch_max_64(at, operand);
    default:
        mca_btl_segmsg_fail(NULL, SEGMSG_ERR_CORRUPT); /* none that we offer */
    }
}

static uint32_t atomic_32(segmsg_compat_int32_t *at, mca_btl_base_atomic_op_t op, int32_t operand)
{
    switch (op) {
    case MCA_BTL_ATOMIC_ADD:
        return (uint32_t) opal_atomic_fetch_add_32(at, operand);
    case MCA_BTL_ATOMIC_AND:
        return (uint32_t) opal_atomic_fetch_and_32(at, operand);
    case MCA_BTL_ATOMIC_OR:
        return (uint32_t) opal_atomic_fetch_or_32(at, operand);
    case MCA_BTL_ATOMIC_XOR:
        return (uint32_t) opal_atomic_fetch_xor_32(at, operand);
    case MCA_BTL_ATOMIC_SWAP:
        return (uint32_t) opal_atomic_swap_32(at, operand);
    case MCA_BTL_ATOMIC_MIN:
        return (uint32_t) opal_atomic_fetch_min_32(at, operand);
    case MCA_BTL_ATOMIC_MAX:
        return (uint32_t) opal_atomic_fetch_max_32(at, operand);
    default:
        mca_btl_segmsg_fail(NULL, SEGMSG_ERR_CORRUPT);
    }
}

static uint64_t compare_and_swap(const mca_btl_segmsg_rdma_header_t *header)
{
    void *at = (void *) (uintptr_t) header->address;
    if (header->is_32bit) {
        int32_t expected = (int32_t) header->operand[0];
        (void) opal_atomic_compare_exchange_strong_32((segmsg_compat_int32_t *) at, &expected,
                                                      (int32_t) header->operand[1]);
        return (uint32_t) expected;
    }
    int64_t expected = (int64_t) header->operand[0];
    (void) opal_atomic_compare_exchange_strong_64((segmsg_compat_int64_t *) at, &expected,
                                                  (int64_t) header->operand[1]);
    return (uint64_t) expected;
}

uint64_t mca_btl_segmsg_atomic_do(const mca_btl_segmsg_rdma_header_t *header)
{
    void *at = (void *) (uintptr_t) header->address;
    if (header->kind == SEGMSG_RDMA_SWAP) {
        return compare_and_swap(header);
    }
    mca_btl_base_atomic_op_t op = (mca_btl_base_atomic_op_t) header->atomic;
    return header->is_32bit
               ? atomic_32((segmsg_compat_int32_t *) at, op, (int32_t) header->operand[0])
               : atomic_64((segmsg_compat_int64_t *) at, op, (int64_t) header->operand[0]);
}

/* Answers a request; `to` as in mca_btl_segmsg_job_start. */
static void answer(mca_btl_segmsg_endpoint_t *endpoint, const mca_btl_segmsg_rdma_header_t *request,
                   mca_btl_segmsg_rdma_header_t *reply, const void *data, uint64_t size,
                   uint64_t to)
{
    reply->operation = request->operation;
    reply->generation = request->generation;
    if (mca_btl_segmsg_job_start(endpoint, reply, data, size, to) != OPAL_SUCCESS) {
        mca_btl_segmsg_fail(endpoint, SEGMSG_ERR_NO_SPACE);
    }
}

/* Gives a peer that cannot read our memory what it wants of it: we write to its, or send it. */
static void serve_get(mca_btl_segmsg_endpoint_t *endpoint,
                      const mca_btl_segmsg_rdma_header_t *request)
{
    uint64_t to = endpoint->single_copy ? request->operand[0] : 0;
    mca_btl_segmsg_rdma_header_t reply = {.kind = to == 0 ? SEGMSG_RDMA_DATA : SEGMSG_RDMA_DONE};
    answer(endpoint, request, &reply, (void *) (uintptr_t) request->address, request->size, to);
}

static void serve(mca_btl_segmsg_endpoint_t *endpoint, const mca_btl_segmsg_rdma_header_t *request,
                  const void *payload)
{
    mca_btl_segmsg_rdma_header_t done = {.kind = SEGMSG_RDMA_DONE};
    switch (request->kind) {
    case SEGMSG_RDMA_PUT:
        segmsg_copy_long((void *) (uintptr_t) request->address, payload, request->size);
        if (request->is_last) {
            answer(endpoint, request, &done, NULL, 0, 0);
        }
        break;
    case SEGMSG_RDMA_GET:
        serve_get(endpoint, request);
        break;
    case SEGMSG_RDMA_ATOMIC:
    case SEGMSG_RDMA_SWAP:
        done.operand[0] = mca_btl_segmsg_atomic_do(request);
        answer(endpoint, request, &done, NULL, 0, 0);
        break;
    case SEGMSG_RDMA_JOIN:
        mca_btl_segmsg_transfers_asked(endpoint, request);
        break;
    case SEGMSG_RDMA_UNIT:
        mca_btl_segmsg_transfers_came(endpoint, request, payload);
        break;
    default:
        mca_btl_segmsg_operation_answer(request, payload);
        break;
    }
}

void mca_btl_segmsg_rdma_receive(mca_btl_segmsg_endpoint_t *endpoint, const void *data, size_t size)
{
    mca_btl_segmsg_rdma_header_t header;
    if (OPAL_LIKELY(endpoint != NULL && size >= sizeof(header))) {
        memcpy(&header, data, sizeof(header));
        bool carries = header.kind == SEGMSG_RDMA_PUT || header.kind == SEGMSG_RDMA_DATA
                       || header.kind == SEGMSG_RDMA_UNIT;
        bool is_known = header.kind >= SEGMSG_RDMA_PUT && header.kind <= SEGMSG_RDMA_UNIT;
        size_t offset = carries ? payload_offset(header.size) : sizeof(header);
        if (is_known && (!carries || (size >= offset && header.size == size - offset))) {
            serve(endpoint, &header, (const char *) data + offset);
            return;
        }
    }
    mca_btl_segmsg_fail(endpoint, SEGMSG_ERR_CORRUPT);
}
