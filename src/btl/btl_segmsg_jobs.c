/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_jobs.h"
#include "btl/btl_segmsg_busy.h"
#include "btl/btl_segmsg_copy.h"
#include "btl/btl_segmsg_frag.h"
#include "btl/btl_segmsg_send.h"
#include "btl/btl_segmsg_way.h"

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

size_t mca_btl_segmsg_payload_offset(size_t size)
{
    return size < SEGMSG_LONG_PAYLOAD ? sizeof(mca_btl_segmsg_rdma_header_t) : SEGMSG_LINE;
}

size_t mca_btl_segmsg_rdma_length(size_t size)
{
    return mca_btl_segmsg_payload_offset(size) + size;
}

void mca_btl_segmsg_rdma_write(void *to, const mca_btl_segmsg_rdma_header_t *header,
                               const void *data, size_t size)
{
    unsigned char *payload = (unsigned char *) to + mca_btl_segmsg_payload_offset(size);
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
    if (!endpoint->retired && opal_list_is_empty(&endpoint->queue.pending)
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
    if (descriptor == NULL && endpoint->queue.memory_short
        && opal_list_is_empty(&endpoint->queue.pending)) {
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
    step_t last = opal_list_is_empty(&endpoint->queue.jobs) ? STEP_MORE : STEP_NONE;
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
    opal_list_append(&endpoint->queue.jobs, &job->super);
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
        opal_list_append(&endpoint->queue.jobs, &job->super);
    } else {
        opal_list_prepend(&endpoint->queue.jobs, &job->super);
    }
    OPAL_THREAD_UNLOCK(&endpoint->lock);
}

int mca_btl_segmsg_jobs_progress(mca_btl_segmsg_endpoint_t *endpoint)
{
    int turns = (int) mca_btl_segmsg.config.copy.chunk_batch;
    for (int turn = 0; turn < turns; ++turn) {
        OPAL_THREAD_LOCK(&endpoint->lock);
        mca_btl_segmsg_job_t *job =
            (mca_btl_segmsg_job_t *) opal_list_remove_first(&endpoint->queue.jobs);
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
