/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Messages whose data does not lie in one piece, at neither end: blocks of 256 bytes that begin
 * 512 bytes apart, each message one element of an MPI vector type. Ping-pong, or bandwidth one way.
 */
#include "pair.h"

#include <string.h>

enum { BLOCK_BYTES = 256, STRIDE_BYTES = 512 };

static const char *const choices[] = {"latency", "bw", NULL};

static const struct bench_program program = {
    .name = "segmsg_noncontig",
    .purpose =
        "Latency or bandwidth of messages whose data are blocks of 256 bytes, 512 bytes apart.",
    .choices = choices,
    .sizes_are = "Size",
    .min_default = 16 << 10,
    .max_default = 16 << 20,
    .ranks_min = 2,
};

/* Content with every block of its own in the data, and zeroes in the gaps. */
static void fill(char *memory, size_t bytes, unsigned seed)
{
    memset(memory, 0, bytes / BLOCK_BYTES * STRIDE_BYTES);
    for (size_t block = 0; block < bytes / BLOCK_BYTES; ++block) {
        bench_fill(memory + block * STRIDE_BYTES, BLOCK_BYTES, seed + (unsigned) block);
    }
}

/* The blocks have come, and what lies between them is as it was, all zeroes. */
static void check(struct bench *bench, const char *memory, size_t bytes, unsigned seed)
{
    static const char zeroes[STRIDE_BYTES - BLOCK_BYTES];
    for (size_t block = 0; block < bytes / BLOCK_BYTES; ++block) {
        const char *at = memory + block * STRIDE_BYTES;
        bench_check(bench, at, BLOCK_BYTES, seed + (unsigned) block);
        bench->errors += 0 != memcmp(at + BLOCK_BYTES, zeroes, sizeof zeroes);
    }
}

static void validate(struct pair *pair, size_t bytes)
{
    for (int i = 0; pair->peer >= 0 && i < bench_validate_rounds(bytes); ++i) {
        unsigned there = 2 * (unsigned) i, back = there + 1;
        fill(pair->send, bytes, pair->leads ? there : back);
        memset(pair->receive, 0, bytes / BLOCK_BYTES * STRIDE_BYTES);
        pair_ping_pong(pair, bytes, 1);
        check(pair->bench, pair->receive, bytes, pair->leads ? back : there);
    }
}

/* Microseconds, or megabytes per second. */
static double measured(struct pair *pair, bool latency, size_t bytes)
{
    struct bench *bench = pair->bench;
    if (latency) {
        return 1e6 / 2 * bench_measure(bench, pair_ping_pong, pair, bytes);
    }
    double seconds = bench_measure(bench, pair_stream, pair, bytes);
    return (double) bytes * bench->window / seconds / 1e6;
}

static void measure_size(struct pair *pair, bool latency, size_t bytes)
{
    MPI_Type_vector((int) (bytes / BLOCK_BYTES), BLOCK_BYTES, STRIDE_BYTES, MPI_CHAR, &pair->type);
    MPI_Type_commit(&pair->type);
    pair->type_bytes = bytes;
    if (pair->bench->validate) {
        validate(pair, bytes);
    }
    double value = measured(pair, latency, bytes);
    bench_print_row(pair->bench, bytes, &value, 1);
    MPI_Type_free(&pair->type);
}

int main(int argc, char **argv)
{
    struct bench bench;
    struct pair pair;
    bench_start(&bench, &program, argc, argv);
    bool latency = 0 == strcmp(bench.choice, "latency");
    bench.max_bytes = bench.max_bytes / BLOCK_BYTES * STRIDE_BYTES; /* room for the gaps */
    pair_open(&pair, &bench, 1);
    bench_print_head(&bench, latency ? "Non-contiguous Latency" : "Non-contiguous Bandwidth",
                     (const char *const[]){latency ? "Latency (us)" : "Bandwidth (MB/s)", NULL});
    for (int i = 0; i < bench.size_count; ++i) {
        size_t bytes = bench.sizes[i];
        if (bytes > 0 && 0 == bytes % BLOCK_BYTES) {
            measure_size(&pair, latency, bytes);
        }
    }
    pair_close(&pair);
    return bench_finish(&bench);
}
