/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "work.h"

#include <math.h>
#include <mpi.h>
#include <stdint.h>

enum { TRIES = 5 };

/* Read and written once a call, so that the compiler cannot drop the steps between. */
static volatile uint64_t state = 1;

void work_do(long steps)
{
    uint64_t value = state;
    for (long i = 0; i < steps; ++i) {
        value = value * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    }
    state = value;
}

/* The fastest of some tries, since the others may have been disturbed. */
double work_seconds(long steps)
{
    double fastest = HUGE_VAL;
    for (int i = 0; i < TRIES; ++i) {
        double start = MPI_Wtime();
        work_do(steps);
        double seconds = MPI_Wtime() - start;
        fastest = seconds < fastest ? seconds : fastest;
    }
    return fastest;
}
