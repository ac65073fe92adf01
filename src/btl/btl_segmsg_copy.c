/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Copying between the memories of two processes in one go. The kernel does it, which is tried on every
 * peer (copier/cma.h). Better still, one process maps the other's memory, where
 * there is a kernel module for that (XPMEM) and Open MPI knows it (5.0's smsc framework).
 */
#include "btl/btl_segmsg_copy.h"

#include "base/copy_long.h"
#include "copier/cma.h"

#include <errno.h>
#include <signal.h>

void mca_btl_segmsg_copy_init(void)
{
    if (mca_btl_segmsg.config.copy.single_copy != SEGMSG_COPY_NONE) {
        segmsg_kernel_copy_permit();
    }
}

static bool kernel_copies(const mca_btl_segmsg_modex_t *modex)
{
    pid_t pid = (pid_t) modex->owner.pid;
    uint64_t nonce = 0;
    uint64_t where = modex->probe + offsetof(mca_btl_segmsg_probe_t, nonce);
    return segmsg_kernel_read(pid, &nonce, where, sizeof(nonce)) && nonce == modex->owner.nonce
           && segmsg_kernel_write(pid, &nonce,
                                  modex->probe + offsetof(mca_btl_segmsg_probe_t, scratch),
                                  sizeof(nonce));
}

static bool kernel_copy(const mca_btl_segmsg_endpoint_t *endpoint, bool to_peer, void *local,
                        uint64_t remote, size_t size)
{
    pid_t pid = (pid_t) endpoint->peer.pid;
    return endpoint->copy.kernel_copies
           && (to_peer ? segmsg_kernel_write(pid, local, remote, size)
                       : segmsg_kernel_read(pid, local, remote, size));
}

/* Copies through a mapping of the peer's memory, which Open MPI keeps; false if there is none. */
static bool mapped_copy(const mca_btl_segmsg_endpoint_t *endpoint, bool to_peer, void *local,
                        uint64_t remote, size_t size)
{
    void *there = NULL;
    void *mapping = segmsg_compat_map(endpoint->copy.mapper, remote, size, &there);
    if (OPAL_UNLIKELY(mapping == NULL)) {
        return false;
    }
    segmsg_copy_long(to_peer ? there : local, to_peer ? local : there, size);
    segmsg_compat_unmap(mapping);
    return true;
}

/* Maps the peer's probe and looks whether it is what the peer says. */
static bool mapping_works(const mca_btl_segmsg_endpoint_t *endpoint,
                          const mca_btl_segmsg_modex_t *modex)
{
    uint64_t nonce = 0;
    return mapped_copy(endpoint, false, &nonce,
                       modex->probe + offsetof(mca_btl_segmsg_probe_t, nonce), sizeof(nonce))
           && nonce == modex->owner.nonce
           && mapped_copy(endpoint, true, &nonce,
                          modex->probe + offsetof(mca_btl_segmsg_probe_t, scratch), sizeof(nonce));
}

void mca_btl_segmsg_copy_try(mca_btl_segmsg_endpoint_t *endpoint,
                             const mca_btl_segmsg_modex_t *modex)
{
    int wanted = mca_btl_segmsg.config.copy.single_copy;
    endpoint->copy.kernel_copies = wanted != SEGMSG_COPY_NONE && kernel_copies(modex);
    endpoint->copy.mapper =
        wanted == SEGMSG_COPY_AUTO ? segmsg_compat_mapper_get(endpoint->proc) : NULL;
    if (endpoint->copy.mapper != NULL && !mapping_works(endpoint, modex)) {
        mca_btl_segmsg_copy_forget(endpoint);
    }
    endpoint->copy.single_copy = endpoint->copy.kernel_copies || endpoint->copy.mapper != NULL;
    endpoint->copy.probe = modex->probe;
    endpoint->copy.pid_is_visible =
        segmsg_shm_spaces_share_pids(mca_btl_segmsg.own.spaces, modex->spaces)
        && (kill((pid_t) modex->owner.pid, 0) == 0 || errno == EPERM);
}

void mca_btl_segmsg_copy_forget(mca_btl_segmsg_endpoint_t *endpoint)
{
    if (endpoint->copy.mapper != NULL) {
        segmsg_compat_mapper_return(endpoint->copy.mapper);
        endpoint->copy.mapper = NULL;
    }
}

bool mca_btl_segmsg_copy_is_alive(const mca_btl_segmsg_endpoint_t *endpoint)
{
    if (!endpoint->copy.kernel_copies) {
        return !endpoint->copy.pid_is_visible || kill((pid_t) endpoint->peer.pid, 0) == 0
               || errno != ESRCH;
    }
    uint64_t nonce = 0;
    if (!kernel_copy(endpoint, false, &nonce,
                     endpoint->copy.probe + offsetof(mca_btl_segmsg_probe_t, nonce),
                     sizeof(nonce))) {
        return errno != ESRCH; /* it may have become unreadable, and be alive */
    }
    return nonce == endpoint->peer.nonce;
}

bool mca_btl_segmsg_copy(const mca_btl_segmsg_endpoint_t *endpoint, bool to_peer, void *local,
                         uint64_t remote, size_t size)
{
    return (endpoint->copy.mapper != NULL && mapped_copy(endpoint, to_peer, local, remote, size))
           || kernel_copy(endpoint, to_peer, local, remote, size);
}
