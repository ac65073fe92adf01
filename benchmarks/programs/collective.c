/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Time of a collective operation, mean over the ranks. A barrier that is not timed separates the
 * operations. The size is what one rank contributes for (all others: to) each rank; to
 * reduce_scatter a rank contributes it once, for all.
 */
#include "collective.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const choices[] = {
    "allreduce", "alltoall", "bcast",     "barrier",    "allgather", "reduce", "reduce_scatter",
    "gather",    "scatter",  "alltoallv", "iallreduce", "ialltoall", "ibcast", NULL,
};

static const struct bench_program program = {
    .name = "segmsg_collective",
    .purpose = "Time of a collective operation over all ranks, mean over the ranks.",
    .choices = choices,
    .sizes_are = "Size",
    .min_default = 4,
    .max_default = 1 << 20,
    .ranks_min = 1,
};

static void collective_body(void *context, size_t bytes, long iterations)
{
    struct collective *c = context;
    c->seconds = 0;
    c->iterations = iterations;
    for (long i = 0; i < iterations; ++i) {
        MPI_Barrier(MPI_COMM_WORLD);
        double start = MPI_Wtime();
        c->kind->run(c, bytes);
        c->seconds += MPI_Wtime() - start;
    }
}

static double mean_over_ranks(struct collective *c)
{
    double mine = c->seconds / (double) c->iterations, sum = 0;
    MPI_Allreduce(&mine, &sum, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    return sum / c->bench->ranks;
}

static void validate(struct collective *c, size_t bytes)
{
    int rounds = bench_validate_rounds(bytes);
    for (int i = 0; i < rounds; ++i) {
        long errors = c->bench->errors;
        if (!c->kind->right(c, bytes, (unsigned) i) && c->bench->errors == errors) {
            fprintf(stderr, "%s: rank %d: wrong result of %zu bytes\n", c->kind->name,
                    c->bench->rank, bytes);
            ++c->bench->errors;
        }
    }
}

static void measure_size(struct collective *c, size_t bytes)
{
    if (c->kind->adds_floats && 0 != bytes % sizeof(float)) {
        return;
    }
    if (NULL != c->kind->lay_out) {
        c->kind->lay_out(c, bytes);
    }
    if (c->bench->validate && NULL != c->kind->right) {
        validate(c, bytes);
    }
    bench_measure(c->bench, collective_body, c, bytes);
    double microseconds = 1e6 * mean_over_ranks(c);
    bench_print_row(c->bench, bytes, &microseconds, 1);
}

static void open_buffers(struct collective *c)
{
    size_t ranks = (size_t) c->bench->ranks, blocks = ranks * (size_t) c->kind->blocks_per_rank;
    size_t bytes = c->bench->max_bytes * (0 == blocks ? 1 : blocks);
    c->send = bench_alloc(bytes);
    c->receive = bench_alloc(bytes);
    c->counts = bench_alloc(ranks * sizeof *c->counts);
    c->places = bench_alloc(ranks * sizeof *c->places);
}

static void close_buffers(struct collective *c)
{
    free(c->send);
    free(c->receive);
    free(c->counts);
    free(c->places);
}

int main(int argc, char **argv)
{
    struct bench bench;
    bench_start(&bench, &program, argc, argv);
    struct collective collective = {.bench = &bench, .kind = collective_kind_named(bench.choice)};
    if (NULL == collective.kind->right) { /* a barrier has no content */
        bench.sizes[0] = bench.max_bytes = 0;
        bench.size_count = 1;
    }
    open_buffers(&collective);
    bench_print_head(&bench, collective.kind->title,
                     (const char *const[]){"Avg Latency (us)", NULL});
    for (int i = 0; i < bench.size_count; ++i) {
        measure_size(&collective, bench.sizes[i]);
    }
    close_buffers(&collective);
    return bench_finish(&bench);
}
