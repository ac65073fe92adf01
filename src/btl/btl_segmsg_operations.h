/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Operations by messages: the origin's side, from the request to the answer.
 */
#ifndef MCA_BTL_SEGMSG_OPERATIONS_H
#define MCA_BTL_SEGMSG_OPERATIONS_H

#include "btl/btl_segmsg_rdma_types.h"

/* The origin's side of an operation under way. */
typedef struct {
    opal_list_item_t super;
    mca_btl_segmsg_transfer_t transfer; /* of an atomic: what there is of it */
    uint64_t remaining;                 /* GET: bytes still to come */
    int index;                          /* in mca_btl_segmsg.operations */
    uint32_t generation;
    bool is_32bit;
    bool is_fetching; /* an atomic whose old value is wanted */
} mca_btl_segmsg_operation_t;
OBJ_CLASS_DECLARATION(mca_btl_segmsg_operation_t);

/* Enters an operation so that its answer finds it; NULL if there is no memory. */
mca_btl_segmsg_operation_t *
mca_btl_segmsg_operation_start(const mca_btl_segmsg_transfer_t *transfer);

/* Asks the target for `header`; the operation ends with the answer, or here if it cannot be sent. */
int mca_btl_segmsg_operation_ask(mca_btl_segmsg_operation_t *operation,
                                 mca_btl_segmsg_rdma_header_t *header, const void *data,
                                 uint64_t size);

/* Does a transfer by messages, where no single copy is permitted, or one has failed. */
int mca_btl_segmsg_transfer_by_messages(const mca_btl_segmsg_transfer_t *transfer);

/* An answer has come for an operation of ours. */
void mca_btl_segmsg_operation_answer(const mca_btl_segmsg_rdma_header_t *header,
                                     const void *payload);

/* Drops what is under way with a peer that goes. */
void mca_btl_segmsg_rdma_cancel(mca_btl_segmsg_endpoint_t *endpoint);

#endif
