/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "copier/cma.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/uio.h>

static void permit(void)
{
#ifdef PR_SET_PTRACER
    /* Under Yama's scope 1 only those whom we name may read us; peers are not our children. */
    (void) prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
#endif
}

static bool open_for(segmsg_copier_t *copier)
{
    (void) copier;
    return SEGMSG_HAVE_PROCESS_VM;
}

#if SEGMSG_HAVE_PROCESS_VM
/* The kernel moves at most 2 GB a call, and may stop early. */
static bool copy(const segmsg_copier_t *copier, bool to_peer, void *local, uint64_t remote,
                 size_t size)
{
    while (size != 0) {
        struct iovec here = {.iov_base = local, .iov_len = size};
        struct iovec there = {.iov_base = (void *) (uintptr_t) remote, .iov_len = size};
        ssize_t moved = to_peer ? process_vm_writev(copier->peer.pid, &here, 1, &there, 1, 0)
                                : process_vm_readv(copier->peer.pid, &here, 1, &there, 1, 0);
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
#else
static bool copy(const segmsg_copier_t *copier, bool to_peer, void *local, uint64_t remote,
                 size_t size)
{
    (void) copier, (void) to_peer, (void) local, (void) remote, (void) size;
    errno = ENOSYS;
    return false;
}
#endif

const segmsg_copier_kind_t segmsg_cma_kind = {
    .name = "cma",
    .goes_by_pid = true,
    .permit = permit,
    .open = open_for,
    .copy = copy,
};
