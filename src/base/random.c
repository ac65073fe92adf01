/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* For kernels before 3.17 and filters of system calls that do not know getrandom. */
static bool read_device(void *to, size_t bytes)
{
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t got = read(fd, to, bytes);
    close(fd);
    return got == (ssize_t) bytes;
}

bool segmsg_random_bytes(void *to, size_t bytes)
{
    ssize_t got;
    do {
        got = getrandom(to, bytes, 0);
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t) bytes || read_device(to, bytes);
}

uint64_t segmsg_random_nonce(void)
{
    uint64_t word;
    if (!segmsg_random_bytes(&word, sizeof(word))) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        word = (uint64_t) now.tv_nsec << 32 ^ (uint64_t) now.tv_sec ^ (uint64_t) getpid();
    }
    return word | 1; /* never 0 */
}
