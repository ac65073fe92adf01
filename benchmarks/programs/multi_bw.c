/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * All pairs stream at the same time: bandwidth and messages per second, summed over the pairs.
 */
#include "pair.h"

#include <string.h>

/* Which of the two columns comes first. */
static const char *const choices[] = {"bw", "rate", NULL};

static const struct bench_program program = {
    .name = "segmsg_multi_bw",
    .purpose =
        "Bandwidth and message rate of all pairs streaming at the same time, pairs added up;\n"
        "-c says which of the two is the first column.",
    .choices = choices,
    .sizes_are = "Size",
    .min_default = 1,
    .max_default = 4 << 20,
    .ranks_min = 2,
    .ranks_paired = true,
};

static void print_row(struct bench *bench, bool rate_first, size_t bytes, double rate)
{
    double megabytes_per_second = (double) bytes * rate / 1e6;
    double values[] = {rate_first ? rate : megabytes_per_second,
                       rate_first ? megabytes_per_second : rate};
    bench_print_row(bench, bytes, values, 2);
}

int main(int argc, char **argv)
{
    struct bench bench;
    struct pair pair;
    bench_start(&bench, &program, argc, argv);
    pair_open(&pair, &bench, bench.ranks / 2);
    bool rate_first = 0 == strcmp(bench.choice, "rate");
    if (rate_first) {
        bench_print_head(&bench, "Multi-pair Message Rate",
                         (const char *const[]){"Messages/s", "Bandwidth (MB/s)", NULL});
    } else {
        bench_print_head(&bench, "Multi-pair Bandwidth",
                         (const char *const[]){"Bandwidth (MB/s)", "Messages/s", NULL});
    }
    for (int i = 0; i < bench.size_count; ++i) {
        size_t bytes = bench.sizes[i];
        if (bench.validate) {
            pair_validate_windows(&pair, bytes, false);
        }
        double seconds = pair_slowest(&pair, bench_measure(&bench, pair_stream, &pair, bytes));
        print_row(&bench, rate_first, bytes, (double) pair.pairs * bench.window / seconds);
    }
    pair_close(&pair);
    return bench_finish(&bench);
}
