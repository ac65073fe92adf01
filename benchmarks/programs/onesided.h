/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * One-sided operations of rank 0 on rank 1's window, either within one lock-all epoch, completed by
 * flushes of rank 0 alone, or between fences, which all ranks take part in. The window is made with
 * MPI_Win_create over memory of our own, so that no MPI takes the short cut of a window in shared
 * memory, which would not use the transport.
 */
#ifndef SEGMSG_BENCH_ONESIDED_H
#define SEGMSG_BENCH_ONESIDED_H

#include "bench.h"

#include <stdint.h>

struct onesided;

/* Starts one operation of rank 0 on rank 1; complete after a flush, or a fence. */
typedef void onesided_operation(struct onesided *, size_t bytes);

struct onesided {
    struct bench *bench;
    onesided_operation *start;
    bool fences;     /* completes by fences, not by flushes */
    int per_flush;   /* operations between two flushes or fences */
    char *local;     /* bench->max_bytes, at least a word */
    char *fetched;   /* by get-accumulate, as large */
    char *exposed;   /* the window, the same size on every rank */
    uint64_t result; /* of fetch-and-op and compare-and-swap */
    MPI_Win window;
};

void onesided_open(struct onesided *onesided, struct bench *bench, bool fences);
void onesided_close(struct onesided *onesided);

onesided_operation onesided_put;
onesided_operation onesided_get;
onesided_operation onesided_accumulate;       /* adds 64-bit integers */
onesided_operation onesided_get_accumulate;   /* the same, and fetches what was there */
onesided_operation onesided_fetch_and_op;     /* adds 1 to a 64-bit integer */
onesided_operation onesided_compare_and_swap; /* of a 64-bit integer */

/* For bench_measure(): an iteration is `per_flush` operations and a flush by rank 0, or a fence by
 * all. */
bench_body onesided_body;

/* Does the operation with known content and checks it on both sides. */
void onesided_validate(struct onesided *onesided, size_t bytes);

#endif
