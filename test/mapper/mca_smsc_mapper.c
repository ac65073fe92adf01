/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A component of Open MPI 5's smsc framework, for tests: it stands in for XPMEM, whose kernel module
 * is on few machines. It "maps" a part of a peer's memory by fetching it, and writes it back when it
 * is unmapped. So whoever uses it must map what it copies, and nothing else, and unmap it afterwards.
 */
#include "opal_config.h"
#include "opal/mca/pmix/pmix-internal.h"
#include "opal/mca/smsc/base/base.h"
#include "opal/mca/smsc/smsc.h"
#include "opal/util/proc.h"

#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

typedef struct {
    mca_smsc_endpoint_t super;
    pid_t pid;
} endpoint_t;
OBJ_CLASS_DECLARATION(endpoint_t);
OBJ_CLASS_INSTANCE(endpoint_t, opal_object_t, NULL, NULL);

typedef struct {
    pid_t pid;
    void *remote;
    size_t size;
    unsigned char bytes[];
} mapping_t;

extern mca_smsc_component_t mca_smsc_mapper_component;

static mca_smsc_endpoint_t *get_endpoint(opal_proc_t *proc)
{
    int rc;
    pid_t *pid = NULL;
    size_t size = 0;
    OPAL_MODEX_RECV_IMMEDIATE(rc, &mca_smsc_mapper_component.smsc_version, &proc->proc_name,
                              (void **) &pid, &size);
    if (rc != OPAL_SUCCESS || size != sizeof(*pid)) {
        return NULL;
    }
    endpoint_t *endpoint = OBJ_NEW(endpoint_t);
    endpoint->super.proc = proc;
    endpoint->pid = *pid;
    free(pid);
    return &endpoint->super;
}

static void return_endpoint(mca_smsc_endpoint_t *endpoint)
{
    OBJ_RELEASE(endpoint);
}

static void *map(mca_smsc_endpoint_t *endpoint, uint64_t flags, void *remote, size_t size,
                 void **local)
{
    (void) flags;
    mapping_t *mapping = malloc(sizeof(*mapping) + size);
    if (mapping == NULL) {
        return NULL;
    }
    mapping->pid = ((endpoint_t *) endpoint)->pid;
    mapping->remote = remote;
    mapping->size = size;
    struct iovec here = {.iov_base = mapping->bytes, .iov_len = size};
    struct iovec there = {.iov_base = remote, .iov_len = size};
    if (process_vm_readv(mapping->pid, &here, 1, &there, 1, 0) != (ssize_t) size) {
        free(mapping);
        return NULL;
    }
    *local = mapping->bytes;
    return mapping;
}

static void unmap(void *context)
{
    mapping_t *mapping = context;
    struct iovec here = {.iov_base = mapping->bytes, .iov_len = mapping->size};
    struct iovec there = {.iov_base = mapping->remote, .iov_len = mapping->size};
    if (process_vm_writev(mapping->pid, &here, 1, &there, 1, 0) != (ssize_t) mapping->size) {
        abort();
    }
    free(mapping);
}

static int copy(mca_smsc_endpoint_t *endpoint, void *local, void *remote, size_t size, void *data)
{
    (void) endpoint, (void) local, (void) remote, (void) size, (void) data;
    return OPAL_ERR_NOT_SUPPORTED; /* only mapping is tested */
}

static mca_smsc_module_t module = {
    .features = MCA_SMSC_FEATURE_CAN_MAP,
    .get_endpoint = get_endpoint,
    .return_endpoint = return_endpoint,
    .copy_to = copy,
    .copy_from = copy,
    .map_peer_region = map,
    .unmap_peer_region = unmap,
};

static int query(void)
{
    int rc;
    pid_t pid = getpid();
    (void) prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    OPAL_MODEX_SEND(rc, PMIX_LOCAL, &mca_smsc_mapper_component.smsc_version, &pid, sizeof(pid));
    return rc;
}

static mca_smsc_module_t *enable(void)
{
    return &module;
}

mca_smsc_component_t mca_smsc_mapper_component = {
    .smsc_version = {MCA_SMSC_DEFAULT_VERSION("mapper")},
    .priority = 100,
    .query = query,
    .enable = enable,
};
