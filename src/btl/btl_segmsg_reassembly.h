/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Messages that come in pieces are put together: see btl_segmsg_pieces.c.
 */
#ifndef MCA_BTL_SEGMSG_REASSEMBLY_H
#define MCA_BTL_SEGMSG_REASSEMBLY_H

#include "btl/btl_segmsg.h"

/* A piece has come. */
void mca_btl_segmsg_receive_piece(mca_btl_segmsg_endpoint_t *endpoint, const void *data,
                                  size_t size);

/* Drops what has come of a message whose sender goes. */
void mca_btl_segmsg_drop_partial(mca_btl_segmsg_endpoint_t *endpoint);

#endif
