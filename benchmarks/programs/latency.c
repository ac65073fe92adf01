/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Ping-pong between ranks 0 and 1: half of a round trip.
 */
#include "pair.h"

static const struct bench_program program = {
    .name = "segmsg_latency",
    .purpose = "Half of the round trip of a blocking ping-pong between ranks 0 and 1.",
    .sizes_are = "Size",
    .min_default = 0,
    .max_default = 4 << 20,
    .ranks_min = 2,
};

int main(int argc, char **argv)
{
    struct bench bench;
    struct pair pair;
    bench_start(&bench, &program, argc, argv);
    pair_open(&pair, &bench, 1);
    bench_print_head(&bench, "Latency", (const char *const[]){"Latency (us)", NULL});
    for (int i = 0; i < bench.size_count; ++i) {
        size_t bytes = bench.sizes[i];
        if (bench.validate) {
            pair_validate_ping_pong(&pair, bytes);
        }
        double microseconds = 1e6 / 2 * bench_measure(&bench, pair_ping_pong, &pair, bytes);
        bench_print_row(&bench, bytes, &microseconds, 1);
    }
    pair_close(&pair);
    return bench_finish(&bench);
}
