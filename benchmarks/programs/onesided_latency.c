/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Time of one one-sided operation of rank 0 on rank 1 and of the flush or the fence that completes
 * it; rank 1 is in MPI meanwhile.
 */
#include "onesided.h"

#include <string.h>

static const struct kind {
    const char *name;
    const char *title;
    onesided_operation *start;
    size_t only_bytes; /* the one size there is; 0: any multiple of unit */
    size_t unit;
} kinds[] = {
    {"put", "Put Latency", onesided_put, 0, 1},
    {"get", "Get Latency", onesided_get, 0, 1},
    {"accumulate", "Accumulate Latency", onesided_accumulate, 0, sizeof(uint64_t)},
    {"get_accumulate", "Get-accumulate Latency", onesided_get_accumulate, 0, sizeof(uint64_t)},
    {"fetch_and_op", "Fetch-and-op Latency", onesided_fetch_and_op, sizeof(uint64_t), 1},
    {"cas", "Compare-and-swap Latency", onesided_compare_and_swap, sizeof(uint64_t), 1},
};

static const char FENCE[] = "_fence"; /* how the names of those end that fence */

static const char *const choices[] = {
    "put",
    "get",
    "accumulate",
    "get_accumulate",
    "fetch_and_op",
    "cas",
    "put_fence",
    "get_fence",
    "accumulate_fence",
    "get_accumulate_fence",
    "fetch_and_op_fence",
    "cas_fence",
    NULL,
};

static const struct bench_program program = {
    .name = "segmsg_onesided_latency",
    .purpose = "Time of a one-sided operation of rank 0 on rank 1 and its flush, or of the\n"
               "operation and a fence of all ranks.",
    .choices = choices,
    .sizes_are = "Size",
    .min_default = 1,
    .max_default = 4 << 20,
    .ranks_min = 2,
};

/* What a choice stands for, whichever way it completes. */
static const struct kind *kind_named(const char *name, bool *fences)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; ++i) {
        size_t length = strlen(kinds[i].name);
        if (0 == strncmp(kinds[i].name, name, length)
            && ('\0' == name[length] || 0 == strcmp(name + length, FENCE))) {
            *fences = '\0' != name[length];
            return &kinds[i];
        }
    }
    bench_fail("no one-sided operation '%s'", name);
}

int main(int argc, char **argv)
{
    struct bench bench;
    struct onesided onesided;
    bench_start(&bench, &program, argc, argv);
    bool fences;
    const struct kind *kind = kind_named(bench.choice, &fences);
    if (0 != kind->only_bytes) {
        bench.sizes[0] = bench.max_bytes = kind->only_bytes;
        bench.size_count = 1;
    }
    onesided_open(&onesided, &bench, fences);
    onesided.start = kind->start;
    bench_print_head(&bench, kind->title,
                     (const char *const[]){fences ? "With fence (us)" : "Latency (us)", NULL});
    for (int i = 0; i < bench.size_count; ++i) {
        size_t bytes = bench.sizes[i];
        if (0 != bytes % kind->unit) {
            continue;
        }
        if (bench.validate) {
            onesided_validate(&onesided, bytes);
        }
        double microseconds = 1e6 * bench_measure(&bench, onesided_body, &onesided, bytes);
        bench_print_row(&bench, bytes, &microseconds, 1);
    }
    onesided_close(&onesided);
    return bench_finish(&bench);
}
