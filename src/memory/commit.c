/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "memory/commit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#if SEGMSG_HAVE_MADV_POPULATE_WRITE
/* Linux 5.14: faults the pages in, and reports what would have been a SIGBUS as EFAULT. */
static int populate(unsigned char *at, size_t length)
{
    size_t page = (size_t) sysconf(_SC_PAGESIZE);
    size_t before = (uintptr_t) at % page;
    while (madvise(at - before, before + length, MADV_POPULATE_WRITE) != 0) {
        switch (errno) {
        case EINTR:
        case EAGAIN:
            continue;
        case EINVAL:
        case ENOSYS:
            return ENOTSUP; /* an older kernel than the headers */
        default:
            return ENOSPC;
        }
    }
    return 0;
}
#endif

static int allocate(int fd, size_t offset, size_t length)
{
#if SEGMSG_HAVE_POSIX_FALLOCATE
    /* Where the file system cannot allocate, the C library writes instead, and to write beyond the
     * limit on the size of files is a signal. */
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY
        && offset + length > limit.rlim_cur) {
        return EFBIG;
    }
    int error;
    do {
        error = posix_fallocate(fd, (off_t) offset, (off_t) length);
    } while (error == EINTR);
    return error;
#else
    (void) fd, (void) offset, (void) length;
    return ENOTSUP;
#endif
}

int segmsg_commit_pages(unsigned char *at, int fd, size_t offset, size_t length)
{
    int error = ENOTSUP;
#if SEGMSG_HAVE_MADV_POPULATE_WRITE
    error = at == NULL ? ENOTSUP : populate(at, length);
#else
    (void) at;
#endif
    if (error == ENOTSUP && fd >= 0) {
        error = allocate(fd, offset, length);
    }
    return error;
}
