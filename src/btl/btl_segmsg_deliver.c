/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_deliver.h"
#include "btl/btl_segmsg_serve.h"
#include "btl/btl_segmsg_jobs.h"

void mca_btl_segmsg_deliver(mca_btl_segmsg_endpoint_t *endpoint, uint8_t tag, void *data,
                            size_t size)
{
    if (OPAL_UNLIKELY(tag == MCA_BTL_SEGMSG_TAG)) {
        mca_btl_segmsg_rdma_receive(endpoint, data, size);
        return;
    }
    mca_btl_segmsg_deliver_fragment(&mca_btl_segmsg, endpoint, tag, data, size);
}
