/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "onesided.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ORIGIN = 0, TARGET = 1 };

void onesided_open(struct onesided *onesided, struct bench *bench, bool fences)
{
    size_t bytes = bench->max_bytes < sizeof(uint64_t) ? sizeof(uint64_t) : bench->max_bytes;
    *onesided = (struct onesided){
        .bench = bench,
        .fences = fences,
        .per_flush = 1,
        .local = bench_alloc(bytes),
        .fetched = bench_alloc(bytes),
        .exposed = bench_alloc(bytes),
    };
    MPI_Win_create(onesided->exposed, (MPI_Aint) bytes, 1, MPI_INFO_NULL, MPI_COMM_WORLD,
                   &onesided->window);
    if (fences) {
        MPI_Win_fence(0, onesided->window);
    } else {
        MPI_Win_lock_all(0, onesided->window);
    }
}

void onesided_close(struct onesided *onesided)
{
    if (onesided->fences) {
        MPI_Win_fence(MPI_MODE_NOSUCCEED, onesided->window);
    } else {
        MPI_Win_unlock_all(onesided->window);
    }
    MPI_Win_free(&onesided->window);
    free(onesided->local);
    free(onesided->fetched);
    free(onesided->exposed);
}

void onesided_put(struct onesided *o, size_t bytes)
{
    MPI_Put(o->local, (int) bytes, MPI_CHAR, TARGET, 0, (int) bytes, MPI_CHAR, o->window);
}

void onesided_get(struct onesided *o, size_t bytes)
{
    MPI_Get(o->local, (int) bytes, MPI_CHAR, TARGET, 0, (int) bytes, MPI_CHAR, o->window);
}

void onesided_accumulate(struct onesided *o, size_t bytes)
{
    int words = (int) (bytes / sizeof(uint64_t));
    MPI_Accumulate(o->local, words, MPI_UINT64_T, TARGET, 0, words, MPI_UINT64_T, MPI_SUM,
                   o->window);
}

void onesided_get_accumulate(struct onesided *o, size_t bytes)
{
    int words = (int) (bytes / sizeof(uint64_t));
    MPI_Get_accumulate(o->local, words, MPI_UINT64_T, o->fetched, words, MPI_UINT64_T, TARGET, 0,
                       words, MPI_UINT64_T, MPI_SUM, o->window);
}

void onesided_fetch_and_op(struct onesided *o, size_t bytes)
{
    static const uint64_t one = 1;
    (void) bytes;
    MPI_Fetch_and_op(&one, &o->result, MPI_UINT64_T, TARGET, 0, MPI_SUM, o->window);
}

void onesided_compare_and_swap(struct onesided *o, size_t bytes)
{
    static const uint64_t old_value = 0, new_value = 1;
    (void) bytes;
    MPI_Compare_and_swap(&new_value, &old_value, &o->result, MPI_UINT64_T, TARGET, 0, o->window);
}

void onesided_body(void *context, size_t bytes, long iterations)
{
    struct onesided *o = context;
    bool is_origin = ORIGIN == o->bench->rank;
    for (long i = 0; (is_origin || o->fences) && i < iterations; ++i) {
        for (int operation = 0; is_origin && operation < o->per_flush; ++operation) {
            o->start(o, bytes);
        }
        if (o->fences) {
            MPI_Win_fence(0, o->window);
        } else {
            MPI_Win_flush(TARGET, o->window);
        }
    }
}

/* What any rank has stored in its own memory, and what has been done to it from outside, is seen by
 * all. To be called with nothing in flight. */
static void settle(struct onesided *o)
{
    if (o->fences) {
        MPI_Win_fence(0, o->window);
    } else {
        MPI_Win_sync(o->window);
        MPI_Barrier(MPI_COMM_WORLD);
        MPI_Win_sync(o->window);
    }
}

/* Sets the window's first word. */
static void set_word(struct onesided *o, uint64_t value)
{
    settle(o);
    memcpy(o->exposed, &value, sizeof value);
    settle(o);
}

/* One operation of the origin, then both sides see its effect. */
static void run_once(struct onesided *o, size_t bytes)
{
    if (ORIGIN == o->bench->rank) {
        o->start(o, bytes);
        if (!o->fences) {
            MPI_Win_flush(TARGET, o->window);
        }
    }
    settle(o);
}

static void expect_word(struct onesided *o, int rank, uint64_t expected, uint64_t seen)
{
    if (rank == o->bench->rank && expected != seen) {
        fprintf(stderr, "%s: rank %d: a word is %llu, not %llu\n", o->bench->program->name, rank,
                (unsigned long long) seen, (unsigned long long) expected);
        o->bench->errors += (long) sizeof seen;
    }
}

static uint64_t exposed_word(const struct onesided *o)
{
    uint64_t word;
    memcpy(&word, o->exposed, sizeof word);
    return word;
}

/* fetch-and-op and compare-and-swap, from a word whose value is known: 0 becomes 1, 0 is fetched.
 */
static void validate_word(struct onesided *o)
{
    set_word(o, 0);
    o->result = ~UINT64_C(0);
    run_once(o, sizeof(uint64_t));
    expect_word(o, ORIGIN, 0, o->result);
    expect_word(o, TARGET, 1, exposed_word(o));
}

static void validate_copy(struct onesided *o, size_t bytes, unsigned seed)
{
    bool is_put = onesided_put == o->start;
    int source_rank = is_put ? ORIGIN : TARGET, destination_rank = is_put ? TARGET : ORIGIN;
    char *source = is_put ? o->local : o->exposed, *destination = is_put ? o->exposed : o->local;
    if (source_rank == o->bench->rank) {
        bench_fill(source, bytes, seed);
    }
    if (destination_rank == o->bench->rank) {
        memset(destination, 0, bytes);
    }
    settle(o);
    run_once(o, bytes);
    if (destination_rank == o->bench->rank) {
        bench_check(o->bench, destination, bytes, seed);
    }
}

/* The target adds to zeroes, so it holds what the origin sent. */
static void validate_accumulate(struct onesided *o, size_t bytes, unsigned seed)
{
    size_t whole_words = bytes - bytes % sizeof(uint64_t);
    bench_fill(o->local, whole_words, seed);
    memset(o->exposed, 0, whole_words);
    settle(o);
    run_once(o, whole_words);
    if (TARGET == o->bench->rank) {
        bench_check(o->bench, o->exposed, whole_words, seed);
    }
}

/* As accumulate; then the origin adds zeroes, which changes nothing, and fetches what it had sent.
 */
static void validate_get_accumulate(struct onesided *o, size_t bytes, unsigned seed)
{
    size_t whole_words = bytes - bytes % sizeof(uint64_t);
    validate_accumulate(o, bytes, seed);
    memset(o->local, 0, whole_words);
    memset(o->fetched, 0, whole_words);
    settle(o);
    run_once(o, whole_words);
    if (ORIGIN == o->bench->rank) {
        bench_check(o->bench, o->fetched, whole_words, seed);
    } else if (TARGET == o->bench->rank) {
        bench_check(o->bench, o->exposed, whole_words, seed);
    }
}

void onesided_validate(struct onesided *o, size_t bytes)
{
    for (int i = 0; i < bench_validate_rounds(bytes); ++i) {
        MPI_Barrier(MPI_COMM_WORLD);
        if (onesided_fetch_and_op == o->start || onesided_compare_and_swap == o->start) {
            validate_word(o);
        } else if (onesided_accumulate == o->start) {
            validate_accumulate(o, bytes, (unsigned) i);
        } else if (onesided_get_accumulate == o->start) {
            validate_get_accumulate(o, bytes, (unsigned) i);
        } else {
            validate_copy(o, bytes, (unsigned) i);
        }
    }
    MPI_Barrier(MPI_COMM_WORLD);
}
