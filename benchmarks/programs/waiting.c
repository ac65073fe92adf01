/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What it costs that ranks wait for long. `imbalance`: in each round one rank works, by turns, and all others wait
 * for it in a barrier; they may take the processor, or the time that a container leaves, from the one that works.
 * `wakeup`: rank 0 pauses and then sends to rank 1, which waits, and answers at once. `processor`: how much of a
 * processor rank 1 uses meanwhile.
 */
#define _POSIX_C_SOURCE 200809L

#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { TAG = 1, SAMPLES_MIN = 11, SAMPLES_MAX = 10001 };

static int by_value(const void *a, const void *b)
{
    double left = *(const double *) a, right = *(const double *) b;
    return (left > right) - (left < right);
}

static double processor_time(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
           + 1e-6 * (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void work(long steps)
{
    volatile double end;
    double value = 1;
    for (long step = 0; step < steps; ++step) {
        value = value * 1.0000001 + 0.0000001;
    }
    end = value;
    (void) end;
}

/* Steps of work() in so many microseconds, if nobody takes the processor: the fastest of some tries. */
static long steps_in(double microseconds)
{
    enum { STEPS = 100000, TRIES = 20 };
    double fastest = 1e9;
    for (int try = 0; try < TRIES; ++try) {
        double begun = MPI_Wtime();
        work(STEPS);
        double taken = MPI_Wtime() - begun;
        fastest = taken < fastest ? taken : fastest;
    }
    return (long) (microseconds * 1e-6 * STEPS / fastest);
}

struct turns {
    long steps;
    int rank, ranks;
};

static void take_turns(void *context, size_t bytes, long iterations)
{
    struct turns *turns = context;
    (void) bytes;
    for (long round = 0; round < iterations; ++round) {
        if (round % turns->ranks == turns->rank) {
            work(turns->steps);
        }
        MPI_Barrier(MPI_COMM_WORLD);
    }
}

/* Microseconds of a round. */
static double imbalance(struct bench *bench, size_t microseconds)
{
    struct turns turns = {steps_in((double) microseconds), bench->rank, bench->ranks};
    MPI_Bcast(&turns.steps, 1, MPI_LONG, 0, MPI_COMM_WORLD);
    return 1e6 * bench_measure(bench, take_turns, &turns, 0);
}

/* Rank 0: microseconds from a message until its answer; rank 1: of 100, how much of a processor a wait took. Medians. */
static double wake_up(const struct bench *bench, size_t microseconds)
{
    long count = (long) (bench->seconds_per_size * 1e6 / (double) microseconds);
    count = bench->iterations != 0 ? bench->iterations : count < SAMPLES_MIN ? SAMPLES_MIN : count;
    count = count > SAMPLES_MAX ? SAMPLES_MAX : count;
    double *samples = bench_alloc((size_t) count * sizeof *samples);
    const struct timespec pause = {.tv_sec = (time_t) (microseconds / 1000000),
                                   .tv_nsec = (long) (microseconds % 1000000) * 1000};
    char byte = 0;
    for (long round = 0; round < count; ++round) {
        double begun, used = 0;
        if (bench->rank == 0) {
            nanosleep(&pause, NULL);
            begun = MPI_Wtime();
            MPI_Send(&byte, 1, MPI_CHAR, 1, TAG, MPI_COMM_WORLD);
            MPI_Recv(&byte, 1, MPI_CHAR, 1, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            samples[round] = 1e6 * (MPI_Wtime() - begun);
        } else if (bench->rank == 1) {
            begun = MPI_Wtime();
            used = processor_time();
            MPI_Recv(&byte, 1, MPI_CHAR, 0, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            MPI_Send(&byte, 1, MPI_CHAR, 0, TAG, MPI_COMM_WORLD);
            samples[round] = 100 * (processor_time() - used) / (MPI_Wtime() - begun);
        }
    }
    qsort(samples, (size_t) count, sizeof *samples, by_value);
    double median = samples[count / 2];
    free(samples);
    return median;
}

static double measure(struct bench *bench, size_t microseconds)
{
    if (strcmp(bench->choice, "imbalance") == 0) {
        return imbalance(bench, microseconds);
    }
    double median = bench->rank < 2 ? wake_up(bench, microseconds) : 0;
    MPI_Bcast(&median, 1, MPI_DOUBLE, strcmp(bench->choice, "wakeup") == 0 ? 0 : 1, MPI_COMM_WORLD);
    return median;
}

int main(int argc, char **argv)
{
    static const char *const choices[] = {"imbalance", "wakeup", "processor", NULL};
    static const char *const columns[] = {"Value", NULL};
    static const struct bench_program program = {.name = "segmsg_waiting",
                                                 .purpose =
                                                     "What it costs that ranks wait for long.",
                                                 .choices = choices,
                                                 .sizes_are = "Microseconds",
                                                 .min_default = 64,
                                                 .max_default = 16384,
                                                 .ranks_min = 2};
    struct bench bench;
    bench_start(&bench, &program, argc, argv);
    bench_print_head(&bench, "Waiting", columns);
    for (int i = 0; i < bench.size_count; ++i) {
        double value = measure(&bench, bench.sizes[i]);
        bench_print_row(&bench, bench.sizes[i], &value, 1);
    }
    return bench_finish(&bench);
}
