/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Communication while a rank computes: rank 0 sends to rank 1 by MPI_Isend, rank 1 receives by
 * MPI_Irecv, and between that call and MPI_Wait one of them, or both, compute. A size has the same
 * computation on every MPI and transport, so that the times can be compared: about as long as the
 * message takes.
 *
 * The receive is always there before its message: rank 1 says when it has been posted.
 */
#include "pair.h"
#include "work.h"

#include <string.h>

enum {
    TAG_MESSAGE = 1,
    TAG_READY = 2,
    SENDER = 0,
    RECEIVER = 1,
    SIDES = 2,
    /* Bytes of a message for a step of computation: 10 GB/s at 3 GHz. */
    BYTES_PER_STEP = 13,
    /* Steps between two calls of MPI_Test, where there are any: about 10 us. */
    SLICE_STEPS = 7500,
};

static const struct kind {
    const char *name;
    const char *title;
    bool computes[SIDES];
    bool tests; /* computes in slices, with MPI_Test between them */
} kinds[] = {
    {"send", "Overlap, the Sender Computes", {true, false}, false},
    {"recv", "Overlap, the Receiver Computes", {false, true}, false},
    {"both", "Overlap, Both Compute", {true, true}, false},
    {"test", "Overlap, the Sender Computes and Tests", {true, false}, true},
};

static const char *const choices[] = {"send", "recv", "both", "test", NULL};

static const struct bench_program program = {
    .name = "segmsg_overlap",
    .purpose = "Time of a message while sender, receiver or both compute; the computation is\n"
               "the same for every MPI, and takes about 1 us for 10000 bytes.",
    .choices = choices,
    .sizes_are = "Size",
    .min_default = 4096,
    .max_default = 4 << 20,
    .ranks_min = 2,
};

struct overlap {
    struct pair pair;
    const struct kind *kind;
    long steps;      /* of the computation between the calls; 0: none */
    double seconds;  /* that this rank's messages took in the last call of the body */
    long iterations; /* of that call */
};

static const struct kind *kind_named(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; ++i) {
        if (0 == strcmp(kinds[i].name, name)) {
            return &kinds[i];
        }
    }
    bench_fail("no way to overlap '%s'", name);
}

static void compute_and_test(const struct overlap *o, MPI_Request *request)
{
    int done = 0;
    for (long left = o->steps; left > 0; left -= SLICE_STEPS) {
        work_do(left < SLICE_STEPS ? left : SLICE_STEPS);
        if (!done && left > SLICE_STEPS) {
            MPI_Test(request, &done, MPI_STATUS_IGNORE);
        }
    }
}

/* What a rank does while its message is on the way, and the wait for its end. */
static void compute_and_wait(const struct overlap *o, int side, MPI_Request *request)
{
    if (o->kind->computes[side] && o->kind->tests) {
        compute_and_test(o, request);
    } else if (o->kind->computes[side]) {
        work_do(o->steps);
    }
    MPI_Wait(request, MPI_STATUS_IGNORE);
}

static void send_one(struct overlap *o, size_t bytes)
{
    const struct pair *pair = &o->pair;
    MPI_Request request;
    MPI_Recv(NULL, 0, MPI_CHAR, pair->peer, TAG_READY, pair->comm, MPI_STATUS_IGNORE);
    double start = MPI_Wtime();
    MPI_Isend(pair->send, (int) bytes, MPI_CHAR, pair->peer, TAG_MESSAGE, pair->comm, &request);
    compute_and_wait(o, SENDER, &request);
    o->seconds += MPI_Wtime() - start;
}

static void receive_one(struct overlap *o, size_t bytes)
{
    const struct pair *pair = &o->pair;
    MPI_Request request;
    double start = MPI_Wtime();
    MPI_Irecv(pair->receive, (int) bytes, MPI_CHAR, pair->peer, TAG_MESSAGE, pair->comm, &request);
    MPI_Send(NULL, 0, MPI_CHAR, pair->peer, TAG_READY, pair->comm);
    compute_and_wait(o, RECEIVER, &request);
    o->seconds += MPI_Wtime() - start;
}

static void overlap_body(void *context, size_t bytes, long iterations)
{
    struct overlap *o = context;
    o->seconds = 0;
    o->iterations = iterations;
    for (long i = 0; o->pair.peer >= 0 && i < iterations; ++i) {
        (o->pair.leads ? send_one : receive_one)(o, bytes);
    }
}

/* The times of both sides, in seconds, with so much computation between the calls. */
static void measure(struct overlap *o, size_t bytes, long steps, double times[SIDES])
{
    double mine[SIDES] = {0};
    o->steps = steps;
    bench_measure(o->pair.bench, overlap_body, o, bytes);
    if (o->pair.peer >= 0) {
        mine[o->pair.leads ? SENDER : RECEIVER] = o->seconds / (double) o->iterations;
    }
    MPI_Allreduce(mine, times, SIDES, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
}

static void validate(struct overlap *o, size_t bytes)
{
    for (int i = 0; o->pair.peer >= 0 && i < bench_validate_rounds(bytes); ++i) {
        bench_fill(o->pair.send, bytes, (unsigned) i);
        memset(o->pair.receive, 0, bytes);
        overlap_body(o, bytes, 1);
        if (!o->pair.leads) {
            bench_check(o->pair.bench, o->pair.receive, bytes, (unsigned) i);
        }
    }
}

/* The time of the side that computes; the longer one where both do. */
static double of_computing(const struct kind *kind, const double times[SIDES])
{
    if (kind->computes[SENDER] && kind->computes[RECEIVER]) {
        return times[SENDER] > times[RECEIVER] ? times[SENDER] : times[RECEIVER];
    }
    return times[kind->computes[SENDER] ? SENDER : RECEIVER];
}

static void measure_size(struct overlap *o, size_t bytes)
{
    struct bench *bench = o->pair.bench;
    double alone[SIDES], together[SIDES];
    long steps = (long) (bytes / BYTES_PER_STEP);
    o->steps = steps;
    if (bench->validate) {
        validate(o, bytes);
    }
    double computing = work_seconds(steps);
    measure(o, bytes, 0, alone);
    measure(o, bytes, steps, together);
    double microseconds[] = {1e6 * of_computing(o->kind, together),
                             1e6 * of_computing(o->kind, alone), 1e6 * computing};
    bench_print_row(bench, bytes, microseconds, sizeof microseconds / sizeof microseconds[0]);
}

int main(int argc, char **argv)
{
    struct bench bench;
    struct overlap overlap = {0};
    bench_start(&bench, &program, argc, argv);
    pair_open(&overlap.pair, &bench, 1);
    overlap.kind = kind_named(bench.choice);
    bench_print_head(&bench, overlap.kind->title,
                     (const char *const[]){"Total (us)", "No computing (us)", "Computing (us)",
                                           NULL});
    for (int i = 0; i < bench.size_count; ++i) {
        measure_size(&overlap, bench.sizes[i]);
    }
    pair_close(&overlap.pair);
    return bench_finish(&bench);
}
