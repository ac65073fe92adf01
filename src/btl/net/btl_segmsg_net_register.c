/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Memory is registered for what its users want, no more of it and no longer: whoever learns a key can use it
 * as long as it lives. Where memory must be pinned, which is costly, Open MPI's grdma cache keeps
 * registrations, in whole pages, until it is full or the memory is freed.
 */
#include "btl/net/btl_segmsg_net_register.h"

#if SEGMSG_HAVE_OFI

typedef struct {
    mca_rcache_base_registration_t super;
    segmsg_ofi_region_t region;
    mca_btl_base_registration_handle_t handle;
} registration_t;

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

mca_btl_base_registration_handle_t *
mca_btl_segmsg_net_register_mem(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
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
    int rc = net->onesided.rcache->rcache_register(net->onesided.rcache, base, size, 0,
                                                   (int32_t) (flags & MCA_BTL_REG_FLAG_ACCESS_ANY),
                                                   &reg);
    return rc == OPAL_SUCCESS ? &((registration_t *) (void *) reg)->handle : NULL;
}

int mca_btl_segmsg_net_deregister_mem(mca_btl_base_module_t *btl,
                                      mca_btl_base_registration_handle_t *handle)
{
    mca_btl_segmsg_net_t *net = (mca_btl_segmsg_net_t *) btl;
    registration_t *registration = (void *) ((char *) handle - offsetof(registration_t, handle));
    if (!net->ofi.pins) {
        deregister_now(net, registration);
        free(registration);
        return OPAL_SUCCESS;
    }
    (void) net->onesided.rcache->rcache_deregister(net->onesided.rcache, &registration->super);
    return OPAL_SUCCESS;
}

mca_rcache_base_module_t *mca_btl_segmsg_net_register_cache(mca_btl_segmsg_net_t *net)
{
    char name[64];
    snprintf(name, sizeof(name), "segmsg-ofi.%u", net->rail);
    mca_rcache_base_resources_t resources = {.cache_name = name,
                                             .reg_data = net,
                                             .sizeof_reg = sizeof(registration_t),
                                             .register_mem = register_region,
                                             .deregister_mem = deregister_region};
    return mca_rcache_base_module_create("grdma", net, &resources);
}

#endif /* SEGMSG_HAVE_OFI */
