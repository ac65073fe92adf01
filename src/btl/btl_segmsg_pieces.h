/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Fragmentation and reassembly, where memory is too short for a message in one piece.
 */
#ifndef MCA_BTL_SEGMSG_PIECES_H
#define MCA_BTL_SEGMSG_PIECES_H

#include "btl/btl_segmsg.h"

/* Tag of a piece; never handed to Open MPI. */
#define MCA_BTL_SEGMSG_PIECE_TAG (MCA_BTL_TAG_BTL + 14)

/* Publishes what is left of a fragment piece by piece; false if there is no room for all of it now.
 * The endpoint's lock is held. */
bool mca_btl_segmsg_publish_pieces(mca_btl_segmsg_endpoint_t *endpoint,
                                   mca_btl_segmsg_frag_t *frag);

/* A piece has come. */
void mca_btl_segmsg_receive_piece(mca_btl_segmsg_endpoint_t *endpoint, const void *data,
                                  size_t size);

/* Drops what has come of a message whose sender goes. */
void mca_btl_segmsg_drop_partial(mca_btl_segmsg_endpoint_t *endpoint);

#endif
