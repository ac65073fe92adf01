/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Where messages to a peer go: through shared memory, or through a link to another host. The endpoint's
 * lock is held for all of these.
 */
#ifndef MCA_BTL_SEGMSG_WAY_H
#define MCA_BTL_SEGMSG_WAY_H

#include "btl/net/btl_segmsg_net_link.h"
#include "btl/btl_segmsg_report.h"

/* True if nothing can be sent to the peer any more: it has left, or is lost. */
static inline bool mca_btl_segmsg_is_gone(const mca_btl_segmsg_endpoint_t *endpoint)
{
    return OPAL_UNLIKELY(endpoint->link != NULL)
           && (mca_btl_segmsg_link_is_lost(endpoint->link)
               || mca_btl_segmsg_link_has_left(endpoint->link));
}

/* What becomes of a message that was taken off our hands. */
static inline int mca_btl_segmsg_fate(const mca_btl_segmsg_endpoint_t *endpoint)
{
    return OPAL_UNLIKELY(endpoint->link != NULL) && mca_btl_segmsg_link_is_lost(endpoint->link)
               ? OPAL_ERR_UNREACH
               : OPAL_SUCCESS;
}

/* Nothing can be sent any more where shared memory holds what no correct process writes: says so. Costs
 * something only where nothing could be sent. */
static inline void mca_btl_segmsg_check_sender(const mca_btl_segmsg_endpoint_t *endpoint)
{
    if (OPAL_UNLIKELY(segmsg_sender_is_corrupt(&endpoint->sender))) {
        mca_btl_segmsg_fail(endpoint, SEGMSG_ERR_CORRUPT);
    }
}

/* A place for a message that is published at once. */
static inline segmsg_error_t mca_btl_segmsg_take(mca_btl_segmsg_endpoint_t *endpoint, size_t length,
                                                 segmsg_place_t *place)
{
    return OPAL_LIKELY(endpoint->link == NULL)
               ? segmsg_sender_take(&endpoint->sender, length, place)
               : mca_btl_segmsg_link_take(endpoint->link, length, place);
}

/* A place for a message that is published later. */
static inline segmsg_error_t mca_btl_segmsg_take_lasting(mca_btl_segmsg_endpoint_t *endpoint,
                                                         size_t length, segmsg_place_t *place)
{
    return OPAL_LIKELY(endpoint->link == NULL)
               ? segmsg_sender_take_lasting(&endpoint->sender, length, place)
               : mca_btl_segmsg_link_take(endpoint->link, length, place);
}

/* False if there is no room to say that the message is there; the place stays taken. */
static inline bool mca_btl_segmsg_publish(mca_btl_segmsg_endpoint_t *endpoint,
                                          const segmsg_place_t *place, uint8_t tag, uint32_t length)
{
    return OPAL_LIKELY(endpoint->link == NULL)
               ? segmsg_sender_publish(&endpoint->sender, place, tag, length)
               : mca_btl_segmsg_link_publish(endpoint->link, place, tag, length);
}

static inline void mca_btl_segmsg_give_back(mca_btl_segmsg_endpoint_t *endpoint,
                                            const segmsg_place_t *place)
{
    if (OPAL_LIKELY(endpoint->link == NULL)) {
        segmsg_sender_give_back(&endpoint->sender, place);
    } else {
        mca_btl_segmsg_link_give_back(endpoint->link, place);
    }
}

/* Longest message in bytes that can be sent in any case; 0: none. */
static inline size_t mca_btl_segmsg_sure_capacity(mca_btl_segmsg_endpoint_t *endpoint)
{
    return OPAL_LIKELY(endpoint->link == NULL) ? segmsg_sender_sure_capacity(&endpoint->sender)
                                               : mca_btl_segmsg_link_sure_capacity(endpoint->link);
}

#endif
