/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Fragments: descriptors for messages that the PML fills first and sends later. A short one is kept
 * in a local buffer, a longer one lies in partitions of the peer's segment from the start. Where no
 * run of partitions is free, the message gets a buffer of its own and waits in the queue; but later
 * parts of a long message are refused, and kept by the PML.
 */
#include "btl/net/btl_segmsg_net_link.h"
#include "btl/btl_segmsg_way.h"
#include "btl/btl_segmsg_frag.h"
#include "btl/btl_segmsg_busy.h"
#include "btl/btl_segmsg_disturb.h"
#include "btl/btl_segmsg_pack.h"

_Thread_local unsigned mca_btl_segmsg_completions;

OBJ_CLASS_INSTANCE(mca_btl_segmsg_frag_t, mca_btl_base_descriptor_t, NULL, NULL);

/* What a fragment is to begin with. */
static void set(mca_btl_segmsg_frag_t *frag, mca_btl_segmsg_endpoint_t *endpoint, uint8_t order,
                size_t size, uint32_t flags)
{
    frag->place.data = NULL;
    frag->buffer = NULL;
    frag->heap = NULL;
    frag->charge = 0;
    frag->apart = 0;
    frag->pieces_sent = 0;
    frag->endpoint = endpoint;
    frag->segment.seg_len = size;
    frag->tail.seg_len = 0;
    frag->segment.seg_addr.pval = frag->base.super.ptr;
    frag->base.des_segments = &frag->segment;
    frag->base.des_segment_count = 1;
    frag->base.des_flags = flags;
    frag->base.des_cbfunc = NULL;
    frag->base.order = order;
}

/* A bare fragment; NULL if there are as many as there may be. */
static mca_btl_segmsg_frag_t *get(mca_btl_segmsg_endpoint_t *endpoint, uint8_t order, size_t size,
                                  uint32_t flags)
{
    mca_btl_segmsg_frag_t *frag =
        (mca_btl_segmsg_frag_t *) opal_free_list_get(&mca_btl_segmsg.pools.frags);
    if (OPAL_LIKELY(frag != NULL)) {
        set(frag, endpoint, order, size, flags);
    }
    return frag;
}

/* The same for a short message that cannot wait until there are fewer; NULL if memory is exhausted. */
static mca_btl_segmsg_frag_t *get_extra(mca_btl_segmsg_endpoint_t *endpoint, uint8_t order,
                                        size_t size, uint32_t flags)
{
    mca_btl_segmsg_frag_t *frag = OBJ_NEW(mca_btl_segmsg_frag_t);
    if (frag == NULL) {
        return NULL;
    }
    set(frag, endpoint, order, size, flags);
    frag->apart = SEGMSG_FRAG_EXTRA;
    frag->heap = frag->segment.seg_addr.pval = malloc(size == 0 ? 1 : size);
    if (frag->heap == NULL) {
        OBJ_RELEASE(frag);
        return NULL;
    }
    return frag;
}

static mca_btl_base_descriptor_t *with_memory(mca_btl_segmsg_frag_t *frag, void *memory)
{
    if (OPAL_UNLIKELY(memory == NULL)) {
        mca_btl_segmsg_free(&mca_btl_segmsg.super, &frag->base);
        return NULL;
    }
    frag->segment.seg_addr.pval = memory;
    return &frag->base;
}

/* Takes partitions for a message of `size` bytes that will be published later; NULL if none can be
 * had, for whatever reason: the message then waits in a buffer. */
static void *take_place(mca_btl_segmsg_endpoint_t *endpoint, size_t size, segmsg_place_t *place)
{
    OPAL_THREAD_LOCK(&endpoint->lock);
    segmsg_error_t error =
        endpoint->retired ? SEGMSG_ERR_FULL : mca_btl_segmsg_take_lasting(endpoint, size, place);
    endpoint->queue.memory_short = error != SEGMSG_OK && error != SEGMSG_ERR_FULL;
    endpoint->queue.places += error == SEGMSG_OK;
    OPAL_THREAD_UNLOCK(&endpoint->lock);
    if (OPAL_UNLIKELY(error != SEGMSG_OK)) {
        mca_btl_segmsg_check_sender(endpoint);
        place->data = NULL;
    }
    return place->data;
}

mca_btl_base_descriptor_t *mca_btl_segmsg_alloc_place(mca_btl_segmsg_endpoint_t *endpoint,
                                                      uint8_t order, size_t size, uint32_t flags)
{
    mca_btl_segmsg_frag_t *frag = get(endpoint, order, size, flags);
    if (OPAL_UNLIKELY(frag == NULL) || size <= mca_btl_segmsg.config.message.inline_limit) {
        return frag == NULL ? NULL : &frag->base;
    }
    return with_memory(frag, take_place(endpoint, size, &frag->place));
}

/* Counts a fragment in the queue's limit; false, and the peer is blocked, if it is reached. */
static bool charge(mca_btl_segmsg_endpoint_t *endpoint, mca_btl_segmsg_frag_t *frag, size_t size)
{
    const size_t built_in = mca_btl_segmsg.config.message.inline_limit;
    size = sizeof(*frag) + (size > built_in ? size : built_in); /* what it takes, all in all */
    OPAL_THREAD_LOCK(&endpoint->lock);
    /* Where partitions cannot be had, a message that is longer than the limit must go too. */
    bool is_last_resort = endpoint->queue.memory_short && endpoint->queue.buffered == 0;
    bool fits =
        !endpoint->is_blocked
        && (is_last_resort
            || endpoint->queue.buffered + size <= mca_btl_segmsg.config.message.queue_limit);
    if (OPAL_LIKELY(fits)) {
        frag->charge = size;
        endpoint->queue.buffered += size;
    } else {
        mca_btl_segmsg_endpoint_block(endpoint);
    }
    OPAL_THREAD_UNLOCK(&endpoint->lock);
    return fits;
}

/* A local buffer of `size` bytes for a fragment; NULL if memory is exhausted. */
static void *get_buffer(mca_btl_segmsg_frag_t *frag, size_t size)
{
    if (OPAL_LIKELY(size <= mca_btl_segmsg.pools.buffer_bytes)) {
        frag->buffer = opal_free_list_get(&mca_btl_segmsg.pools.buffers);
    }
    if (OPAL_UNLIKELY(frag->buffer == NULL)) {
        frag->heap = malloc(size);
    }
    return frag->buffer != NULL ? frag->buffer->ptr : frag->heap;
}

mca_btl_base_descriptor_t *mca_btl_segmsg_alloc_buffer(mca_btl_segmsg_endpoint_t *endpoint,
                                                       uint8_t order, size_t size, uint32_t flags)
{
    mca_btl_segmsg_frag_t *frag = get(endpoint, order, size, flags);
    if (OPAL_UNLIKELY(frag == NULL)) {
        return NULL;
    }
    if (!endpoint->is_self && !charge(endpoint, frag, size)) {
        return with_memory(frag, NULL);
    }
    if (size <= mca_btl_segmsg.config.message.inline_limit) {
        return &frag->base;
    }
    return with_memory(frag, get_buffer(frag, size));
}

mca_btl_base_descriptor_t *mca_btl_segmsg_alloc_control(mca_btl_segmsg_endpoint_t *endpoint,
                                                        uint8_t order, size_t size, uint32_t flags)
{
    mca_btl_segmsg_frag_t *frag = get(endpoint, order, size, flags);
    if (OPAL_UNLIKELY(frag == NULL)) {
        frag = get_extra(endpoint, order, size, flags);
    }
    return frag == NULL ? NULL : &frag->base;
}

/* Counts a short fragment for a peer that is blocked, or beyond the number of descriptors. */
static mca_btl_base_descriptor_t *exempt(mca_btl_segmsg_endpoint_t *endpoint,
                                         mca_btl_segmsg_frag_t *frag)
{
    enum { EXEMPT_MAX = 1 << 15 };
    OPAL_THREAD_LOCK(&endpoint->lock);
    bool counts = endpoint->is_blocked || (frag->apart & SEGMSG_FRAG_EXTRA);
    bool refused = counts && endpoint->queue.exempt >= EXEMPT_MAX;
    if (counts && !refused) {
        frag->apart |= SEGMSG_FRAG_EXEMPT;
        ++endpoint->queue.exempt;
    }
    OPAL_THREAD_UNLOCK(&endpoint->lock);
    return refused ? with_memory(frag, NULL) : &frag->base;
}

/*
 * A short fragment: for a control message of the PML, or for the head of a message that it numbers; which
 * it is, is known when it is sent. Only of heads there is a limit, far from what the numbers can tell
 * apart.
 */
static mca_btl_base_descriptor_t *alloc_short(mca_btl_segmsg_endpoint_t *endpoint, uint8_t order,
                                              size_t size, uint32_t flags)
{
    mca_btl_segmsg_frag_t *frag = get(endpoint, order, size, flags);
    if (OPAL_UNLIKELY(frag == NULL)) {
        frag = get_extra(endpoint, order, size, flags);
        return frag == NULL ? NULL : exempt(endpoint, frag);
    }
    return OPAL_UNLIKELY(endpoint->is_blocked) ? exempt(endpoint, frag) : &frag->base;
}

mca_btl_base_descriptor_t *mca_btl_segmsg_alloc(mca_btl_base_module_t *btl,
                                                mca_btl_base_endpoint_t *endpoint, uint8_t order,
                                                size_t size, uint32_t flags)
{
    (void) btl;
    if (size <= mca_btl_segmsg.config.message.inline_limit) {
        return alloc_short(endpoint, order, size, flags);
    }
    mca_btl_base_descriptor_t *descriptor = NULL;
    if (OPAL_LIKELY(!endpoint->is_self && !endpoint->is_blocked)) {
        descriptor = mca_btl_segmsg_alloc_place(endpoint, order, size, flags);
    }
    return OPAL_LIKELY(descriptor != NULL)
               ? descriptor
               : mca_btl_segmsg_alloc_buffer(endpoint, order, size, flags);
}

void mca_btl_segmsg_frag_leave_place(mca_btl_segmsg_frag_t *frag)
{
    mca_btl_segmsg_give_back(frag->endpoint, &frag->place);
    --frag->endpoint->queue.places;
    frag->place.data = NULL;
}

/* Gives back what a fragment holds of its peer: unsent partitions, and its share of the queue. */
static void give_back(mca_btl_segmsg_frag_t *frag)
{
    mca_btl_segmsg_endpoint_t *endpoint = frag->endpoint;
    OPAL_THREAD_LOCK(&endpoint->lock);
    if (frag->place.data != NULL) {
        mca_btl_segmsg_frag_leave_place(frag);
    }
    endpoint->queue.buffered -= frag->charge;
    endpoint->queue.exempt -= (frag->apart & SEGMSG_FRAG_EXEMPT) != 0;
    OPAL_THREAD_UNLOCK(&endpoint->lock);
}

int mca_btl_segmsg_free(mca_btl_base_module_t *btl, mca_btl_base_descriptor_t *descriptor)
{
    (void) btl;
    mca_btl_segmsg_frag_t *frag = (mca_btl_segmsg_frag_t *) descriptor;
    if (OPAL_UNLIKELY(frag->place.data != NULL || frag->charge != 0 || frag->apart != 0)) {
        give_back(frag);
    }
    if (frag->buffer != NULL) {
        opal_free_list_return(&mca_btl_segmsg.pools.buffers, frag->buffer);
    }
    free(frag->heap);
    if (OPAL_UNLIKELY(frag->apart & SEGMSG_FRAG_EXTRA)) {
        OBJ_RELEASE(frag);
        return OPAL_SUCCESS;
    }
    opal_free_list_return(&mca_btl_segmsg.pools.frags, &frag->base.super);
    return OPAL_SUCCESS;
}

/*
 * True if a message may send another part now. The parts of messages that are under way at the same time
 * take turns; one that comes again before any other has come is alone.
 */
static bool has_turn(mca_btl_segmsg_endpoint_t *endpoint, const opal_convertor_t *convertor)
{
    enum { PARTS_ALONE = 16 };
    OPAL_THREAD_LOCK(&endpoint->lock);
    bool may = !endpoint->is_blocked;
    if (endpoint->queue.parts_of != convertor) {
        endpoint->queue.parts_of = convertor;
        endpoint->queue.parts_left = mca_btl_segmsg.config.message.fragment_batch;
    }
    if (may && endpoint->queue.parts_left == 0) {
        endpoint->queue.parts_left = PARTS_ALONE;
        may = false;
    } else if (may) {
        --endpoint->queue.parts_left;
    }
    OPAL_THREAD_UNLOCK(&endpoint->lock);
    return may;
}

/*
 * A fragment for a part of a message, but not its first part; NULL if it is not its turn, or there is no
 * room. The PML keeps such parts and tries again; nothing is gained if they wait in buffers here, and
 * none of them can be overtaken.
 */
static mca_btl_base_descriptor_t *alloc_part(mca_btl_segmsg_endpoint_t *endpoint,
                                             const opal_convertor_t *convertor, uint8_t order,
                                             size_t size, uint32_t flags)
{
    enum { COMPLETIONS_MAX = 8 };
    if (mca_btl_segmsg_completions >= COMPLETIONS_MAX) {
        return NULL;
    }
    if (opal_using_threads()) {
        /* They take turns anyway; to refuse one makes it wait until it has a core again. */
        return mca_btl_segmsg_alloc(&mca_btl_segmsg.super, endpoint, order, size, flags);
    }
    if (!has_turn(endpoint, convertor)) {
        return NULL;
    }
    mca_btl_base_descriptor_t *descriptor =
        mca_btl_segmsg_alloc_place(endpoint, order, size, flags);
    bool no_place_ever = descriptor == NULL && endpoint->queue.memory_short;
    return OPAL_UNLIKELY(no_place_ever) ? mca_btl_segmsg_alloc_buffer(endpoint, order, size, flags)
                                        : descriptor;
}

/* True if only the header of a message should lie in partitions here, and the rest be sent from where the
 * user has it. */
static bool is_for_place(const mca_btl_segmsg_endpoint_t *endpoint,
                         const opal_convertor_t *convertor, size_t size)
{
    return endpoint->link != NULL && !endpoint->is_self && !segmsg_compat_needs_pack(convertor)
           && mca_btl_segmsg_link_sends_in_place(endpoint->link, size);
}

/* A fragment for such a message; NULL if there is no room: the PML keeps it and tries again. Nothing is
 * gained if so much waits in buffers here. */
static mca_btl_base_descriptor_t *prepare_in_place(mca_btl_segmsg_endpoint_t *endpoint,
                                                   opal_convertor_t *convertor, uint8_t order,
                                                   size_t reserve, size_t size, uint32_t flags)
{
    if (endpoint->is_blocked) {
        return NULL;
    }
    mca_btl_segmsg_frag_t *frag = get(endpoint, order, reserve + size, flags);
    if (frag == NULL) {
        return NULL;
    }
    mca_btl_base_descriptor_t *descriptor =
        with_memory(frag, take_place(endpoint, reserve + size, &frag->place));
    if (descriptor != NULL) {
        void *user;
        opal_convertor_get_current_pointer(convertor, &user);
        frag->segment.seg_len = reserve;
        frag->tail = (mca_btl_base_segment_t){.seg_addr.pval = user, .seg_len = size};
        frag->base.des_segment_count = 2;
    } else if (endpoint->queue.memory_short) {
        descriptor = mca_btl_segmsg_alloc_buffer(endpoint, order, reserve + size, flags);
        if (descriptor != NULL) {
            (void) mca_btl_segmsg_pack(convertor,
                                       (char *) descriptor->des_segments->seg_addr.pval + reserve,
                                       size);
        }
    } else {
        OPAL_THREAD_LOCK(&endpoint->lock);
        mca_btl_segmsg_endpoint_block(endpoint);
        OPAL_THREAD_UNLOCK(&endpoint->lock);
    }
    return descriptor;
}

mca_btl_base_descriptor_t *mca_btl_segmsg_prepare_src(mca_btl_base_module_t *btl,
                                                      mca_btl_base_endpoint_t *endpoint,
                                                      opal_convertor_t *convertor, uint8_t order,
                                                      size_t reserve, size_t *size, uint32_t flags)
{
    if (reserve + *size > btl->btl_max_send_size) {
        *size = btl->btl_max_send_size - reserve;
    }
    bool is_part = convertor->bConverted != 0 && !endpoint->is_self;
    if (!is_part && is_for_place(endpoint, convertor, *size)) {
        return prepare_in_place(endpoint, convertor, order, reserve, *size, flags);
    }
    mca_btl_base_descriptor_t *descriptor =
        is_part ? alloc_part(endpoint, convertor, order, reserve + *size, flags)
                : mca_btl_segmsg_alloc(btl, endpoint, order, reserve + *size, flags);
    if (OPAL_UNLIKELY(descriptor == NULL)) {
        mca_btl_segmsg_refused();
        return NULL;
    }
    mca_btl_base_segment_t *segment = descriptor->des_segments;
    size_t wanted = *size;
    *size = mca_btl_segmsg_pack(convertor, (char *) segment->seg_addr.pval + reserve, wanted);
    if (OPAL_UNLIKELY(*size == 0 && wanted != 0)) {
        mca_btl_segmsg_free(btl, descriptor);
        return NULL;
    }
    segment->seg_len = reserve + *size;
    return descriptor;
}
