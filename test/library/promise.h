/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * promise.h: what every test program of libsegmsg shares. Included once per program.
 *
 * A program is a list of promises of segmsg.h, each with a function that all ranks run together:
 *
 *     static const struct promise promises[] = {PROMISE(every_size_arrives_whole), ...};
 *     int main(int argc, char **argv) { return PROMISES_MAIN(argc, argv, "content", promises); }
 *
 * Without arguments all are run, with names only those; --list names them. Rank 0 prints "ok - name"
 * or "not ok - name" for each; every rank says on stderr what it found wrong.
 */
#ifndef SEGMSG_TEST_PROMISE_H
#define SEGMSG_TEST_PROMISE_H

#include "../mpi/check.h"

#include <segmsg.h>

#include <sched.h>
#include <time.h>

struct promise {
    const char *name;
    void (*test)(void);
};

#define PROMISE(function)   \
    {                       \
#function, function \
    }
#define PROMISES_MAIN(argc, argv, program, promises)                \
    promises_main(argc, argv, program, MPI_THREAD_SINGLE, promises, \
                  sizeof(promises) / sizeof((promises)[0]))

static const char *promise_now = "start"; /* which is being tested */
static char promise_skipped[200];         /* why the running one is not tested here, or "" */

/* Leave the running promise untested, and say why. To be called in all ranks, or in rank 0. */
static inline void CHECK_PRINTF(1, 2) promise_skip(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(promise_skipped, sizeof(promise_skipped), format, arguments);
    va_end(arguments);
}

/* Whether there are as many ranks as the running promise needs; skips it if not. */
static inline bool promise_needs(int ranks)
{
    if (check_size < ranks) {
        promise_skip("needs %d ranks", ranks);
    }
    return check_size >= ranks;
}

static inline void promise_describe(void)
{
    dprintf(STDERR_FILENO, "%s: rank %d: ... while testing: %s\n", check_name, check_rank,
            promise_now);
}

/* Test one promise in all ranks; whether it was kept. */
static inline bool promise_test(const struct promise *promise)
{
    long mine, all = 0;

    promise_now = promise->name;
    promise_skipped[0] = '\0';
    check_doing("the beginning of %s", promise->name);
    promise->test();
    check_doing("the end of %s", promise->name);
    mine = atomic_exchange(&check_errors, 0);
    MPI_Allreduce(&mine, &all, 1, MPI_LONG, MPI_SUM, MPI_COMM_WORLD);
    if (0 == check_rank) {
        printf("%s - %s%s%s\n", all ? "not ok" : "ok", promise->name,
               promise_skipped[0] ? " # SKIP " : "", promise_skipped);
        fflush(stdout);
    }
    return 0 == all;
}

static inline bool promise_selected(const char *name, int argc, char **argv)
{
    bool selected = argc < 2;

    for (int i = 1; i < argc; i++) {
        selected = selected || 0 == strcmp(argv[i], name);
    }
    return selected;
}

static inline int promises_main(int argc, char **argv, const char *program, int thread_level,
                                const struct promise *promises, size_t count)
{
    bool kept = true;

    if (2 == argc && 0 == strcmp(argv[1], "--list")) {
        for (size_t i = 0; i < count; i++) {
            puts(promises[i].name);
        }
        return 0;
    }
    check_describe = promise_describe;
    check_start(&argc, &argv, program, thread_level);
    for (size_t i = 0; i < count; i++) {
        if (promise_selected(promises[i].name, argc, argv)) {
            kept = promise_test(&promises[i]) && kept;
        }
    }
    free(check_block);
    check_doing("MPI_Finalize");
    MPI_Finalize();
    return kept ? 0 : 1;
}

/* Count an error if a call did not come to the result that it must. */
static inline void result_check(const char *file, int line, const char *call,
                                segmsg_result_t result, segmsg_result_t wanted)
{
    if (result != wanted) {
        const char *more = segmsg_explanation();

        check_report(file, line, "%.120s gave \"%s\", not \"%s\"%s%.160s", call,
                     segmsg_result_text(result), segmsg_result_text(wanted), *more ? ": " : "",
                     more);
    }
    check_step();
}

#define GIVES(wanted, call) result_check(__FILE__, __LINE__, #call, (call), (wanted))
#define SUCCEEDS(call)      GIVES(SEGMSG_SUCCESS, call)

/* Open a communicator where nothing else is tested: if that fails, nothing can be. */
static inline segmsg_t *open_on(MPI_Comm comm, const segmsg_options_t *options)
{
    segmsg_t *handle = NULL;
    segmsg_result_t result = segmsg_open(comm, options, &handle);

    if (SEGMSG_SUCCESS != result || NULL == handle) {
        fprintf(stderr, "%s: rank %d: %s: segmsg_open: %s: %s\n", check_name, check_rank,
                promise_now, segmsg_result_text(result), segmsg_explanation());
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    return handle;
}

static inline segmsg_t *open_world(void)
{
    return open_on(MPI_COMM_WORLD, NULL);
}

/* Close a handle that nothing is left in. */
static inline void close_empty(segmsg_t **handle)
{
    check_doing("%s: segmsg_close", promise_now);
    SUCCEEDS(segmsg_close(handle));
    CHECK(NULL == *handle, "the closed handle is not NULL");
}

static inline segmsg_statistics_t statistics_of(const segmsg_t *handle)
{
    segmsg_statistics_t statistics = {.size = sizeof(statistics)};

    SUCCEEDS(segmsg_statistics(handle, &statistics));
    return statistics;
}

/* Seconds since some time. */
static inline double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double) time.tv_sec + 1e-9 * (double) time.tv_nsec;
}

#endif
