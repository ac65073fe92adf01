/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "pair.h"

#include <stdlib.h>
#include <string.h>

enum {
    TAG_DATA = 1,
    TAG_WINDOW_DONE = 2,
    WINDOW_DONE_BYTES = 4,
    /* What the receive buffers of a validated window may take. */
    VALIDATED_WINDOW_BYTES = 64 << 20,
};

void pair_open(struct pair *pair, struct bench *bench, int pairs)
{
    *pair = (struct pair){
        .bench = bench,
        .pairs = pairs,
        .peer = -1,
        .comm = MPI_COMM_WORLD,
        .type = MPI_CHAR,
        .type_bytes = 1,
        .statuses_ignore = MPI_STATUSES_IGNORE,
    };
    if (bench->rank < pairs) {
        pair->leads = true;
        pair->peer = bench->rank + pairs;
    } else if (bench->rank < 2 * pairs) {
        pair->peer = bench->rank - pairs;
    }
    pair->send = bench_alloc(bench->max_bytes);
    pair->receive = bench_alloc(bench->max_bytes);
    pair->requests = bench_alloc(2 * (size_t) bench->window * sizeof *pair->requests);
}

void pair_close(struct pair *pair)
{
    free(pair->send);
    free(pair->receive);
    free(pair->requests);
}

static int count_of(const struct pair *pair, size_t bytes)
{
    return (int) (bytes / pair->type_bytes);
}

void pair_ping_pong(void *context, size_t bytes, long iterations)
{
    struct pair *pair = context;
    int count = count_of(pair, bytes);
    if (pair->peer < 0) {
        return;
    }
    for (long i = 0; i < iterations; ++i) {
        if (pair->leads) {
            MPI_Send(pair->send, count, pair->type, pair->peer, TAG_DATA, pair->comm);
        }
        MPI_Recv(pair->receive, count, pair->type, pair->peer, TAG_DATA, pair->comm,
                 MPI_STATUS_IGNORE);
        if (!pair->leads) {
            MPI_Send(pair->send, count, pair->type, pair->peer, TAG_DATA, pair->comm);
        }
    }
}

/* Posts a window of sends; successive messages lie `stride` bytes apart. */
static void post_sends(struct pair *pair, char *from, size_t bytes, size_t stride, int window,
                       MPI_Request *requests)
{
    int count = count_of(pair, bytes);
    for (int i = 0; i < window; ++i) {
        MPI_Isend(from + (size_t) i * stride, count, pair->type, pair->peer, TAG_DATA, pair->comm,
                  &requests[i]);
    }
}

static void post_receives(struct pair *pair, char *to, size_t bytes, size_t stride, int window,
                          MPI_Request *requests)
{
    int count = count_of(pair, bytes);
    for (int i = 0; i < window; ++i) {
        MPI_Irecv(to + (size_t) i * stride, count, pair->type, pair->peer, TAG_DATA, pair->comm,
                  &requests[i]);
    }
}

/* A window one way, and word from the receiver that all of it has come. */
static void window_one_way(struct pair *pair, char *send, char *receive, size_t bytes,
                           size_t stride, int window)
{
    char done[WINDOW_DONE_BYTES] = {0};
    if (pair->leads) {
        post_sends(pair, send, bytes, stride, window, pair->requests);
        MPI_Waitall(window, pair->requests, pair->statuses_ignore);
        MPI_Recv(done, sizeof done, MPI_CHAR, pair->peer, TAG_WINDOW_DONE, pair->comm,
                 MPI_STATUS_IGNORE);
    } else {
        post_receives(pair, receive, bytes, stride, window, pair->requests);
        MPI_Waitall(window, pair->requests, pair->statuses_ignore);
        MPI_Send(done, sizeof done, MPI_CHAR, pair->peer, TAG_WINDOW_DONE, pair->comm);
    }
}

static void window_both_ways(struct pair *pair, char *send, char *receive, size_t bytes,
                             size_t stride, int window)
{
    post_receives(pair, receive, bytes, stride, window, pair->requests);
    post_sends(pair, send, bytes, stride, window, pair->requests + window);
    MPI_Waitall(2 * window, pair->requests, pair->statuses_ignore);
}

void pair_stream(void *context, size_t bytes, long iterations)
{
    struct pair *pair = context;
    for (long i = 0; pair->peer >= 0 && i < iterations; ++i) {
        window_one_way(pair, pair->send, pair->receive, bytes, 0, pair->bench->window);
    }
}

void pair_exchange(void *context, size_t bytes, long iterations)
{
    struct pair *pair = context;
    for (long i = 0; pair->peer >= 0 && i < iterations; ++i) {
        window_both_ways(pair, pair->send, pair->receive, bytes, 0, pair->bench->window);
    }
}

void pair_validate_ping_pong(struct pair *pair, size_t bytes)
{
    struct bench *bench = pair->bench;
    int rounds = bench_validate_rounds(bytes);
    for (int i = 0; pair->peer >= 0 && i < rounds; ++i) {
        unsigned there = 2 * (unsigned) i, back = there + 1;
        memset(pair->receive, 0, bytes);
        bench_fill(pair->send, bytes, pair->leads ? there : back);
        pair_ping_pong(pair, bytes, 1);
        bench_check(bench, pair->receive, bytes, pair->leads ? back : there);
    }
}

/* Unlike the timed windows, each message has its own place, and there are as many as memory allows.
 */
static int validated_window(const struct bench *bench, size_t bytes)
{
    size_t fitting = VALIDATED_WINDOW_BYTES / (bytes + 1);
    return fitting < 1 ? 1 : fitting < (size_t) bench->window ? (int) fitting : bench->window;
}

void pair_validate_windows(struct pair *pair, size_t bytes, bool both_ways)
{
    if (pair->peer < 0) {
        return;
    }
    struct bench *bench = pair->bench;
    int window = validated_window(bench, bytes);
    int rounds = bench_validate_rounds(bytes);
    char *send = bench_alloc((size_t) window * bytes);
    char *receive = bench_alloc((size_t) window * bytes);
    for (int i = 0; i < rounds; ++i) {
        unsigned seed = (unsigned) (i * window);
        memset(receive, 0, (size_t) window * bytes);
        for (int message = 0; message < window; ++message) {
            bench_fill(send + (size_t) message * bytes, bytes, seed + (unsigned) message);
        }
        (both_ways ? window_both_ways : window_one_way)(pair, send, receive, bytes, bytes, window);
        for (int message = 0; (both_ways || !pair->leads) && message < window; ++message) {
            bench_check(bench, receive + (size_t) message * bytes, bytes,
                        seed + (unsigned) message);
        }
    }
    free(send);
    free(receive);
}

double pair_slowest(const struct pair *pair, double seconds)
{
    double mine = pair->peer < 0 ? 0 : seconds, slowest = 0;
    MPI_Allreduce(&mine, &slowest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    return slowest;
}

double pair_mean(const struct pair *pair, double seconds)
{
    double mine = pair->leads ? seconds : 0, sum = 0;
    MPI_Allreduce(&mine, &sum, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    return sum / pair->pairs;
}
