/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Atomics that the provider has not, or does in software, go by messages (btl_segmsg_operations.c): the target's
 * processor does them, which is also right for its own accesses.
 */
#include "btl/net/btl_segmsg_net_atomics.h"
#include "btl/net/btl_segmsg_net_operations.h"
#include "btl/btl_segmsg_rdma.h"

#if SEGMSG_HAVE_OFI

enum { ATOMICS = 256 }; /* of the provider's, under way at a time */

static const struct {
    mca_btl_base_atomic_op_t btl;
    uint32_t flag;
    enum fi_op op;
} atomic_ops[] = {
    {MCA_BTL_ATOMIC_ADD, MCA_BTL_ATOMIC_SUPPORTS_ADD, FI_SUM},
    {MCA_BTL_ATOMIC_AND, MCA_BTL_ATOMIC_SUPPORTS_AND, FI_BAND},
    {MCA_BTL_ATOMIC_OR, MCA_BTL_ATOMIC_SUPPORTS_OR, FI_BOR},
    {MCA_BTL_ATOMIC_XOR, MCA_BTL_ATOMIC_SUPPORTS_XOR, FI_BXOR},
    {MCA_BTL_ATOMIC_SWAP, MCA_BTL_ATOMIC_SUPPORTS_SWAP, FI_ATOMIC_WRITE},
    {MCA_BTL_ATOMIC_MIN, MCA_BTL_ATOMIC_SUPPORTS_MIN, FI_MIN},
    {MCA_BTL_ATOMIC_MAX, MCA_BTL_ATOMIC_SUPPORTS_MAX, FI_MAX},
};
enum { ATOMIC_OPS = sizeof(atomic_ops) / sizeof(*atomic_ops) };

static int native_atomic(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                         void *local_address, uint64_t remote_address,
                         mca_btl_base_registration_handle_t *local_handle,
                         mca_btl_base_registration_handle_t *remote_handle, enum fi_op op,
                         uint64_t operand, uint64_t compare, bool is_fetching, int flags,
                         mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext, void *cbdata)
{
    mca_btl_segmsg_net_t *net = (mca_btl_segmsg_net_t *) btl;
    const mca_btl_segmsg_transfer_t transfer = {.endpoint = endpoint,
                                                .local = local_address,
                                                .remote = remote_address,
                                                .local_handle = local_handle,
                                                .cbfunc = cbfunc,
                                                .cbcontext = cbcontext,
                                                .cbdata = cbdata};
    if (endpoint->link == NULL || endpoint->link->loss.is_lost) {
        return OPAL_ERR_UNREACH;
    }
    opal_mutex_lock(&net->gate);
    bool has_words = net->onesided.atomics_free != 0;
    uint32_t index = has_words ? net->onesided.atomic_free[--net->onesided.atomics_free] : 0;
    opal_mutex_unlock(&net->gate);
    mca_btl_segmsg_net_operation_t *operation =
        has_words ? mca_btl_segmsg_net_operation_make(btl, &transfer, remote_handle) : NULL;
    if (operation == NULL) {
        return OPAL_ERR_OUT_OF_RESOURCE;
    }
    operation->is_atomic = true;
    operation->is_fetching = is_fetching;
    operation->is_32bit = (flags & MCA_BTL_ATOMIC_FLAG_32BIT) != 0;
    operation->op = op;
    operation->words = (mca_btl_segmsg_net_words_t *) net->onesided.atomics + index;
    if (operation->is_32bit) {
        uint32_t narrow[2] = {(uint32_t) operand, (uint32_t) compare};
        memcpy(&operation->words->operand, &narrow[0], sizeof(uint32_t));
        memcpy(&operation->words->compare, &narrow[1], sizeof(uint32_t));
    } else {
        operation->words->operand = operand;
        operation->words->compare = compare;
    }
    return mca_btl_segmsg_net_operation_start(operation);
}

static enum fi_op op_of(mca_btl_base_atomic_op_t op)
{
    for (int i = 0; i < ATOMIC_OPS; ++i) {
        if (atomic_ops[i].btl == op) {
            return atomic_ops[i].op;
        }
    }
    return (enum fi_op) FI_ATOMIC_OP_LAST; /* which nobody offers */
}

static int atomic_op(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                     uint64_t remote_address, mca_btl_base_registration_handle_t *remote_handle,
                     mca_btl_base_atomic_op_t op, uint64_t operand, int flags, int order,
                     mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext, void *cbdata)
{
    (void) order;
    return native_atomic(btl, endpoint, NULL, remote_address, NULL, remote_handle, op_of(op),
                         operand, 0, false, flags, cbfunc, cbcontext, cbdata);
}

static int atomic_fop(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                      void *local_address, uint64_t remote_address,
                      mca_btl_base_registration_handle_t *local_handle,
                      mca_btl_base_registration_handle_t *remote_handle,
                      mca_btl_base_atomic_op_t op, uint64_t operand, int flags, int order,
                      mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext, void *cbdata)
{
    (void) order;
    return native_atomic(btl, endpoint, local_address, remote_address, local_handle, remote_handle,
                         op_of(op), operand, 0, true, flags, cbfunc, cbcontext, cbdata);
}

static int atomic_cswap(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                        void *local_address, uint64_t remote_address,
                        mca_btl_base_registration_handle_t *local_handle,
                        mca_btl_base_registration_handle_t *remote_handle, uint64_t compare,
                        uint64_t value, int flags, int order,
                        mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext, void *cbdata)
{
    (void) order;
    if (remote_handle == NULL && !SEGMSG_OFFERS_CSWAP) {
        return OPAL_ERR_NOT_SUPPORTED; /* see message_cswap */
    }
    return native_atomic(btl, endpoint, local_address, remote_address, local_handle, remote_handle,
                         FI_CSWAP, value, compare, true, flags, cbfunc, cbcontext, cbdata);
}

/* By message. 4.1's osc/rdma asks for it also at addresses of its own address space, but then has no
 * handle; see SEGMSG_OFFERS_CSWAP. */
static int message_cswap(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                         void *local_address, uint64_t remote_address,
                         mca_btl_base_registration_handle_t *local_handle,
                         mca_btl_base_registration_handle_t *remote_handle, uint64_t compare,
                         uint64_t value, int flags, int order,
                         mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext, void *cbdata)
{
    (void) btl, (void) order;
    return remote_handle == NULL && !SEGMSG_OFFERS_CSWAP
               ? OPAL_ERR_NOT_SUPPORTED
               : mca_btl_segmsg_cswap_by_message(endpoint, local_address, remote_address,
                                                 local_handle, compare, value, flags, cbfunc,
                                                 cbcontext, cbdata);
}

/* Which atomics the provider has, fetching and not, in both widths; 0: not enough to be of use. */
static uint32_t native_flags(mca_btl_segmsg_net_t *net)
{
    const char *wish = mca_btl_segmsg.config.hosts.ofi_atomics;
    bool is_wanted =
        strcmp(wish, "native") == 0 || (strcmp(wish, "auto") == 0 && !net->ofi.is_cpu_bound);
    uint32_t flags = 0;
    for (int i = 0; is_wanted && i < ATOMIC_OPS; ++i) {
        bool has = true;
        for (int variant = 0; variant < 4; ++variant) {
            has = has
                  && segmsg_ofi_has_atomic(&net->ofi, atomic_ops[i].op, (variant & 1) != 0,
                                           (variant & 2) != 0);
        }
        flags |= has ? atomic_ops[i].flag : 0;
    }
    bool has_cswap = is_wanted && segmsg_ofi_has_atomic(&net->ofi, FI_CSWAP, false, true)
                     && segmsg_ofi_has_atomic(&net->ofi, FI_CSWAP, true, true);
    return has_cswap && (flags & MCA_BTL_ATOMIC_SUPPORTS_ADD) != 0
               ? flags | MCA_BTL_ATOMIC_SUPPORTS_CSWAP | MCA_BTL_ATOMIC_SUPPORTS_32BIT
               : 0;
}

bool mca_btl_segmsg_net_atomics_open(mca_btl_segmsg_net_t *net)
{
    size_t bytes = ATOMICS * sizeof(mca_btl_segmsg_net_words_t);
    net->onesided.atomics = calloc(1, bytes);
    net->onesided.atomic_free = calloc(ATOMICS, sizeof(*net->onesided.atomic_free));
    if (net->onesided.atomics == NULL || net->onesided.atomic_free == NULL
        || segmsg_ofi_register(&net->ofi, net->onesided.atomics, bytes, FI_READ | FI_WRITE,
                               &net->onesided.atomics_region)
               != 0) {
        return false;
    }
    for (uint32_t i = 0; i < ATOMICS; ++i) {
        net->onesided.atomic_free[net->onesided.atomics_free++] = (uint16_t) i;
    }
    return true;
}

void mca_btl_segmsg_net_atomics_close(mca_btl_segmsg_net_t *net)
{
    segmsg_ofi_deregister(&net->onesided.atomics_region);
    free(net->onesided.atomics);
    free(net->onesided.atomic_free);
    net->onesided.atomics = NULL;
    net->onesided.atomic_free = NULL;
}

void mca_btl_segmsg_net_atomics_set_module(mca_btl_segmsg_net_t *net)
{
    mca_btl_base_module_t *btl = &net->super;
    uint32_t flags = native_flags(net);
    btl->btl_atomic_cswap = message_cswap;
    btl->btl_atomic_flags |= MCA_BTL_ATOMIC_SUPPORTS_CSWAP;
    net->has_native_atomics = flags != 0;
    if (flags != 0) {
        btl->btl_atomic_op = atomic_op;
        btl->btl_atomic_fop = atomic_fop;
        btl->btl_atomic_cswap = atomic_cswap;
        btl->btl_atomic_flags = flags;
    }
}

#endif /* SEGMSG_HAVE_OFI */
