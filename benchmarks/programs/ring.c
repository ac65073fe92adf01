/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * All ranks in a ring talk to their neighbours, again and again without a barrier: MPI_Sendrecv to
 * the right and from the left, or an exchange with both neighbours, as IMB's Sendrecv and Exchange.
 * Of two ranks each is the other's neighbour on both sides.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

enum {
    LEFT = 0,
    RIGHT = 1,
    SIDES = 2,
    /* By where a message goes to, so that two ranks tell the sides apart. */
    TAG_TO = 1,
};

static const char *const choices[] = {"sendrecv", "exchange", NULL};

static const struct bench_program program = {
    .name = "segmsg_ring",
    .purpose = "Time of MPI_Sendrecv along a ring of all ranks, or of an exchange of each rank\n"
               "with both neighbours; mean over the ranks.",
    .choices = choices,
    .sizes_are = "Size",
    .min_default = 1,
    .max_default = 4 << 20,
    .ranks_min = 2,
};

struct ring {
    struct bench *bench;
    int neighbours[SIDES];
    char *send[SIDES]; /* to that side */
    char *receive[SIDES];
    /* See struct pair. */
    MPI_Status *statuses_ignore;
};

static void send_right(void *context, size_t bytes, long iterations)
{
    struct ring *ring = context;
    for (long i = 0; i < iterations; ++i) {
        MPI_Sendrecv(ring->send[RIGHT], (int) bytes, MPI_CHAR, ring->neighbours[RIGHT],
                     TAG_TO + RIGHT, ring->receive[LEFT], (int) bytes, MPI_CHAR,
                     ring->neighbours[LEFT], TAG_TO + RIGHT, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    }
}

static void exchange(void *context, size_t bytes, long iterations)
{
    struct ring *ring = context;
    MPI_Request requests[2 * SIDES];
    for (long i = 0; i < iterations; ++i) {
        for (int side = 0; side < SIDES; ++side) {
            /* What comes from the left was sent to the right. */
            MPI_Irecv(ring->receive[side], (int) bytes, MPI_CHAR, ring->neighbours[side],
                      TAG_TO + (LEFT == side ? RIGHT : LEFT), MPI_COMM_WORLD, &requests[side]);
        }
        for (int side = 0; side < SIDES; ++side) {
            MPI_Isend(ring->send[side], (int) bytes, MPI_CHAR, ring->neighbours[side],
                      TAG_TO + side, MPI_COMM_WORLD, &requests[SIDES + side]);
        }
        MPI_Waitall(2 * SIDES, requests, ring->statuses_ignore);
    }
}

/* Of what a rank sends to a side. */
static unsigned seed_of(int round, int rank, int side)
{
    return 34u * (unsigned) round + 2u * (unsigned) rank + (unsigned) side;
}

static void validate(struct ring *ring, bench_body *body, size_t bytes)
{
    struct bench *bench = ring->bench;
    for (int i = 0; i < bench_validate_rounds(bytes); ++i) {
        for (int side = 0; side < SIDES; ++side) {
            bench_fill(ring->send[side], bytes, seed_of(i, bench->rank, side));
            memset(ring->receive[side], 0, bytes);
        }
        body(ring, bytes, 1);
        bench_check(bench, ring->receive[LEFT], bytes, seed_of(i, ring->neighbours[LEFT], RIGHT));
        if (exchange == body) {
            bench_check(bench, ring->receive[RIGHT], bytes,
                        seed_of(i, ring->neighbours[RIGHT], LEFT));
        }
    }
}

static double mean_over_ranks(const struct ring *ring, double mine)
{
    double sum = 0;
    MPI_Allreduce(&mine, &sum, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    return sum / ring->bench->ranks;
}

static void open_ring(struct ring *ring, struct bench *bench)
{
    int ranks = bench->ranks;
    *ring = (struct ring){
        .bench = bench,
        .neighbours = {(bench->rank + ranks - 1) % ranks, (bench->rank + 1) % ranks},
        .statuses_ignore = MPI_STATUSES_IGNORE,
    };
    for (int side = 0; side < SIDES; ++side) {
        ring->send[side] = bench_alloc(bench->max_bytes);
        ring->receive[side] = bench_alloc(bench->max_bytes);
    }
}

static void close_ring(struct ring *ring)
{
    for (int side = 0; side < SIDES; ++side) {
        free(ring->send[side]);
        free(ring->receive[side]);
    }
}

int main(int argc, char **argv)
{
    struct bench bench;
    struct ring ring;
    bench_start(&bench, &program, argc, argv);
    bool one_way = 0 == strcmp(bench.choice, "sendrecv");
    bench_body *body = one_way ? send_right : exchange;
    open_ring(&ring, &bench);
    bench_print_head(&bench, one_way ? "Sendrecv" : "Exchange",
                     (const char *const[]){"Avg Time (us)", NULL});
    for (int i = 0; i < bench.size_count; ++i) {
        size_t bytes = bench.sizes[i];
        if (bench.validate) {
            validate(&ring, body, bytes);
        }
        double seconds = mean_over_ranks(&ring, bench_measure(&bench, body, &ring, bytes));
        double microseconds = 1e6 * seconds;
        bench_print_row(&bench, bytes, &microseconds, 1);
    }
    close_ring(&ring);
    return bench_finish(&bench);
}
