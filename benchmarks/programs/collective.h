/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The collective operations that segmsg_collective measures, each with a check of its result.
 */
#ifndef SEGMSG_BENCH_COLLECTIVE_H
#define SEGMSG_BENCH_COLLECTIVE_H

#include "bench.h"

struct collective {
    struct bench *bench;
    const struct collective_kind *kind;
    char *send;
    char *receive;
    /* Of every rank, for the operations that take them: set by lay_out. */
    int *counts;
    int *places;
    double seconds;  /* spent in the operation itself by the last call of the body */
    long iterations; /* of that call */
};

/* What each -c stands for. */
struct collective_kind {
    const char *name;
    const char *title;
    void (*run)(struct collective *, size_t bytes);
    /* NULL: nothing to check */
    bool (*right)(struct collective *, size_t bytes, unsigned seed);
    bool adds_floats;
    int blocks_per_rank;                                /* that buffers hold; 0: one block in all */
    void (*lay_out)(struct collective *, size_t bytes); /* NULL: takes no counts */
};

const struct collective_kind *collective_kind_named(const char *name);

#endif
