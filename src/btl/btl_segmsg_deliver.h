/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Messages are handed to whoever registered for their tag.
 */
#ifndef MCA_BTL_SEGMSG_DELIVER_H
#define MCA_BTL_SEGMSG_DELIVER_H

#include "btl/btl_segmsg.h"
#include "btl/btl_segmsg_report.h"

/* Hands one message over: one fragment, where it lies (rows G9, G11). */
SEGMSG_INLINE void mca_btl_segmsg_deliver_fragment(mca_btl_segmsg_module_t *module,
                                                   mca_btl_segmsg_endpoint_t *endpoint, uint8_t tag,
                                                   void *data, size_t size)
{
    if (OPAL_UNLIKELY(!segmsg_compat_tag_known(tag))) {
        mca_btl_segmsg_fail(endpoint, SEGMSG_ERR_CORRUPT);
    }
    ++module->counts.delivered_fragments;
    module->counts.delivered_bytes += size;
    mca_btl_base_segment_t segment = {.seg_addr.pval = data, .seg_len = size};
    module->wait.delivers = true;
    segmsg_compat_deliver(&module->super, endpoint, tag, &segment, 1);
    module->wait.delivers = false;
}

/* Hands a message to whoever registered for its tag, as one fragment. By who polls. */
void mca_btl_segmsg_deliver(mca_btl_segmsg_endpoint_t *endpoint, uint8_t tag, void *data,
                            size_t size);

#endif
