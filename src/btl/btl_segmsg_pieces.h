/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Fragmentation, where memory is too short for a message in one piece: btl_segmsg_reassembly.c puts it
 * together again.
 */
#ifndef MCA_BTL_SEGMSG_PIECES_H
#define MCA_BTL_SEGMSG_PIECES_H

#include "btl/btl_segmsg.h"

/* Tag of a piece; never handed to Open MPI. */
#define MCA_BTL_SEGMSG_PIECE_TAG (MCA_BTL_TAG_BTL + 14)

/* Stands before each piece. */
typedef struct {
    uint64_t size;   /* of the whole message, bytes */
    uint64_t offset; /* of this piece, bytes */
    uint32_t tag;    /* of the message */
    uint32_t reserved;
} mca_btl_segmsg_piece_header_t;

/* Publishes what is left of a fragment piece by piece; false if there is no room for all of it now.
 * The endpoint's lock is held. */
bool mca_btl_segmsg_publish_pieces(mca_btl_segmsg_endpoint_t *endpoint,
                                   mca_btl_segmsg_frag_t *frag);

#endif
