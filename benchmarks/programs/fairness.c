/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * How long a rank waits for an answer from a server that others flood. Rank 0 serves whatever comes
 * next, from whomever. The last rank asks and waits for the answer, again and again; ranks 1, 2 ...
 * flood the server with windows of short messages. Ranks that do not flood yet sleep. How long the
 * server takes for a message of the flood tells whether the client was quick at the flood's expense.
 */
#define _POSIX_C_SOURCE 200809L

#include "bench.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    SERVER = 0,
    TAG_FLOOD = 1,  /* flooder to server: the number of the message */
    TAG_WINDOW = 2, /* server to flooder, after a window: whether there is to be another */
    TAG_ASK = 3,    /* client to server and back: the number of the question */
    TAG_DONE = 4,   /* client to server: no more questions; median and 99th percentile */
    WARMUP_MIN = 100,
    /* Enough for a 99th percentile, unless they take too long. */
    SAMPLES_MIN = 1000,
    SAMPLES_MAX = 1000000,
};

static const double SECONDS_MAX = 2;

struct answer_times {
    double median; /* seconds */
    double percentile_99;
};

/* Waits for all, without taking a core from those who still work. */
static void wait_asleep(void)
{
    MPI_Request all;
    int here = 0;
    MPI_Ibarrier(MPI_COMM_WORLD, &all);
    for (MPI_Test(&all, &here, MPI_STATUS_IGNORE); !here;
         MPI_Test(&all, &here, MPI_STATUS_IGNORE)) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

static void check_number(struct bench *bench, int from, uint64_t number, uint64_t expected)
{
    if (!bench->validate || number == expected) {
        return;
    }
    if (0 == bench->errors) {
        fprintf(stderr, "%s: rank %d: message %llu of rank %d says that it is %llu\n",
                bench->program->name, bench->rank, (unsigned long long) expected, from,
                (unsigned long long) number);
    }
    bench->errors += (long) sizeof number;
}

struct server {
    struct bench *bench;
    uint64_t *next;  /* of each rank: the number of its next message */
    uint64_t served; /* messages of flooders */
    int flooding;    /* flooders that have not been told to stop */
    bool done;       /* the client has asked enough */
    struct answer_times times;
};

/* At the end of a window the flooder waits for word. */
static void serve_flood(struct server *server, int from)
{
    if (0 != server->next[from] % (uint64_t) server->bench->window) {
        return;
    }
    char go_on = server->done ? 0 : 1;
    MPI_Send(&go_on, 1, MPI_CHAR, from, TAG_WINDOW, MPI_COMM_WORLD);
    server->flooding -= server->done ? 1 : 0;
}

static void serve_next(struct server *server)
{
    union {
        uint64_t number;
        struct answer_times times;
    } message;
    MPI_Status status;
    MPI_Recv(&message, sizeof message, MPI_CHAR, MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD,
             &status);
    int from = status.MPI_SOURCE;
    if (TAG_DONE == status.MPI_TAG) {
        server->times = message.times;
        server->done = true;
        return;
    }
    check_number(server->bench, from, message.number, server->next[from]++);
    if (TAG_FLOOD == status.MPI_TAG) {
        server->served += server->done ? 0 : 1;
        serve_flood(server, from);
    } else {
        MPI_Send(&message.number, sizeof message.number, MPI_CHAR, from, TAG_ASK, MPI_COMM_WORLD);
    }
}

static void serve(struct bench *bench, int flooders)
{
    struct server server = {
        .bench = bench,
        .next = calloc((size_t) bench->ranks, sizeof *server.next),
        .flooding = flooders,
    };
    if (NULL == server.next) {
        bench_fail("no memory for %d numbers", bench->ranks);
    }
    double start = MPI_Wtime(), seconds = 0;
    while (!server.done) {
        serve_next(&server);
    }
    seconds = MPI_Wtime() - start;
    while (server.flooding > 0) {
        serve_next(&server);
    }
    double values[] = {1e6 * server.times.median, 1e6 * server.times.percentile_99,
                       server.served > 0 ? 1e6 * seconds / (double) server.served : 0};
    bench_print_row(bench, (size_t) flooders, values, 3);
    free(server.next);
}

static void flood(const struct bench *bench)
{
    uint64_t *numbers = bench_alloc((size_t) bench->window * sizeof *numbers);
    MPI_Request *requests = bench_alloc((size_t) bench->window * sizeof *requests);
    MPI_Status *statuses = bench_alloc((size_t) bench->window * sizeof *statuses);
    uint64_t next = 0;
    for (char go_on = 1; go_on;) {
        for (int i = 0; i < bench->window; ++i) {
            numbers[i] = next++;
            MPI_Isend(&numbers[i], sizeof *numbers, MPI_CHAR, SERVER, TAG_FLOOD, MPI_COMM_WORLD,
                      &requests[i]);
        }
        MPI_Waitall(bench->window, requests, statuses);
        MPI_Recv(&go_on, 1, MPI_CHAR, SERVER, TAG_WINDOW, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    }
    free(numbers);
    free(requests);
    free(statuses);
}

/* Seconds from a question to its answer. */
static double ask(struct bench *bench, uint64_t number)
{
    uint64_t answer = 0;
    double start = MPI_Wtime();
    MPI_Send(&number, sizeof number, MPI_CHAR, SERVER, TAG_ASK, MPI_COMM_WORLD);
    MPI_Recv(&answer, sizeof answer, MPI_CHAR, SERVER, TAG_ASK, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    double seconds = MPI_Wtime() - start;
    check_number(bench, SERVER, answer, number);
    return seconds;
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *) left, b = *(const double *) right;
    return (a > b) - (a < b);
}

static bool enough(const struct bench *bench, long samples, double seconds)
{
    if (SAMPLES_MAX == samples) {
        return true;
    }
    if (bench->iterations > 0) {
        return samples >= bench->iterations;
    }
    return seconds >= SECONDS_MAX || (samples >= SAMPLES_MIN && seconds >= bench->seconds_per_size);
}

static void be_client(struct bench *bench)
{
    long warmup = bench->warmup > WARMUP_MIN ? bench->warmup : WARMUP_MIN;
    uint64_t number = 0;
    while (number < (uint64_t) warmup) {
        ask(bench, number++);
    }
    double *samples = bench_alloc(SAMPLES_MAX * sizeof *samples);
    double start = MPI_Wtime();
    long count = 0;
    do {
        samples[count++] = ask(bench, number++);
    } while (!enough(bench, count, MPI_Wtime() - start));
    qsort(samples, (size_t) count, sizeof *samples, by_value);
    struct answer_times times = {samples[count / 2], samples[count * 99 / 100]};
    MPI_Send(&times, sizeof times, MPI_CHAR, SERVER, TAG_DONE, MPI_COMM_WORLD);
    free(samples);
}

static void measure(struct bench *bench, int flooders)
{
    wait_asleep();
    if (SERVER == bench->rank) {
        serve(bench, flooders);
    } else if (bench->ranks - 1 == bench->rank) {
        be_client(bench);
    } else if (bench->rank <= flooders) {
        flood(bench);
    }
    wait_asleep();
}

static const struct bench_program program = {
    .name = "segmsg_fairness",
    .purpose =
        "Time of an answer from rank 0 to the last rank, by the number of ranks between them\n"
        "that flood rank 0 with short messages. -m and -s give numbers of these.",
    .sizes_are = "Flooders",
    .min_default = 0,
    .max_default = 1024,
    .ranks_min = 2,
};

int main(int argc, char **argv)
{
    struct bench bench;
    bench_start(&bench, &program, argc, argv);
    bench_print_head(&bench, "Fairness",
                     (const char *const[]){"Median (us)", "99th perc. (us)", "Per flooding (us)",
                                           NULL});
    for (int i = 0; i < bench.size_count; ++i) {
        if (bench.sizes[i] <= (size_t) bench.ranks - 2) {
            measure(&bench, (int) bench.sizes[i]);
        }
    }
    return bench_finish(&bench);
}
