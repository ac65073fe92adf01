/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The processor's own counter of time, where it can be read in a few nanoseconds; 0 always elsewhere. And
 * what a loop says to the processor that reads a word again and again until another one has written it.
 */
#ifndef SEGMSG_CLOCK_H
#define SEGMSG_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t segmsg_clock_ticks(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
    return 0;
#endif
}

/* In a loop that waits: leaves the core's resources to whoever shares them, and power alone, for some
 * nanoseconds. The processor is kept. */
static inline void segmsg_clock_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory"); /* yield does nothing on most */
#endif
}

/* A moment, by both clocks. */
typedef struct {
    uint64_t ticks;
    struct timespec time;
} segmsg_clock_moment_t;

static inline segmsg_clock_moment_t segmsg_clock_now(void)
{
    segmsg_clock_moment_t now = {.ticks = segmsg_clock_ticks()};
    clock_gettime(CLOCK_MONOTONIC, &now.time);
    return now;
}

/* Ticks in `nanoseconds`, by what has passed since `start`; 0 if that cannot be told yet. */
static inline uint64_t segmsg_clock_ticks_in(const segmsg_clock_moment_t *start,
                                             uint64_t nanoseconds)
{
    segmsg_clock_moment_t now = segmsg_clock_now();
    double passed = (double) (now.time.tv_sec - start->time.tv_sec) * 1e9
                    + (double) (now.time.tv_nsec - start->time.tv_nsec);
    return passed < 1e5
               ? 0
               : (uint64_t) ((double) (now.ticks - start->ticks) * (double) nanoseconds / passed);
}

#endif
