/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What the BTL knows of ob1, the PML, beyond the interface between them: which of its messages it numbers,
 * and how long the receive is for which it gets a message. It gets a long contiguous message in the
 * sender's length, also where the receive is shorter: done as asked, that would overwrite what lies behind
 * the user's buffer.
 */
#ifndef MCA_BTL_SEGMSG_OB1_H
#define MCA_BTL_SEGMSG_OB1_H

#include "btl/btl_segmsg.h"

BEGIN_C_DECLS

/* True for messages that the receiver's ob1 orders by a number of 16 bits, and for all that are not its
 * own; false for its control messages. */
static inline bool mca_btl_segmsg_ob1_numbers(mca_btl_base_tag_t tag)
{
    enum {
        FIRST_CONTROL =
            MCA_BTL_TAG_PML + 4, /* MCA_PML_OB1_HDR_TYPE_ACK; before it MATCH, RNDV, RGET */
        LAST_CONTROL = MCA_BTL_TAG_PML + 10 /* MCA_PML_OB1_HDR_TYPE_CID */
    };
    return tag < FIRST_CONTROL || tag > LAST_CONTROL;
}

/* A get as the PML, or somebody else, asks for it. */
typedef struct {
    mca_btl_base_module_t *btl;
    mca_btl_segmsg_endpoint_t *endpoint;
    void *local;
    uint64_t remote;
    mca_btl_base_registration_handle_t *local_handle;
    mca_btl_base_rdma_completion_fn_t cbfunc;
    void *cbcontext;
    void *cbdata;
} mca_btl_segmsg_ob1_get_t;

/*
 * Lowers *size (bytes) to what the receive has room for, if the get is one of ob1's. False if there is
 * nothing left to do: cbfunc was called. That is so where the receive has no room at all, and where it
 * is ob1 but not as this component knows it: it is told that the get failed, and then has the message
 * sent, which is slower and heeds the receive's length.
 */
bool mca_btl_segmsg_ob1_fit(const mca_btl_segmsg_ob1_get_t *get, size_t *size);

/* The same without endpoint and callback: the room in bytes behind `local`, which is to receive `size`
 * bytes for `fragment`, ob1's description of the get by way of `bml_btl`. False if that cannot be
 * told. */
bool mca_btl_segmsg_ob1_room(const void *fragment, const void *bml_btl, const void *local,
                             uint64_t remote, size_t size, size_t *room);

END_C_DECLS

#endif
