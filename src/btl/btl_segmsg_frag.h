/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Fragments: alloc, free, prepare_src.
 */
#ifndef MCA_BTL_SEGMSG_FRAG_H
#define MCA_BTL_SEGMSG_FRAG_H

#include "btl/btl_segmsg.h"

/* A fragment of `size` bytes that lies in partitions or is short; NULL if there is no room now. */
mca_btl_base_descriptor_t *mca_btl_segmsg_alloc_place(mca_btl_segmsg_endpoint_t *endpoint,
                                                      uint8_t order, size_t size, uint32_t flags);

/* A fragment of `size` bytes in a local buffer, to wait in the queue for room; NULL if the queue is
 * at its limit. */
mca_btl_base_descriptor_t *mca_btl_segmsg_alloc_buffer(mca_btl_segmsg_endpoint_t *endpoint,
                                                       uint8_t order, size_t size, uint32_t flags);

/* A short fragment, of at most btl_segmsg_inline_limit bytes, for a control message of the PML. It is not
 * refused whatever waits, unless memory is exhausted: there are no more of them than the PML has
 * requests. */
mca_btl_base_descriptor_t *mca_btl_segmsg_alloc_control(mca_btl_segmsg_endpoint_t *endpoint,
                                                        uint8_t order, size_t size, uint32_t flags);

mca_btl_base_descriptor_t *mca_btl_segmsg_alloc(mca_btl_base_module_t *btl,
                                                mca_btl_base_endpoint_t *endpoint, uint8_t order,
                                                size_t size, uint32_t flags);
int mca_btl_segmsg_free(mca_btl_base_module_t *btl, mca_btl_base_descriptor_t *descriptor);
/* Gives the partitions of an unsent fragment back. The endpoint's lock is held. */
void mca_btl_segmsg_frag_leave_place(mca_btl_segmsg_frag_t *frag);

mca_btl_base_descriptor_t *mca_btl_segmsg_prepare_src(mca_btl_base_module_t *btl,
                                                      mca_btl_base_endpoint_t *endpoint,
                                                      opal_convertor_t *convertor, uint8_t order,
                                                      size_t reserve, size_t *size, uint32_t flags);

/*
 * How many callbacks that say that something was sent are running, one in another. The PML sends what it
 * has kept out of such a callback, and that is then sent at once; so they nest as deep as it has kept
 * messages, unless somebody refuses.
 */
extern _Thread_local unsigned mca_btl_segmsg_completions;

#endif
