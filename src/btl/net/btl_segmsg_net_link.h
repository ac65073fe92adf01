/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What is sent to one peer behind an interface.
 */
#ifndef MCA_BTL_SEGMSG_NET_LINK_H
#define MCA_BTL_SEGMSG_NET_LINK_H

#include "btl/net/btl_segmsg_net_types.h"

#if SEGMSG_HAVE_OFI

/* True if `size` bytes of a message should be sent from where the user has them. */
bool mca_btl_segmsg_link_sends_in_place(const mca_btl_segmsg_link_t *link, size_t size);

/* As their namesakes for shared memory. The endpoint's lock is held. */
segmsg_error_t mca_btl_segmsg_link_take(mca_btl_segmsg_link_t *link, size_t length,
                                        segmsg_place_t *place);

bool mca_btl_segmsg_link_publish(mca_btl_segmsg_link_t *link, const segmsg_place_t *place,
                                 uint8_t tag, uint32_t length);

void mca_btl_segmsg_link_give_back(mca_btl_segmsg_link_t *link, const segmsg_place_t *place);

size_t mca_btl_segmsg_link_sure_capacity(mca_btl_segmsg_link_t *link);

/* Adds a message to those that wait to be sent; a return word rides along if one is due. The gate is
 * held. */
void mca_btl_segmsg_link_add(mca_btl_segmsg_link_t *link, const segmsg_place_t *place, uint8_t tag,
                             uint32_t length);

/* Goes on with what waits: control messages, the write that was gathered. Returns how much was done;
 * *more: something still waits. */
int mca_btl_segmsg_link_serve(mca_btl_segmsg_link_t *link, bool *more);

/* Sends the write that waits, if there is one. False if it must go on waiting. The gate is held. */
bool mca_btl_segmsg_link_flush(mca_btl_segmsg_link_t *link);

/* Longest part of a write in bytes. */
size_t mca_btl_segmsg_link_part(const mca_btl_segmsg_link_t *link);

#else

static inline bool mca_btl_segmsg_link_sends_in_place(const struct mca_btl_segmsg_link_t *link,
                                                      size_t size)
{
    (void) link, (void) size;
    return false;
}

static inline segmsg_error_t mca_btl_segmsg_link_take(struct mca_btl_segmsg_link_t *link,
                                                      size_t length, segmsg_place_t *place)
{
    (void) link, (void) length, (void) place;
    return SEGMSG_ERR_TOO_LARGE;
}

static inline bool mca_btl_segmsg_link_publish(struct mca_btl_segmsg_link_t *link,
                                               const segmsg_place_t *place, uint8_t tag,
                                               uint32_t length)
{
    (void) link, (void) place, (void) tag, (void) length;
    return false;
}

static inline void mca_btl_segmsg_link_give_back(struct mca_btl_segmsg_link_t *link,
                                                 const segmsg_place_t *place)
{
    (void) link, (void) place;
}

static inline size_t mca_btl_segmsg_link_sure_capacity(struct mca_btl_segmsg_link_t *link)
{
    (void) link;
    return 0;
}

static inline int mca_btl_segmsg_link_serve(struct mca_btl_segmsg_link_t *link, bool *more)
{
    (void) link, (void) more;
    return 0;
}

#endif /* SEGMSG_HAVE_OFI */

#endif
