/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Put, get and atomics by messages: what goes over the wire, and what Open MPI has asked for.
 *
 *   origin                                target
 *   PUT, header + data, one or more  -->  writes the data            (the last one asks for:)
 *                                    <--  DONE
 *   GET                              -->
 *   writes the data                  <--  DATA, header + data, one or more; or
 *                                    <--  DONE, if the target could copy it there itself
 *   ATOMIC, SWAP                     -->  does it on its own memory
 *   stores the old value             <--  DONE
 *   JOIN                             -->  helps with a copy: transfer/transfer.h; or
 *   writes the data                  <--  UNIT, header + data, any number of them
 */
#ifndef MCA_BTL_SEGMSG_RDMA_TYPES_H
#define MCA_BTL_SEGMSG_RDMA_TYPES_H

#include "btl/btl_segmsg.h"

typedef enum {
    SEGMSG_RDMA_PUT = 1,
    SEGMSG_RDMA_GET,
    SEGMSG_RDMA_DATA,
    SEGMSG_RDMA_ATOMIC,
    SEGMSG_RDMA_SWAP, /* compare and swap */
    SEGMSG_RDMA_DONE,
    SEGMSG_RDMA_JOIN,
    SEGMSG_RDMA_UNIT
} mca_btl_segmsg_rdma_kind_t;

typedef struct {
    uint8_t kind;     /* mca_btl_segmsg_rdma_kind_t */
    uint8_t is_last;  /* PUT: answer when done */
    uint8_t is_32bit; /* ATOMIC, SWAP */
    uint8_t is_put;   /* JOIN: from the origin to the target */
    uint32_t
        operation; /* index of the origin's operation, echoed in the answer; JOIN: of its record */
    uint32_t atomic;     /* ATOMIC: mca_btl_base_atomic_op_t */
    uint32_t generation; /* of the operation, echoed: indices are used again */
    uint64_t address;    /* at the target; DATA and UNIT: offset into the origin's buffer */
    uint64_t size;       /* GET: bytes wanted; PUT, DATA, UNIT: bytes that follow; JOIN: of all */
    uint64_t
        operand[2]; /* ATOMIC: operand; SWAP: compare, value; DONE: old value; GET: the origin's
                            address; JOIN: the same, or 0: send UNITs, and the bytes of a unit */
} mca_btl_segmsg_rdma_header_t;

/* What Open MPI has asked for: a put or a get; of an atomic, what there is of it. */
typedef struct {
    mca_btl_segmsg_endpoint_t *endpoint;
    bool is_put;
    void *local;
    uint64_t remote; /* address at the target */
    size_t size;
    mca_btl_base_registration_handle_t *local_handle;
    mca_btl_base_rdma_completion_fn_t cbfunc;
    void *cbcontext;
    void *cbdata;
} mca_btl_segmsg_transfer_t;

/* Tells Open MPI that a transfer has ended. */
static inline void mca_btl_segmsg_transfer_done(const mca_btl_segmsg_transfer_t *transfer,
                                                int status)
{
    if (transfer->cbfunc != NULL) {
        transfer->cbfunc(transfer->endpoint->btl, transfer->endpoint, transfer->local,
                         transfer->local_handle, transfer->cbcontext, transfer->cbdata, status);
    }
}

#endif
