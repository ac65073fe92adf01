/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_reassembly.h"
#include "btl/btl_segmsg_deliver.h"
#include "btl/btl_segmsg_pieces.h"
#include "btl/btl_segmsg_report.h"

/* A message of which pieces have come. */
typedef struct mca_btl_segmsg_partial_t {
    uint64_t size;
    uint64_t have;
    uint8_t tag;
    _Alignas(16) unsigned char data[];
} mca_btl_segmsg_partial_t;

/* No message of the PML or of segmsg is longer; a piece that says otherwise is nonsense. */
#define MESSAGE_MAX ((uint64_t) SEGMSG_PARTITION_MAX * SEGMSG_RUN_BITS)

/* The message that `header` continues or begins; NULL if it does neither. */
static mca_btl_segmsg_partial_t *partial_of(mca_btl_segmsg_endpoint_t *endpoint,
                                            const mca_btl_segmsg_piece_header_t *header)
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
    mca_btl_segmsg_piece_header_t header;
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
