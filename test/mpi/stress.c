/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * stress: random traffic between all ranks, every byte of it checked.
 *
 * All ranks walk through the same pseudo-random schedule (stress_schedule.h) round by round: each
 * ordered pair of ranks, a rank and itself too, has a number of messages, whose size, tag,
 * communicator, data type, way of sending and way of receiving follow from the seed.
 *
 * Why no schedule deadlocks: at the start of a round a rank posts every receive of the class
 * "posted". Then it sends; only messages of that class are sent by calls that may block. Then it
 * receives those of the class "late" by blocking calls, and completes everything. So a blocking
 * send waits at most for its peer to enter the round, and the rank that is in the earliest round
 * waits for nobody.
 *
 * In a wild round all receives have wildcards. Which message one of them gets is open, but the
 * order of messages from each source is not: the n-th one from a source must be the n-th that the
 * schedule lets it send. Wild rounds end with a barrier, as a wildcard would also take messages of
 * the next round.
 */
#include "stress_schedule.h"

#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>

enum {
    GUARD_SIZE = 16,             /* bytes on both sides of a receive buffer */
    SCRUB_BYTE = 0x5a,           /* what a send buffer is overwritten with when it has been sent */
    ALIGNMENTS = 64,             /* buffers start at any of these offsets */
    MOST_THREADS = 2,            /* per rank */
    STOP_INTERVAL = 16,          /* rounds between two looks at the clock */
    PROGRESS_PERIOD_S = 5,       /* between two lines that tell how far it is */
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

/* ---- telling what goes on ---- */

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

/* ---- memory ---- */

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

/* ---- sending ---- */

/* The buffer to send a message from: its own, which is scrubbed afterwards, or the common one. */
static struct buffer send_buffer(struct stream *stream, const struct message *message)
{
    const struct element *element = message->element;
    struct buffer buffer = {.message = message, .element = element};

    if (element_contiguous(element) && choose(message->key, FOR_PRIVATE, 2)) {
        return buffer;
    }
    buffer = buffer_take(stream, message, element, message->size);
    element_scatter(element, buffer.memory, content_of(message), message->size);
    return buffer;
}

static void send_scrub(const struct buffer *buffer)
{
    if (buffer->memory) {
        memset(buffer->memory, SCRUB_BYTE, buffer->span);
    }
}

static bool bsend_fits(struct stream *stream, const struct message *message)
{
    if (NULL == stream->bsend_space || stream->bsend_count == BUFFERED_MESSAGES
        || stream->bsend_used + message->size > BUFFERED_LIMIT) {
        return false;
    }
    stream->bsend_used += message->size;
    stream->bsend_count++;
    return true;
}

static void send_start(struct stream *stream, const struct message *message)
{
    struct buffer buffer = send_buffer(stream, message);
    const void *memory = buffer.memory ? buffer.memory : content_of(message);
    MPI_Datatype type = message->element->type;
    int count = (int) (message->size / message->element->size), tag = message->tag;
    int dest = stream->to_comm[message->comm][message->dest];
    MPI_Comm comm = stream->comms[message->comm];
    MPI_Request request = MPI_REQUEST_NULL;
    enum way_to_send way = message->way;

    doing(stream, "send", message);
    if (WAY_BSEND == way && !bsend_fits(stream, message)) {
        way = WAY_ISEND;
    }
    switch (way) {
    case WAY_SEND:
        MPI_Send(memory, count, type, dest, tag, comm);
        break;
    case WAY_SSEND:
        MPI_Ssend(memory, count, type, dest, tag, comm);
        break;
    case WAY_BSEND:
        MPI_Bsend(memory, count, type, dest, tag, comm);
        break;
    case WAY_ISEND:
        MPI_Isend(memory, count, type, dest, tag, comm, &request);
        break;
    case WAY_ISSEND:
        MPI_Issend(memory, count, type, dest, tag, comm, &request);
        break;
    case WAY_PERSISTENT:
        MPI_Send_init(memory, count, type, dest, tag, comm, &request);
        MPI_Start(&request);
        break;
    }
    if (MPI_REQUEST_NULL == request) {
        send_scrub(&buffer);
    } else {
        *LIST_ADD(&stream->sends, struct buffer) = buffer;
        *LIST_ADD(&stream->send_requests, MPI_Request) = request;
    }
}

/* Everything that this rank sends, one message to each destination in turn. */
static void send_all(struct stream *stream)
{
    size_t left = stream->outgoing_start[check_size];

    for (size_t i = 0; left > 0; i++) {
        for (int j = 1; j <= check_size; j++) {
            int dest = (check_rank + j) % check_size;
            size_t at = stream->outgoing_start[dest] + i;

            if (at < stream->outgoing_start[dest + 1]) {
                send_start(stream, &stream->outgoing[at]);
                left--;
            }
        }
    }
}

/* ---- receiving ---- */

/* The type to receive a message with: its own, MPI_PACKED, or another one that fits the bytes. */
static const struct element *receive_element(const struct message *message)
{
    const struct element *other =
        &elements[choose(message->key, FOR_RECEIVE, (uint64_t) element_count)];

    if (message->element->of_bytes && other->of_bytes && 0 == message->size % other->size) {
        return other;
    }
    return choose(message->key, FOR_RECEIVE, 4) ? message->element : &packed;
}

static MPI_Datatype receive_type(const struct element *element)
{
    return &packed == element ? MPI_PACKED : element->type;
}

static struct buffer receive_buffer(struct stream *stream, const struct message *message)
{
    struct buffer buffer = buffer_take(stream, message, receive_element(message), message->size);

    buffer_guard(&buffer);
    return buffer;
}

static int buffer_count(const struct buffer *buffer)
{
    return (int) (buffer->capacity / buffer->element->size);
}

/* Check what arrived in the buffer against the message that should have. */
static void receive_check(struct stream *stream, const struct buffer *buffer,
                          const struct message *message, const MPI_Status *status)
{
    int bytes, source = stream->to_comm[message->comm][message->source];
    const unsigned char *memory = buffer->memory;

    MPI_Get_elements(status, MPI_BYTE, &bytes);
    CHECK_MESSAGE(stream, message, status->MPI_SOURCE == source, "other source");
    CHECK_MESSAGE(stream, message, status->MPI_TAG == message->tag, "other tag");
    CHECK_MESSAGE(stream, message, (size_t) bytes == message->size, "other length");
    CHECK_MESSAGE(stream, message,
                  element_gather_same(buffer->element, buffer->memory, content_of(message),
                                      message->size),
                  "other content");
    CHECK_MESSAGE(stream, message,
                  all_guards(memory - GUARD_SIZE, GUARD_SIZE)
                      && all_guards(memory + buffer->span, GUARD_SIZE),
                  "written beside the buffer");
    if (!element_contiguous(buffer->element)) {
        CHECK_MESSAGE(stream, message, all_guards(memory, buffer->span), "written into gaps");
    }
    stream->received++;
    stream->received_bytes += message->size;
}

/* The message that a wildcard received, by the order in which its source sent. */
static const struct message *wild_message(struct stream *stream, const MPI_Status *status)
{
    int comm = stream->incoming[0].comm, source = stream->to_world[comm][status->MPI_SOURCE];
    size_t at = stream->incoming_start[source] + stream->taken[source]++;

    if (at < stream->incoming_start[source + 1]) {
        return &stream->incoming[at];
    }
    CHECK(false, "round %" PRIu64 ": one message more from rank %d than it sends", stream->number,
          source);
    return NULL;
}

static int wild_source(const struct stream *stream, const struct message *message)
{
    return WILD_TAG == stream->round.wildcard ? stream->to_comm[message->comm][message->source]
                                              : MPI_ANY_SOURCE;
}

static int wild_tag(const struct stream *stream)
{
    return WILD_SOURCE == stream->round.wildcard ? stream->round.tag : MPI_ANY_TAG;
}

static void post_one(struct stream *stream, struct buffer buffer, int source, int tag, int comm,
                     bool persistent)
{
    MPI_Request *request = LIST_ADD(&stream->receive_requests, MPI_Request);
    MPI_Datatype type = receive_type(buffer.element);

    *LIST_ADD(&stream->receives, struct buffer) = buffer;
    if (persistent) {
        MPI_Recv_init(buffer.memory, buffer_count(&buffer), type, source, tag, stream->comms[comm],
                      request);
        MPI_Start(request);
    } else {
        MPI_Irecv(buffer.memory, buffer_count(&buffer), type, source, tag, stream->comms[comm],
                  request);
    }
}

/* Post receives for all messages that may come before they are waited for. */
static void post_all(struct stream *stream)
{
    size_t count = stream->incoming_start[check_size], largest = 0;

    doing(stream, "post receives", NULL);
    for (size_t i = 0; i < count; i++) {
        largest = stream->incoming[i].size > largest ? stream->incoming[i].size : largest;
    }
    for (size_t i = 0; i < count; i++) {
        const struct message *message = &stream->incoming[i];

        if (message->late) {
            continue;
        }
        if (ROUND_WILD == stream->round.kind) {
            struct buffer buffer = buffer_take(stream, NULL, &packed, largest);

            buffer_guard(&buffer);
            post_one(stream, buffer, wild_source(stream, message), wild_tag(stream), message->comm,
                     false);
        } else {
            post_one(stream, receive_buffer(stream, message),
                     stream->to_comm[message->comm][message->source], message->tag, message->comm,
                     0 == choose(message->key, FOR_COMPLETION, 16));
        }
    }
}

/* Receive what a matched probe found. */
static void receive_matched(struct buffer *buffer, MPI_Message *matched, bool blocking,
                            MPI_Status *status)
{
    MPI_Datatype type = receive_type(buffer->element);

    if (blocking) {
        MPI_Mrecv(buffer->memory, buffer_count(buffer), type, matched, status);
    } else {
        MPI_Request request;

        MPI_Imrecv(buffer->memory, buffer_count(buffer), type, matched, &request);
        MPI_Wait(&request, status);
    }
}

/* Find a message by one of the probes. */
static void probe(int way, int source, int tag, MPI_Comm comm, MPI_Message *matched,
                  MPI_Status *status)
{
    int found = 0;

    switch (way) {
    case 0:
        MPI_Probe(source, tag, comm, status);
        break;
    case 1:
        while (!found) {
            MPI_Iprobe(source, tag, comm, &found, status);
        }
        break;
    case 2:
        MPI_Mprobe(source, tag, comm, matched, status);
        break;
    default:
        while (!found) {
            MPI_Improbe(source, tag, comm, &found, matched, status);
        }
        break;
    }
}

/* Receive one message by a blocking call of some kind. */
static void receive_late(struct stream *stream, const struct message *message)
{
    struct buffer buffer = receive_buffer(stream, message);
    MPI_Datatype type = receive_type(buffer.element);
    int source = stream->to_comm[message->comm][message->source], count = buffer_count(&buffer);
    int way = (int) choose(message->key, FOR_COMPLETION, 8);
    MPI_Comm comm = stream->comms[message->comm];
    MPI_Message matched = MPI_MESSAGE_NULL;
    MPI_Status status;

    doing(stream, "late receive", message);
    if (way < 4) {
        probe(way, source, message->tag, comm, &matched, &status);
    }
    if (MPI_MESSAGE_NULL != matched) {
        receive_matched(&buffer, &matched, message->key & 1, &status);
    } else if (way & 1) {
        MPI_Recv(buffer.memory, count, type, source, message->tag, comm, &status);
    } else {
        MPI_Request request;

        MPI_Irecv(buffer.memory, count, type, source, message->tag, comm, &request);
        MPI_Wait(&request, &status);
    }
    receive_check(stream, &buffer, message, &status);
}

static int late_compare(const void *left, const void *right)
{
    const struct late *a = left, *b = right;

    if (a->order != b->order) {
        return a->order < b->order ? -1 : 1;
    }
    return a->message < b->message ? -1 : a->message > b->message;
}

/* Receive the late messages, in a random order of their envelopes. */
static void receive_late_all(struct stream *stream)
{
    for (size_t i = 0; i < stream->incoming_start[check_size]; i++) {
        const struct message *message = &stream->incoming[i];

        if (message->late) {
            uint64_t envelope = (uint64_t) message->tag << 16 | (uint64_t) message->comm << 12
                                | (uint64_t) message->source;

            *LIST_ADD(&stream->late, struct late) =
                (struct late){hash_with(stream->round.key + FOR_ORDER, envelope), message};
        }
    }
    if (stream->late.count) {
        qsort(stream->late.items, stream->late.count, sizeof(struct late), late_compare);
    }
    for (size_t i = 0; i < stream->late.count; i++) {
        receive_late(stream, LIST(&stream->late, struct late)[i].message);
    }
}

/* Receive the messages of a wild round by probing for them. */
static void receive_wild_late(struct stream *stream)
{
    size_t count = stream->incoming_start[check_size];

    for (size_t i = 0; i < count; i++) {
        const struct message *next = &stream->incoming[i], *message;
        MPI_Comm comm = stream->comms[next->comm];
        MPI_Message matched = MPI_MESSAGE_NULL;
        MPI_Status status;
        struct buffer buffer;

        doing(stream, "probe with wildcards", NULL);
        probe((int) choose(next->key, FOR_COMPLETION, 4), wild_source(stream, next),
              wild_tag(stream), comm, &matched, &status);
        message = wild_message(stream, &status);
        if (NULL == message) {
            MPI_Abort(MPI_COMM_WORLD, 1); /* what follows could not be told apart */
        }
        doing(stream, "receive of a probed message", message);
        buffer = receive_buffer(stream, message);
        if (MPI_MESSAGE_NULL != matched) {
            receive_matched(&buffer, &matched, next->key & 1, &status);
        } else {
            MPI_Recv(buffer.memory, buffer_count(&buffer), receive_type(buffer.element),
                     status.MPI_SOURCE, status.MPI_TAG, comm, &status);
        }
        receive_check(stream, &buffer, message, &status);
    }
}

/* ---- completing ---- */

/* Wait for all requests in one of the ways that MPI has; statuses may be NULL. */
static void complete(struct stream *stream, MPI_Request *requests, MPI_Status *statuses,
                     size_t count, const char *what)
{
    enum { FEW = 128 }; /* MPI_Waitany takes time proportional to the number, for each */
    int way = (int) choose(stream->round.key + count, FOR_COMPLETION, count <= FEW ? 4 : 3);
    int flag = 0, index;

    doing(stream, what, NULL);
    switch (way) {
    case 0:
        MPI_Waitall((int) count, requests, statuses ? statuses : MPI_STATUSES_IGNORE);
        break;
    case 1:
        for (size_t i = 0; i < count; i++) {
            MPI_Wait(&requests[i], statuses ? &statuses[i] : MPI_STATUS_IGNORE);
            check_step();
        }
        break;
    case 2:
        while (!flag) {
            MPI_Testall((int) count, requests, &flag, statuses ? statuses : MPI_STATUSES_IGNORE);
        }
        break;
    default:
        for (size_t i = 0; i < count; i++) {
            MPI_Status status;

            MPI_Waitany((int) count, requests, &index, &status);
            if (MPI_UNDEFINED != index && statuses) {
                statuses[index] = status;
            }
        }
        break;
    }
}

/* Persistent requests are still there when they have completed. */
static void free_requests(struct list *requests)
{
    for (size_t i = 0; i < requests->count; i++) {
        MPI_Request *request = &LIST(requests, MPI_Request)[i];

        if (MPI_REQUEST_NULL != *request) {
            MPI_Request_free(request);
        }
    }
}

static void complete_receives(struct stream *stream)
{
    size_t count = stream->receive_requests.count;

    while (stream->statuses.count < count) {
        LIST_ADD(&stream->statuses, MPI_Status);
    }
    complete(stream, LIST(&stream->receive_requests, MPI_Request),
             LIST(&stream->statuses, MPI_Status), count, "completion of receives");
    free_requests(&stream->receive_requests);
    for (size_t i = 0; i < count; i++) {
        const struct buffer *buffer = &LIST(&stream->receives, struct buffer)[i];
        const MPI_Status *status = &LIST(&stream->statuses, MPI_Status)[i];
        const struct message *message = buffer->message;

        if (NULL == message) {
            message = wild_message(stream, status);
        }
        if (message) {
            receive_check(stream, buffer, message, status);
        }
    }
}

static void complete_sends(struct stream *stream)
{
    complete(stream, LIST(&stream->send_requests, MPI_Request), NULL, stream->send_requests.count,
             "completion of sends");
    free_requests(&stream->send_requests);
    for (size_t i = 0; i < stream->sends.count; i++) {
        send_scrub(&LIST(&stream->sends, struct buffer)[i]);
    }
    if (stream->bsend_count) {
        int size;

        doing(stream, "detaching the buffer of MPI_Bsend", NULL);
        MPI_Buffer_detach(&stream->bsend_space, &size);
        MPI_Buffer_attach(stream->bsend_space, size);
    }
}

/* ---- rounds ---- */

static struct message *messages_room(struct message *messages, size_t *room, size_t count)
{
    if (count > *room) {
        *room = 2 * count;
        messages = resize(messages, *room * sizeof(*messages));
    }
    return messages;
}

static void begin_round(struct stream *stream)
{
    size_t in = 0, out = 0;

    stream->round = schedule_round(stream->key, stream->number, stream->tags);
    stream->scheduled += schedule_total(&stream->round);
    for (int peer = 0; peer < check_size; peer++) {
        stream->incoming_start[peer] = in;
        stream->outgoing_start[peer] = out;
        stream->taken[peer] = 0;
        in += schedule_count(&stream->round, peer, check_rank);
        out += schedule_count(&stream->round, check_rank, peer);
    }
    stream->incoming_start[check_size] = in;
    stream->outgoing_start[check_size] = out;
    stream->incoming = messages_room(stream->incoming, &stream->incoming_room, in);
    stream->outgoing = messages_room(stream->outgoing, &stream->outgoing_room, out);
    for (int peer = 0; peer < check_size; peer++) {
        schedule_pair(&stream->round, peer, check_rank,
                      &stream->incoming[stream->incoming_start[peer]]);
        schedule_pair(&stream->round, check_rank, peer,
                      &stream->outgoing[stream->outgoing_start[peer]]);
    }
    stream->receives.count = stream->sends.count = stream->late.count = 0;
    stream->receive_requests.count = stream->send_requests.count = 0;
    stream->bsend_used = stream->bsend_count = 0;
    stream->arena.current = stream->arena.used = 0;
}

/* All ranks send around by MPI_Sendrecv. */
static void exchange(struct stream *stream)
{
    int from = (check_rank - stream->round.shift + check_size) % check_size;
    struct message out = schedule_exchange(&stream->round, check_rank);
    struct message in = schedule_exchange(&stream->round, from);
    struct buffer sent = send_buffer(stream, &out), got = receive_buffer(stream, &in);
    const int *ranks = stream->to_comm[out.comm];
    MPI_Status status;

    doing(stream, "MPI_Sendrecv", &in);
    MPI_Sendrecv(sent.memory ? sent.memory : content_of(&out), (int) (out.size / out.element->size),
                 out.element->type, ranks[out.dest], out.tag, got.memory, buffer_count(&got),
                 receive_type(got.element), ranks[in.source], in.tag, stream->comms[out.comm],
                 &status);
    send_scrub(&sent);
    receive_check(stream, &got, &in, &status);
}

static void do_round(struct stream *stream)
{
    bool wild = ROUND_WILD == stream->round.kind;

    begin_round(stream);
    wild = ROUND_WILD == stream->round.kind;
    post_all(stream);
    send_all(stream);
    if (!wild) {
        receive_late_all(stream);
    } else if (stream->round.late) {
        receive_wild_late(stream);
    }
    if (stream->round.key & 1) {
        complete_sends(stream);
        complete_receives(stream);
    } else {
        complete_receives(stream);
        complete_sends(stream);
    }
    if (wild) {
        doing(stream, "barrier after a round with wildcards", NULL);
        MPI_Barrier(stream->comms[0]);
    }
    exchange(stream);
}

/* Whether all have agreed to stop. */
static bool stop(struct stream *stream, double started)
{
    int over = 0;

    if (options.messages) {
        return stream->scheduled * (uint64_t) options.threads >= options.messages;
    }
    if (0 == stream->number % STOP_INTERVAL) {
        over = MPI_Wtime() - started > options.seconds;
        doing(stream, "agreement to stop", NULL);
        MPI_Bcast(&over, 1, MPI_INT, 0, stream->comms[0]);
    }
    return over;
}

static void *stream_run(void *argument)
{
    struct stream *stream = argument;
    double started = MPI_Wtime(), told = started;

    while (!stop(stream, started)) {
        do_round(stream);
        stream->number++;
        if (stream == streams && 0 == check_rank && MPI_Wtime() - told > PROGRESS_PERIOD_S) {
            told = MPI_Wtime();
            fprintf(stderr,
                    "stress: %.0f s, round %" PRIu64 ", about %" PRIu64
                    " messages, %ld errors here\n",
                    told - started, stream->number, stream->scheduled * (uint64_t) options.threads,
                    atomic_load(&check_errors));
        }
    }
    return NULL;
}

/* ---- start and end ---- */

static void comm_translate(struct stream *stream, int comm)
{
    MPI_Group world, group;
    int size, *ranks = check_allocate((size_t) check_size * sizeof(int));

    stream->to_comm[comm] = check_allocate((size_t) check_size * sizeof(int));
    stream->to_world[comm] = check_allocate((size_t) check_size * sizeof(int));
    for (int i = 0; i < check_size; i++) {
        ranks[i] = i;
    }
    MPI_Comm_group(MPI_COMM_WORLD, &world);
    MPI_Comm_group(stream->comms[comm], &group);
    MPI_Group_size(group, &size);
    MPI_Group_translate_ranks(world, check_size, ranks, group, stream->to_comm[comm]);
    MPI_Group_translate_ranks(group, size, ranks, world, stream->to_world[comm]);
    MPI_Group_free(&world);
    MPI_Group_free(&group);
    free(ranks);
}

static void stream_open(struct stream *stream, int thread)
{
    size_t per_rank = (size_t) (check_size + 1) * sizeof(size_t);
    int *tag_bound, found;

    stream->key = hash_with(options.seed, (uint64_t) thread);
    stream->incoming_start = check_allocate(per_rank);
    stream->outgoing_start = check_allocate(per_rank);
    stream->taken = check_allocate(per_rank);
    MPI_Comm_dup(MPI_COMM_WORLD, &stream->comms[0]);
    MPI_Comm_dup(stream->comms[0], &stream->comms[1]);
    MPI_Comm_split(MPI_COMM_WORLD, 0, -check_rank, &stream->comms[2]);
    MPI_Comm_split(MPI_COMM_WORLD, check_rank & 1, check_rank, &stream->comms[3]);
    for (int i = 0; i < COMMS; i++) {
        comm_translate(stream, i);
    }
    MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, &tag_bound, &found);
    memcpy(stream->tags, (int[TAGS]){0, 1, 2, 3, 255, 32767, *tag_bound - 1, *tag_bound},
           sizeof(stream->tags));
    if (1 == options.threads) { /* the attached buffer belongs to the process, not to a thread */
        int size = 2 * BUFFERED_LIMIT + BUFFERED_MESSAGES * MPI_BSEND_OVERHEAD;

        stream->bsend_space = check_allocate((size_t) size);
        MPI_Buffer_attach(stream->bsend_space, size);
    }
}

static void stream_close(struct stream *stream)
{
    int size;

    if (stream->bsend_space) {
        MPI_Buffer_detach(&stream->bsend_space, &size);
    }
    for (int i = 0; i < COMMS; i++) {
        MPI_Comm_free(&stream->comms[i]);
        free(stream->to_comm[i]);
        free(stream->to_world[i]);
    }
    for (size_t i = 0; i < stream->arena.count; i++) {
        free(stream->arena.chunks[i].memory);
    }
    free(stream->arena.chunks);
    free(stream->receives.items);
    free(stream->sends.items);
    free(stream->receive_requests.items);
    free(stream->send_requests.items);
    free(stream->statuses.items);
    free(stream->late.items);
    free(stream->incoming);
    free(stream->outgoing);
    free(stream->incoming_start);
    free(stream->outgoing_start);
    free(stream->taken);
    free(stream->bsend_space);
}

static size_t parse_size(const char *text)
{
    char *end;
    size_t size = strtoull(text, &end, 0);

    return 'K' == *end ? size << 10 : 'M' == *end ? size << 20 : size;
}

static void usage(void)
{
    fprintf(stderr, "usage: stress [--messages N | --seconds S] [--seed N] [--min BYTES] "
                    "[--max BYTES] [--large PERCENT]\n"
                    "              [--burst N] [--threads] [--contiguous]\n");
    exit(2);
}

static void parse_options(int argc, char **argv)
{
    static const struct option names[] =
        {{"messages", required_argument, NULL, 'm'}, {"seconds", required_argument, NULL, 's'},
         {"seed", required_argument, NULL, 'r'},     {"min", required_argument, NULL, 'l'},
         {"max", required_argument, NULL, 'u'},      {"large", required_argument, NULL, 'L'},
         {"burst", required_argument, NULL, 'b'},    {"threads", no_argument, NULL, 't'},
         {"contiguous", no_argument, NULL, 'c'},     {NULL, 0, NULL, 0}};
    int name;

    options.seed = 1;
    while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (name) {
        case 'm':
            options.messages = strtoull(optarg, NULL, 0);
            break;
        case 's':
            options.messages = 0;
            options.seconds = atof(optarg);
            break;
        case 'r':
            options.seed = strtoull(optarg, NULL, 0);
            break;
        case 'l':
            options.min = parse_size(optarg);
            break;
        case 'u':
            options.max = parse_size(optarg);
            break;
        case 'L':
            options.large = atof(optarg);
            break;
        case 'b':
            options.burst = atoi(optarg);
            break;
        case 't':
            options.threads = MOST_THREADS;
            break;
        case 'c':
            options.contiguous = true;
            break;
        default:
            usage();
        }
    }
    if (optind < argc || options.max > CHECK_LARGEST || options.min > options.max
        || options.burst < 1) {
        usage();
    }
}

/* Sum up over threads and ranks and print the result. */
static int report(double seconds)
{
    uint64_t mine[3] = {(uint64_t) atomic_load(&check_errors), 0, 0}, all[3], expected = 0;

    for (int i = 0; i < options.threads; i++) {
        mine[1] += streams[i].received;
        mine[2] += streams[i].received_bytes;
        expected += streams[i].scheduled;
    }
    check_doing("the sums");
    MPI_Allreduce(mine, all, 3, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
    all[0] += all[1] != expected;
    if (0 == check_rank) {
        printf("stress: %" PRIu64 " messages, %" PRIu64 " bytes, %" PRIu64 " errors", all[1],
               all[2], all[0]);
        if (all[1] != expected) {
            printf(" (%" PRIu64 " messages were to be sent)", expected);
        }
        printf("\n");
        fprintf(stderr, "stress: %.1f s, %.0f messages/s, %.0f MB/s\n", seconds,
                (double) all[1] / seconds, (double) all[2] / seconds / 1e6);
    }
    return all[0] ? 1 : 0;
}

int main(int argc, char **argv)
{
    pthread_t threads[MOST_THREADS];
    double started;
    int status;

    parse_options(argc, argv);
    check_start(&argc, &argv, "stress",
                options.threads > 1 ? MPI_THREAD_MULTIPLE : MPI_THREAD_SINGLE);
    check_describe = describe;
    if (0 == check_rank) {
        fprintf(stderr, "stress: seed %" PRIu64 ", %d ranks, %d threads each\n", options.seed,
                check_size, options.threads);
    }
    elements_make(options.contiguous);
    for (int i = 0; i < options.threads; i++) {
        stream_open(&streams[i], i);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    started = MPI_Wtime();
    for (int i = 1; i < options.threads; i++) {
        pthread_create(&threads[i], NULL, stream_run, &streams[i]);
    }
    stream_run(&streams[0]);
    for (int i = 1; i < options.threads; i++) {
        pthread_join(threads[i], NULL);
    }
    status = report(MPI_Wtime() - started);
    for (int i = 0; i < options.threads; i++) {
        stream_close(&streams[i]);
    }
    elements_free();
    free(check_block);
    MPI_Finalize();
    return status;
}
