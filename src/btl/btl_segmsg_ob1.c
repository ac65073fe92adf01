/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Nothing of ob1 is called, and what is read of it is checked first:
 *
 *   cbcontext  one of the BTLs that the BML keeps for RDMA with this peer: whoever passes that has
 *              called mca_bml_base_get, which only ob1 does, and the next is its fragment
 *   cbdata     of class mca_pml_ob1_rdma_frag_t; its end, by the class's size, repeats what is asked for
 *   request    of class mca_pml_ob1_recv_request_t, with a convertor where its base has one, which stands
 *              where the get is to write
 */
#include "btl/btl_segmsg_ob1.h"
#include "btl/btl_segmsg_report.h"

#include "ompi/mca/bml/bml.h"
#include "ompi/mca/pml/base/pml_base_request.h"
#include "ompi/proc/proc.h"

/* The end of ob1's mca_pml_ob1_rdma_frag_t, the same from Open MPI 2.0 to 6.0. What stands before it
 * differs with what ob1's headers need. */
typedef struct {
    size_t length; /* bytes, as all sizes here */
    size_t remaining;
    void *request;
    uint32_t retries;
    void (*cbfunc)(void);
    uint64_t offset; /* in the message */
    void *local_address;
    mca_btl_base_registration_handle_t *local_handle;
    uint64_t remote_address;
    uint8_t remote_handle[MCA_BTL_REG_HANDLE_MAX_SIZE];
} ob1_fragment_end_t;

/* What stands at its begin, after the item of a free list. */
typedef struct {
    opal_free_list_item_t super;
    const void *bml_btl;
} ob1_fragment_begin_t;

/* True if `object` is of the class `name`; *known is the class, once it was found. */
static bool is_of_class(const void *object, const char *name, _Atomic(opal_class_t *) *known)
{
    opal_class_t *class = ((const opal_object_t *) object)->obj_class;
    /* Relaxed: the class itself does not change; whoever does not see it yet compares names. */
    if (OPAL_LIKELY(class == atomic_load_explicit(known, memory_order_relaxed))) {
        return true;
    }
    if (strcmp(class->cls_name, name) != 0) {
        return false;
    }
    atomic_store_explicit(known, class, memory_order_relaxed);
    return true;
}

/* Room in bytes in a receive's buffer from `offset` bytes of the message on, which is `local`. */
static bool request_room(const void *request, const void *local, uint64_t offset, size_t *room)
{
    static _Atomic(opal_class_t *) known;
    if (!is_of_class(request, "mca_pml_ob1_recv_request_t", &known)) {
        return false;
    }
    const mca_pml_base_request_t *base = request;
    const opal_convertor_t *convertor = &base->req_convertor;
    if (convertor->super.obj_class != OBJ_CLASS(opal_convertor_t)) {
        return false;
    }
    /* An MPI datatype is an opal_datatype_t first of all. */
    const opal_datatype_t *type = (const opal_datatype_t *) (const void *) base->req_datatype;
    const size_t whole = base->req_count * type->size;
    *room = whole > offset ? whole - (size_t) offset : 0;
    if (*room == 0) {
        return true; /* and the convertor may not have been prepared */
    }
    void *expected;
    opal_convertor_get_offset_pointer(convertor, (size_t) offset, &expected);
    return convertor->local_size == whole && expected == local;
}

bool mca_btl_segmsg_ob1_room(const void *fragment, const void *bml_btl, const void *local,
                             uint64_t remote, size_t size, size_t *room)
{
    static _Atomic(opal_class_t *) known;
    if (!is_of_class(fragment, "mca_pml_ob1_rdma_frag_t", &known)) {
        return false;
    }
    const size_t bytes = ((const opal_object_t *) fragment)->obj_class->cls_sizeof;
    if (bytes < sizeof(ob1_fragment_begin_t) + sizeof(ob1_fragment_end_t)) {
        return false;
    }
    const ob1_fragment_begin_t *begin = fragment;
    const ob1_fragment_end_t *end = (const void *) ((const char *) fragment + bytes - sizeof(*end));
    if (begin->bml_btl != bml_btl || end->length != size || end->local_address != local
        || end->remote_address != remote || end->request == NULL) {
        return false;
    }
    return request_room(end->request, local, end->offset, room);
}

/* True if it was the PML that asked for a get. */
static bool is_by_pml(const mca_btl_segmsg_ob1_get_t *get)
{
    const ompi_proc_t *proc = (const ompi_proc_t *) (const void *) get->endpoint->proc;
    const mca_bml_base_endpoint_t *peer = proc->proc_endpoints[OMPI_PROC_ENDPOINT_TAG_BML];
    if (peer == NULL) {
        return false;
    }
    const mca_bml_base_btl_t *btls = peer->btl_rdma.bml_btls;
    for (size_t i = 0; i < peer->btl_rdma.arr_size; ++i) {
        if (get->cbcontext == &btls[i]) {
            return true;
        }
    }
    return false;
}

bool mca_btl_segmsg_ob1_fit(const mca_btl_segmsg_ob1_get_t *get, size_t *size)
{
    if (!is_by_pml(get)) {
        return true;
    }
    size_t room;
    int status = OPAL_SUCCESS;
    if (OPAL_UNLIKELY(!mca_btl_segmsg_ob1_room(get->cbdata, get->cbcontext, get->local, get->remote,
                                               *size, &room))) {
        static bool told;
        if (!told) {
            told = true;
            MCA_BTL_SEGMSG_SAY_ONCE_A_NODE("pml-unknown", opal_process_info.nodename);
        }
        status = OPAL_ERROR;
    } else if (OPAL_LIKELY(room != 0)) {
        *size = *size < room ? *size : room;
        return true;
    }
    get->cbfunc(get->btl, get->endpoint, get->local, get->local_handle, get->cbcontext, get->cbdata,
                status);
    return false;
}
