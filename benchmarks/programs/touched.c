/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * An exchange as applications have it: ranks 0 and 1 compute on a working set, write what they send, exchange it
 * both ways at once, and read what has come. What is measured is all of that, since where a transport leaves
 * the data, and what it displaces, shows in the computing.
 */
#include "pair.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char *const choices[] = {"32K", "1M", "8M", NULL};
static const size_t set_bytes[] = {32 << 10, 1 << 20, 8 << 20};

static const struct bench_program program = {
    .name = "segmsg_touched",
    .purpose = "Time of an exchange whose data is written before and read after, with a working "
               "set of -c.",
    .choices = choices,
    .sizes_are = "Size",
    .min_default = 64,
    .max_default = 1 << 20,
    .ranks_min = 2,
};

struct touched {
    struct pair pair;
    double *set;
    size_t set_count;
    volatile uint64_t sum; /* of all that was read, so that it must be read */
};

static void compute(const struct touched *touched)
{
    double *set = touched->set;
    for (size_t i = 0; i < touched->set_count; ++i) {
        set[i] = set[i] * 0.5 + 1;
    }
}

static void write_message(char *message, size_t bytes, long round)
{
    memset(message, (int) (round & 0x7f), bytes);
}

/* Four sums, so that no addition waits for another: what is measured is memory. */
static void read_message(struct touched *touched, const char *message, size_t bytes)
{
    uint64_t sum[4] = {0}, word[4];
    for (size_t at = 0; at + sizeof word <= bytes; at += sizeof word) {
        memcpy(word, message + at, sizeof word);
        for (int i = 0; i < 4; ++i) {
            sum[i] += word[i];
        }
    }
    touched->sum += sum[0] + sum[1] + sum[2] + sum[3];
}

static void exchange(struct pair *pair, size_t bytes)
{
    MPI_Irecv(pair->receive, (int) bytes, MPI_CHAR, pair->peer, 0, pair->comm, &pair->requests[0]);
    MPI_Isend(pair->send, (int) bytes, MPI_CHAR, pair->peer, 0, pair->comm, &pair->requests[1]);
    MPI_Waitall(2, pair->requests, pair->statuses_ignore);
}

static void body(void *context, size_t bytes, long iterations)
{
    struct touched *touched = context;
    struct pair *pair = &touched->pair;
    if (pair->peer < 0) {
        return;
    }
    for (long i = 0; i < iterations; ++i) {
        compute(touched);
        write_message(pair->send, bytes, i);
        exchange(pair, bytes);
        read_message(touched, pair->receive, bytes);
    }
}

static void validate(struct touched *touched, size_t bytes)
{
    struct pair *pair = &touched->pair;
    for (int i = 0; pair->peer >= 0 && i < bench_validate_rounds(bytes); ++i) {
        unsigned from_leader = 2 * (unsigned) i, from_follower = from_leader + 1;
        bench_fill(pair->send, bytes, pair->leads ? from_leader : from_follower);
        memset(pair->receive, 0, bytes);
        exchange(pair, bytes);
        bench_check(pair->bench, pair->receive, bytes, pair->leads ? from_follower : from_leader);
    }
}

static size_t chosen_set(const char *choice)
{
    int i = 0;
    while (choices[i + 1] != NULL && 0 != strcmp(choice, choices[i])) {
        ++i;
    }
    return set_bytes[i];
}

int main(int argc, char **argv)
{
    struct bench bench;
    bench_start(&bench, &program, argc, argv);
    size_t bytes_of_set = chosen_set(bench.choice);
    struct touched touched = {.set = bench_alloc(bytes_of_set),
                              .set_count = bytes_of_set / sizeof(double)};
    pair_open(&touched.pair, &bench, 1);
    bench_print_head(&bench, "Exchange of used data", (const char *const[]){"Time (us)", NULL});
    for (int i = 0; i < bench.size_count; ++i) {
        if (bench.validate) {
            validate(&touched, bench.sizes[i]);
        }
        double microseconds = 1e6 * bench_measure(&bench, body, &touched, bench.sizes[i]);
        bench_print_row(&bench, bench.sizes[i], &microseconds, 1);
    }
    pair_close(&touched.pair);
    free(touched.set);
    return bench_finish(&bench);
}
