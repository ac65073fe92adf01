/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Many messages of varying length to varying ranks with computing between them, as codes that move
 * particles have it. A rank announces each message's length by a short message. It looks for
 * announcements with MPI_Iprobe after each piece of computing, waits for the rest with MPI_Probe
 * when it has none left, and receives into buffers of a pool.
 *
 * An iteration is MESSAGES messages by each rank. All ranks draw the same distances, so that each
 * receives as many, but from whom only the messages tell. The size is the mean length.
 */
#include "bench.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    MESSAGES = 16,
    POOL_BUFFERS = 4 * MESSAGES, /* each iteration takes the next of them */
    TABLE_BYTES = 1 << 20,
    TABLE_COUNT = TABLE_BYTES / sizeof(double),
    PIECE_COUNT = 1024, /* of the table between two messages */
    /* Of an iteration, and so that announcements and contents are told apart. */
    TAG_ITERATIONS = 1024,
    TAG_LENGTH = 0,
    TAG_CONTENT = TAG_ITERATIONS,
};

static const struct bench_program program = {
    .name = "segmsg_irregular",
    .purpose = "Time of 16 messages of varying length by each rank to varying ranks, with\n"
               "computing between them.",
    .sizes_are = "Mean size",
    .min_default = 64,
    .max_default = 16 << 10,
    .ranks_min = 2,
};

/* A message that this rank sends or receives. */
struct message {
    int peer;
    int bytes;
    char *content;
    MPI_Request length_sent;
    MPI_Request moved; /* the content */
};

struct irregular {
    struct bench *bench;
    double *table;
    size_t piece; /* that comes next, in the table */
    char *pool;   /* POOL_BUFFERS of buffer_bytes */
    char *out;    /* MESSAGES of these */
    size_t buffer_bytes;
    unsigned next_buffer;
    int iteration;      /* modulo TAG_ITERATIONS */
    uint64_t distances; /* random, the same on all ranks */
    uint64_t lengths;   /* random */
    bool checks;        /* contents are what bench_fill() says, not particles */
    struct message sent[MESSAGES];
    struct message received[MESSAGES];
    int arrived; /* how many of the received have been announced */
};

/* xorshift, and of its bits the better ones. */
static size_t random_below(uint64_t *random, size_t limit)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return (size_t) (*random >> 20) % limit;
}

static void compute(struct irregular *irregular)
{
    double *piece = irregular->table + irregular->piece;
    for (size_t i = 0; i < PIECE_COUNT; ++i) {
        piece[i] = piece[i] * 0.5 + 1;
    }
    irregular->piece = (irregular->piece + PIECE_COUNT) % TABLE_COUNT;
}

/* Of a message's content, when it is checked. */
static unsigned seed_of(int sender, int bytes)
{
    return 31u * (unsigned) sender + (unsigned) bytes;
}

/* Where in the table a message's content lies; of a larger one than the table, what it can hold. */
static char *particles(const struct irregular *irregular, const struct message *message,
                       size_t *bytes)
{
    size_t place = irregular->piece * sizeof(double), wanted = (size_t) message->bytes;
    *bytes = wanted < TABLE_BYTES ? wanted : TABLE_BYTES;
    return (char *) irregular->table + (place + *bytes <= TABLE_BYTES ? place : 0);
}

/* Particles leave the table, or what can be checked. */
static void write_content(struct irregular *irregular, const struct message *message)
{
    size_t bytes;
    const char *leaving = particles(irregular, message, &bytes);
    if (irregular->checks) {
        bench_fill(message->content, (size_t) message->bytes,
                   seed_of(irregular->bench->rank, message->bytes));
    } else {
        memcpy(message->content, leaving, bytes);
    }
}

/* Particles come into the table. */
static void read_content(struct irregular *irregular, const struct message *message)
{
    size_t bytes;
    char *coming = particles(irregular, message, &bytes);
    if (irregular->checks) {
        bench_check(irregular->bench, message->content, (size_t) message->bytes,
                    seed_of(message->peer, message->bytes));
    } else {
        memcpy(coming, message->content, bytes);
    }
}

static void send_message(struct irregular *irregular, int number)
{
    struct bench *bench = irregular->bench;
    struct message *message = &irregular->sent[number];
    size_t distance = 1 + random_below(&irregular->distances, (size_t) bench->ranks - 1);
    *message = (struct message){
        .peer = (bench->rank + (int) distance) % bench->ranks,
        .bytes = 1 + (int) random_below(&irregular->lengths, irregular->buffer_bytes - 1),
        .content = irregular->out + (size_t) number * irregular->buffer_bytes,
    };
    write_content(irregular, message);
    MPI_Isend(&message->bytes, 1, MPI_INT, message->peer, TAG_LENGTH + irregular->iteration,
              MPI_COMM_WORLD, &message->length_sent);
    MPI_Isend(message->content, message->bytes, MPI_CHAR, message->peer,
              TAG_CONTENT + irregular->iteration, MPI_COMM_WORLD, &message->moved);
}

/* Takes an announcement that a probe has found, and posts the receive of what it announces. */
static void receive_announced(struct irregular *irregular, const MPI_Status *status)
{
    struct message *message = &irregular->received[irregular->arrived++];
    unsigned buffer = irregular->next_buffer++ % POOL_BUFFERS;
    message->peer = status->MPI_SOURCE;
    message->content = irregular->pool + buffer * irregular->buffer_bytes;
    MPI_Recv(&message->bytes, 1, MPI_INT, message->peer, TAG_LENGTH + irregular->iteration,
             MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    MPI_Irecv(message->content, message->bytes, MPI_CHAR, message->peer,
              TAG_CONTENT + irregular->iteration, MPI_COMM_WORLD, &message->moved);
}

static void look(struct irregular *irregular)
{
    int there = 0;
    MPI_Status status;
    MPI_Iprobe(MPI_ANY_SOURCE, TAG_LENGTH + irregular->iteration, MPI_COMM_WORLD, &there, &status);
    if (there) {
        receive_announced(irregular, &status);
    }
}

static void wait_for_rest(struct irregular *irregular)
{
    while (irregular->arrived < MESSAGES) {
        MPI_Status status;
        MPI_Probe(MPI_ANY_SOURCE, TAG_LENGTH + irregular->iteration, MPI_COMM_WORLD, &status);
        receive_announced(irregular, &status);
    }
    for (int i = 0; i < MESSAGES; ++i) {
        MPI_Wait(&irregular->received[i].moved, MPI_STATUS_IGNORE);
        read_content(irregular, &irregular->received[i]);
    }
    for (int i = 0; i < MESSAGES; ++i) {
        MPI_Wait(&irregular->sent[i].length_sent, MPI_STATUS_IGNORE);
        MPI_Wait(&irregular->sent[i].moved, MPI_STATUS_IGNORE);
    }
}

static void body(void *context, size_t bytes, long iterations)
{
    struct irregular *irregular = context;
    irregular->buffer_bytes = 2 * bytes;
    for (long i = 0; i < iterations; ++i) {
        irregular->arrived = 0;
        for (int message = 0; message < MESSAGES; ++message) {
            compute(irregular);
            send_message(irregular, message);
            look(irregular);
        }
        wait_for_rest(irregular);
        irregular->iteration = (irregular->iteration + 1) % TAG_ITERATIONS;
    }
}

static void measure_size(struct irregular *irregular, size_t bytes)
{
    struct bench *bench = irregular->bench;
    if (bench->validate) {
        irregular->checks = true;
        body(irregular, bytes, bench_validate_rounds(bytes));
        irregular->checks = false;
    }
    double microseconds = 1e6 * bench_measure(bench, body, irregular, bytes);
    bench_print_row(bench, bytes, &microseconds, 1);
}

int main(int argc, char **argv)
{
    struct bench bench;
    bench_start(&bench, &program, argc, argv);
    struct irregular irregular = {
        .bench = &bench,
        .table = bench_alloc(TABLE_BYTES),
        .pool = bench_alloc(POOL_BUFFERS * 2 * bench.max_bytes),
        .out = bench_alloc(MESSAGES * 2 * bench.max_bytes),
        .distances = 88172645463325252,
        .lengths = 88172645463325252 + (uint64_t) bench.rank,
    };
    bench_print_head(&bench, "Irregular", (const char *const[]){"Time (us)", NULL});
    for (int i = 0; i < bench.size_count; ++i) {
        if (bench.sizes[i] > 0) {
            measure_size(&irregular, bench.sizes[i]);
        }
    }
    free(irregular.table);
    free(irregular.pool);
    free(irregular.out);
    return bench_finish(&bench);
}
