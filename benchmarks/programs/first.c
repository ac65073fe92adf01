/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What the first messages of a size take: ranks 0 and 1, which have exchanged short messages alone,
 * exchange long ones. What a transport maps, registers or finds out at their first use shows here,
 * and in no test that warms up. One size is measured in a run, since the next would find all that
 * done.
 */
#include "pair.h"

#include <string.h>

enum {
    SHORT_BYTES = 8,
    SHORT_ROUND_TRIPS = 100,
    MESSAGES = 64,
    EARLIEST = 4,
};

static const struct bench_program program = {
    .name = "segmsg_first",
    .purpose = "Time of the first 64 messages of a size, a ping-pong, between ranks that have\n"
               "exchanged 8 bytes 100 times, and of the first 4. One size in a run.",
    .sizes_are = "Size",
    .min_default = 256 << 10,
    .max_default = 256 << 10,
    .ranks_min = 2,
};

/* Seconds of a message there and one back. With --validate these are the very messages that are
 * checked: they are first but once. */
static double round_trip(struct pair *pair, size_t bytes, unsigned number)
{
    struct bench *bench = pair->bench;
    unsigned there = 2 * number, back = there + 1;
    if (bench->validate) {
        bench_fill(pair->send, bytes, pair->leads ? there : back);
        memset(pair->receive, 0, bytes);
        pair_ping_pong(pair, 0, 1);
    }
    double start = MPI_Wtime();
    pair_ping_pong(pair, bytes, 1);
    double seconds = MPI_Wtime() - start;
    if (bench->validate) {
        bench_check(bench, pair->receive, bytes, pair->leads ? back : there);
    }
    return seconds;
}

static void measure(struct pair *pair, size_t bytes)
{
    double all = 0, earliest = 0;
    pair_ping_pong(pair, SHORT_BYTES, SHORT_ROUND_TRIPS);
    for (unsigned i = 0; pair->peer >= 0 && i < MESSAGES / 2; ++i) {
        double seconds = round_trip(pair, bytes, i);
        all += seconds;
        earliest += i < EARLIEST / 2 ? seconds : 0;
    }
    double microseconds[] = {1e6 * all, 1e6 * earliest};
    bench_print_row(pair->bench, bytes, microseconds, 2);
}

int main(int argc, char **argv)
{
    struct bench bench;
    struct pair pair;
    bench_start(&bench, &program, argc, argv);
    if (bench.size_count > 1) {
        bench_fail("one size in a run: of a second one, the messages are not the first");
    }
    pair_open(&pair, &bench, 1);
    bench_print_head(&bench, "First Messages",
                     (const char *const[]){"First 64 (us)", "First 4 (us)", NULL});
    measure(&pair, bench.sizes[0]);
    pair_close(&pair);
    return bench_finish(&bench);
}
