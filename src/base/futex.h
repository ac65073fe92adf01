/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * To sleep in the kernel until another process says so, through a word of shared memory; and a memory barrier for
 * all processors. Linux only; elsewhere nothing sleeps.
 */
#ifndef SEGMSG_FUTEX_H
#define SEGMSG_FUTEX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Sleeps while `word` holds `value`, for `nanoseconds` at most. May return before.
 */
void segmsg_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t nanoseconds);

/* Wakes one that sleeps on `word`. */
void segmsg_futex_wake(_Atomic uint32_t *word);

/*
 * From now on segmsg_barrier_everywhere reaches this process, too. Takes some milliseconds, once. False if the kernel
 * does not offer that.
 */
bool segmsg_barrier_register(void);

/*
 * When this returns, every thread of every registered process that runs has passed a full memory barrier since it
 * was called. False if it is not to be had.
 */
bool segmsg_barrier_everywhere(void);

#endif
