/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_pack.h"

size_t mca_btl_segmsg_pack_pieces(opal_convertor_t *convertor, void *to, size_t size)
{
    enum { STEP = 4096 };
    /* Out of an accelerator's memory in one step: each is a transfer of its own. */
    size_t step = segmsg_compat_on_device(convertor) ? size : STEP;
    unsigned char *at = to;
    unsigned char *end = at + size;
    while (at != end) {
        size_t bytes = (size_t) (end - at) < step ? (size_t) (end - at) : step;
        for (unsigned char *line = at + STEP; line < end && line < at + (size_t) 2 * STEP;
             line += SEGMSG_LINE) {
            segmsg_cache_own(line);
        }
        struct iovec iov = {.iov_base = at, .iov_len = bytes};
        uint32_t iov_count = 1;
        if (opal_convertor_pack(convertor, &iov, &iov_count, &bytes) < 0 || bytes == 0) {
            break;
        }
        at += bytes;
    }
    return (size_t) (at - (unsigned char *) to);
}
