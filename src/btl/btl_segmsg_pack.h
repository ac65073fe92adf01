/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Packs a message, contiguous or not, into partitions or a buffer.
 */
#ifndef MCA_BTL_SEGMSG_PACK_H
#define MCA_BTL_SEGMSG_PACK_H

#include "btl/btl_segmsg.h"

/* Packs `size` bytes of the convertor's data, which do not lie in one piece, to `to`; the bytes packed.
 * A step of them is packed while the lines for the next one are on their way here. */
size_t mca_btl_segmsg_pack_pieces(opal_convertor_t *convertor, void *to, size_t size);

/* Copies `size` bytes of the convertor's data, contiguous or not, to `to`; the bytes packed. */
static inline size_t mca_btl_segmsg_pack(opal_convertor_t *convertor, void *to, size_t size)
{
    if (OPAL_UNLIKELY(segmsg_compat_needs_pack(convertor))) {
        return mca_btl_segmsg_pack_pieces(convertor, to, size);
    }
    void *from;
    opal_convertor_get_current_pointer(convertor, &from);
    memcpy(to, from, size);
    return size;
}

#endif
