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
#include "btl/btl_segmsg_progress.h"
#include "btl/btl_segmsg_report.h"

/* Stands before each piece. */
typedef struct {
    uint64_t size;   /* of the whole message, bytes */
    uint64_t offset; /* of this piece, bytes */
    uint32_t tag;    /* of the message */
    uint32_t reserved;
} piece_header_t;

/* A message of which pieces have come. */
typedef struct mca_btl_segmsg_partial_t {
    uint64_t size;
    uint64_t have;
    uint8_t tag;
    _Alignas(16) unsigned char data[];
} mca_btl_segmsg_partial_t;

/* No message of the PML or of segmsg is longer; a piece that says otherwise is nonsense. */
#define MESSAGE_MAX ((uint64_t) SEGMSG_PARTITION_MAX * SEGMSG_RUN_BITS)

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
        size_t most = mca_btl_segmsg_sure_capacity(endpoint) - sizeof(piece_header_t);
        size_t bytes = size - frag->pieces_sent < most ? size - frag->pieces_sent : most;
        const piece_header_t header = {.size = size, .offset = frag->pieces_sent, .tag = frag->tag};
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

/* The message that `header` continues or begins; NULL if it does neither. */
static mca_btl_segmsg_partial_t *partial_of(mca_btl_segmsg_endpoint_t *endpoint,
                                            const piece_header_t *header)
{
    mca_btl_segmsg_partial_t *partial = endpoint->partial;
    if (partial != NULL) {
        bool continues = header->size == partial->size && header->offset == partial->have
                         && header->tag == partial->tag;
        return continues ? partial : NULL;
    }
    if (header->offset != 0 || header->size > MESSAGE_MAX || header->tag > UINT8_MAX) {
        return NULL;
    }
    partial = malloc(sizeof(*partial) + header->size);
    if (partial != NULL) {
        partial->size = header->size;
        partial->have = 0;
        partial->tag = (uint8_t) header->tag;
        endpoint->partial = partial;
    }
    return partial;
}

void mca_btl_segmsg_receive_piece(mca_btl_segmsg_endpoint_t *endpoint, const void *data,
                                  size_t size)
{
    piece_header_t header;
    mca_btl_segmsg_partial_t *partial = NULL;
    if (endpoint != NULL && size >= sizeof(header)) {
        memcpy(&header, data, sizeof(header));
        partial = partial_of(endpoint, &header);
    }
    if (partial == NULL || size - sizeof(header) > partial->size - partial->have) {
        mca_btl_segmsg_fail(endpoint, SEGMSG_ERR_CORRUPT);
    }
    memcpy(partial->data + partial->have, (const char *) data + sizeof(header),
           size - sizeof(header));
    partial->have += size - sizeof(header);
    if (partial->have == partial->size) {
        endpoint->partial = NULL; /* the callback may progress and bring the next one */
        mca_btl_segmsg_deliver(endpoint, partial->tag, partial->data, partial->size);
        free(partial);
    }
}

void mca_btl_segmsg_drop_partial(mca_btl_segmsg_endpoint_t *endpoint)
{
    free(endpoint->partial);
    endpoint->partial = NULL;
}
