/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Bandwidth both ways at once: ranks 0 and 1 exchange windows of messages.
 */
#include "pair.h"

static const struct bench_program program = {
    .name = "segmsg_bibw",
    .purpose = "Bandwidth of ranks 0 and 1 sending windows to each other, both ways added up.",
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
    bench_print_head(&bench, "Bi-Directional Bandwidth",
                     (const char *const[]){"Bandwidth (MB/s)", NULL});
    for (int i = 0; i < bench.size_count; ++i) {
        size_t bytes = bench.sizes[i];
        if (bench.validate) {
            pair_validate_windows(&pair, bytes, true);
        }
        double seconds = bench_measure(&bench, pair_exchange, &pair, bytes);
        double megabytes_per_second = 2.0 * (double) bytes * bench.window / seconds / 1e6;
        bench_print_row(&bench, bytes, &megabytes_per_second, 1);
    }
    pair_close(&pair);
    return bench_finish(&bench);
}
