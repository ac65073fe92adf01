/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg.h"

OBJ_CLASS_INSTANCE(mca_btl_segmsg_frag_t, mca_btl_base_descriptor_t, NULL, NULL);

/* Takes partitions for a message of `size` bytes that will be published later. */
static bool take_place(mca_btl_segmsg_endpoint_t *endpoint, size_t size, segmsg_place_t *place)
{
    OPAL_THREAD_LOCK(&endpoint->lock);
    segmsg_error_t error = segmsg_sender_take_lasting(&endpoint->sender, size, place);
    OPAL_THREAD_UNLOCK(&endpoint->lock);
    if (OPAL_UNLIKELY(error != SEGMSG_OK && error != SEGMSG_ERR_FULL)) {
        mca_btl_segmsg_fail(endpoint, error);
    }
    return error == SEGMSG_OK;
}

mca_btl_base_descriptor_t *mca_btl_segmsg_alloc(mca_btl_base_module_t *btl,
                                                mca_btl_base_endpoint_t *endpoint, uint8_t order,
                                                size_t size, uint32_t flags)
{
    (void) btl;
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    mca_btl_segmsg_frag_t *frag = (mca_btl_segmsg_frag_t *) opal_free_list_get(&module->frags);
    if (OPAL_UNLIKELY(frag == NULL)) {
        return NULL;
    }
    frag->place.data = NULL;
    frag->heap = NULL;
    if (size <= module->config.inline_limit) {
        frag->segment.seg_addr.pval = frag->base.super.ptr;
    } else if (endpoint->is_self) {
        frag->segment.seg_addr.pval = frag->heap = malloc(size);
    } else {
        frag->segment.seg_addr.pval =
            take_place(endpoint, size, &frag->place) ? frag->place.data : NULL;
    }
    if (OPAL_UNLIKELY(frag->segment.seg_addr.pval == NULL)) {
        opal_free_list_return(&module->frags, &frag->base.super);
        return NULL;
    }
    frag->segment.seg_len = size;
    frag->endpoint = endpoint;
    frag->base.des_segments = &frag->segment;
    frag->base.des_segment_count = 1;
    frag->base.des_flags = flags;
    frag->base.des_cbfunc = NULL;
    frag->base.order = order;
    return &frag->base;
}

int mca_btl_segmsg_free(mca_btl_base_module_t *btl, mca_btl_base_descriptor_t *descriptor)
{
    (void) btl;
    mca_btl_segmsg_frag_t *frag = (mca_btl_segmsg_frag_t *) descriptor;
    if (frag->place.data != NULL) { /* allocated, but never sent */
        OPAL_THREAD_LOCK(&frag->endpoint->lock);
        segmsg_sender_give_back(&frag->endpoint->sender, &frag->place);
        OPAL_THREAD_UNLOCK(&frag->endpoint->lock);
        frag->place.data = NULL;
    }
    free(frag->heap);
    frag->heap = NULL;
    opal_free_list_return(&mca_btl_segmsg.frags, &frag->base.super);
    return OPAL_SUCCESS;
}

mca_btl_base_descriptor_t *mca_btl_segmsg_prepare_src(mca_btl_base_module_t *btl,
                                                      mca_btl_base_endpoint_t *endpoint,
                                                      opal_convertor_t *convertor, uint8_t order,
                                                      size_t reserve, size_t *size,
                                                      uint32_t flags)
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
