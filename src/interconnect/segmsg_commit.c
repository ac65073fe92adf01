/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "interconnect/segmsg_commit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#if SEGMSG_HAVE_MADV_POPULATE_WRITE
/* Linux 5.14: faults the pages in, and reports what would have been a SIGBUS as EFAULT. */
static int populate(unsigned char *base, size_t offset, size_t length)
{
    size_t page = (size_t) sysconf(_SC_PAGESIZE);
    size_t first = offset / page * page;
    while (madvise(base + first, offset + length - first, MADV_POPULATE_WRITE) != 0) {
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

static int allocate(const char *path, size_t offset, size_t length)
{
#if SEGMSG_HAVE_POSIX_FALLOCATE
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    int error;
    do {
        error = posix_fallocate(fd, (off_t) offset, (off_t) length);
    } while (error == EINTR);
    close(fd);
    return error;
#else
    (void) path, (void) offset, (void) length;
    return ENOTSUP;
#endif
}

int segmsg_commit_pages(unsigned char *base, const char *path, size_t offset, size_t length)
{
    int error = ENOTSUP;
#if SEGMSG_HAVE_MADV_POPULATE_WRITE
    error = populate(base, offset, length);
#else
    (void) base;
#endif
    if (error == ENOTSUP && path != NULL) {
        error = allocate(path, offset, length);
    }
    return error;
}
