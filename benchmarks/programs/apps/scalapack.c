/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Dense linear algebra by ScaLAPACK: a system of equations, and the eigenvalues of a symmetric matrix
 * that are known. Matrices lie in blocks on a grid of ranks.
 */
#include "app.h"

#include <math.h>

enum { ORDER = 1600, EIGEN_ORDER = 1000, BLOCK = 24, DESCRIPTOR = 9 };

void Cblacs_get(int context, int what, int *value);
void Cblacs_gridinit(int *context, const char *order, int rows, int columns);
void Cblacs_gridinfo(int context, int *rows, int *columns, int *row, int *column);
void Cblacs_gridexit(int context);
int numroc_(const int *n, const int *block, const int *process, const int *source,
            const int *processes);
void descinit_(int *descriptor, const int *m, const int *n, const int *mb, const int *nb,
               const int *source_row, const int *source_column, const int *context,
               const int *leading, int *info);
void pdgesv_(const int *n, const int *columns, double *a, const int *ia, const int *ja,
             const int *desc_a, int *pivots, double *b, const int *ib, const int *jb,
             const int *desc_b, int *info);
void pdsyev_(const char *job, const char *half, const int *n, double *a, const int *ia,
             const int *ja, const int *desc_a, double *values, double *z, const int *iz,
             const int *jz, const int *desc_z, double *work, const int *room, int *info);

static const int zero = 0;
static const int one = 1;
static const int block = BLOCK;

static struct {
    int context;
    int rows;
    int columns;
    int row;
    int column;
} grid;

/* A matrix that is spread in blocks over the grid. */
struct spread {
    int rows; /* here */
    int columns;
    int descriptor[DESCRIPTOR];
    double *values;
};

static struct spread spread(int rows, int columns)
{
    struct spread result = {
        .rows = numroc_(&rows, &block, &grid.row, &zero, &grid.rows),
        .columns = numroc_(&columns, &block, &grid.column, &zero, &grid.columns),
    };
    int leading = result.rows > 0 ? result.rows : 1;
    int info;
    descinit_(result.descriptor, &rows, &columns, &block, &block, &zero, &zero, &grid.context,
              &leading, &info);
    app_need(info == 0, "descinit");
    result.values = app_numbers((size_t) leading * (size_t) (result.columns + 1));
    return result;
}

static int overall(int here, int process, int processes)
{
    return (here / BLOCK * processes + process) * BLOCK + here % BLOCK;
}

static void fill(struct spread *matrix, double (*entry)(int row, int column))
{
    for (int j = 0; j < matrix->columns; ++j) {
        for (int i = 0; i < matrix->rows; ++i) {
            matrix->values[(size_t) j * (size_t) matrix->rows + (size_t) i] =
                entry(overall(i, grid.row, grid.rows), overall(j, grid.column, grid.columns));
        }
    }
}

/* Anything that needs pivots; a generator's numbers would depend on who holds them. */
static double general(int row, int column)
{
    return sin(1.7 * row * (column + 1) + 0.3 * column) + (row == column);
}

static double right(int row, int column)
{
    double sum = 0;
    for (int k = 0; k < ORDER; ++k) {
        sum += general(row, k) * (1 + k % 7);
    }
    return column == 0 ? sum : 0;
}

static double smaller(int row, int column)
{
    return 1 + (row < column ? row : column);
}

/* The largest difference to the solution, over all ranks. */
static double solve(void)
{
    struct spread matrix = spread(ORDER, ORDER);
    struct spread vector = spread(ORDER, 1);
    fill(&matrix, general);
    fill(&vector, right);
    const int order = ORDER;
    int info;
    int *pivots = calloc((size_t) (matrix.rows + BLOCK), sizeof(int));
    app_need(pivots != NULL, "memory");
    pdgesv_(&order, &one, matrix.values, &one, &one, matrix.descriptor, pivots, vector.values, &one,
            &one, vector.descriptor, &info);
    app_need(info == 0, "pdgesv");
    double own = 0;
    for (int i = 0; vector.columns > 0 && i < vector.rows; ++i) {
        own = fmax(own, fabs(vector.values[i] - (1 + overall(i, grid.row, grid.rows) % 7)));
    }
    double error = 0;
    MPI_Allreduce(&own, &error, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    free(pivots);
    free(vector.values);
    free(matrix.values);
    return error;
}

/* The largest relative difference to an eigenvalue, and the sum of all. */
static double diagonalize(double *sum)
{
    struct spread matrix = spread(EIGEN_ORDER, EIGEN_ORDER);
    struct spread vectors = spread(EIGEN_ORDER, EIGEN_ORDER);
    fill(&matrix, smaller);
    double *values = app_numbers(EIGEN_ORDER);
    const int order = EIGEN_ORDER;
    int room = -1;
    int info;
    double wanted = 0;
    pdsyev_("V", "U", &order, matrix.values, &one, &one, matrix.descriptor, values, vectors.values,
            &one, &one, vectors.descriptor, &wanted, &room, &info);
    room = (int) wanted;
    double *work = app_numbers((size_t) room);
    pdsyev_("V", "U", &order, matrix.values, &one, &one, matrix.descriptor, values, vectors.values,
            &one, &one, vectors.descriptor, work, &room, &info);
    app_need(info == 0, "pdsyev");
    double error = 0;
    for (int k = 0; k < EIGEN_ORDER; ++k) {
        /* They ascend. */
        double sine = sin((2 * (EIGEN_ORDER - k) - 1) * M_PI / (4 * EIGEN_ORDER + 2));
        double exact = 1 / (4 * sine * sine);
        error = fmax(error, fabs(values[k] - exact) / values[EIGEN_ORDER - 1]);
        *sum += values[k];
    }
    free(work);
    free(values);
    free(vectors.values);
    free(matrix.values);
    return error;
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    int rows = 1;
    while ((rows + 1) * (rows + 1) <= app_ranks()) {
        ++rows;
    }
    while (app_ranks() % rows != 0) {
        --rows;
    }
    Cblacs_get(-1, 0, &grid.context);
    Cblacs_gridinit(&grid.context, "Row", rows, app_ranks() / rows);
    Cblacs_gridinfo(grid.context, &grid.rows, &grid.columns, &grid.row, &grid.column);

    double start = app_start();
    double error = solve();
    double sum = 0;
    double eigen_error = diagonalize(&sum);
    app_print_seconds(start);
    app_print("sum", sum);
    app_print("error", error);
    app_print("eigenvalue_error", eigen_error);
    Cblacs_gridexit(grid.context);
    MPI_Finalize();
    return 0;
}
