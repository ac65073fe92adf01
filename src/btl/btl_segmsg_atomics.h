/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Atomics on this process's memory, for its peers and for itself.
 */
#ifndef MCA_BTL_SEGMSG_ATOMICS_H
#define MCA_BTL_SEGMSG_ATOMICS_H

#include "btl/btl_segmsg_rdma_types.h"

/* Does an atomic on this process's memory; returns the old value. */
uint64_t mca_btl_segmsg_atomic_do(const mca_btl_segmsg_rdma_header_t *header);

/* An old value arrives where the caller wants it. */
void mca_btl_segmsg_store_old_value(void *local_address, bool is_32bit, uint64_t value);

#endif
