/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Large puts and gets that both processes carry out together (transfer/transfer.h), within a node.
 */
#ifndef MCA_BTL_SEGMSG_TRANSFERS_H
#define MCA_BTL_SEGMSG_TRANSFERS_H

#include "btl/btl_segmsg_rdma_types.h"

/* None is under way: the component begins anew, with another export. */
void mca_btl_segmsg_transfers_init(void);

/* Does a transfer with the help of its target; false, and nothing is done, if it is to be copied by this
 * process alone. */
bool mca_btl_segmsg_transfers_start(const mca_btl_segmsg_transfer_t *transfer);

/* `endpoint` asks for help, or has sent a chunk. With the progress lock held. */
void mca_btl_segmsg_transfers_asked(mca_btl_segmsg_endpoint_t *endpoint,
                                    const mca_btl_segmsg_rdma_header_t *header);
void mca_btl_segmsg_transfers_came(mca_btl_segmsg_endpoint_t *endpoint,
                                   const mca_btl_segmsg_rdma_header_t *header, const void *data);

#endif
