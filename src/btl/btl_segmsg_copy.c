/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The kernel's single copy, process_vm_readv and process_vm_writev. Whether it works depends on
 * users, Yama's ptrace scope, seccomp filters and name spaces, so it is tried on every peer.
 */
#include "btl/btl_segmsg.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/uio.h>

void mca_btl_segmsg_copy_init(void)
{
#ifdef PR_SET_PTRACER
    /* Under Yama's scope 1 only those whom we name may read us; peers are not our children. */
    if (mca_btl_segmsg.config.single_copy != SEGMSG_COPY_NONE) {
        (void) prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    }
#endif
}

#if SEGMSG_HAVE_PROCESS_VM
typedef ssize_t (*transfer_fn_t)(pid_t pid, const struct iovec *local, unsigned long locals,
                                 const struct iovec *remote, unsigned long remotes,
                                 unsigned long flags);

/* The kernel moves at most 2 GB a call, and may stop early. */
static bool transfer(transfer_fn_t call, pid_t pid, void *local, uint64_t remote, size_t size)
{
    while (size != 0) {
        struct iovec here = {.iov_base = local, .iov_len = size};
        struct iovec there = {.iov_base = (void *) (uintptr_t) remote, .iov_len = size};
        ssize_t moved = call(pid, &here, 1, &there, 1, 0);
        if (moved < 0 && errno == EINTR) {
            continue;
        }
        if (moved <= 0) {
            return false;
        }
        local = (char *) local + moved;
        remote += (uint64_t) moved;
        size -= (size_t) moved;
    }
    return true;
}

bool mca_btl_segmsg_copy_works(const mca_btl_segmsg_modex_t *modex)
{
    if (mca_btl_segmsg.config.single_copy == SEGMSG_COPY_NONE) {
        return false;
    }
    pid_t pid = (pid_t) modex->owner.pid;
    uint64_t nonce = 0;
    uint64_t where = modex->probe + offsetof(mca_btl_segmsg_probe_t, nonce);
    if (!transfer(process_vm_readv, pid, &nonce, where, sizeof(nonce))
        || nonce != modex->owner.nonce) {
        return false;
    }
    return transfer(process_vm_writev, pid, &nonce,
                    modex->probe + offsetof(mca_btl_segmsg_probe_t, scratch), sizeof(nonce));
}

bool mca_btl_segmsg_copy_is_alive(const mca_btl_segmsg_endpoint_t *endpoint)
{
    uint64_t nonce = 0;
    return transfer(process_vm_readv, (pid_t) endpoint->peer.pid, &nonce,
                    endpoint->probe + offsetof(mca_btl_segmsg_probe_t, nonce), sizeof(nonce))
           && nonce == endpoint->peer.nonce;
}

bool mca_btl_segmsg_copy_from(const mca_btl_segmsg_endpoint_t *endpoint, void *to, uint64_t from,
                              size_t size)
{
    return transfer(process_vm_readv, (pid_t) endpoint->peer.pid, to, from, size);
}

bool mca_btl_segmsg_copy_to(const mca_btl_segmsg_endpoint_t *endpoint, uint64_t to,
                            const void *from, size_t size)
{
    return transfer(process_vm_writev, (pid_t) endpoint->peer.pid, (void *) (uintptr_t) from, to,
                    size);
}
#else
bool mca_btl_segmsg_copy_is_alive(const mca_btl_segmsg_endpoint_t *endpoint)
{
    (void) endpoint;
    return true;
}

bool mca_btl_segmsg_copy_works(const mca_btl_segmsg_modex_t *modex)
{
    (void) modex;
    return false;
}

bool mca_btl_segmsg_copy_from(const mca_btl_segmsg_endpoint_t *endpoint, void *to, uint64_t from,
                              size_t size)
{
    (void) endpoint, (void) to, (void) from, (void) size;
    return false;
}

bool mca_btl_segmsg_copy_to(const mca_btl_segmsg_endpoint_t *endpoint, uint64_t to,
                            const void *from, size_t size)
{
    (void) endpoint, (void) to, (void) from, (void) size;
    return false;
}
#endif
