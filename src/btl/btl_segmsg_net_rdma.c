/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Put, get and atomics between hosts: straight to and from the program's memory, which is registered
 * for what its users want, no more of it and no longer: whoever learns a key can use it as long as it
 * lives. Where memory must be pinned, which is costly, Open MPI's grdma cache keeps registrations, in
 * whole pages, until it is full or the memory is freed. Atomics that the provider has not, or does in
 * software, go by messages (btl_segmsg_operations.c): the target's processor does them, which is also right
 * for its own accesses.
 */
#include "btl/btl_segmsg_net_rdma.h"
#include "btl/btl_segmsg_net_failure.h"
#include "btl/btl_segmsg_net_link.h"

#if SEGMSG_HAVE_OFI

#include "btl/btl_segmsg_ob1.h"
#include "btl/btl_segmsg_rdma.h"
#include "btl/btl_segmsg_net_tell.h"

/* What Open MPI carries to the peers of memory that was registered. */
struct mca_btl_base_registration_handle_t {
    uint64_t key;
    uint64_t base; /* what remote addresses count from */
    void *descriptor;
};

typedef struct {
    mca_rcache_base_registration_t super;
    segmsg_ofi_region_t region;
    mca_btl_base_registration_handle_t handle;
} registration_t;

/* What an atomic of the provider's reads and writes; in registered memory. */
typedef struct {
    uint64_t operand;
    uint64_t compare;
    uint64_t result;
} atomic_words_t;

enum { PARTS = 8 }; /* of an operation, under way at a time */

/* An operation under way. */
typedef struct operation_t {
    opal_list_item_t super;             /* in one of the lists of its interface */
    segmsg_ofi_operation_t part[PARTS]; /* each knows its operation */
    bool is_part_busy[PARTS];
    uint32_t parts_busy;
    bool is_waiting; /* in net->waiting */
    mca_btl_segmsg_transfer_t transfer;
    mca_btl_segmsg_net_t *net;
    uint64_t remote; /* as the provider wants it */
    uint64_t key;
    void *descriptor;
    size_t started; /* bytes */
    int status;
    bool is_atomic;
    bool is_fetching;
    bool is_32bit;
    enum fi_op op;
    atomic_words_t *words;
} operation_t;
static OBJ_CLASS_INSTANCE(operation_t, opal_list_item_t, NULL, NULL);

enum { ATOMICS = 256 }; /* of the provider's, under way at a time */

/* ---- registration ---- */

/* What libfabric calls an access of the BTL interface. */
static uint64_t access_of(uint32_t flags)
{
    uint64_t access = FI_READ | FI_WRITE; /* by this process, which has the memory anyway */
    access |= (flags & MCA_BTL_REG_FLAG_REMOTE_READ) != 0 ? FI_REMOTE_READ : 0;
    access |= (flags & MCA_BTL_REG_FLAG_REMOTE_WRITE) != 0 ? FI_REMOTE_WRITE : 0;
    access |= (flags & MCA_BTL_REG_FLAG_REMOTE_ATOMIC) != 0 ? FI_REMOTE_READ | FI_REMOTE_WRITE : 0;
    return access;
}

static bool register_now(mca_btl_segmsg_net_t *net, void *base, size_t size, uint32_t flags,
                         registration_t *registration)
{
    opal_mutex_lock(&net->gate);
    int rc = segmsg_ofi_register(&net->ofi, base, size, access_of(flags), &registration->region);
    opal_mutex_unlock(&net->gate);
    registration->handle = (mca_btl_base_registration_handle_t){
        .key = registration->region.key,
        .base = registration->region.base,
        .descriptor = registration->region.descriptor,
    };
    return rc == 0;
}

static void deregister_now(mca_btl_segmsg_net_t *net, registration_t *registration)
{
    opal_mutex_lock(&net->gate);
    segmsg_ofi_deregister(&registration->region);
    opal_mutex_unlock(&net->gate);
}

/* For the cache: some page that it does not have. */
static int register_region(void *data, void *base, size_t size, mca_rcache_base_registration_t *reg)
{
    return register_now(data, base, size, (uint32_t) reg->access_flags,
                        (registration_t *) (void *) reg)
               ? OPAL_SUCCESS
               : OPAL_ERR_OUT_OF_RESOURCE;
}

static int deregister_region(void *data, mca_rcache_base_registration_t *reg)
{
    deregister_now(data, (registration_t *) (void *) reg);
    return OPAL_SUCCESS;
}

static mca_btl_base_registration_handle_t *register_mem(mca_btl_base_module_t *btl,
                                                        mca_btl_base_endpoint_t *endpoint,
                                                        void *base, size_t size, uint32_t flags)
{
    mca_btl_segmsg_net_t *net = (mca_btl_segmsg_net_t *) btl;
    (void) endpoint;
    if (!net->ofi.pins) {
        registration_t *registration = calloc(1, sizeof(*registration));
        if (registration != NULL && !register_now(net, base, size, flags, registration)) {
            free(registration);
            registration = NULL;
        }
        return registration == NULL ? NULL : &registration->handle;
    }
    mca_rcache_base_registration_t *reg = NULL;
    int rc = net->rcache->rcache_register(net->rcache, base, size, 0,
                                          (int32_t) (flags & MCA_BTL_REG_FLAG_ACCESS_ANY), &reg);
    return rc == OPAL_SUCCESS ? &((registration_t *) (void *) reg)->handle : NULL;
}

static int deregister_mem(mca_btl_base_module_t *btl, mca_btl_base_registration_handle_t *handle)
{
    mca_btl_segmsg_net_t *net = (mca_btl_segmsg_net_t *) btl;
    registration_t *registration = (void *) ((char *) handle - offsetof(registration_t, handle));
    if (!net->ofi.pins) {
        deregister_now(net, registration);
        free(registration);
        return OPAL_SUCCESS;
    }
    (void) net->rcache->rcache_deregister(net->rcache, &registration->super);
    return OPAL_SUCCESS;
}

/* ---- operations ---- */

/* All of an operation is done: Open MPI is told when the gate is open again. */
static void finish(operation_t *operation)
{
    opal_list_append(&operation->net->finished, &operation->super);
}

static operation_t *operation_of_part(segmsg_ofi_operation_t *part)
{
    return part->owner;
}

/* Puts an operation among those that have parts to start. */
static void wait_for_turn(operation_t *operation)
{
    if (!operation->is_waiting) {
        operation->is_waiting = true;
        opal_list_append(&operation->net->waiting, &operation->super);
    }
}

static void part_done(segmsg_ofi_operation_t *part, int error)
{
    operation_t *operation = operation_of_part(part);
    operation->is_part_busy[part - operation->part] = false;
    --operation->parts_busy;
    if (error != 0) {
        operation->status = OPAL_ERR_UNREACH;
        operation->started = operation->transfer.size;
        mca_btl_segmsg_link_failed(operation->transfer.endpoint->link, error);
    }
    if (operation->started < operation->transfer.size && !operation->is_atomic) {
        wait_for_turn(operation);
    } else if (operation->parts_busy == 0 && !operation->is_waiting) {
        finish(operation);
    }
}

/* Starts an atomic. The gate is held. */
static int start_atomic(operation_t *operation)
{
    mca_btl_segmsg_net_t *net = operation->net;
    atomic_words_t *words = operation->words;
    return segmsg_ofi_atomic(&net->ofi, operation->transfer.endpoint->link->address, operation->op,
                             operation->is_32bit, &words->operand, &words->compare,
                             operation->is_fetching ? &words->result : NULL,
                             net->atomics_region.descriptor, operation->remote, operation->key,
                             &operation->part[0]);
}

/* Longest part of a transfer in bytes: where the kernel carries them, several that are under way at a time
 * are faster than a long one that does not fit its buffers. */
static size_t part_bytes(const mca_btl_segmsg_net_t *net)
{
    size_t most = net->ofi.max_message;
    unsigned get_part = mca_btl_segmsg.config.hosts.ofi_rdma_chunk;
    return net->ofi.is_cpu_bound && get_part != 0 && get_part < most ? get_part : most;
}

/* Starts one part of a transfer. The gate is held. 0 or an error. */
static int start_part(operation_t *operation)
{
    mca_btl_segmsg_net_t *net = operation->net;
    const mca_btl_segmsg_transfer_t *transfer = &operation->transfer;
    const mca_btl_segmsg_link_t *link = transfer->endpoint->link;
    uint32_t part = 0;
    while (operation->is_part_busy[part]) {
        ++part;
    }
    size_t left = transfer->size - operation->started;
    size_t most = part_bytes(net);
    size_t bytes = left < most ? left : most;
    char *local = (char *) transfer->local + operation->started;
    uint64_t remote = operation->remote + operation->started;
    int rc = operation->is_atomic ? start_atomic(operation)
             : transfer->is_put
                 ? segmsg_ofi_put(&net->ofi, link->address, local, bytes, operation->descriptor,
                                  remote, operation->key, &operation->part[part])
                 : segmsg_ofi_get(&net->ofi, link->address, local, bytes, operation->descriptor,
                                  remote, operation->key, &operation->part[part]);
    if (rc == 0) {
        operation->started += operation->is_atomic ? 0 : bytes;
        operation->is_part_busy[part] = true;
        ++operation->parts_busy;
    }
    return rc;
}

/* Starts as many parts of an operation as may be under way. The gate is held. 0: all are, or as many;
 * or an error. */
static int start_parts(operation_t *operation)
{
    mca_btl_segmsg_link_t *link = operation->transfer.endpoint->link;
    int rc = mca_btl_segmsg_link_insert(link);
    /* What was sent before, as messages go, is not to be overtaken by a write. */
    if (rc == 0 && !mca_btl_segmsg_link_flush(link)) {
        rc = -FI_EAGAIN;
    }
    do {
        rc = rc == 0 ? start_part(operation) : rc;
    } while (rc == 0 && !operation->is_atomic && operation->started < operation->transfer.size
             && operation->parts_busy < PARTS);
    return rc;
}

/* Starts a new operation. What cannot be started now waits. */
static int start(operation_t *operation)
{
    mca_btl_segmsg_net_t *net = operation->net;
    opal_mutex_lock(&net->gate);
    int rc = opal_list_is_empty(&net->waiting) ? start_parts(operation) : -FI_EAGAIN;
    if (rc == -FI_EAGAIN) {
        wait_for_turn(operation);
        rc = 0;
    }
    if (rc != 0) {
        mca_btl_segmsg_link_failed(operation->transfer.endpoint->link, rc);
    }
    opal_mutex_unlock(&net->gate);
    if (rc != 0) {
        OBJ_RELEASE(operation);
        return OPAL_ERR_UNREACH;
    }
    return OPAL_SUCCESS;
}

/* An atomic's result goes where the caller wants it; its words are free again. */
static void end_atomic(operation_t *operation)
{
    const mca_btl_segmsg_transfer_t *transfer = &operation->transfer;
    if (operation->is_fetching && operation->status == OPAL_SUCCESS) {
        if (operation->is_32bit) {
            memcpy(transfer->local, &operation->words->result, sizeof(uint32_t));
        } else {
            memcpy(transfer->local, &operation->words->result, sizeof(uint64_t));
        }
    }
    mca_btl_segmsg_net_t *net = operation->net;
    opal_mutex_lock(&net->gate);
    uint32_t index = (uint32_t) (operation->words - (atomic_words_t *) net->atomics);
    net->atomic_free[net->atomics_free++] = (uint16_t) index;
    opal_mutex_unlock(&net->gate);
}

int mca_btl_segmsg_net_rdma_progress(mca_btl_segmsg_net_t *net)
{
    int count = 0;
    opal_mutex_lock(&net->gate);
    operation_t *operation;
    size_t turns = opal_list_get_size(&net->waiting);
    while (turns-- != 0) {
        operation = (operation_t *) opal_list_get_first(&net->waiting);
        int rc =
            operation->transfer.endpoint->link->is_lost ? -FI_ENOTCONN : start_parts(operation);
        if (rc == -FI_EAGAIN) {
            break;
        }
        opal_list_remove_first(&net->waiting);
        operation->is_waiting = false;
        if (rc != 0) {
            operation->status = OPAL_ERR_UNREACH;
            operation->started = operation->transfer.size;
            if (operation->parts_busy == 0) {
                finish(operation);
            }
        }
        ++count;
    }
    while ((operation = (operation_t *) opal_list_remove_first(&net->finished)) != NULL) {
        opal_mutex_unlock(&net->gate);
        if (operation->is_atomic) {
            end_atomic(operation);
        }
        mca_btl_segmsg_transfer_done(&operation->transfer, operation->status);
        OBJ_RELEASE(operation);
        ++count;
        opal_mutex_lock(&net->gate);
    }
    opal_mutex_unlock(&net->gate);
    return count;
}

static operation_t *make_operation(mca_btl_base_module_t *btl,
                                   const mca_btl_segmsg_transfer_t *transfer,
                                   const mca_btl_base_registration_handle_t *remote_handle)
{
    operation_t *operation = OBJ_NEW(operation_t);
    if (operation != NULL) {
        operation->net = (mca_btl_segmsg_net_t *) btl;
        for (uint32_t part = 0; part < PARTS; ++part) {
            operation->part[part].done = part_done;
            operation->part[part].owner = operation;
            operation->is_part_busy[part] = false;
        }
        operation->parts_busy = 0;
        operation->is_waiting = false;
        operation->transfer = *transfer;
        operation->remote = transfer->remote - remote_handle->base;
        operation->key = remote_handle->key;
        operation->descriptor =
            transfer->local_handle == NULL ? NULL : transfer->local_handle->descriptor;
        operation->started = 0;
        operation->status = OPAL_SUCCESS;
        operation->is_atomic = false;
    }
    return operation;
}

static int start_transfer(bool is_put, mca_btl_base_module_t *btl,
                          mca_btl_base_endpoint_t *endpoint, void *local, uint64_t remote,
                          mca_btl_base_registration_handle_t *local_handle,
                          mca_btl_base_registration_handle_t *remote_handle, size_t size,
                          mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext, void *cbdata)
{
    const mca_btl_segmsg_transfer_t transfer = {.endpoint = endpoint,
                                                .is_put = is_put,
                                                .local = local,
                                                .remote = remote,
                                                .size = size,
                                                .local_handle = local_handle,
                                                .cbfunc = cbfunc,
                                                .cbcontext = cbcontext,
                                                .cbdata = cbdata};
    if (endpoint->is_self || size == 0) {
        void *there = (void *) (uintptr_t) remote;
        if (size != 0) {
            memmove(is_put ? there : local, is_put ? local : there, size);
        }
        mca_btl_segmsg_transfer_done(&transfer, OPAL_SUCCESS);
        return OPAL_SUCCESS;
    }
    if (endpoint->link->is_lost) {
        return OPAL_ERR_UNREACH;
    }
    operation_t *operation = make_operation(btl, &transfer, remote_handle);
    return operation == NULL ? OPAL_ERR_OUT_OF_RESOURCE : start(operation);
}

static int put(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint, void *local_address,
               uint64_t remote_address, mca_btl_base_registration_handle_t *local_handle,
               mca_btl_base_registration_handle_t *remote_handle, size_t size, int flags, int order,
               mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext, void *cbdata)
{
    (void) flags, (void) order;
    return start_transfer(true, btl, endpoint, local_address, remote_address, local_handle,
                          remote_handle, size, cbfunc, cbcontext, cbdata);
}

static int get(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint, void *local_address,
               uint64_t remote_address, mca_btl_base_registration_handle_t *local_handle,
               mca_btl_base_registration_handle_t *remote_handle, size_t size, int flags, int order,
               mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext, void *cbdata)
{
    (void) flags, (void) order;
    const mca_btl_segmsg_ob1_get_t get = {.btl = btl,
                                          .endpoint = endpoint,
                                          .local = local_address,
                                          .remote = remote_address,
                                          .local_handle = local_handle,
                                          .cbfunc = cbfunc,
                                          .cbcontext = cbcontext,
                                          .cbdata = cbdata};
    if (OPAL_UNLIKELY(!mca_btl_segmsg_ob1_fit(&get, &size))) {
        return OPAL_SUCCESS;
    }
    return start_transfer(false, btl, endpoint, local_address, remote_address, local_handle,
                          remote_handle, size, cbfunc, cbcontext, cbdata);
}

/* ---- atomics of the provider's ---- */

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
    if (endpoint->link == NULL || endpoint->link->is_lost) {
        return OPAL_ERR_UNREACH;
    }
    opal_mutex_lock(&net->gate);
    bool has_words = net->atomics_free != 0;
    uint32_t index = has_words ? net->atomic_free[--net->atomics_free] : 0;
    opal_mutex_unlock(&net->gate);
    operation_t *operation = has_words ? make_operation(btl, &transfer, remote_handle) : NULL;
    if (operation == NULL) {
        return OPAL_ERR_OUT_OF_RESOURCE;
    }
    operation->is_atomic = true;
    operation->is_fetching = is_fetching;
    operation->is_32bit = (flags & MCA_BTL_ATOMIC_FLAG_32BIT) != 0;
    operation->op = op;
    operation->words = (atomic_words_t *) net->atomics + index;
    if (operation->is_32bit) {
        uint32_t narrow[2] = {(uint32_t) operand, (uint32_t) compare};
        memcpy(&operation->words->operand, &narrow[0], sizeof(uint32_t));
        memcpy(&operation->words->compare, &narrow[1], sizeof(uint32_t));
    } else {
        operation->words->operand = operand;
        operation->words->compare = compare;
    }
    return start(operation);
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

/* ---- opening ---- */

bool mca_btl_segmsg_net_rdma_open(mca_btl_segmsg_net_t *net)
{
    char name[64];
    snprintf(name, sizeof(name), "segmsg-ofi.%u", net->rail);
    mca_rcache_base_resources_t resources = {.cache_name = name,
                                             .reg_data = net,
                                             .sizeof_reg = sizeof(registration_t),
                                             .register_mem = register_region,
                                             .deregister_mem = deregister_region};
    OBJ_CONSTRUCT(&net->waiting, opal_list_t);
    OBJ_CONSTRUCT(&net->finished, opal_list_t);
    net->rcache = mca_rcache_base_module_create("grdma", net, &resources);
    size_t bytes = ATOMICS * sizeof(atomic_words_t);
    net->atomics = calloc(1, bytes);
    net->atomic_free = calloc(ATOMICS, sizeof(*net->atomic_free));
    if (net->rcache == NULL || net->atomics == NULL || net->atomic_free == NULL
        || segmsg_ofi_register(&net->ofi, net->atomics, bytes, FI_READ | FI_WRITE,
                               &net->atomics_region)
               != 0) {
        return false;
    }
    for (uint32_t i = 0; i < ATOMICS; ++i) {
        net->atomic_free[net->atomics_free++] = (uint16_t) i;
    }
    return true;
}

void mca_btl_segmsg_net_rdma_set_module(mca_btl_segmsg_net_t *net)
{
    mca_btl_base_module_t *btl = &net->super;
    btl->btl_register_mem = register_mem;
    btl->btl_deregister_mem = deregister_mem;
    btl->btl_registration_handle_size = sizeof(mca_btl_base_registration_handle_t);
    if (!net->ofi.needs_local) {
        btl->btl_get_local_registration_threshold = SIZE_MAX;
        btl->btl_put_local_registration_threshold = SIZE_MAX;
    }
    btl->btl_put = put;
    btl->btl_get = get;
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

void mca_btl_segmsg_net_rdma_cancel(mca_btl_segmsg_net_t *net, mca_btl_segmsg_endpoint_t *endpoint)
{
    opal_mutex_lock(&net->gate);
    operation_t *operation;
    operation_t *next;
    OPAL_LIST_FOREACH_SAFE (operation, next, &net->waiting, operation_t) {
        if (operation->transfer.endpoint == endpoint) {
            opal_list_remove_item(&net->waiting, &operation->super);
            operation->is_waiting = false;
            operation->status = OPAL_ERR_UNREACH;
            operation->started = operation->transfer.size;
            if (operation->parts_busy == 0) {
                finish(operation);
            }
        }
    }
    opal_mutex_unlock(&net->gate);
}

void mca_btl_segmsg_net_rdma_close(mca_btl_segmsg_net_t *net)
{
    if (net->rcache != NULL) {
        mca_rcache_base_module_destroy(net->rcache);
        net->rcache = NULL;
    }
    segmsg_ofi_deregister(&net->atomics_region);
    free(net->atomics);
    free(net->atomic_free);
    net->atomics = NULL;
    net->atomic_free = NULL;
}

#endif /* SEGMSG_HAVE_OFI */
