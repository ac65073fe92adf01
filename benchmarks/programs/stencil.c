/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Jacobi's method with the five-point stencil, as solvers of the heat equation have it: a grid
 * whose rows are spread over the ranks in blocks. In each iteration every rank exchanges its first
 * and its last row with its two neighbours, all at once, and computes its block anew. What lies at
 * either end of a row is fixed; the first rank and the last are neighbours too, so that all have
 * the same to do.
 *
 * The size is that of a halo, which is a row. A block has as many rows as make its two copies the
 * working set of -c, but one at least.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

enum {
    ABOVE = 0,
    BELOW = 1,
    SIDES = 2,
    /* By where a halo goes to, so that two ranks tell the sides apart. */
    TAG_TO = 1,
    VALIDATED_ITERATIONS = 8,
};

static const char *const choices[] = {"32K", "1M", "8M", NULL};
static const size_t set_bytes[] = {32 << 10, 1 << 20, 8 << 20};

static const struct bench_program program = {
    .name = "segmsg_stencil",
    .purpose = "Time of an iteration of Jacobi's method on a grid, halos and computing, with a\n"
               "working set of -c in each rank.",
    .choices = choices,
    .sizes_are = "Halo",
    .min_default = 64,
    .max_default = 8 << 10,
    .ranks_min = 2,
};

/* Rows of a grid with a halo above and one below, and a fixed value at either end of each row. */
struct grid {
    size_t rows; /* without halos */
    size_t columns;
    double *now;
    double *next;
};

struct stencil {
    struct bench *bench;
    size_t set_bytes;
    int neighbours[SIDES];
    struct grid grid;
    /* See struct pair. */
    MPI_Status *statuses_ignore;
};

static size_t stride(const struct grid *grid)
{
    return grid->columns + 2;
}

/* Row 0 is the halo above, rows + 1 the one below; without the fixed value. */
static double *row_of(const struct grid *grid, size_t row)
{
    return grid->now + row * stride(grid) + 1;
}

/* Where a cell begins; any number that is not the same everywhere. */
static double initial(size_t row, size_t column)
{
    return (double) ((row * 7 + column * 13) % 1009);
}

/* The rows of a grid from row `first` of the whole one on. The fixed values are not 0: what tends
 * to 0 goes through numbers that are slow to compute with. */
static void open_grid(struct grid *grid, size_t first, size_t rows, size_t columns)
{
    *grid = (struct grid){.rows = rows, .columns = columns};
    size_t bytes = (rows + 2) * stride(grid) * sizeof(double);
    grid->now = bench_alloc(bytes);
    grid->next = bench_alloc(bytes);
    for (size_t row = 0; row < rows + 2; ++row) {
        double *cells = row_of(grid, row);
        cells[-1] = 1;
        cells[columns] = 2;
        for (size_t column = 0; column < columns; ++column) {
            cells[column] = initial(first + row, column);
        }
    }
    memcpy(grid->next, grid->now, bytes);
}

static void close_grid(struct grid *grid)
{
    free(grid->now);
    free(grid->next);
}

static void compute_row(const struct grid *grid, size_t row, double *restrict to)
{
    const double *here = row_of(grid, row), *left = here - 1, *right = here + 1;
    const double *above = row_of(grid, row - 1), *below = row_of(grid, row + 1);
    for (size_t column = 0; column < grid->columns; ++column) {
        to[column] = 0.25 * (above[column] + below[column] + left[column] + right[column]);
    }
}

static void compute(struct grid *grid)
{
    for (size_t row = 1; row <= grid->rows; ++row) {
        compute_row(grid, row, grid->next + row * stride(grid) + 1);
    }
    double *now = grid->now;
    grid->now = grid->next;
    grid->next = now;
}

static void exchange_halos(struct stencil *stencil, size_t bytes)
{
    const struct grid *grid = &stencil->grid;
    double *halos[SIDES] = {row_of(grid, 0), row_of(grid, grid->rows + 1)};
    double *edges[SIDES] = {row_of(grid, 1), row_of(grid, grid->rows)};
    MPI_Request requests[2 * SIDES];
    for (int side = 0; side < SIDES; ++side) {
        /* What comes from above was sent to below. */
        MPI_Irecv(halos[side], (int) bytes, MPI_BYTE, stencil->neighbours[side],
                  TAG_TO + (ABOVE == side ? BELOW : ABOVE), MPI_COMM_WORLD, &requests[side]);
    }
    for (int side = 0; side < SIDES; ++side) {
        MPI_Isend(edges[side], (int) bytes, MPI_BYTE, stencil->neighbours[side], TAG_TO + side,
                  MPI_COMM_WORLD, &requests[SIDES + side]);
    }
    MPI_Waitall(2 * SIDES, requests, stencil->statuses_ignore);
}

static void body(void *context, size_t bytes, long iterations)
{
    struct stencil *stencil = context;
    for (long i = 0; i < iterations; ++i) {
        exchange_halos(stencil, bytes);
        compute(&stencil->grid);
    }
}

/* The whole grid as one process computes it: its last row lies above its first. */
static void compute_whole(struct grid *whole, int iterations)
{
    size_t row_bytes = whole->columns * sizeof(double);
    for (int i = 0; i < iterations; ++i) {
        memcpy(row_of(whole, 0), row_of(whole, whole->rows), row_bytes);
        memcpy(row_of(whole, whole->rows + 1), row_of(whole, 1), row_bytes);
        compute(whole);
    }
}

/* All ranks' iterations have the numbers that one process has, to the last bit. */
static void validate(struct stencil *stencil, size_t bytes)
{
    struct bench *bench = stencil->bench;
    const struct grid *mine = &stencil->grid;
    struct grid whole;
    size_t first = (size_t) bench->rank * mine->rows;
    open_grid(&whole, 0, mine->rows * (size_t) bench->ranks, mine->columns);
    compute_whole(&whole, VALIDATED_ITERATIONS);
    body(stencil, bytes, VALIDATED_ITERATIONS);
    for (size_t row = 1; row <= mine->rows; ++row) {
        if (0 != memcmp(row_of(mine, row), row_of(&whole, first + row), bytes)) {
            bench->errors += (long) bytes;
        }
    }
    close_grid(&whole);
}

static void measure_size(struct stencil *stencil, size_t bytes)
{
    struct bench *bench = stencil->bench;
    size_t columns = bytes / sizeof(double), rows = stencil->set_bytes / 2 / bytes;
    rows = 0 == rows ? 1 : rows;
    open_grid(&stencil->grid, (size_t) bench->rank * rows, rows, columns);
    if (bench->validate) {
        validate(stencil, bytes);
    }
    double microseconds = 1e6 * bench_measure(bench, body, stencil, bytes);
    bench_print_row(bench, bytes, &microseconds, 1);
    close_grid(&stencil->grid);
}

static size_t chosen_set(const char *choice)
{
    int i = 0;
    while (choices[i + 1] != NULL && 0 != strcmp(choice, choices[i])) {
        ++i;
    }
    return set_bytes[i];
}

int main(int argc, char **argv)
{
    struct bench bench;
    bench_start(&bench, &program, argc, argv);
    int ranks = bench.ranks;
    struct stencil stencil = {
        .bench = &bench,
        .set_bytes = chosen_set(bench.choice),
        .neighbours = {(bench.rank + ranks - 1) % ranks, (bench.rank + 1) % ranks},
        .statuses_ignore = MPI_STATUSES_IGNORE,
    };
    bench_print_head(&bench, "Stencil", (const char *const[]){"Time (us)", NULL});
    for (int i = 0; i < bench.size_count; ++i) {
        if (bench.sizes[i] > 0 && 0 == bench.sizes[i] % sizeof(double)) {
            measure_size(&stencil, bench.sizes[i]);
        }
    }
    return bench_finish(&bench);
}
