/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "copier/cma.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/uio.h>

void segmsg_kernel_copy_permit(void)
{
#ifdef PR_SET_PTRACER
    /* Under Yama's scope 1 only those whom we name may read us; peers are not our children. */
    (void) prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
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

bool segmsg_kernel_read(pid_t pid, void *local, uint64_t remote, size_t size)
{
    return transfer(process_vm_readv, pid, local, remote, size);
}

bool segmsg_kernel_write(pid_t pid, const void *local, uint64_t remote, size_t size)
{
    return transfer(process_vm_writev, pid, (void *) (uintptr_t) local, remote, size);
}
#else
bool segmsg_kernel_read(pid_t pid, void *local, uint64_t remote, size_t size)
{
    (void) pid, (void) local, (void) remote, (void) size;
    errno = ENOSYS;
    return false;
}

bool segmsg_kernel_write(pid_t pid, const void *local, uint64_t remote, size_t size)
{
    (void) pid, (void) local, (void) remote, (void) size;
    errno = ENOSYS;
    return false;
}
#endif
