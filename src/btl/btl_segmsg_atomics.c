/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_atomics.h"
#include "btl/btl_segmsg_report.h"

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

void mca_btl_segmsg_store_old_value(void *local_address, bool is_32bit, uint64_t value)
{
    if (is_32bit) {
        uint32_t narrow = (uint32_t) value;
        memcpy(local_address, &narrow, sizeof(narrow));
    } else {
        memcpy(local_address, &value, sizeof(value));
    }
}
