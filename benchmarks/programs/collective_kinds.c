/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "collective.h"

#include <limits.h>
#include <string.h>

/* What adds floats has sizes that are multiples of four. */
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

static void run_gather(struct collective *c, size_t bytes)
{
    MPI_Gather(c->send, (int) bytes, MPI_CHAR, c->receive, (int) bytes, MPI_CHAR, 0,
               MPI_COMM_WORLD);
}

static void run_scatter(struct collective *c, size_t bytes)
{
    MPI_Scatter(c->send, (int) bytes, MPI_CHAR, c->receive, (int) bytes, MPI_CHAR, 0,
                MPI_COMM_WORLD);
}

static void run_alltoallv(struct collective *c, size_t bytes)
{
    (void) bytes;
    MPI_Alltoallv(c->send, c->counts, c->places, MPI_CHAR, c->receive, c->counts, c->places,
                  MPI_CHAR, MPI_COMM_WORLD);
}

static void run_reduce_scatter(struct collective *c, size_t bytes)
{
    (void) bytes;
    MPI_Reduce_scatter(c->send, c->receive, c->counts, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
}

static void run_bcast(struct collective *c, size_t bytes)
{
    MPI_Bcast(c->receive, (int) bytes, MPI_CHAR, 0, MPI_COMM_WORLD);
}

static void run_iallreduce(struct collective *c, size_t bytes)
{
    MPI_Request request;
    MPI_Iallreduce(c->send, c->receive, floats_in(bytes), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD,
                   &request);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
}

static void run_ialltoall(struct collective *c, size_t bytes)
{
    MPI_Request request;
    MPI_Ialltoall(c->send, (int) bytes, MPI_CHAR, c->receive, (int) bytes, MPI_CHAR, MPI_COMM_WORLD,
                  &request);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
}

static void run_ibcast(struct collective *c, size_t bytes)
{
    MPI_Request request;
    MPI_Ibcast(c->receive, (int) bytes, MPI_CHAR, 0, MPI_COMM_WORLD, &request);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
}

static void run_barrier(struct collective *c, size_t bytes)
{
    (void) c;
    (void) bytes;
    MPI_Barrier(MPI_COMM_WORLD);
}

/* Of alltoallv: a block for each rank, and a gap as long behind it. */
static void lay_out_blocks(struct collective *c, size_t bytes)
{
    if (2 * bytes * (size_t) c->bench->ranks > INT_MAX) {
        bench_fail("blocks of %zu bytes and gaps are too much for int", bytes);
    }
    for (int rank = 0; rank < c->bench->ranks; ++rank) {
        c->counts[rank] = (int) bytes;
        c->places[rank] = 2 * rank * (int) bytes;
    }
}

/* Of reduce_scatter: the floats in as even shares as there can be. */
static void lay_out_floats(struct collective *c, size_t bytes)
{
    int ranks = c->bench->ranks, share = floats_in(bytes) / ranks, more = floats_in(bytes) % ranks;
    for (int rank = 0, place = 0; rank < ranks; ++rank) {
        c->counts[rank] = share + (rank < more);
        c->places[rank] = place;
        place += c->counts[rank];
    }
}

/* `count` sums from place `first` on: of rank + 1 + (place mod 16) over the ranks, which is exact in
 * a float. */
static bool right_sum(struct collective *c, int first, int count)
{
    const float *sums = (const float *) (const void *) c->receive;
    int ranks = c->bench->ranks;
    for (int at = 0; at < count; ++at) {
        float expected = (float) (ranks * (ranks + 1) / 2 + ranks * ((first + at) % 16));
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
    memset(c->receive, 0, bytes);
}

static bool right_allreduce(struct collective *c, size_t bytes, unsigned seed)
{
    (void) seed;
    fill_floats(c, bytes);
    c->kind->run(c, bytes);
    return right_sum(c, 0, floats_in(bytes));
}

static bool right_reduce(struct collective *c, size_t bytes, unsigned seed)
{
    (void) seed;
    fill_floats(c, bytes);
    c->kind->run(c, bytes);
    return 0 != c->bench->rank || right_sum(c, 0, floats_in(bytes));
}

static bool right_reduce_scatter(struct collective *c, size_t bytes, unsigned seed)
{
    int rank = c->bench->rank;
    (void) seed;
    fill_floats(c, bytes);
    c->kind->run(c, bytes);
    return right_sum(c, c->places[rank], c->counts[rank]);
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
    c->kind->run(c, bytes);
    for (int from = 0; from < bench->ranks; ++from) {
        bench_check(bench, c->receive + (size_t) from * bytes, bytes,
                    block_seed(seed, from, bench->rank));
    }
    return unchanged(c, errors);
}

/* As alltoall; and the gaps of the receiver, all zeroes, are as they were. */
static bool right_alltoallv(struct collective *c, size_t bytes, unsigned seed)
{
    struct bench *bench = c->bench;
    long errors = bench->errors;
    memset(c->receive, 0, 2 * bytes * (size_t) bench->ranks);
    for (int to = 0; to < bench->ranks; ++to) {
        bench_fill(c->send + c->places[to], bytes, block_seed(seed, bench->rank, to));
    }
    c->kind->run(c, bytes);
    for (int from = 0; from < bench->ranks; ++from) {
        const char *block = c->receive + c->places[from];
        bench_check(bench, block, bytes, block_seed(seed, from, bench->rank));
        for (size_t at = bytes; at < 2 * bytes; ++at) {
            bench->errors += 0 != block[at];
        }
    }
    return unchanged(c, errors);
}

static bool right_gather(struct collective *c, size_t bytes, unsigned seed)
{
    struct bench *bench = c->bench;
    long errors = bench->errors;
    bench_fill(c->send, bytes, block_seed(seed, bench->rank, 0));
    c->kind->run(c, bytes);
    for (int from = 0; 0 == bench->rank && from < bench->ranks; ++from) {
        bench_check(bench, c->receive + (size_t) from * bytes, bytes, block_seed(seed, from, 0));
    }
    return unchanged(c, errors);
}

static bool right_scatter(struct collective *c, size_t bytes, unsigned seed)
{
    struct bench *bench = c->bench;
    long errors = bench->errors;
    for (int to = 0; 0 == bench->rank && to < bench->ranks; ++to) {
        bench_fill(c->send + (size_t) to * bytes, bytes, block_seed(seed, 0, to));
    }
    c->kind->run(c, bytes);
    bench_check(bench, c->receive, bytes, block_seed(seed, 0, bench->rank));
    return unchanged(c, errors);
}

static bool right_allgather(struct collective *c, size_t bytes, unsigned seed)
{
    struct bench *bench = c->bench;
    long errors = bench->errors;
    bench_fill(c->send, bytes, block_seed(seed, bench->rank, 0));
    c->kind->run(c, bytes);
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
    c->kind->run(c, bytes);
    bench_check(c->bench, c->receive, bytes, seed);
    return unchanged(c, errors);
}

static const struct collective_kind kinds[] = {
    {"allreduce", "Allreduce Latency", run_allreduce, right_allreduce, true, 0, NULL},
    {"alltoall", "Alltoall Latency", run_alltoall, right_alltoall, false, 1, NULL},
    {"bcast", "Broadcast Latency", run_bcast, right_bcast, false, 0, NULL},
    {"barrier", "Barrier Latency", run_barrier, NULL, false, 0, NULL},
    {"allgather", "Allgather Latency", run_allgather, right_allgather, false, 1, NULL},
    {"reduce", "Reduce Latency", run_reduce, right_reduce, true, 0, NULL},
    {"reduce_scatter", "Reduce_scatter Latency", run_reduce_scatter, right_reduce_scatter, true, 0,
     lay_out_floats},
    {"gather", "Gather Latency", run_gather, right_gather, false, 1, NULL},
    {"scatter", "Scatter Latency", run_scatter, right_scatter, false, 1, NULL},
    {"alltoallv", "Alltoallv Latency", run_alltoallv, right_alltoallv, false, 2, lay_out_blocks},
    {"iallreduce", "Iallreduce Latency", run_iallreduce, right_allreduce, true, 0, NULL},
    {"ialltoall", "Ialltoall Latency", run_ialltoall, right_alltoall, false, 1, NULL},
    {"ibcast", "Ibcast Latency", run_ibcast, right_bcast, false, 0, NULL},
};

const struct collective_kind *collective_kind_named(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; ++i) {
        if (0 == strcmp(kinds[i].name, name)) {
            return &kinds[i];
        }
    }
    bench_fail("no collective operation '%s'", name);
}
