/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Bandwidth one way: rank 0 sends windows of messages to rank 1, which answers each window.
 */
#include "pair.h"

static const struct bench_program program = {
    .name = "segmsg_bw",
    .purpose = "Bandwidth from rank 0 to rank 1, a window of non-blocking messages at a time.",
    .sizes_are = "Size",
    .min_default = 1,
    .max_default = 4 << 20,
    .ranks_min = 2,
};

int main(int argc, char **argv)
{
    struct bench bench;
    struct pair pair;
    bench_start(&bench, &program, argc, argv);
    pair_open(&pair, &bench, 1);
    bench_print_head(&bench, "Bandwidth", (const char *const[]){"Bandwidth (MB/s)", NULL});
    for (int i = 0; i < bench.size_count; ++i) {
        size_t bytes = bench.sizes[i];
        if (bench.validate) {
            pair_validate_windows(&pair, bytes, false);
        }
        double seconds = bench_measure(&bench, pair_stream, &pair, bytes);
        double megabytes_per_second = (double) bytes * bench.window / seconds / 1e6;
        bench_print_row(&bench, bytes, &megabytes_per_second, 1);
    }
    pair_close(&pair);
    return bench_finish(&bench);
}
