/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A program that computes and looks for messages now and then: ranks 0 and 1 update a table at random places, test a
 * pending receive after each update, and send each other a bucket of updates after every so many, as HPCC's
 * RandomAccess does. So each test goes with two updates, an own one and one that was received. The first column is
 * the size of the table.
 */
#include "pair.h"

#include <stdint.h>
#include <stdlib.h>

enum { BUCKET = 512 /* updates */ };
#define STEP UINT64_C(0x9e3779b97f4a7c15) /* from one update of a bucket to the next */

static const struct bench_program program = {
    .name = "segmsg_updates",
    .purpose = "Time of two random updates of a table and an MPI_Test of a pending receive.",
    .sizes_are = "Table",
    .min_default = 32 << 10,
    .max_default = 32 << 20,
    .ranks_min = 2,
};

struct updates {
    struct pair pair;
    uint64_t *table;
    uint64_t random;
    int tag; /* of this call of the body: the other rank may be in the next one */
    uint64_t bucket[BUCKET];
    uint64_t received[BUCKET];
};

/* xorshift: cheap, and every place of the table comes. */
static uint64_t next(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

static void apply(struct updates *updates, const uint64_t *bucket, uint64_t mask)
{
    for (int i = 0; i < BUCKET; ++i) {
        updates->table[bucket[i] & mask] ^= bucket[i];
    }
    for (int i = 1; updates->pair.bench->validate && i < BUCKET; ++i) {
        updates->pair.bench->errors += bucket[i] != bucket[0] + (uint64_t) i * STEP;
    }
}

static void expect(struct updates *updates, MPI_Request *request)
{
    MPI_Irecv(updates->received, sizeof updates->received, MPI_BYTE, updates->pair.peer,
              updates->tag, updates->pair.comm, request);
}

/* Each rank sends iterations / BUCKET buckets, and receives as many. */
static void body(void *context, size_t bytes, long iterations)
{
    struct updates *updates = context;
    struct pair *pair = &updates->pair;
    uint64_t mask = bytes / sizeof(uint64_t) - 1;
    long due = iterations / BUCKET;
    MPI_Request in = MPI_REQUEST_NULL, out = MPI_REQUEST_NULL;
    if (pair->peer < 0) {
        return;
    }
    updates->tag = (updates->tag + 1) % 1024;
    expect(updates, &in);
    for (long i = 1; i <= iterations; ++i) {
        int arrived = 0;
        MPI_Test(&in, &arrived, MPI_STATUS_IGNORE);
        if (arrived && due > 0) {
            apply(updates, updates->received, mask);
            --due;
            expect(updates, &in);
        }
        uint64_t value = next(&updates->random);
        updates->table[value & mask] ^= value;
        if (0 == i % BUCKET) {
            MPI_Wait(&out, MPI_STATUS_IGNORE);
            for (int n = 0; n < BUCKET; ++n) {
                updates->bucket[n] = value + (uint64_t) n * STEP;
            }
            MPI_Isend(updates->bucket, sizeof updates->bucket, MPI_BYTE, pair->peer, updates->tag,
                      pair->comm, &out);
        }
    }
    for (; due > 0; --due) {
        MPI_Wait(&in, MPI_STATUS_IGNORE);
        apply(updates, updates->received, mask);
        expect(updates, &in);
    }
    MPI_Wait(&out, MPI_STATUS_IGNORE);
    MPI_Cancel(&in);
    MPI_Wait(&in, MPI_STATUS_IGNORE);
}

int main(int argc, char **argv)
{
    struct bench bench;
    struct updates updates = {.random = 88172645463325252};
    bench_start(&bench, &program, argc, argv);
    updates.table = bench_alloc(bench.max_bytes);
    updates.random += (uint64_t) bench.rank;
    pair_open(&updates.pair, &bench, 1);
    bench_print_head(&bench, "Updates with a test each", (const char *const[]){"Time (ns)", NULL});
    for (int i = 0; i < bench.size_count; ++i) {
        size_t bytes = bench.sizes[i];
        if (bytes < sizeof(uint64_t) || 0 != (bytes & (bytes - 1))) {
            bench_fail("a table has a power of two of bytes, 8 or more");
        }
        double nanoseconds = 1e9 * bench_measure(&bench, body, &updates, bytes);
        bench_print_row(&bench, bytes, &nanoseconds, 1);
    }
    pair_close(&updates.pair);
    free(updates.table);
    return bench_finish(&bench);
}
