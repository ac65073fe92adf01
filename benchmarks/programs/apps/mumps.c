/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A sparse system by direct factorization, by MUMPS: the seven-point operator of a cube with a
 * current in it, so that it is not symmetric. MUMPS spreads the work while it goes on, by messages
 * that nobody can foresee.
 */
#include "app.h"

#include <dmumps_c.h>

#include <math.h>

enum { SIDE = 26, ROUNDS = 4, ROWS = SIDE * SIDE * SIDE, NEIGHBOURS = 6 };
enum { INITIALIZE = -1, FINISH = -2, ANALYSE_AND_FACTOR = 4, SOLVE = 3 };
enum { ON_COMM_WORLD = -987654 };

static const int offsets[NEIGHBOURS][3] = {{-1, 0, 0}, {1, 0, 0},  {0, -1, 0},
                                           {0, 1, 0},  {0, 0, -1}, {0, 0, 1}};
static const double weights[NEIGHBOURS] = {-1.2, -0.8, -1.1, -0.9, -1, -1};

struct entries {
    MUMPS_INT *rows;
    MUMPS_INT *columns;
    double *values;
    MUMPS_INT8 count;
};

static void add(struct entries *entries, int row, int column, double value)
{
    entries->rows[entries->count] = row + 1;
    entries->columns[entries->count] = column + 1;
    entries->values[entries->count++] = value;
}

static struct entries matrix(void)
{
    const size_t most = (size_t) ROWS * (NEIGHBOURS + 1);
    struct entries result = {calloc(most, sizeof(MUMPS_INT)), calloc(most, sizeof(MUMPS_INT)),
                             app_numbers(most), 0};
    app_need(result.rows != NULL && result.columns != NULL, "memory");
    for (int row = 0; row < ROWS; ++row) {
        const int place[3] = {row % SIDE, row / SIDE % SIDE, row / SIDE / SIDE};
        add(&result, row, row, 6.05);
        for (int side = 0; side < NEIGHBOURS; ++side) {
            int column = 0;
            int inside = 1;
            for (int axis = 2; axis >= 0; --axis) {
                int next = place[axis] + offsets[side][axis];
                inside = inside && next >= 0 && next < SIDE;
                column = column * SIDE + next;
            }
            if (inside) {
                add(&result, row, column, weights[side]);
            }
        }
    }
    return result;
}

/* As the matrix times a solution that is known. */
static void fill_right(const struct entries *entries, double *right)
{
    for (int row = 0; row < ROWS; ++row) {
        right[row] = 0;
    }
    for (MUMPS_INT8 entry = 0; entry < entries->count; ++entry) {
        right[entries->rows[entry] - 1] += entries->values[entry] * sin(entries->columns[entry]);
    }
}

static void step(DMUMPS_STRUC_C *instance, int job)
{
    instance->job = job;
    dmumps_c(instance);
    app_need(instance->infog[0] >= 0, "MUMPS");
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    const int is_root = app_rank() == 0;
    struct entries entries = is_root ? matrix() : (struct entries){NULL, NULL, NULL, 0};
    double *right = app_numbers(ROWS);
    double error = 0;
    double sum = 0;

    double start = app_start();
    for (int round = 0; round < ROUNDS; ++round) {
        DMUMPS_STRUC_C instance = {.par = 1, .sym = 0, .comm_fortran = ON_COMM_WORLD};
        step(&instance, INITIALIZE);
        for (int stream = 0; stream < 4; ++stream) {
            instance.icntl[stream] = stream < 1 ? 6 : 0; /* errors alone */
        }
        instance.icntl[3] = 1;
        if (is_root) {
            fill_right(&entries, right);
            instance.n = ROWS;
            instance.nnz = entries.count;
            instance.irn = entries.rows;
            instance.jcn = entries.columns;
            instance.a = entries.values;
            instance.rhs = right;
        }
        step(&instance, ANALYSE_AND_FACTOR);
        step(&instance, SOLVE);
        step(&instance, FINISH);
        for (int row = 0; is_root && row < ROWS; ++row) {
            error = fmax(error, fabs(right[row] - sin(row + 1)));
            sum += fabs(right[row]);
        }
    }
    app_print_seconds(start);
    app_print("sum", sum);
    app_print("error", error);
    free(right);
    free(entries.values);
    free(entries.columns);
    free(entries.rows);
    MPI_Finalize();
    return 0;
}
