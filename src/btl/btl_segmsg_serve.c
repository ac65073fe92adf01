/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What peers ask for by messages of segmsg's own, and what they answer.
 */
#include "btl/btl_segmsg_serve.h"
#include "btl/btl_segmsg_atomics.h"
#include "btl/btl_segmsg_jobs.h"
#include "btl/btl_segmsg_operations.h"
#include "btl/btl_segmsg_report.h"
#include "btl/btl_segmsg_transfers.h"

#include "base/copy_long.h"

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
    uint64_t to = endpoint->copy.copiers != 0 ? request->operand[0] : 0;
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
        size_t offset = carries ? mca_btl_segmsg_payload_offset(header.size) : sizeof(header);
        if (is_known && (!carries || (size >= offset && header.size == size - offset))) {
            serve(endpoint, &header, (const char *) data + offset);
            return;
        }
    }
    mca_btl_segmsg_fail(endpoint, SEGMSG_ERR_CORRUPT);
}
