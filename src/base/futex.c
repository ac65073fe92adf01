/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "base/futex.h"

#include <errno.h>
#include <time.h>

#if defined(__linux__)
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

bool segmsg_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t nanoseconds)
{
    const struct timespec most = {.tv_sec = (time_t) (nanoseconds / 1000000000),
                                  .tv_nsec = (long) (nanoseconds % 1000000000)};
    /* Not FUTEX_PRIVATE_FLAG: other processes wake. */
    return syscall(SYS_futex, word, FUTEX_WAIT, value, &most, NULL, 0) == 0 || errno != ETIMEDOUT;
}

void segmsg_futex_wake(_Atomic uint32_t *word)
{
    (void) syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

bool segmsg_barrier_register(void)
{
    return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0;
}

bool segmsg_barrier_everywhere(void)
{
    return syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0;
}
#else
bool segmsg_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t nanoseconds)
{
    (void) word;
    (void) value;
    (void) nanoseconds;
    return false;
}

void segmsg_futex_wake(_Atomic uint32_t *word)
{
    (void) word;
}

bool segmsg_barrier_register(void)
{
    return false;
}

bool segmsg_barrier_everywhere(void)
{
    return false;
}
#endif
