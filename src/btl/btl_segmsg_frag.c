/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Fragments: descriptors for messages that the PML fills first and sends later. A short one is kept
 * in a local buffer, a longer one lies in partitions of the peer's segment from the start. Where no
 * run of partitions is free, the message gets a buffer of its own and waits in the queue.
 */
#include "btl/btl_segmsg.h"

OBJ_CLASS_INSTANCE(mca_btl_segmsg_frag_t, mca_btl_base_descriptor_t, NULL, NULL);

/* A bare fragment; NULL if there are as many as there may be. */
static mca_btl_segmsg_frag_t *get(mca_btl_segmsg_endpoint_t *endpoint, uint8_t order, size_t size,
                                  uint32_t flags)
{
    mca_btl_segmsg_frag_t *frag =
        (mca_btl_segmsg_frag_t *) opal_free_list_get(&mca_btl_segmsg.frags);
    if (OPAL_LIKELY(frag != NULL)) {
        frag->place.data = NULL;
        frag->heap = NULL;
        frag->endpoint = endpoint;
        frag->segment.seg_len = size;
        frag->segment.seg_addr.pval = frag->base.super.ptr;
        frag->base.des_segments = &frag->segment;
        frag->base.des_segment_count = 1;
        frag->base.des_flags = flags;
        frag->base.des_cbfunc = NULL;
        frag->base.order = order;
    }
    return frag;
}

static mca_btl_base_descriptor_t *with_memory(mca_btl_segmsg_frag_t *frag, void *memory)
{
    if (OPAL_UNLIKELY(memory == NULL)) {
        opal_free_list_return(&mca_btl_segmsg.frags, &frag->base.super);
        return NULL;
    }
    frag->segment.seg_addr.pval = memory;
    return &frag->base;
}

/* Takes partitions for a message of `size` bytes that will be published later. */
static void *take_place(mca_btl_segmsg_endpoint_t *endpoint, size_t size, segmsg_place_t *place)
{
    OPAL_THREAD_LOCK(&endpoint->lock);
    segmsg_error_t error = segmsg_sender_take_lasting(&endpoint->sender, size, place);
    OPAL_THREAD_UNLOCK(&endpoint->lock);
    if (OPAL_LIKELY(error == SEGMSG_OK)) {
        return place->data;
    }
    place->data = NULL;
    if (error != SEGMSG_ERR_FULL) {
        mca_btl_segmsg_fail(endpoint, error);
    }
    return NULL;
}

mca_btl_base_descriptor_t *mca_btl_segmsg_alloc_place(mca_btl_segmsg_endpoint_t *endpoint,
                                                      uint8_t order, size_t size, uint32_t flags)
{
    mca_btl_segmsg_frag_t *frag = get(endpoint, order, size, flags);
    if (OPAL_UNLIKELY(frag == NULL) || size <= mca_btl_segmsg.config.inline_limit) {
        return frag == NULL ? NULL : &frag->base;
    }
    return with_memory(frag, take_place(endpoint, size, &frag->place));
}

/* A local buffer, within the limit of the queue. The own process has no queue and no limit. */
static void *take_heap(mca_btl_segmsg_endpoint_t *endpoint, size_t size)
{
    if (endpoint->is_self) {
        return malloc(size);
    }
    void *heap = NULL;
    OPAL_THREAD_LOCK(&endpoint->lock);
    if (!endpoint->blocked && endpoint->buffered + size <= mca_btl_segmsg.config.queue_limit) {
        heap = malloc(size);
        endpoint->buffered += heap == NULL ? 0 : size;
    }
    if (heap == NULL) {
        mca_btl_segmsg_endpoint_block(endpoint);
    }
    OPAL_THREAD_UNLOCK(&endpoint->lock);
    return heap;
}

mca_btl_base_descriptor_t *mca_btl_segmsg_alloc_buffer(mca_btl_segmsg_endpoint_t *endpoint,
                                                       uint8_t order, size_t size, uint32_t flags)
{
    mca_btl_segmsg_frag_t *frag = get(endpoint, order, size, flags);
    if (OPAL_UNLIKELY(frag == NULL) || size <= mca_btl_segmsg.config.inline_limit) {
        return frag == NULL ? NULL : &frag->base;
    }
    frag->heap_size = size;
    return with_memory(frag, frag->heap = take_heap(endpoint, size));
}

mca_btl_base_descriptor_t *mca_btl_segmsg_alloc(mca_btl_base_module_t *btl,
                                                mca_btl_base_endpoint_t *endpoint, uint8_t order,
                                                size_t size, uint32_t flags)
{
    (void) btl;
    mca_btl_base_descriptor_t *descriptor = NULL;
    if (OPAL_LIKELY(!endpoint->is_self
                    && (!endpoint->blocked || size <= mca_btl_segmsg.config.inline_limit))) {
        descriptor = mca_btl_segmsg_alloc_place(endpoint, order, size, flags);
    }
    return OPAL_LIKELY(descriptor != NULL)
               ? descriptor
               : mca_btl_segmsg_alloc_buffer(endpoint, order, size, flags);
}

int mca_btl_segmsg_free(mca_btl_base_module_t *btl, mca_btl_base_descriptor_t *descriptor)
{
    (void) btl;
    mca_btl_segmsg_frag_t *frag = (mca_btl_segmsg_frag_t *) descriptor;
    mca_btl_segmsg_endpoint_t *endpoint = frag->endpoint;
    if (OPAL_UNLIKELY(frag->place.data != NULL || frag->heap != NULL)) {
        OPAL_THREAD_LOCK(&endpoint->lock);
        if (frag->place.data != NULL) { /* allocated, but never sent */
            segmsg_sender_give_back(&endpoint->sender, &frag->place);
        }
        if (frag->heap != NULL && !endpoint->is_self) {
            endpoint->buffered -= frag->heap_size;
        }
        OPAL_THREAD_UNLOCK(&endpoint->lock);
        free(frag->heap);
    }
    opal_free_list_return(&mca_btl_segmsg.frags, &frag->base.super);
    return OPAL_SUCCESS;
}

mca_btl_base_descriptor_t *mca_btl_segmsg_prepare_src(mca_btl_base_module_t *btl,
                                                      mca_btl_base_endpoint_t *endpoint,
                                                      opal_convertor_t *convertor, uint8_t order,
                                                      size_t reserve, size_t *size, uint32_t flags)
{
    if (reserve + *size > btl->btl_max_send_size) {
        *size = btl->btl_max_send_size - reserve;
    }
    mca_btl_base_descriptor_t *descriptor =
        mca_btl_segmsg_alloc(btl, endpoint, order, reserve + *size, flags);
    if (OPAL_UNLIKELY(descriptor == NULL)) {
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
