/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Transfers that go out message by message as there is room, and how such messages are laid out.
 */
#ifndef MCA_BTL_SEGMSG_JOBS_H
#define MCA_BTL_SEGMSG_JOBS_H

#include "btl/btl_segmsg_rdma_types.h"

/* What is left to do of a transfer that goes out in one or more messages, as there is room for them;
 * or, where this process can write to the peer's memory, in pieces that it copies there. */
typedef struct {
    mca_btl_segmsg_rdma_header_t header; /* of the next message */
    const unsigned char *data;           /* what is left to send, or NULL */
    uint64_t remaining;                  /* bytes of it */
    uint64_t to; /* where the rest goes in the peer's memory; 0: in messages */
} mca_btl_segmsg_work_t;

/* The same while it waits for its turn. */
typedef struct {
    opal_list_item_t super;
    mca_btl_segmsg_work_t work;
} mca_btl_segmsg_job_t;
OBJ_CLASS_DECLARATION(mca_btl_segmsg_job_t);

/* Tag of segmsg's own requests and answers; never handed to Open MPI. */
#define MCA_BTL_SEGMSG_TAG (MCA_BTL_TAG_BTL + 13)

/* Where the payload of a message begins: a long one at a line, so that lines are copied to lines. */
size_t mca_btl_segmsg_payload_offset(size_t size);

/* Bytes of a message with `size` bytes of data. */
size_t mca_btl_segmsg_rdma_length(size_t size);

/* Writes such a message to `to`. */
void mca_btl_segmsg_rdma_write(void *to, const mca_btl_segmsg_rdma_header_t *header,
                               const void *data, size_t size);

/* Sends `header` and `size` bytes of `data` as one message; false if there is no room right now. */
bool mca_btl_segmsg_rdma_send_now(mca_btl_segmsg_endpoint_t *endpoint,
                                  const mca_btl_segmsg_rdma_header_t *header, const void *data,
                                  size_t size);

/*
 * Sends `header`, with `size` bytes of `data` in pieces, now or as soon as there is room; never fails
 * for want of room. If `to` is not 0 the data is copied to that address of the peer, and the header,
 * which then goes last, says that it is there.
 */
int mca_btl_segmsg_job_start(mca_btl_segmsg_endpoint_t *endpoint,
                             const mca_btl_segmsg_rdma_header_t *header, const void *data,
                             uint64_t size, uint64_t to);

/* Goes on with the jobs of an endpoint. Returns how many messages went out. */
int mca_btl_segmsg_jobs_progress(mca_btl_segmsg_endpoint_t *endpoint);

#endif
