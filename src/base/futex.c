/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "base/futex.h"

#include <time.h>

#if defined(__linux__) && defined(__LP64__)
#include <linux/version.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(4, 16, 0)
#define HAS_FUTEX 1
#endif
#endif

#if defined(HAS_FUTEX)
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

void segmsg_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t nanoseconds)
{
    const struct timespec most = {.tv_sec = (time_t) (nanoseconds / 1000000000),
                                  .tv_nsec = (long) (nanoseconds % 1000000000)};
    /* Not FUTEX_PRIVATE_FLAG: other processes wake. */
    (void) syscall(SYS_futex, word, FUTEX_WAIT, value, &most, NULL, 0);
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
void segmsg_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t nanoseconds)
{
    (void) word;
    (void) value;
    (void) nanoseconds;
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
