/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * order: messages from one process to another arrive in the order in which they were begun to be
 * sent, whatever their sizes and however they are sent and received.
 */
#include "content.h"

enum {
    MESSAGES = 1000, /* per pair */
    WINDOW = 32,     /* sends of a pair that are under way */
    LARGEST = 300000,
};

/* Bytes of a pair's n-th message. A burst of small ones behind a large one is what tempts to
 * overtake. */
static size_t size_of(int source, int n)
{
    static const size_t sizes[] = {4,      60000, 8,   4100, 64,   5000, 9,    16384, 40,
                                   300000, 1025,  41,  65,   8191, 100,  32,   70000, 2048,
                                   257,    4095,  512, 4,    8192, 12,   8320, 8321};
    const int count = sizeof(sizes) / sizeof(sizes[0]);

    return n % 50 < 30 ? sizes[(n + source) % count] : (size_t) ((n * 7 + source) % 60);
}

/* A pair's messages that are being sent. */
struct stream {
    int to;
    segmsg_request_t *requests[WINDOW];
    unsigned char *data; /* WINDOW pieces of LARGEST bytes */
};

static struct stream *streams_make(void)
{
    struct stream *streams = check_allocate((size_t) check_size * sizeof(*streams));

    for (int i = 0; i < check_size - 1; i++) {
        streams[i] = (struct stream){.to = (check_rank + 1 + i) % check_size};
        streams[i].data = check_allocate((size_t) WINDOW * LARGEST);
    }
    return streams;
}

static void streams_end(segmsg_t *handle, struct stream *streams)
{
    for (int i = 0; i < check_size - 1; i++) {
        SUCCEEDS(segmsg_wait_all(handle, WINDOW, streams[i].requests, NULL));
        free(streams[i].data);
    }
    free(streams);
}

static void stream_send(segmsg_t *handle, struct stream *stream, int tag, int n)
{
    unsigned char *data = stream->data + (size_t) (n % WINDOW) * LARGEST;
    size_t bytes = size_of(check_rank, n);

    content_fill(data, bytes, key_of(check_rank, stream->to, n));
    SUCCEEDS(segmsg_isend(handle, stream->to, tag, data, bytes, &stream->requests[n % WINDOW]));
}

/* How many have come from each rank. */
static int *received, received_in_all;

static void check_next(const segmsg_info_t *info, int tag, const void *data)
{
    int source = info->source, n = received[source]++;

    received_in_all++;
    INFO(info, source, tag < 0 ? n % 5 : tag, size_of(source, n));
    if (info->bytes == size_of(source, n)) {
        CONTENT(data, info->bytes, key_of(source, check_rank, n));
    }
    check_step();
}

static void receive_next(segmsg_t *handle, unsigned char *room, int from, int tag)
{
    segmsg_info_t info = {0, -9, 0};

    SUCCEEDS(segmsg_recv(handle, from, tag, room, LARGEST, &info));
    check_next(&info, tag, room);
}

static void counts_make(void)
{
    received = calloc((size_t) check_size, sizeof(*received));
    received_in_all = 0;
}

static void counts_check(void)
{
    for (int source = 0; source < check_size; source++) {
        int wanted = source == check_rank ? 0 : MESSAGES;

        CHECK(received[source] == wanted, "%d messages from %d, not %d", received[source], source,
              wanted);
    }
    free(received);
}

/* All send to all and receive, in between, what there is. */
static void all_to_all(bool any_tag)
{
    segmsg_t *handle = open_world();
    struct stream *streams = streams_make();
    unsigned char *room = check_allocate(LARGEST);
    int tag = any_tag ? SEGMSG_ANY_TAG : 7, done, found;

    counts_make();
    for (int n = 0; n < MESSAGES; n++) {
        check_doing("%s: message %d", promise_now, n);
        for (int i = 0; i < check_size - 1; i++) {
            segmsg_request_t **request = &streams[i].requests[n % WINDOW];

            for (done = 0; !done;) {
                SUCCEEDS(segmsg_test(handle, request, &done, NULL));
                SUCCEEDS(segmsg_probe(handle, SEGMSG_ANY_SOURCE, tag, &found, &(segmsg_info_t){0}));
                if (found) {
                    receive_next(handle, room, SEGMSG_ANY_SOURCE, tag);
                } else if (!done) {
                    sched_yield();
                }
            }
            stream_send(handle, &streams[i], any_tag ? n % 5 : tag, n);
        }
    }
    while (received_in_all < (check_size - 1) * MESSAGES) {
        check_doing("%s: message %d", promise_now, received_in_all);
        receive_next(handle, room, SEGMSG_ANY_SOURCE, tag);
    }
    streams_end(handle, streams);
    counts_check();
    free(room);
    close_empty(&handle);
}

static void messages_of_a_pair_arrive_in_order(void)
{
    all_to_all(false);
}

static void messages_of_a_pair_arrive_in_order_whatever_their_tags(void)
{
    all_to_all(true);
}

/* Rank by rank sends to all others, and waits for each message. */
static void messages_of_a_pair_arrive_in_order_when_sending_blocks(void)
{
    segmsg_t *handle = open_world();
    unsigned char *room = check_allocate(LARGEST);

    counts_make();
    for (int sender = 0; sender < check_size; sender++) {
        for (int n = 0; n < MESSAGES; n++) {
            for (int to = 0; to < check_size && sender == check_rank; to++) {
                if (to != sender) {
                    transmit(handle, to, n % 5, size_of(sender, n), key_of(sender, to, n));
                }
            }
            if (sender != check_rank) {
                check_doing("%s: message %d of %d", promise_now, n, sender);
                receive_next(handle, room, sender, SEGMSG_ANY_TAG);
            }
        }
    }
    counts_check();
    free(room);
    close_empty(&handle);
}

/* The n-th receive that was begun gets the n-th message, and not another that is complete earlier. */
static void receives_are_served_in_order(void)
{
    enum { POSTED = 100 };
    segmsg_t *handle = open_world();
    int to = (check_rank + 1) % check_size, from = (check_rank + check_size - 1) % check_size;
    segmsg_request_t *receives[POSTED], *sends[POSTED];
    struct room rooms[POSTED];
    unsigned char *out[POSTED];

    for (int n = 0; n < POSTED; n++) {
        rooms[n] = room_make(LARGEST, 0);
        SUCCEEDS(segmsg_irecv(handle, n % 3 ? SEGMSG_ANY_SOURCE : from, n % 2 ? SEGMSG_ANY_TAG : 5,
                              rooms[n].data, LARGEST, &receives[n]));
    }
    for (int n = 0; n < POSTED; n++) {
        out[n] = content_make(size_of(check_rank, n), key_of(check_rank, to, n));
        SUCCEEDS(segmsg_isend(handle, to, 5, out[n], size_of(check_rank, n), &sends[n]));
    }
    for (int n = POSTED - 1; n >= 0; n--) {
        segmsg_info_t info;

        check_doing("%s: receive %d", promise_now, n);
        info = complete(handle, &receives[n]);
        INFO(&info, from, 5, size_of(from, n));
        ROOM(&rooms[n], size_of(from, n), key_of(from, check_rank, n));
    }
    SUCCEEDS(segmsg_wait_all(handle, POSTED, sends, NULL));
    for (int n = 0; n < POSTED; n++) {
        free(out[n]);
    }
    close_empty(&handle);
}

static void see_next(void *context, const segmsg_info_t *info, const void *data)
{
    (void) context;
    check_next(info, SEGMSG_ANY_TAG, data);
}

/* A handler sees large messages among the small ones where they belong. */
static void handlers_see_messages_in_order(void)
{
    segmsg_t *handle = open_world();
    struct stream *streams = streams_make();

    counts_make();
    for (int n = 0; n < MESSAGES; n++) {
        check_doing("%s: message %d", promise_now, n);
        for (int i = 0; i < check_size - 1; i++) {
            for (int done = 0; !done;) {
                SUCCEEDS(segmsg_poll(handle, see_next, NULL, NULL));
                /* Keeps what has come meanwhile; the next poll must bring that first. */
                SUCCEEDS(segmsg_test(handle, &streams[i].requests[n % WINDOW], &done, NULL));
            }
            stream_send(handle, &streams[i], n % 5, n);
        }
    }
    while (received_in_all < (check_size - 1) * MESSAGES) {
        SUCCEEDS(segmsg_poll(handle, see_next, NULL, NULL));
        sched_yield();
    }
    streams_end(handle, streams);
    counts_check();
    close_empty(&handle);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(messages_of_a_pair_arrive_in_order),
        PROMISE(messages_of_a_pair_arrive_in_order_whatever_their_tags),
        PROMISE(messages_of_a_pair_arrive_in_order_when_sending_blocks),
        PROMISE(receives_are_served_in_order),
        PROMISE(handlers_see_messages_in_order),
    };

    return PROMISES_MAIN(argc, argv, "order", promises);
}
