/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "fabric/ofi_rma.h"

#if SEGMSG_HAVE_OFI

int segmsg_ofi_get(segmsg_ofi_t *ofi, fi_addr_t from, void *local, size_t bytes, void *descriptor,
                   uint64_t remote, uint64_t key, segmsg_ofi_operation_t *operation)
{
    const struct iovec iov = {.iov_base = local, .iov_len = bytes};
    const struct fi_rma_iov rma = {.addr = remote, .len = bytes, .key = key};
    const struct fi_msg_rma message = {.msg_iov = &iov,
                                       .desc = &descriptor,
                                       .iov_count = 1,
                                       .addr = from,
                                       .rma_iov = &rma,
                                       .rma_iov_count = 1,
                                       .context = &operation->context};
    int rc = (int) fi_readmsg(ofi->ep, &message, FI_COMPLETION);
    ofi->counts.gets += rc == 0;
    return rc;
}

int segmsg_ofi_put(segmsg_ofi_t *ofi, fi_addr_t to, const void *local, size_t bytes,
                   void *descriptor, uint64_t remote, uint64_t key,
                   segmsg_ofi_operation_t *operation)
{
    /* Its completion must mean that it is there: whoever puts says so to others. */
    int rc = segmsg_ofi_write_piece(ofi, to, local, bytes, descriptor, remote, key, 0,
                                    &operation->context, FI_COMPLETION | FI_DELIVERY_COMPLETE);
    ofi->counts.puts += rc == 0;
    return rc;
}

static enum fi_datatype datatype(enum fi_op op, bool is_32bit)
{
    bool is_signed = op == FI_MIN || op == FI_MAX;
    if (is_32bit) {
        return is_signed ? FI_INT32 : FI_UINT32;
    }
    return is_signed ? FI_INT64 : FI_UINT64;
}

bool segmsg_ofi_has_atomic(segmsg_ofi_t *ofi, enum fi_op op, bool is_32bit, bool fetching)
{
    if (!ofi->native_atomics) {
        return false;
    }
    size_t count = 0;
    enum fi_datatype type = datatype(op, is_32bit);
    int rc = op == FI_CSWAP ? fi_compare_atomicvalid(ofi->ep, type, op, &count)
             : fetching     ? fi_fetch_atomicvalid(ofi->ep, type, op, &count)
                            : fi_atomicvalid(ofi->ep, type, op, &count);
    return rc == 0 && count >= 1;
}

int segmsg_ofi_atomic(segmsg_ofi_t *ofi, fi_addr_t to, enum fi_op op, bool is_32bit,
                      const void *operand, const void *compare, void *result, void *descriptor,
                      uint64_t remote, uint64_t key, segmsg_ofi_operation_t *operation)
{
    const struct fi_ioc ioc = {.addr = (void *) (uintptr_t) operand, .count = 1};
    const struct fi_rma_ioc rma = {.addr = remote, .count = 1, .key = key};
    const struct fi_msg_atomic message = {.msg_iov = &ioc,
                                          .desc = &descriptor,
                                          .iov_count = 1,
                                          .addr = to,
                                          .rma_iov = &rma,
                                          .rma_iov_count = 1,
                                          .datatype = datatype(op, is_32bit),
                                          .op = op,
                                          .context = &operation->context};
    struct fi_ioc result_ioc = {.addr = result, .count = 1};
    const struct fi_ioc compare_ioc = {.addr = (void *) (uintptr_t) compare, .count = 1};
    uint64_t flags = FI_COMPLETION | FI_DELIVERY_COMPLETE;
    int rc = op == FI_CSWAP
                 ? (int) fi_compare_atomicmsg(ofi->ep, &message, &compare_ioc, &descriptor, 1,
                                              &result_ioc, &descriptor, 1, FI_COMPLETION)
             : result != NULL ? (int) fi_fetch_atomicmsg(ofi->ep, &message, &result_ioc,
                                                         &descriptor, 1, FI_COMPLETION)
                              : (int) fi_atomicmsg(ofi->ep, &message, flags);
    ofi->counts.atomics += rc == 0;
    return rc;
}

#endif /* SEGMSG_HAVE_OFI */
