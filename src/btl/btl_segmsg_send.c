/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_ob1.h"
#include "btl/net/btl_segmsg_net_in_place.h"
#include "btl/net/btl_segmsg_net_link.h"
#include "btl/btl_segmsg_disturb.h"
#include "btl/btl_segmsg_pack.h"
#include "btl/btl_segmsg_way.h"
#include "btl/btl_segmsg_eager.h"
#include "btl/btl_segmsg_frag.h"
#include "btl/btl_segmsg_pieces.h"
#include "btl/btl_segmsg_send.h"
#include "btl/btl_segmsg_busy.h"

#include "base/clock.h"
#include "base/copy.h"

/* The descriptor has done its duty: tells the PML if it wants to know, and frees it if it is ours. */
static void complete(mca_btl_segmsg_frag_t *frag, int status)
{
    ++mca_btl_segmsg_completions;
    uint32_t flags = frag->base.des_flags;
    if ((flags & MCA_BTL_DES_SEND_ALWAYS_CALLBACK) && frag->base.des_cbfunc != NULL) {
        frag->base.des_cbfunc(frag->endpoint->btl, frag->endpoint, &frag->base, status);
    }
    if (flags & MCA_BTL_DES_FLAGS_BTL_OWNERSHIP) {
        mca_btl_segmsg_free(&mca_btl_segmsg.super, &frag->base);
    }
    --mca_btl_segmsg_completions;
}

void mca_btl_segmsg_frag_done(mca_btl_segmsg_frag_t *frag, int status)
{
    complete(frag, status);
}

/* Publishes a fragment; false if there is no room at this moment. The endpoint's lock is held. */
static bool publish(mca_btl_segmsg_endpoint_t *endpoint, mca_btl_segmsg_frag_t *frag)
{
    uint32_t length = (uint32_t) (frag->segment.seg_len + frag->tail.seg_len);
    if (OPAL_UNLIKELY(endpoint->retired || mca_btl_segmsg_is_gone(endpoint))) {
        return true; /* the peer has left, or is lost: nobody waits for this */
    }
    if (OPAL_UNLIKELY(frag->tail.seg_len != 0)) {
        if (!mca_btl_segmsg_link_publish_in_place(endpoint->link, frag, length)) {
            return false;
        }
        frag->place.data = NULL;
        --endpoint->queue.places;
        return true;
    }
    if (frag->place.data != NULL) {
        if (!mca_btl_segmsg_publish(endpoint, &frag->place, frag->tag, length)) {
            return false;
        }
        frag->place.data = NULL;
        --endpoint->queue.places;
        return true;
    }
    if (OPAL_UNLIKELY(frag->pieces_sent != 0)) {
        return mca_btl_segmsg_publish_pieces(endpoint, frag);
    }
    segmsg_place_t place;
    segmsg_error_t error = mca_btl_segmsg_take(endpoint, length, &place);
    if (OPAL_UNLIKELY(error != SEGMSG_OK)) {
        mca_btl_segmsg_check_sender(endpoint);
        return error != SEGMSG_ERR_FULL && mca_btl_segmsg_publish_pieces(endpoint, frag);
    }
    memcpy(place.data, frag->segment.seg_addr.pval, length);
    if (OPAL_UNLIKELY(!mca_btl_segmsg_publish(endpoint, &place, frag->tag, length))) {
        mca_btl_segmsg_give_back(endpoint, &place);
        return false;
    }
    return true;
}

/* Messages to the own process go straight to whoever receives them. */
static void loop_back(mca_btl_segmsg_endpoint_t *endpoint, mca_btl_base_tag_t tag,
                      mca_btl_base_segment_t *segments, size_t count)
{
    ++mca_btl_segmsg.counts.self_messages;
    segmsg_compat_deliver(endpoint->btl, endpoint, tag, segments, count);
    mca_btl_segmsg_disturb();
}

int mca_btl_segmsg_send(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                        mca_btl_base_descriptor_t *descriptor, mca_btl_base_tag_t tag)
{
    (void) btl;
    mca_btl_segmsg_frag_t *frag = (mca_btl_segmsg_frag_t *) descriptor;
    frag->tag = tag;
    if (OPAL_UNLIKELY(endpoint->is_self)) {
        loop_back(endpoint, tag, &frag->segment, 1);
        complete(frag, OPAL_SUCCESS);
        return 1;
    }
    OPAL_THREAD_LOCK(&endpoint->lock);
    bool is_in_place = frag->tail.seg_len != 0;
    if (OPAL_UNLIKELY(is_in_place)) {
        frag->base.des_flags |= MCA_BTL_DES_SEND_ALWAYS_CALLBACK;
    }
    bool sent = opal_list_is_empty(&endpoint->queue.pending) && publish(endpoint, frag);
    if (OPAL_UNLIKELY(!sent)) {
        mca_btl_segmsg_check_sender(endpoint);
        frag->base.des_flags |= MCA_BTL_DES_SEND_ALWAYS_CALLBACK;
        if ((frag->apart & SEGMSG_FRAG_EXEMPT) && !mca_btl_segmsg_ob1_numbers(tag)) {
            frag->apart &= (uint8_t) ~SEGMSG_FRAG_EXEMPT;
            --endpoint->queue.exempt;
        }
        opal_list_append(&endpoint->queue.pending, (opal_list_item_t *) frag);
        mca_btl_segmsg_endpoint_set_busy(endpoint);
    }
    OPAL_THREAD_UNLOCK(&endpoint->lock);
    if (OPAL_UNLIKELY(sent && is_in_place && !mca_btl_segmsg_is_gone(endpoint))) {
        return OPAL_SUCCESS; /* it is read until mca_btl_segmsg_frag_done says otherwise */
    }
    if (OPAL_LIKELY(sent)) {
        complete(frag, mca_btl_segmsg_fate(endpoint));
        return 1;
    }
    return OPAL_SUCCESS;
}

/*
 * The first in the queue finds no run while others behind it hold some: since nobody overtakes, it
 * would wait for ever. They give their runs back and wait in buffers. The endpoint's lock is held.
 */
static bool evict_places(mca_btl_segmsg_endpoint_t *endpoint)
{
    bool evicted = false;
    mca_btl_segmsg_frag_t *frag;
    OPAL_LIST_FOREACH (frag, &endpoint->queue.pending, mca_btl_segmsg_frag_t) {
        if (frag->place.data == NULL) {
            continue;
        }
        size_t head = frag->segment.seg_len;
        char *heap = malloc(head + frag->tail.seg_len);
        if (heap == NULL) {
            break;
        }
        memcpy(heap, frag->place.data, head);
        if (frag->tail.seg_len != 0) {
            memcpy(heap + head, frag->tail.seg_addr.pval, frag->tail.seg_len);
        }
        frag->segment.seg_len = head + frag->tail.seg_len;
        frag->tail.seg_len = 0;
        frag->base.des_segment_count = 1;
        mca_btl_segmsg_frag_leave_place(frag);
        frag->heap = frag->segment.seg_addr.pval = heap;
        evicted = true;
    }
    return evicted;
}

/* Publishes the first in the queue and takes it out; NULL if it must stay. */
static mca_btl_segmsg_frag_t *publish_first(mca_btl_segmsg_endpoint_t *endpoint)
{
    if (opal_list_is_empty(&endpoint->queue.pending)) {
        return NULL;
    }
    mca_btl_segmsg_frag_t *frag =
        (mca_btl_segmsg_frag_t *) opal_list_get_first(&endpoint->queue.pending);
    if (!publish(endpoint, frag)
        && !(frag->place.data == NULL && evict_places(endpoint) && publish(endpoint, frag))) {
        return NULL;
    }
    opal_list_remove_item(&endpoint->queue.pending, (opal_list_item_t *) frag);
    /* Before its callback, out of which the PML tries again what it keeps: no other may follow. */
    endpoint->queue.buffered -= frag->charge;
    frag->charge = 0;
    mca_btl_segmsg_endpoint_unblock(endpoint);
    return frag;
}

int mca_btl_segmsg_send_pending(mca_btl_segmsg_endpoint_t *endpoint)
{
    int count = 0;
    for (;;) {
        OPAL_THREAD_LOCK(&endpoint->lock);
        mca_btl_segmsg_frag_t *item = publish_first(endpoint);
        OPAL_THREAD_UNLOCK(&endpoint->lock);
        if (item == NULL) {
            return count;
        }
        if (item->tail.seg_len == 0 || mca_btl_segmsg_is_gone(endpoint)) {
            complete(item, mca_btl_segmsg_fate(endpoint));
        }
        ++count;
    }
}

void mca_btl_segmsg_fail_pending(mca_btl_segmsg_endpoint_t *endpoint)
{
    for (;;) {
        OPAL_THREAD_LOCK(&endpoint->lock);
        mca_btl_segmsg_frag_t *frag =
            (mca_btl_segmsg_frag_t *) opal_list_remove_first(&endpoint->queue.pending);
        OPAL_THREAD_UNLOCK(&endpoint->lock);
        if (frag == NULL) {
            return;
        }
        complete(frag, OPAL_ERR_UNREACH);
    }
}

/* sendi to the own process: no copy where the data is contiguous. */
static bool sendi_self(mca_btl_base_module_t *btl, mca_btl_segmsg_endpoint_t *endpoint,
                       opal_convertor_t *convertor, void *header, size_t header_size,
                       size_t payload_size, uint8_t order, uint32_t flags, mca_btl_base_tag_t tag)
{
    if (payload_size == 0 || !segmsg_compat_needs_pack(convertor)) {
        void *data = NULL;
        if (payload_size != 0) {
            opal_convertor_get_current_pointer(convertor, &data);
        }
        mca_btl_base_segment_t segments[2] = {
            {.seg_addr.pval = header, .seg_len = header_size},
            {.seg_addr.pval = data, .seg_len = payload_size},
        };
        loop_back(endpoint, tag, segments, payload_size == 0 ? 1 : 2);
        return true;
    }
    mca_btl_base_descriptor_t *descriptor =
        mca_btl_segmsg_prepare_src(btl, endpoint, convertor, order, header_size, &payload_size,
                                   flags | MCA_BTL_DES_FLAGS_BTL_OWNERSHIP);
    if (descriptor == NULL) {
        return false;
    }
    memcpy(descriptor->des_segments[0].seg_addr.pval, header, header_size);
    (void) mca_btl_segmsg_send(btl, endpoint, descriptor, tag);
    return true;
}

/* There is no room, or others wait already: gives the PML a buffer to fill, which then waits in the
 * queue, if it can use one (`descriptor` is not NULL) and the queue is not at its limit. A control
 * message is taken in any case. */
static void leave(mca_btl_segmsg_endpoint_t *endpoint, size_t size, uint8_t order, uint32_t flags,
                  mca_btl_base_tag_t tag, mca_btl_base_descriptor_t **descriptor)
{
    mca_btl_segmsg_check_sender(endpoint);
    if (descriptor != NULL) {
        bool is_control =
            size <= mca_btl_segmsg.config.message.inline_limit && !mca_btl_segmsg_ob1_numbers(tag);
        *descriptor = is_control ? mca_btl_segmsg_alloc_control(endpoint, order, size, flags)
                                 : mca_btl_segmsg_alloc_buffer(endpoint, order, size, flags);
    }
}

/* Copies header and payload of a message into its place, whose lines may be `owned` already. */
SEGMSG_INLINE void fill(const segmsg_place_t *place, bool owned, opal_convertor_t *convertor,
                        const void *header, size_t header_size, size_t payload_size)
{
    if (OPAL_LIKELY(payload_size == 0 || !segmsg_compat_needs_pack(convertor))) {
        void *payload = NULL;
        if (payload_size != 0) {
            opal_convertor_get_current_pointer(convertor, &payload);
        }
        segmsg_copy_in(place->data, header, header_size, payload, payload_size, owned);
    } else {
        memcpy(place->data, header, header_size);
        (void) mca_btl_segmsg_pack(convertor, (char *) place->data + header_size, payload_size);
    }
}

#if SEGMSG_HAVE_OFI
int mca_btl_segmsg_net_sendi(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                             opal_convertor_t *convertor, void *header, size_t header_size,
                             size_t payload_size, uint8_t order, uint32_t flags,
                             mca_btl_base_tag_t tag, mca_btl_base_descriptor_t **descriptor)
{
    if (OPAL_UNLIKELY(endpoint->is_self)) {
        return mca_btl_segmsg_sendi(btl, endpoint, convertor, header, header_size, payload_size,
                                    order, flags, tag, descriptor);
    }
    const size_t size = header_size + payload_size;
    segmsg_place_t place;
    bool sent = false;
    segmsg_error_t error = SEGMSG_ERR_FULL;
    OPAL_THREAD_LOCK(&endpoint->lock);
    if (OPAL_LIKELY(!endpoint->is_blocked && opal_list_is_empty(&endpoint->queue.pending))) {
        error = mca_btl_segmsg_link_take(endpoint->link, size, &place);
    }
    if (OPAL_LIKELY(error == SEGMSG_OK)) {
        memcpy(place.data, header, header_size);
        if (payload_size != 0) {
            (void) mca_btl_segmsg_pack(convertor, (char *) place.data + header_size, payload_size);
        }
        sent = mca_btl_segmsg_link_publish(endpoint->link, &place, tag, (uint32_t) size);
        if (OPAL_UNLIKELY(!sent)) {
            mca_btl_segmsg_link_give_back(endpoint->link, &place);
        }
    }
    OPAL_THREAD_UNLOCK(&endpoint->lock);
    if (OPAL_LIKELY(sent)) {
        return OPAL_SUCCESS;
    }
    leave(endpoint, size, order, flags, tag, descriptor);
    return OPAL_ERR_OUT_OF_RESOURCE;
}
#endif

/* Sends a message at once; false if that cannot be, or it is for the own process. */
SEGMSG_INLINE bool send_now(mca_btl_segmsg_endpoint_t *endpoint, opal_convertor_t *convertor,
                            const void *header, size_t header_size, size_t payload_size,
                            mca_btl_base_tag_t tag)
{
    segmsg_sender_t *sender = &endpoint->sender;
    const size_t size = header_size + payload_size;
    segmsg_place_t place;
    bool sent = false;
    segmsg_error_t error = SEGMSG_ERR_FULL;
    OPAL_THREAD_LOCK(&endpoint->lock);
    if (OPAL_LIKELY(endpoint->is_special == 0 && opal_list_is_empty(&endpoint->queue.pending))) {
        error = segmsg_sender_take(sender, size, &place);
    }
    if (OPAL_LIKELY(error == SEGMSG_OK)) {
        fill(&place, segmsg_sender_has_lines(sender, &place), convertor, header, header_size,
             payload_size);
        sent = segmsg_sender_publish(sender, &place, tag, (uint32_t) size);
        if (OPAL_UNLIKELY(!sent)) {
            segmsg_sender_give_back(sender, &place);
        }
    }
    OPAL_THREAD_UNLOCK(&endpoint->lock);
    return sent;
}

/* The same of a message that takes so long that it would be taken for the program's computing. */
static bool send_long_now(mca_btl_segmsg_endpoint_t *endpoint, opal_convertor_t *convertor,
                          const void *header, size_t header_size, size_t payload_size,
                          mca_btl_base_tag_t tag)
{
    uint64_t begun = segmsg_clock_ticks();
    bool sent = send_now(endpoint, convertor, header, header_size, payload_size, tag);
    mca_btl_segmsg_eager_sent(begun);
    return sent;
}

/* A long message; or one to the own process; or there is no room, or others wait already. False if it is not sent. */
__attribute__((noinline)) static bool sendi_else(mca_btl_base_endpoint_t *endpoint,
                                                 opal_convertor_t *convertor, void *header,
                                                 size_t header_size, size_t payload_size,
                                                 uint32_t flags, mca_btl_base_tag_t tag,
                                                 mca_btl_base_descriptor_t **descriptor)
{
    if (OPAL_UNLIKELY(endpoint->is_self)) {
        if (descriptor != NULL) {
            *descriptor = NULL;
        }
        return sendi_self(endpoint->btl, endpoint, convertor, header, header_size, payload_size,
                          MCA_BTL_NO_ORDER, flags, tag);
    }
    if (payload_size >= SEGMSG_USE_FROM
        && send_long_now(endpoint, convertor, header, header_size, payload_size, tag)) {
        return true;
    }
    leave(endpoint, header_size + payload_size, MCA_BTL_NO_ORDER, flags, tag, descriptor);
    return false;
}

int mca_btl_segmsg_sendi(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                         opal_convertor_t *convertor, void *header, size_t header_size,
                         size_t payload_size, uint8_t order, uint32_t flags, mca_btl_base_tag_t tag,
                         mca_btl_base_descriptor_t **descriptor)
{
    (void) btl;
    (void) order; /* all messages to a peer are in order */
    if (OPAL_LIKELY(payload_size < SEGMSG_USE_FROM
                    && send_now(endpoint, convertor, header, header_size, payload_size, tag))) {
        return OPAL_SUCCESS;
    }
    return sendi_else(endpoint, convertor, header, header_size, payload_size, flags, tag,
                      descriptor)
               ? OPAL_SUCCESS
               : OPAL_ERR_OUT_OF_RESOURCE;
}
