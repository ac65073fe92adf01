/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Transposes a matrix of complex numbers whose rows are spread over the ranks, as FFTs of two and
 * three dimensions do: each rank packs its part of every other's rows (strided reads), MPI_Alltoall
 * carries the parts, and each rank unpacks them into its rows (strided writes).
 *
 * The size is what a rank has for each rank; so it fixes the matrix.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

struct complex {
    double re;
    double im;
};

static const struct bench_program program = {
    .name = "segmsg_transpose",
    .purpose = "Time of a transpose of a matrix over all ranks: packing, MPI_Alltoall, unpacking.",
    .sizes_are = "Size",
    .min_default = 64,
    .max_default = 1 << 20,
    .ranks_min = 2,
};

/* A matrix of ranks * rows times ranks * columns, of which each rank has `rows` rows; of its
 * transpose it has `columns`. */
struct transpose {
    struct bench *bench;
    size_t ranks;
    size_t rows;
    size_t columns;
    struct complex *matrix; /* this rank's rows */
    struct complex *transposed;
    struct complex *send; /* a part for each rank, transposed already */
    struct complex *receive;
};

static void pack(struct transpose *t)
{
    struct complex *to = t->send;
    for (size_t column = 0; column < t->ranks * t->columns; ++column) {
        for (size_t row = 0; row < t->rows; ++row) {
            *to++ = t->matrix[row * t->ranks * t->columns + column];
        }
    }
}

static void unpack(struct transpose *t)
{
    const struct complex *from = t->receive;
    for (size_t rank = 0; rank < t->ranks; ++rank) {
        for (size_t column = 0; column < t->columns; ++column) {
            struct complex *to = t->transposed + (column * t->ranks + rank) * t->rows;
            for (size_t row = 0; row < t->rows; ++row) {
                to[row] = *from++;
            }
        }
    }
}

static void body(void *context, size_t bytes, long iterations)
{
    struct transpose *t = context;
    int count = (int) (bytes / sizeof(double));
    for (long i = 0; i < iterations; ++i) {
        pack(t);
        MPI_Alltoall(t->send, count, MPI_DOUBLE, t->receive, count, MPI_DOUBLE, MPI_COMM_WORLD);
        unpack(t);
    }
}

/* The part for a rank as nearly square as its numbers divide by powers of two. */
static void lay_out(struct transpose *t, size_t bytes)
{
    size_t numbers = bytes / sizeof(struct complex);
    t->rows = 1;
    while (4 * t->rows * t->rows <= numbers && 0 == numbers % (2 * t->rows)) {
        t->rows *= 2;
    }
    t->columns = numbers / t->rows;
}

/* Every number tells its row and column in the whole matrix. */
static void validate(struct transpose *t, size_t bytes)
{
    size_t rank = (size_t) t->bench->rank, width = t->ranks * t->columns;
    size_t height = t->ranks * t->rows;
    memset(t->transposed, 0, t->ranks * bytes);
    for (size_t at = 0; at < t->rows * width; ++at) {
        t->matrix[at].re = (double) (rank * t->rows + at / width);
        t->matrix[at].im = (double) (at % width + 1);
    }
    body(t, bytes, 1);
    for (size_t at = 0; at < t->columns * height; ++at) {
        struct complex expected = {(double) (at % height),
                                   (double) (rank * t->columns + at / height + 1)};
        if (0 != memcmp(&expected, &t->transposed[at], sizeof expected)) {
            t->bench->errors += (long) sizeof expected;
        }
    }
}

static void measure_size(struct transpose *t, size_t bytes)
{
    lay_out(t, bytes);
    if (t->bench->validate) {
        validate(t, bytes);
    }
    double microseconds = 1e6 * bench_measure(t->bench, body, t, bytes);
    bench_print_row(t->bench, bytes, &microseconds, 1);
}

int main(int argc, char **argv)
{
    struct bench bench;
    bench_start(&bench, &program, argc, argv);
    size_t bytes = bench.max_bytes * (size_t) bench.ranks;
    struct transpose transpose = {
        .bench = &bench,
        .ranks = (size_t) bench.ranks,
        .matrix = bench_alloc(bytes),
        .transposed = bench_alloc(bytes),
        .send = bench_alloc(bytes),
        .receive = bench_alloc(bytes),
    };
    bench_print_head(&bench, "Transpose", (const char *const[]){"Time (us)", NULL});
    for (int i = 0; i < bench.size_count; ++i) {
        if (bench.sizes[i] > 0 && 0 == bench.sizes[i] % sizeof(struct complex)) {
            measure_size(&transpose, bench.sizes[i]);
        }
    }
    free(transpose.matrix);
    free(transpose.transposed);
    free(transpose.send);
    free(transpose.receive);
    return bench_finish(&bench);
}
