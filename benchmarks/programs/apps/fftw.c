/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The heat equation in a periodic cube by FFTW: each step goes to wave numbers, damps them, and comes
 * back. Both ways all data is transposed between the ranks.
 */
#include "app.h"

#include <complex.h>
#include <fftw3-mpi.h>
#include <math.h>

enum { SIDE = 64, STEPS = 700 };

static const double time_step = 1e-4;

static double wave(ptrdiff_t place)
{
    return (double) (place <= SIDE / 2 ? place : place - SIDE);
}

/* At a time: two waves of different length, which decay each at its own rate. */
static double exact(ptrdiff_t x, ptrdiff_t y, ptrdiff_t z, double when)
{
    const double unit = 2 * M_PI / SIDE;
    double slow = sin(unit * (double) x) * cos(unit * (double) y);
    double fast = cos(2 * unit * (double) y) * sin(3 * unit * (double) z);
    return slow * exp(-2 * when) + fast * exp(-13 * when);
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    fftw_mpi_init();
    ptrdiff_t planes;
    ptrdiff_t first;
    ptrdiff_t columns;
    ptrdiff_t first_column;
    ptrdiff_t count = fftw_mpi_local_size_3d_transposed(SIDE, SIDE, SIDE, MPI_COMM_WORLD, &planes,
                                                        &first, &columns, &first_column);
    fftw_complex *heat = fftw_alloc_complex((size_t) count);
    app_need(heat != NULL, "memory");
    /* An estimate, since plans that were measured need not be the same twice. */
    fftw_plan forth = fftw_mpi_plan_dft_3d(SIDE, SIDE, SIDE, heat, heat, MPI_COMM_WORLD,
                                           FFTW_FORWARD, FFTW_ESTIMATE | FFTW_MPI_TRANSPOSED_OUT);
    fftw_plan back = fftw_mpi_plan_dft_3d(SIDE, SIDE, SIDE, heat, heat, MPI_COMM_WORLD,
                                          FFTW_BACKWARD, FFTW_ESTIMATE | FFTW_MPI_TRANSPOSED_IN);
    app_need(forth != NULL && back != NULL, "plans");
    for (ptrdiff_t x = 0; x < planes; ++x) {
        for (ptrdiff_t y = 0; y < SIDE; ++y) {
            for (ptrdiff_t z = 0; z < SIDE; ++z) {
                heat[(x * SIDE + y) * SIDE + z] = exact(first + x, y, z, 0);
            }
        }
    }

    double *damping = app_numbers((size_t) columns * SIDE * SIDE);
    for (ptrdiff_t y = 0; y < columns; ++y) {
        for (ptrdiff_t x = 0; x < SIDE; ++x) {
            for (ptrdiff_t z = 0; z < SIDE; ++z) {
                double square = pow(wave(first_column + y), 2) + pow(wave(x), 2) + pow(wave(z), 2);
                damping[(y * SIDE + x) * SIDE + z] =
                    exp(-time_step * square) / (SIDE * SIDE * SIDE);
            }
        }
    }

    double start = app_start();
    for (int step = 0; step < STEPS; ++step) {
        fftw_execute(forth);
        for (ptrdiff_t place = 0; place < columns * SIDE * SIDE; ++place) {
            heat[place] *= damping[place];
        }
        fftw_execute(back);
    }
    app_print_seconds(start);

    double own[2] = {0, 0};
    for (ptrdiff_t x = 0; x < planes; ++x) {
        for (ptrdiff_t y = 0; y < SIDE; ++y) {
            for (ptrdiff_t z = 0; z < SIDE; ++z) {
                double value = creal(heat[(x * SIDE + y) * SIDE + z]);
                own[0] += value * value;
                own[1] += pow(value - exact(first + x, y, z, STEPS * time_step), 2);
            }
        }
    }
    double sums[2];
    MPI_Allreduce(own, sums, 2, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    app_print("norm", sqrt(sums[0]));
    app_print("error", sqrt(sums[1] / sums[0]));
    fftw_destroy_plan(forth);
    fftw_destroy_plan(back);
    fftw_free(heat);
    free(damping);
    fftw_mpi_cleanup();
    MPI_Finalize();
    return 0;
}
