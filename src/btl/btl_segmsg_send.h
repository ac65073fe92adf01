/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * send, sendi, and what waits for room.
 */
#ifndef MCA_BTL_SEGMSG_SEND_H
#define MCA_BTL_SEGMSG_SEND_H

#include "btl/btl_segmsg.h"

int mca_btl_segmsg_send(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                        mca_btl_base_descriptor_t *descriptor, mca_btl_base_tag_t tag);
int mca_btl_segmsg_sendi(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                         opal_convertor_t *convertor, void *header, size_t header_size,
                         size_t payload_size, uint8_t order, uint32_t flags, mca_btl_base_tag_t tag,
                         mca_btl_base_descriptor_t **descriptor);

/* Ends what is pending for a peer that is lost: its owners are told that it failed. */
void mca_btl_segmsg_fail_pending(mca_btl_segmsg_endpoint_t *endpoint);

/* A fragment whose sending has taken its time is done. By who polls. */
void mca_btl_segmsg_frag_done(mca_btl_segmsg_frag_t *frag, int status);

/* Publishes what is pending for `endpoint`, as much as there is room for. Returns how many. */
int mca_btl_segmsg_send_pending(mca_btl_segmsg_endpoint_t *endpoint);

#if SEGMSG_HAVE_OFI
int mca_btl_segmsg_net_sendi(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                             opal_convertor_t *convertor, void *header, size_t header_size,
                             size_t payload_size, uint8_t order, uint32_t flags,
                             mca_btl_base_tag_t tag, mca_btl_base_descriptor_t **descriptor);
#endif

#endif
