/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What the benchmark programs share: options, page-aligned buffers, content checks, the timing loop
 * and the table they print.
 *
 * A program is `main` plus bodies. A body does one kind of communication a given number of times;
 * bench_measure() warms it up, finds out how many times fill the time that a size is given, and
 * times it.
 */
#ifndef SEGMSG_BENCH_H
#define SEGMSG_BENCH_H

#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>

enum { BENCH_SIZES_MAX = 128 };

/* What a program is and what it accepts; filled in by main as a constant. */
struct bench_program {
    const char *name;           /* as the user calls it: segmsg_latency */
    const char *purpose;        /* one line for -h */
    const char *const *choices; /* values of -c, the first is the default, NULL ends; NULL: no -c */
    const char *sizes_are;      /* what the first column counts: "Size", "Peers" */
    size_t min_default;         /* default sizes: powers of two from here ... */
    size_t max_default;         /* ... to here, in bytes unless sizes_are says otherwise */
    int ranks_min;
    bool ranks_paired; /* needs an even number of ranks */
    bool threaded;     /* needs MPI_THREAD_MULTIPLE, and takes -T */
};

struct bench {
    const struct bench_program *program;
    int rank;
    int ranks;
    size_t sizes[BENCH_SIZES_MAX];
    int size_count;
    size_t max_bytes; /* largest of sizes */
    long iterations;  /* 0: as many as fill seconds_per_size */
    long warmup;      /* at least so many before the timed ones */
    double seconds_per_size;
    int window;         /* messages in flight in the streaming tests */
    int threads;        /* of each rank, in programs that are threaded */
    int decimals;       /* of the values printed */
    bool validate;      /* check content before timing */
    const char *choice; /* value of -c */
    long errors;        /* wrong bytes that this rank has seen */
};

/* Does what is measured `iterations` times. Called by every rank with the same arguments. */
typedef void bench_body(void *context, size_t bytes, long iterations);

/* Starts MPI and reads the options. Ends the program on -h and on a usage error. */
void bench_start(struct bench *bench, const struct bench_program *program, int argc, char **argv);

/* Ends MPI. Returns main's result: 0, or 1 if any rank has seen wrong content. */
int bench_finish(struct bench *bench);

/* Stops the job with a message. */
_Noreturn void bench_fail(const char *format, ...);

/* Page-aligned memory that has been written to. Never NULL, also for 0 bytes. For free(). */
void *bench_alloc(size_t bytes);

/* Seconds that one iteration took on this rank. */
double bench_measure(struct bench *bench, bench_body *body, void *context, size_t bytes);

/* How often a validation pass repeats: often for small messages, a few times for large ones. */
int bench_validate_rounds(size_t bytes);

/* Content that depends on the seed and on the place of each byte. */
void bench_fill(void *buffer, size_t bytes, unsigned seed);

/* Compares with bench_fill()'s content and adds the wrong bytes to bench->errors. */
void bench_check(struct bench *bench, const void *buffer, size_t bytes, unsigned seed);

/* The three lines above the rows, printed by rank 0: title and column headings. */
void bench_print_head(const struct bench *bench, const char *title, const char *const *columns);

/* One row, printed by rank 0. */
void bench_print_row(const struct bench *bench, size_t size, const double *values, int count);

#endif
