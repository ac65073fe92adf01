/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A small harness for the engine's tests. A test program is a list of named cases:
 *
 *     static void claim_G1_...(void) { UNIT_CHECK(...); }
 *     static const unit_case_t cases[] = {UNIT_CASE(claim_G1_...), ...};
 *     int main(int argc, char **argv) { return UNIT_MAIN(argc, argv, cases); }
 *
 * Run without arguments it runs them all; with names, only those; with -l it lists them. The last
 * line is "N passed, N failed". From the environment:
 *     SEGMSG_TEST_SEED     seed of what is random; printed at every run
 *     SEGMSG_TEST_SCALE    how many times as long random and concurrent tests run (default 1)
 *     SEGMSG_TEST_TIMEOUT  seconds after which a case counts as hung (default 300, times the scale)
 */
#ifndef SEGMSG_UNIT_H
#define SEGMSG_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *name;
    void (*run)(void);
} unit_case_t;

#define UNIT_CASE(function) \
    {                       \
#function, function \
    }
#define UNIT_MAIN(argc, argv, cases) \
    unit_main(argc, argv, cases, sizeof(cases) / sizeof((cases)[0]))

int unit_main(int argc, char **argv, const unit_case_t *cases, size_t count);

/* Records a failure of the running case; from any thread. Only the first few are printed. */
void unit_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* True once the running case has failed: long loops stop there. */
bool unit_has_failed(void);

/* True, and said, if an emulator runs the program (UNIT_EMULATED is set), whose own memory and files get in the way. */
bool unit_is_emulated(void);

/* Fails the case, and goes on, if `condition` is false. */
#define UNIT_CHECK(condition) \
    ((condition) ? (void) 0 : unit_fail(__FILE__, __LINE__, "%s", #condition))

/* Fails the case, and leaves the (void) function, if `condition` is false. */
#define UNIT_REQUIRE(condition)                              \
    do {                                                     \
        if (!(condition)) {                                  \
            unit_fail(__FILE__, __LINE__, "%s", #condition); \
            return;                                          \
        }                                                    \
    } while (0)

/* Fails the case, and goes on, if two integers differ; prints both. */
#define UNIT_EQUAL(found, expected)                                                              \
    do {                                                                                         \
        unsigned long long unit_found = (unsigned long long) (found);                            \
        unsigned long long unit_expected = (unsigned long long) (expected);                      \
        if (unit_found != unit_expected) {                                                       \
            unit_fail(__FILE__, __LINE__, "%s is %llu (0x%llx), not %s = %llu (0x%llx)", #found, \
                      unit_found, unit_found, #expected, unit_expected, unit_expected);          \
        }                                                                                        \
    } while (0)

/* Ends a forked child: its exit status tells unit_child_passed. */
void unit_child_exit(void) __attribute__((noreturn));

/* Waits for a forked child and fails the case if the child's checks failed or it crashed. */
void unit_child_wait(int pid);

/* Repetitions of a test: `quick` times SEGMSG_TEST_SCALE; fewer under a sanitizer or valgrind. */
uint64_t unit_repetitions(uint64_t quick);

/* Random numbers, reproducible from the seed and the name of the case. One state a thread. */
typedef struct {
    uint64_t state;
} unit_random_t;

unit_random_t unit_random(uint64_t stream);

static inline uint64_t unit_next(unit_random_t *random)
{
    /* splitmix64 */
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* From 0 to below - 1. */
static inline uint64_t unit_below(unit_random_t *random, uint64_t below)
{
    return unit_next(random) % below;
}

#endif
