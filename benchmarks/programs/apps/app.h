/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What the small applications here have in common: how they say how long they took and what came
 * out.
 */
#ifndef APP_H
#define APP_H

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends the job, with a reason, if something that a library was asked for did not come true. */
static inline void app_need(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "failed: %s\n", what);
        MPI_Abort(MPI_COMM_WORLD, EXIT_FAILURE);
    }
}

static inline int app_rank(void)
{
    int rank;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    return rank;
}

static inline int app_ranks(void)
{
    int ranks;
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    return ranks;
}

/* Room for so many numbers, or the end of the job. */
static inline double *app_numbers(size_t count)
{
    double *numbers = calloc(count > 0 ? count : 1, sizeof(double));
    app_need(numbers != NULL, "memory");
    return numbers;
}

/* All ranks begin together. */
static inline double app_start(void)
{
    MPI_Barrier(MPI_COMM_WORLD);
    return MPI_Wtime();
}

/* The time since app_start() of the rank that took longest. */
static inline void app_print_seconds(double start)
{
    double own = MPI_Wtime() - start;
    double longest = 0;
    MPI_Reduce(&own, &longest, 1, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
    if (app_rank() == 0) {
        printf("seconds %.6f\n", longest);
    }
}

static inline void app_print(const char *name, double value)
{
    if (app_rank() == 0) {
        printf("%s %.12e\n", name, value);
    }
}

#endif
