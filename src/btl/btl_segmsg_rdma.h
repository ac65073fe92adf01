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

/* Does a transfer by messages, where no single copy is permitted, or one has failed. */
int mca_btl_segmsg_transfer_by_messages(const mca_btl_segmsg_transfer_t *transfer);

/* Compares and swaps at the peer, whose processor does it. */
int mca_btl_segmsg_cswap_by_message(mca_btl_base_endpoint_t *endpoint, void *local_address,
                                    uint64_t remote_address,
                                    mca_btl_base_registration_handle_t *local_handle,
                                    uint64_t compare, uint64_t value, int flags,
                                    mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext,
                                    void *cbdata);

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

/* A message with segmsg's own tag has come from `endpoint`. */
void mca_btl_segmsg_rdma_receive(mca_btl_segmsg_endpoint_t *endpoint, const void *data,
                                 size_t size);

/* An answer has come for an operation of ours. */
void mca_btl_segmsg_operation_answer(const mca_btl_segmsg_rdma_header_t *header,
                                     const void *payload);

/* Bytes of a message with `size` bytes of data. */
size_t mca_btl_segmsg_rdma_length(size_t size);

/* Writes such a message to `to`. */
void mca_btl_segmsg_rdma_write(void *to, const mca_btl_segmsg_rdma_header_t *header,
                               const void *data, size_t size);

enum { MCA_BTL_SEGMSG_PIECE_MAX = 64 << 10 }; /* bytes of data of a message */

/* ---- the wait predictor ---- */

/* True if somebody who waits has called progress, and that the PML, and that this; or it is to be found out. */
bool mca_btl_segmsg_waits(void);

/* Something was begun that is over when progress has been called a few times more: sees whether it is. */
void mca_btl_segmsg_watch(void);

/* What this call does took until `now`, in ticks; whoever called progress waits all the same. */
void mca_btl_segmsg_took(uint64_t now);

/* Does an atomic on this process's memory; returns the old value. */
uint64_t mca_btl_segmsg_atomic_do(const mca_btl_segmsg_rdma_header_t *header);

/* Drops what is under way with a peer that goes. */
void mca_btl_segmsg_rdma_cancel(mca_btl_segmsg_endpoint_t *endpoint);

#endif
