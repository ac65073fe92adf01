/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Bandwidth of windows of puts or gets, each window ended by a flush or a fence, rank 0 on rank 1.
 */
#include "onesided.h"

#include <string.h>

static const char *const choices[] = {"put", "get", "put_fence", "get_fence", NULL};

static const struct bench_program program = {
    .name = "segmsg_onesided_bw",
    .purpose = "Bandwidth of puts or gets of rank 0 on rank 1, a flush or a fence after each\n"
               "window.",
    .choices = choices,
    .sizes_are = "Size",
    .min_default = 1,
    .max_default = 4 << 20,
    .ranks_min = 2,
};

int main(int argc, char **argv)
{
    struct bench bench;
    struct onesided onesided;
    bench_start(&bench, &program, argc, argv);
    bool put = 0 == strncmp(bench.choice, "put", strlen("put"));
    onesided_open(&onesided, &bench, NULL != strstr(bench.choice, "fence"));
    onesided.start = put ? onesided_put : onesided_get;
    onesided.per_flush = bench.window;
    bench_print_head(&bench, put ? "Put Bandwidth" : "Get Bandwidth",
                     (const char *const[]){"Bandwidth (MB/s)", NULL});
    for (int i = 0; i < bench.size_count; ++i) {
        size_t bytes = bench.sizes[i];
        if (bench.validate) {
            onesided_validate(&onesided, bytes);
        }
        double seconds = bench_measure(&bench, onesided_body, &onesided, bytes);
        double megabytes_per_second = (double) bytes * bench.window / seconds / 1e6;
        bench_print_row(&bench, bytes, &megabytes_per_second, 1);
    }
    onesided_close(&onesided);
    return bench_finish(&bench);
}
