/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Puts, gets and atomics of the provider's, under way.
 */
#ifndef MCA_BTL_SEGMSG_NET_OPERATIONS_H
#define MCA_BTL_SEGMSG_NET_OPERATIONS_H

#include "btl/btl_segmsg_rdma_types.h"
#include "btl/net/btl_segmsg_net_register.h"

#if SEGMSG_HAVE_OFI

/* What an atomic of the provider's reads and writes; in registered memory. */
typedef struct {
    uint64_t operand;
    uint64_t compare;
    uint64_t result;
} mca_btl_segmsg_net_words_t;

enum { MCA_BTL_SEGMSG_NET_PARTS = 8 }; /* of an operation, under way at a time */

/* An operation under way. */
typedef struct mca_btl_segmsg_net_operation_t {
    opal_list_item_t super; /* in one of the lists of its interface */
    segmsg_ofi_operation_t part[MCA_BTL_SEGMSG_NET_PARTS]; /* each knows its operation */
    bool is_part_busy[MCA_BTL_SEGMSG_NET_PARTS];
    uint32_t parts_busy;
    bool is_waiting; /* in net->onesided.waiting */
    mca_btl_segmsg_transfer_t transfer;
    mca_btl_segmsg_net_t *net;
    uint64_t remote; /* as the provider wants it */
    uint64_t key;
    void *descriptor;
    size_t started; /* bytes */
    int status;
    bool is_atomic;
    bool is_fetching;
    bool is_32bit;
    enum fi_op op;
    mca_btl_segmsg_net_words_t *words;
} mca_btl_segmsg_net_operation_t;
/* An operation for what Open MPI has asked for; NULL if there is no memory. */
mca_btl_segmsg_net_operation_t *
mca_btl_segmsg_net_operation_make(mca_btl_base_module_t *btl,
                                  const mca_btl_segmsg_transfer_t *transfer,
                                  const mca_btl_base_registration_handle_t *remote_handle);

/* Starts it; what cannot be started now waits. OPAL_SUCCESS, or it is gone. */
int mca_btl_segmsg_net_operation_start(mca_btl_segmsg_net_operation_t *operation);

/* Starts operations that wait, and tells Open MPI of those that are done. By who polls. */
int mca_btl_segmsg_net_operations_progress(mca_btl_segmsg_net_t *net);

/* Ends operations with a peer that have not begun. */
void mca_btl_segmsg_net_operations_cancel(mca_btl_segmsg_net_t *net,
                                          mca_btl_segmsg_endpoint_t *endpoint);

#endif /* SEGMSG_HAVE_OFI */

#endif
