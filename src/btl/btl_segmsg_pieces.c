/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The last resort. Where no memory can be had for the group that a message needs, or the peer's
 * groups are smaller than ours, the message goes in pieces through group 0 and is put together
 * again in the receiver's own memory, so that the PML still sees one fragment. This is slow, and
 * said once.
 */
#include "btl/btl_segmsg_way.h"
#include "btl/btl_segmsg_pieces.h"
#include "btl/btl_segmsg_report.h"

static void tell_once(const mca_btl_segmsg_endpoint_t *endpoint)
{
    static bool told;
    if (!told) {
        told = true;
        mca_btl_segmsg_say("memory-short", opal_process_info.nodename,
                           OPAL_NAME_PRINT(endpoint->proc->proc_name),
                           mca_btl_segmsg.config.memory.backing_directory);
    }
}

bool mca_btl_segmsg_publish_pieces(mca_btl_segmsg_endpoint_t *endpoint, mca_btl_segmsg_frag_t *frag)
{
    const size_t size = frag->segment.seg_len;
    if (mca_btl_segmsg_sure_capacity(endpoint) == 0) {
        mca_btl_segmsg_fail(endpoint, SEGMSG_ERR_NO_SPACE);
    }
    tell_once(endpoint);
    do {
        size_t most =
            mca_btl_segmsg_sure_capacity(endpoint) - sizeof(mca_btl_segmsg_piece_header_t);
        size_t bytes = size - frag->pieces_sent < most ? size - frag->pieces_sent : most;
        const mca_btl_segmsg_piece_header_t header = {.size = size,
                                                      .offset = frag->pieces_sent,
                                                      .tag = frag->tag};
        segmsg_place_t place;
        if (mca_btl_segmsg_take(endpoint, sizeof(header) + bytes, &place) != SEGMSG_OK) {
            return false;
        }
        memcpy(place.data, &header, sizeof(header));
        memcpy((char *) place.data + sizeof(header),
               (const char *) frag->segment.seg_addr.pval + frag->pieces_sent, bytes);
        if (!mca_btl_segmsg_publish(endpoint, &place, MCA_BTL_SEGMSG_PIECE_TAG,
                                    (uint32_t) (sizeof(header) + bytes))) {
            mca_btl_segmsg_give_back(endpoint, &place);
            return false;
        }
        frag->pieces_sent += bytes;
    } while (frag->pieces_sent < size);
    return true;
}
