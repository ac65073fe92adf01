/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Ping-pong and bandwidth of ranks 0 and 1 where no message has the buffers of the one before:
 * sender and receiver take another one each time, here and there in a pool larger than most caches.
 * So a message's data is in no cache, as where an application comes back to a buffer after a while.
 */
#include "pair.h"

#include <stdlib.h>
#include <string.h>

enum {
    POOL_BYTES = 64 << 20, /* each of a rank's two */
    BUFFER_BYTES_MIN = 64,
    TAG_DATA = 1,
    TAG_DONE = 2,
};

static const char *const choices[] = {"latency", "bw", NULL};

static const struct bench_program program = {
    .name = "segmsg_buffers",
    .purpose = "Latency or bandwidth of messages of which each has another buffer, in pools of\n"
               "64 MB.",
    .choices = choices,
    .sizes_are = "Size",
    .min_default = 8,
    .max_default = 4 << 20,
    .ranks_min = 2,
};

struct pool {
    struct pair pair;
    char *send;
    char *receive;
    size_t bytes;        /* of each of the two */
    size_t buffer_bytes; /* of the size that is measured */
    size_t sent;         /* messages so far, which say what buffer is next */
    size_t received;
};

/* A power of two, so that the pool divides into them. */
static size_t buffer_bytes_for(size_t bytes)
{
    size_t buffer = BUFFER_BYTES_MIN;
    while (buffer < bytes) {
        buffer *= 2;
    }
    return buffer;
}

/* The buffer of a message: an odd step through a power of two of them, by the golden section, so
 * that all come before one comes again, and none soon after a neighbour of its own. */
static size_t place_of(const struct pool *pool, size_t message)
{
    size_t count = pool->bytes / pool->buffer_bytes, step = count * 618 / 1000 | 1;
    return (message * step & (count - 1)) * pool->buffer_bytes;
}

static char *next_to_send(struct pool *pool)
{
    return pool->send + place_of(pool, pool->sent++);
}

static char *next_to_receive(struct pool *pool)
{
    return pool->receive + place_of(pool, pool->received++);
}

static void send_next(struct pool *pool, size_t bytes)
{
    struct pair *pair = &pool->pair;
    MPI_Send(next_to_send(pool), (int) bytes, MPI_CHAR, pair->peer, TAG_DATA, pair->comm);
}

static void receive_next(struct pool *pool, size_t bytes)
{
    struct pair *pair = &pool->pair;
    MPI_Recv(next_to_receive(pool), (int) bytes, MPI_CHAR, pair->peer, TAG_DATA, pair->comm,
             MPI_STATUS_IGNORE);
}

static void ping_pong(void *context, size_t bytes, long iterations)
{
    struct pool *pool = context;
    for (long i = 0; pool->pair.peer >= 0 && i < iterations; ++i) {
        if (pool->pair.leads) {
            send_next(pool, bytes);
        }
        receive_next(pool, bytes);
        if (!pool->pair.leads) {
            send_next(pool, bytes);
        }
    }
}

/* A window of the leader's, and an answer without content. */
static void stream_window(struct pool *pool, size_t bytes, int window)
{
    struct pair *pair = &pool->pair;
    for (int i = 0; i < window; ++i) {
        if (pair->leads) {
            MPI_Isend(next_to_send(pool), (int) bytes, MPI_CHAR, pair->peer, TAG_DATA, pair->comm,
                      &pair->requests[i]);
        } else {
            MPI_Irecv(next_to_receive(pool), (int) bytes, MPI_CHAR, pair->peer, TAG_DATA,
                      pair->comm, &pair->requests[i]);
        }
    }
    MPI_Waitall(window, pair->requests, pair->statuses_ignore);
    if (pair->leads) {
        MPI_Recv(NULL, 0, MPI_CHAR, pair->peer, TAG_DONE, pair->comm, MPI_STATUS_IGNORE);
    } else {
        MPI_Send(NULL, 0, MPI_CHAR, pair->peer, TAG_DONE, pair->comm);
    }
}

static void stream(void *context, size_t bytes, long iterations)
{
    struct pool *pool = context;
    for (long i = 0; pool->pair.peer >= 0 && i < iterations; ++i) {
        stream_window(pool, bytes, pool->pair.bench->window);
    }
}

static void validate_ping_pong(struct pool *pool, size_t bytes)
{
    for (int i = 0; pool->pair.peer >= 0 && i < bench_validate_rounds(bytes); ++i) {
        unsigned there = 2 * (unsigned) i, back = there + 1;
        char *sent = pool->send + place_of(pool, pool->sent);
        char *received = pool->receive + place_of(pool, pool->received);
        bench_fill(sent, bytes, pool->pair.leads ? there : back);
        memset(received, 0, bytes);
        ping_pong(pool, bytes, 1);
        bench_check(pool->pair.bench, received, bytes, pool->pair.leads ? back : there);
    }
}

/* Messages with a buffer each: a window of them, or as many as there are buffers. */
static void validate_window(struct pool *pool, size_t bytes, unsigned seed)
{
    size_t count = pool->bytes / pool->buffer_bytes, window = (size_t) pool->pair.bench->window;
    window = window < count ? window : count;
    for (size_t i = 0; i < window; ++i) {
        bench_fill(pool->send + place_of(pool, pool->sent + i), bytes, seed + (unsigned) i);
        memset(pool->receive + place_of(pool, pool->received + i), 0, bytes);
    }
    stream_window(pool, bytes, (int) window);
    for (size_t i = 0; !pool->pair.leads && i < window; ++i) {
        bench_check(pool->pair.bench, pool->receive + place_of(pool, pool->received - window + i),
                    bytes, seed + (unsigned) i);
    }
}

static void validate(struct pool *pool, bool latency, size_t bytes)
{
    if (latency) {
        validate_ping_pong(pool, bytes);
    }
    for (int i = 0; !latency && pool->pair.peer >= 0 && i < bench_validate_rounds(bytes); ++i) {
        validate_window(pool, bytes, 7 * (unsigned) i);
    }
}

/* Microseconds, or megabytes per second. */
static double measured(struct pool *pool, bool latency, size_t bytes)
{
    struct bench *bench = pool->pair.bench;
    if (latency) {
        return 1e6 / 2 * bench_measure(bench, ping_pong, pool, bytes);
    }
    double seconds = bench_measure(bench, stream, pool, bytes);
    return (double) bytes * bench->window / seconds / 1e6;
}

static void measure_size(struct pool *pool, bool latency, size_t bytes)
{
    pool->buffer_bytes = buffer_bytes_for(bytes);
    if (pool->pair.bench->validate) {
        validate(pool, latency, bytes);
    }
    double value = measured(pool, latency, bytes);
    bench_print_row(pool->pair.bench, bytes, &value, 1);
}

/* At least one buffer of the largest size. */
static size_t pool_bytes_for(const struct bench *bench)
{
    size_t largest = buffer_bytes_for(bench->max_bytes);
    return largest > POOL_BYTES ? largest : POOL_BYTES;
}

int main(int argc, char **argv)
{
    struct bench bench;
    bench_start(&bench, &program, argc, argv);
    bool latency = 0 == strcmp(bench.choice, "latency");
    size_t bytes = pool_bytes_for(&bench);
    struct pool pool = {.bytes = bytes, .send = bench_alloc(bytes), .receive = bench_alloc(bytes)};
    pair_open(&pool.pair, &bench, 1);
    bench_print_head(&bench,
                     latency ? "Latency of Changing Buffers" : "Bandwidth of Changing Buffers",
                     (const char *const[]){latency ? "Latency (us)" : "Bandwidth (MB/s)", NULL});
    for (int i = 0; i < bench.size_count; ++i) {
        measure_size(&pool, latency, bench.sizes[i]);
    }
    pair_close(&pool.pair);
    free(pool.send);
    free(pool.receive);
    return bench_finish(&bench);
}
