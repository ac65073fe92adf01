/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Operations on the memory of peers.
 */
#ifndef SEGMSG_OFI_RMA_H
#define SEGMSG_OFI_RMA_H

#include "fabric/ofi_interface.h"

#if SEGMSG_HAVE_OFI

#include <rdma/fi_atomic.h>
#include <rdma/fi_rma.h>

/* The context of operations whose completion nobody waits for: several share it, which a provider that
 * keeps something there does not allow. */
static inline void *segmsg_ofi_context(const segmsg_ofi_t *ofi, segmsg_ofi_operation_t *failed)
{
    return (ofi->info->mode & (FI_CONTEXT | FI_CONTEXT2)) == 0 ? &failed->context : NULL;
}

/* One RMA write of memory in one piece. 0, -FI_EAGAIN (poll, and try again) or an error. */
static inline int segmsg_ofi_write_piece(segmsg_ofi_t *ofi, fi_addr_t to, const void *local,
                                         size_t bytes, void *descriptor, uint64_t remote,
                                         uint64_t key, uint64_t data, void *context, uint64_t flags)
{
    const struct iovec iov = {.iov_base = (void *) (uintptr_t) local, .iov_len = bytes};
    const struct fi_rma_iov rma = {.addr = remote, .len = bytes, .key = key};
    const struct fi_msg_rma message = {.msg_iov = &iov,
                                       .desc = &descriptor,
                                       .iov_count = 1,
                                       .addr = to,
                                       .rma_iov = &rma,
                                       .rma_iov_count = 1,
                                       .context = context,
                                       .data = data};
    return (int) fi_writemsg(ofi->ep, &message, flags);
}

/*
 * Deposits `bytes` bytes: one RMA write. `local` stays as it is until the receiver has returned what
 * was written; there is no completion, but failed->done may be called. As segmsg_ofi_write_piece.
 */
static inline int segmsg_ofi_write(segmsg_ofi_t *ofi, fi_addr_t to, const void *local, size_t bytes,
                                   void *descriptor, uint64_t remote, uint64_t key, uint64_t data,
                                   segmsg_ofi_operation_t *failed)
{
    int rc;
    if (bytes <= ofi->inject) {
        rc = (int) fi_inject_writedata(ofi->ep, local, bytes, data, to, remote, key);
        ofi->counts.injected += rc == 0;
    } else {
        /* No completion: what is returned has arrived. */
        rc = segmsg_ofi_write_piece(ofi, to, local, bytes, descriptor, remote, key, data,
                                    segmsg_ofi_context(ofi, failed), FI_REMOTE_CQ_DATA);
    }
    ofi->counts.writes += rc == 0;
    return rc;
}

/* Deposits the first part of what a later segmsg_ofi_write ends: the same without completion data. */
static inline int segmsg_ofi_part(segmsg_ofi_t *ofi, fi_addr_t to, const void *local, size_t bytes,
                                  void *descriptor, uint64_t remote, uint64_t key,
                                  segmsg_ofi_operation_t *failed)
{
    int rc = segmsg_ofi_write_piece(ofi, to, local, bytes, descriptor, remote, key, 0,
                                    segmsg_ofi_context(ofi, failed), 0);
    ofi->counts.parts += rc == 0;
    return rc;
}

/*
 * Deposits `bytes` bytes in `count` pieces, which lie in memory that need not be registered: one RMA
 * write. With an operation it is the last part of a message, carries completion data, and operation->done
 * will be called when the memory may be changed; without one it is a part before that.
 */
static inline int segmsg_ofi_write_pieces(segmsg_ofi_t *ofi, fi_addr_t to, const struct iovec *iov,
                                          size_t count, size_t bytes, uint64_t remote, uint64_t key,
                                          uint64_t data, segmsg_ofi_operation_t *operation,
                                          segmsg_ofi_operation_t *failed)
{
    const struct fi_rma_iov rma = {.addr = remote, .len = bytes, .key = key};
    const struct fi_msg_rma message = {.msg_iov = iov,
                                       .iov_count = count,
                                       .addr = to,
                                       .rma_iov = &rma,
                                       .rma_iov_count = 1,
                                       .context = operation != NULL
                                                      ? &operation->context
                                                      : segmsg_ofi_context(ofi, failed),
                                       .data = data};
    uint64_t flags = operation != NULL ? FI_REMOTE_CQ_DATA | FI_COMPLETION : 0;
    ssize_t rc = fi_writemsg(ofi->ep, &message, flags);
    ofi->counts.writes += rc == 0 && operation != NULL;
    ofi->counts.parts += rc == 0 && operation == NULL;
    return (int) rc;
}

/* Reads from, or writes to, the memory of a peer. 0: operation->done will be called; -FI_EAGAIN; or an
 * error. */
int segmsg_ofi_get(segmsg_ofi_t *ofi, fi_addr_t from, void *local, size_t bytes, void *descriptor,
                   uint64_t remote, uint64_t key, segmsg_ofi_operation_t *operation);
int segmsg_ofi_put(segmsg_ofi_t *ofi, fi_addr_t to, const void *local, size_t bytes,
                   void *descriptor, uint64_t remote, uint64_t key,
                   segmsg_ofi_operation_t *operation);

/* True if the provider can do `op` on integers of that width; fetching: and say what was there. */
bool segmsg_ofi_has_atomic(segmsg_ofi_t *ofi, enum fi_op op, bool is_32bit, bool fetching);

/*
 * Does an atomic on the memory of a peer: of `operand`; for FI_CSWAP what must be there is in
 * `compare`. If `result` is not NULL what was there comes there. All of them stay until the operation
 * is done and lie in registered memory. 0, -FI_EAGAIN, or an error.
 */
int segmsg_ofi_atomic(segmsg_ofi_t *ofi, fi_addr_t to, enum fi_op op, bool is_32bit,
                      const void *operand, const void *compare, void *result, void *descriptor,
                      uint64_t remote, uint64_t key, segmsg_ofi_operation_t *operation);

#endif /* SEGMSG_HAVE_OFI */
#endif
