/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Time of a collective operation, mean over the ranks. A barrier that is not timed separates the
 * operations. The size is what one rank contributes for (all others: to) each rank.
 */
#include "bench.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct collective {
    struct bench *bench;
    void (*run)(struct collective *, size_t bytes);
    bool (*right)(struct collective *, size_t bytes, unsigned seed);
    char *send;
    char *receive;
    double seconds;  /* spent in the operation itself by the last call of the body */
    long iterations; /* of that call */
};

/* allreduce and reduce add floats, so their sizes are multiples of four. */
static int floats_in(size_t bytes)
{
    return (int) (bytes / sizeof(float));
}

static void run_allreduce(struct collective *c, size_t bytes)
{
    MPI_Allreduce(c->send, c->receive, floats_in(bytes), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
}

static void run_reduce(struct collective *c, size_t bytes)
{
    MPI_Reduce(c->send, c->receive, floats_in(bytes), MPI_FLOAT, MPI_SUM, 0, MPI_COMM_WORLD);
}

static void run_alltoall(struct collective *c, size_t bytes)
{
    MPI_Alltoall(c->send, (int) bytes, MPI_CHAR, c->receive, (int) bytes, MPI_CHAR, MPI_COMM_WORLD);
}

static void run_allgather(struct collective *c, size_t bytes)
{
    MPI_Allgather(c->send, (int) bytes, MPI_CHAR, c->receive, (int) bytes, MPI_CHAR,
                  MPI_COMM_WORLD);
}

static void run_bcast(struct collective *c, size_t bytes)
{
    MPI_Bcast(c->receive, (int) bytes, MPI_CHAR, 0, MPI_COMM_WORLD);
}

static void run_barrier(struct collective *c, size_t bytes)
{
    (void) c;
    (void) bytes;
    MPI_Barrier(MPI_COMM_WORLD);
}

/* The sum of rank + 1 + (place mod 16) over the ranks: exact in a float. */
static bool right_sum(struct collective *c, size_t bytes)
{
    const float *sums = (const float *) (const void *) c->receive;
    int ranks = c->bench->ranks;
    for (int at = 0; at < floats_in(bytes); ++at) {
        float expected = (float) (ranks * (ranks + 1) / 2 + ranks * (at % 16));
        if (sums[at] < expected || sums[at] > expected) {
            return false;
        }
    }
    return true;
}

static void fill_floats(struct collective *c, size_t bytes)
{
    float *values = (float *) (void *) c->send;
    for (int at = 0; at < floats_in(bytes); ++at) {
        values[at] = (float) (c->bench->rank + 1 + at % 16);
    }
}

static bool right_allreduce(struct collective *c, size_t bytes, unsigned seed)
{
    (void) seed;
    fill_floats(c, bytes);
    c->run(c, bytes);
    return right_sum(c, bytes);
}

static bool right_reduce(struct collective *c, size_t bytes, unsigned seed)
{
    (void) seed;
    fill_floats(c, bytes);
    c->run(c, bytes);
    return 0 != c->bench->rank || right_sum(c, bytes);
}

/* Block `to` of rank `from` is filled with a seed of its own. */
static unsigned block_seed(unsigned seed, int from, int to)
{
    return seed + 17u * (unsigned) from + 5u * (unsigned) to;
}

static bool unchanged(struct collective *c, long errors_before)
{
    return c->bench->errors == errors_before;
}

static bool right_alltoall(struct collective *c, size_t bytes, unsigned seed)
{
    struct bench *bench = c->bench;
    long errors = bench->errors;
    for (int to = 0; to < bench->ranks; ++to) {
        bench_fill(c->send + (size_t) to * bytes, bytes, block_seed(seed, bench->rank, to));
    }
    c->run(c, bytes);
    for (int from = 0; from < bench->ranks; ++from) {
        bench_check(bench, c->receive + (size_t) from * bytes, bytes,
                    block_seed(seed, from, bench->rank));
    }
    return unchanged(c, errors);
}

static bool right_allgather(struct collective *c, size_t bytes, unsigned seed)
{
    struct bench *bench = c->bench;
    long errors = bench->errors;
    bench_fill(c->send, bytes, block_seed(seed, bench->rank, 0));
    c->run(c, bytes);
    for (int from = 0; from < bench->ranks; ++from) {
        bench_check(bench, c->receive + (size_t) from * bytes, bytes, block_seed(seed, from, 0));
    }
    return unchanged(c, errors);
}

static bool right_bcast(struct collective *c, size_t bytes, unsigned seed)
{
    long errors = c->bench->errors;
    if (0 == c->bench->rank) {
        bench_fill(c->receive, bytes, seed);
    } else {
        memset(c->receive, 0, bytes);
    }
    c->run(c, bytes);
    bench_check(c->bench, c->receive, bytes, seed);
    return unchanged(c, errors);
}

/* What each -c stands for. */
static const struct kind {
    const char *name;
    const char *title;
    void (*run)(struct collective *, size_t bytes);
    bool (*right)(struct collective *, size_t bytes, unsigned seed); /* NULL: nothing to check */
    bool adds_floats;
    bool block_per_rank; /* buffers hold a block for every rank */
} kinds[] = {
    {"allreduce", "Allreduce Latency", run_allreduce, right_allreduce, true, false},
    {"alltoall", "Alltoall Latency", run_alltoall, right_alltoall, false, true},
    {"bcast", "Broadcast Latency", run_bcast, right_bcast, false, false},
    {"barrier", "Barrier Latency", run_barrier, NULL, false, false},
    {"allgather", "Allgather Latency", run_allgather, right_allgather, false, true},
    {"reduce", "Reduce Latency", run_reduce, right_reduce, true, false},
};

static const char *const choices[] = {"allreduce", "alltoall", "bcast", "barrier",
                                      "allgather", "reduce",   NULL};

static const struct bench_program program = {
    .name = "segmsg_collective",
    .purpose = "Time of a collective operation over all ranks, mean over the ranks.",
    .choices = choices,
    .sizes_are = "Size",
    .min_default = 4,
    .max_default = 1 << 20,
    .ranks_min = 1,
};

static const struct kind *kind_named(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; ++i) {
        if (0 == strcmp(kinds[i].name, name)) {
            return &kinds[i];
        }
    }
    bench_fail("no collective operation '%s'", name);
}

static void collective_body(void *context, size_t bytes, long iterations)
{
    struct collective *c = context;
    c->seconds = 0;
    c->iterations = iterations;
    for (long i = 0; i < iterations; ++i) {
        MPI_Barrier(MPI_COMM_WORLD);
        double start = MPI_Wtime();
        c->run(c, bytes);
        c->seconds += MPI_Wtime() - start;
    }
}

static double mean_over_ranks(struct collective *c)
{
    double mine = c->seconds / (double) c->iterations, sum = 0;
    MPI_Allreduce(&mine, &sum, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    return sum / c->bench->ranks;
}

static void validate(struct collective *c, const char *name, size_t bytes)
{
    int rounds = bench_validate_rounds(bytes);
    for (int i = 0; i < rounds; ++i) {
        long errors = c->bench->errors;
        if (!c->right(c, bytes, (unsigned) i) && c->bench->errors == errors) {
            fprintf(stderr, "%s: rank %d: wrong result of %zu bytes\n", name, c->bench->rank,
                    bytes);
            ++c->bench->errors;
        }
    }
}

static void measure_size(struct collective *c, const struct kind *kind, size_t bytes)
{
    if (kind->adds_floats && 0 != bytes % sizeof(float)) {
        return;
    }
    if (c->bench->validate && NULL != kind->right) {
        validate(c, kind->name, bytes);
    }
    bench_measure(c->bench, collective_body, c, bytes);
    double microseconds = 1e6 * mean_over_ranks(c);
    bench_print_row(c->bench, bytes, &microseconds, 1);
}

int main(int argc, char **argv)
{
    struct bench bench;
    bench_start(&bench, &program, argc, argv);
    const struct kind *kind = kind_named(bench.choice);
    if (run_barrier == kind->run) {
        bench.sizes[0] = bench.max_bytes = 0;
        bench.size_count = 1;
    }
    size_t buffer_bytes = bench.max_bytes * (kind->block_per_rank ? (size_t) bench.ranks : 1);
    struct collective collective = {
        .bench = &bench,
        .run = kind->run,
        .right = kind->right,
        .send = bench_alloc(buffer_bytes),
        .receive = bench_alloc(buffer_bytes),
    };
    bench_print_head(&bench, kind->title, (const char *const[]){"Avg Latency (us)", NULL});
    for (int i = 0; i < bench.size_count; ++i) {
        measure_size(&collective, kind, bench.sizes[i]);
    }
    free(collective.send);
    free(collective.receive);
    return bench_finish(&bench);
}
