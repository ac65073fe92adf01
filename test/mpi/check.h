/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * check.h: what every MPI test program shares. Included once per program.
 *
 * A program calls check_start(), says with check_doing() what it is about to wait for, tests its
 * promises with CHECK(), and returns check_finish(): 0 if no rank found an error. A program that
 * makes no headway for SEGMSG_TEST_WATCHDOG seconds (default 90) has every rank say what it waits
 * for, and ends.
 */
#ifndef SEGMSG_TEST_CHECK_H
#define SEGMSG_TEST_CHECK_H

#include <mpi.h>

#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define CHECK_PRINTF(text, first) __attribute__((format(printf, text, first)))

enum {
    CHECK_LARGEST = 8 << 20,    /* bytes of the longest content that check_content() gives */
    CHECK_OFFSETS = 1 << 20,    /* number of different places at which a content can start */
    CHECK_ERRORS_SHOWN = 20,    /* errors a rank prints; further ones are only counted */
    CHECK_STALLED_STATUS = 124, /* exit status of a program that made no headway */
};

static const char *check_name; /* the program's */
static int check_rank;         /* in MPI_COMM_WORLD */
static int check_size;
static atomic_long check_errors;
static unsigned char *check_block; /* random bytes that all contents are taken from */

static char check_activity[200] = "start";
static atomic_ulong check_steps;     /* changes as long as there is headway */
static void (*check_describe)(void); /* what the watchdog calls to say what is waited for */

/* A 64-bit hash in which each bit of the input changes half of the output's (splitmix64). */
static inline uint64_t check_mix(uint64_t value)
{
    value += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

/* Count an error, and print it while there are few. Any thread may call it. */
static inline void CHECK_PRINTF(3, 4)
    check_report(const char *file, int line, const char *format, ...)
{
    char text[400];
    va_list arguments;

    if (atomic_fetch_add(&check_errors, 1) >= CHECK_ERRORS_SHOWN) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s: rank %d: %s:%d: %s\n", check_name, check_rank, file, line, text);
}

#define CHECK(condition, ...)                              \
    do {                                                   \
        if (!(condition)) {                                \
            check_report(__FILE__, __LINE__, __VA_ARGS__); \
        }                                                  \
    } while (0)

/* Tell the watchdog of headway. Any thread; a lost step does not matter. */
static inline void check_step(void)
{
    unsigned long steps = atomic_load_explicit(&check_steps, memory_order_relaxed);

    atomic_store_explicit(&check_steps, steps + 1, memory_order_relaxed);
}

/* Say what the program does next; it is what the watchdog prints. Main thread only. */
static inline void CHECK_PRINTF(1, 2) check_doing(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(check_activity, sizeof(check_activity), format, arguments);
    va_end(arguments);
    check_step();
}

/* At the first period without headway say what is waited for, at the second one end. */
static inline void check_watch(int signal_number)
{
    static unsigned long last_seen;
    static bool stalled;
    unsigned long steps = atomic_load_explicit(&check_steps, memory_order_relaxed);

    (void) signal_number;
    if (last_seen != steps) {
        last_seen = steps;
        stalled = false;
        return;
    }
    if (stalled) {
        _exit(CHECK_STALLED_STATUS); /* MPI_Abort is not safe here; mpirun ends the others */
    }
    stalled = true;
    dprintf(STDERR_FILENO, "%s: rank %d: no headway in: %s\n", check_name, check_rank,
            check_activity);
    if (check_describe) {
        check_describe();
    }
}

static inline void check_watchdog_start(void)
{
    const char *setting = getenv("SEGMSG_TEST_WATCHDOG");
    int period_s = setting ? atoi(setting) : 90;
    struct sigaction action = {.sa_handler = check_watch, .sa_flags = SA_RESTART};
    struct itimerval timer = {{period_s, 0}, {period_s, 0}};

    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

/* The content of this key: CHECK_LARGEST bytes, the same in every process; not to be written. */
static inline const unsigned char *check_content(uint64_t key)
{
    return check_block + check_mix(key) % CHECK_OFFSETS;
}

/* Fill a buffer with the content of this key: size bytes, at most CHECK_LARGEST. */
static inline void check_fill(void *buffer, size_t size, uint64_t key)
{
    memcpy(buffer, check_content(key), size);
}

/* Whether a buffer holds the content of this key. */
static inline bool check_same(const void *buffer, size_t size, uint64_t key)
{
    return 0 == memcmp(buffer, check_content(key), size);
}

static inline void *check_allocate(size_t size)
{
    void *memory = malloc(size ? size : 1);

    if (NULL == memory) {
        fprintf(stderr, "%s: rank %d: no memory for %zu bytes\n", check_name, check_rank, size);
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    return memory;
}

/* Start MPI with the thread level and the checks; to be called first. */
static inline void check_start(int *argc, char ***argv, const char *name, int thread_level)
{
    int provided;
    const size_t words = (CHECK_LARGEST + CHECK_OFFSETS) / sizeof(uint64_t);
    uint64_t *block;

    check_name = name;
    check_watchdog_start();
    MPI_Init_thread(argc, argv, thread_level, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &check_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &check_size);
    if (provided < thread_level) {
        fprintf(stderr, "%s: this MPI does not provide the thread level\n", name);
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    block = check_allocate(words * sizeof(uint64_t));
    for (size_t i = 0; i < words; i++) {
        block[i] = check_mix(i);
    }
    check_block = (unsigned char *) block;
}

/* The program's exit status: 0 if no rank of `comm` found an error. Rank 0 prints the count. */
static inline int check_total(MPI_Comm comm)
{
    long mine = atomic_load(&check_errors), all = 0;
    int rank;

    check_doing("the count of errors");
    MPI_Allreduce(&mine, &all, 1, MPI_LONG, MPI_SUM, comm);
    MPI_Comm_rank(comm, &rank);
    if (0 == rank) {
        printf("%s: %ld errors\n", check_name, all);
        fflush(stdout);
    }
    return all ? 1 : 0;
}

/* End MPI; returns what main() returns. */
static inline int check_finish(void)
{
    int status = check_total(MPI_COMM_WORLD);

    free(check_block);
    check_doing("MPI_Finalize");
    MPI_Finalize();
    return status;
}

/*
 * Message sizes (bytes) at which a transport may change its ways: around cache lines, powers of
 * two, and what is left of them after the headers of PML and transport. Rising; ends with -1.
 */
static const long check_sizes[] = {0,       1,       2,       7,       8,       9,       15,
                                   16,      31,      32,      33,      39,      40,      41,
                                   47,      48,      50,      56,      63,      64,      65,
                                   100,     127,     128,     129,     191,     192,     193,
                                   255,     256,     257,     383,     449,     512,     513,
                                   777,     960,     1000,    1023,    1024,    1025,    1500,
                                   2047,    2048,    2049,    3000,    4032,    4095,    4096,
                                   4097,    6000,    8128,    8191,    8192,    8193,    12345,
                                   16383,   16384,   16385,   20000,   32704,   32767,   32768,
                                   32769,   50000,   65472,   65535,   65536,   65537,   100000,
                                   131071,  131072,  131073,  200000,  262144,  262145,  400001,
                                   524288,  524289,  777777,  1048575, 1048576, 1048577, 2000003,
                                   2097152, 3333333, 4194303, 4194304, -1};

#endif
