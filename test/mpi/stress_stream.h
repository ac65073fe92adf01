/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * stress_stream.h: what one thread of one rank of the stress test works with: its place in the
 * schedule, the buffers that MPI uses for it, and what the watchdog tells of it.
 */
#ifndef SEGMSG_TEST_STRESS_STREAM_H
#define SEGMSG_TEST_STRESS_STREAM_H

#include "stress_schedule.h"

#include <inttypes.h>

enum {
    GUARD_SIZE = 16,             /* bytes on both sides of a receive buffer */
    SCRUB_BYTE = 0x5a,           /* what a send buffer is overwritten with when it has been sent */
    ALIGNMENTS = 64,             /* buffers start at any of these offsets */
    MOST_THREADS = 2,            /* per rank */
    ARENA_CHUNK = 16 << 20,      /* bytes */
    BUFFERED_LIMIT = 1 << 20,    /* bytes that a rank sends by MPI_Bsend in a round */
    BUFFERED_MESSAGES = 16 << 10 /* of them at most, for the space that MPI needs for each */
};

/* A user buffer in use by MPI. */
struct buffer {
    const struct message *message; /* NULL: a wildcard receive that has not completed */
    const struct element *element; /* how MPI sees the memory */
    unsigned char *memory;         /* NULL: sent straight from check_block */
    size_t capacity;               /* bytes of data it can hold */
    size_t span;                   /* bytes of memory, gaps included */
};

struct arena {
    struct chunk {
        unsigned char *memory;
        size_t size;
    } * chunks;
    size_t count, current, used;
};

/* An array that grows and keeps its memory from round to round. */
struct list {
    void *items;
    size_t count, room;
};

/* What one thread of one rank works with. Threads share nothing but the options. */
struct stream {
    uint64_t key;
    MPI_Comm comms[COMMS];
    int *to_comm[COMMS];  /* rank in the world -> rank there, or MPI_UNDEFINED */
    int *to_world[COMMS]; /* and back */
    int tags[TAGS];

    uint64_t number; /* of the round */
    struct round round;
    uint64_t scheduled; /* messages of all ranks up to this round */

    struct message *incoming, *outgoing;
    size_t incoming_room, outgoing_room;
    size_t *incoming_start, *outgoing_start; /* per peer, and one more: the end */
    size_t *taken;                           /* per source: messages received in a wild round */

    struct list receives, sends;                 /* struct buffer, one for each request */
    struct list receive_requests, send_requests; /* MPI_Request */
    struct list statuses;                        /* MPI_Status */
    struct list late;                            /* struct late */
    struct arena arena;
    void *bsend_space;
    size_t bsend_used, bsend_count; /* in this round */

    uint64_t received, received_bytes; /* of this rank, exchanges included */

    const char *doing; /* for the watchdog */
    struct message about;
};

/* A message that is received late, with what decides when. */
struct late {
    uint64_t order;
    const struct message *message;
};

static struct stream streams[MOST_THREADS];
static const struct element packed = {.type = MPI_DATATYPE_NULL,
                                      .size = 1,
                                      .extent = 1,
                                      .pieces = 1};

static inline void doing(struct stream *stream, const char *what, const struct message *message)
{
    stream->doing = what;
    if (message) {
        stream->about = *message;
    } else {
        stream->about.source = -1;
    }
    check_step();
}

static void describe(void)
{
    for (int i = 0; i < options.threads; i++) {
        const struct stream *stream = &streams[i];
        const struct message *about = &stream->about;

        dprintf(STDERR_FILENO,
                "stress: rank %d thread %d: round %" PRIu64 " kind %d wildcard %d late %d: %s",
                check_rank, i, stream->number, stream->round.kind, stream->round.wildcard,
                stream->round.late, stream->doing ? stream->doing : "start");
        if (about->source >= 0) {
            dprintf(STDERR_FILENO, ", %zu bytes from %d to %d, tag %d, communicator %d, way %d",
                    about->size, about->source, about->dest, about->tag, about->comm, about->way);
        } else {
            dprintf(STDERR_FILENO, ", %zu receives and %zu sends begun",
                    stream->receive_requests.count, stream->send_requests.count);
        }
        dprintf(STDERR_FILENO, "\n");
    }
}

#define CHECK_MESSAGE(stream, message, condition, text)                                          \
    CHECK(condition,                                                                             \
          "round %" PRIu64 ", message of %zu bytes from %d to %d, tag %d, communicator %d, way " \
          "%d%s: " text,                                                                         \
          (stream)->number, (message)->size, (message)->source, (message)->dest, (message)->tag, \
          (message)->comm, (message)->way, (message)->late ? ", late" : "")

static void *resize(void *memory, size_t size)
{
    memory = realloc(memory, size);
    if (NULL == memory) {
        fprintf(stderr, "stress: no memory\n");
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    return memory;
}

static void *list_add(struct list *list, size_t item_size)
{
    if (list->count == list->room) {
        list->room = list->room ? 2 * list->room : 256;
        list->items = resize(list->items, list->room * item_size);
    }
    return (unsigned char *) list->items + list->count++ * item_size;
}

#define LIST_ADD(list, type) ((type *) list_add(list, sizeof(type)))
#define LIST(list, type)     ((type *) (list)->items)

static unsigned char *arena_take(struct arena *arena, size_t size)
{
    while (arena->current < arena->count
           && arena->used + size > arena->chunks[arena->current].size) {
        arena->current++;
        arena->used = 0;
    }
    if (arena->current == arena->count) {
        struct chunk chunk = {.size = size > ARENA_CHUNK ? size : ARENA_CHUNK};

        chunk.memory = check_allocate(chunk.size);
        arena->chunks = resize(arena->chunks, (arena->count + 1) * sizeof(chunk));
        arena->chunks[arena->count++] = chunk;
    }
    arena->used += size;
    return arena->chunks[arena->current].memory + arena->used - size;
}

static const unsigned char *content_of(const struct message *message)
{
    return check_content(hash_with(message->key, FOR_CONTENT));
}

/* Memory for this much data of the type, with guards on both sides. */
static struct buffer buffer_take(struct stream *stream, const struct message *message,
                                 const struct element *element, size_t capacity)
{
    uint64_t key = message ? message->key : stream->round.key + stream->receives.count;
    struct buffer buffer = {.message = message,
                            .element = element,
                            .capacity = capacity,
                            .span = capacity / element->size * element->extent};

    buffer.memory = arena_take(&stream->arena, buffer.span + ALIGNMENTS + 2 * GUARD_SIZE)
                    + GUARD_SIZE + choose(key, FOR_ALIGNMENT, ALIGNMENTS);
    return buffer;
}

static void buffer_guard(struct buffer *buffer)
{
    bool gaps = !element_contiguous(buffer->element);
    size_t filled = gaps || buffer->span < 64 ? buffer->span : 64;

    memset(buffer->memory - GUARD_SIZE, GUARD_BYTE, GUARD_SIZE + filled);
    memset(buffer->memory + buffer->span, GUARD_BYTE, GUARD_SIZE);
}

#endif
