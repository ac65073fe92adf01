/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Put, get and atomics by messages: what goes over the wire, and what either side keeps meanwhile.
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
#ifndef MCA_BTL_SEGMSG_RDMA_H
#define MCA_BTL_SEGMSG_RDMA_H

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

int mca_btl_segmsg_put(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                       void *local_address, uint64_t remote_address,
                       mca_btl_base_registration_handle_t *local_handle,
                       mca_btl_base_registration_handle_t *remote_handle, size_t size, int flags,
                       int order, mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext,
                       void *cbdata);
int mca_btl_segmsg_get(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                       void *local_address, uint64_t remote_address,
                       mca_btl_base_registration_handle_t *local_handle,
                       mca_btl_base_registration_handle_t *remote_handle, size_t size, int flags,
                       int order, mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext,
                       void *cbdata);
int mca_btl_segmsg_atomic_op(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                             uint64_t remote_address,
                             mca_btl_base_registration_handle_t *remote_handle,
                             mca_btl_base_atomic_op_t op, uint64_t operand, int flags, int order,
                             mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext,
                             void *cbdata);
int mca_btl_segmsg_atomic_fop(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                              void *local_address, uint64_t remote_address,
                              mca_btl_base_registration_handle_t *local_handle,
                              mca_btl_base_registration_handle_t *remote_handle,
                              mca_btl_base_atomic_op_t op, uint64_t operand, int flags, int order,
                              mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext,
                              void *cbdata);
int mca_btl_segmsg_atomic_cswap(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                                void *local_address, uint64_t remote_address,
                                mca_btl_base_registration_handle_t *local_handle,
                                mca_btl_base_registration_handle_t *remote_handle, uint64_t compare,
                                uint64_t value, int flags, int order,
                                mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext,
                                void *cbdata);

/* Does a transfer by messages, where no single copy is permitted, or one has failed. */
int mca_btl_segmsg_transfer_by_messages(const mca_btl_segmsg_transfer_t *transfer);

/* Compares and swaps at the peer, whose processor does it. */
int mca_btl_segmsg_cswap_by_message(mca_btl_base_endpoint_t *endpoint, void *local_address,
                                    uint64_t remote_address,
                                    mca_btl_base_registration_handle_t *local_handle,
                                    uint64_t compare, uint64_t value, int flags,
                                    mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext,
                                    void *cbdata);

/* An answer has come for an operation of ours. */
void mca_btl_segmsg_operation_answer(const mca_btl_segmsg_rdma_header_t *header,
                                     const void *payload);

/* Drops what is under way with a peer that goes. */
void mca_btl_segmsg_rdma_cancel(mca_btl_segmsg_endpoint_t *endpoint);

#endif
