/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * self: a rank reaches itself, by every function.
 */
#include "content.h"

enum { LARGEST = 2 << 20 };

static void receive_then_send(segmsg_t *handle, int n, size_t bytes)
{
    uint64_t key = key_of(check_rank, check_rank, n);
    struct room room = room_make(bytes, (size_t) n % 9);
    segmsg_request_t *request;
    segmsg_info_t info;

    SUCCEEDS(segmsg_irecv(handle, check_rank, n, room.data, bytes, &request));
    transmit(handle, check_rank, n, bytes, key);
    info = complete(handle, &request);
    INFO(&info, check_rank, n, bytes);
    ROOM(&room, bytes, key);
}

static void send_then_receive(segmsg_t *handle, int n, size_t bytes)
{
    uint64_t key = key_of(check_rank, check_rank, n);
    unsigned char *out = content_make(bytes, key);
    segmsg_request_t *request;

    SUCCEEDS(segmsg_isend(handle, check_rank, n, out, bytes, &request));
    receive_wild(handle, SEGMSG_ANY_SOURCE, SEGMSG_ANY_TAG, check_rank, n, bytes, key);
    complete(handle, &request);
    free(out);
}

static void messages_of_every_size_arrive(void)
{
    segmsg_t *handle = open_world();
    long *sizes = sizes_of(handle, LARGEST);

    for (int n = 0; sizes[n] >= 0; n++) {
        receive_then_send(handle, n, (size_t) sizes[n]);
        send_then_receive(handle, n, (size_t) sizes[n]);
    }
    free(sizes);
    close_empty(&handle);
}

/* Up to the eager limit a send does not wait for the receive, and many do not either. */
static void short_messages_go_out_without_their_receiver(void)
{
    enum { MESSAGES = 3000 };
    segmsg_t *handle = open_world();
    size_t eager = segmsg_eager_limit(handle), sizes[] = {eager, 8, 0, 1000, 65};

    for (int n = 0; n < MESSAGES; n++) {
        transmit(handle, check_rank, 1, sizes[n % 5], key_of(check_rank, check_rank, n));
    }
    for (int n = 0; n < MESSAGES; n++) {
        receive(handle, check_rank, 1, sizes[n % 5], key_of(check_rank, check_rank, n));
    }
    close_empty(&handle);
}

static void messages_to_oneself_stay_in_order(void)
{
    enum { MESSAGES = 200 };
    segmsg_t *handle = open_world();
    static const size_t sizes[] = {100000, 8, 9000, 0, 400, 20000, 8320, 8321};
    segmsg_request_t *requests[MESSAGES];
    unsigned char *out[MESSAGES];

    for (int n = 0; n < MESSAGES; n++) {
        out[n] = content_make(sizes[n % 8], key_of(check_rank, check_rank, n));
        SUCCEEDS(segmsg_isend(handle, check_rank, n % 3, out[n], sizes[n % 8], &requests[n]));
    }
    for (int n = 0; n < MESSAGES; n++) {
        receive_wild(handle, check_rank, SEGMSG_ANY_TAG, check_rank, n % 3, sizes[n % 8],
                     key_of(check_rank, check_rank, n));
    }
    SUCCEEDS(segmsg_wait_all(handle, MESSAGES, requests, NULL));
    for (int n = 0; n < MESSAGES; n++) {
        free(out[n]);
    }
    close_empty(&handle);
}

static void see(void *context, const segmsg_info_t *info, const void *data)
{
    int n = (*(int *) context)++;

    INFO(info, check_rank, n, (size_t) n * 500);
    CHECK(0 == (uintptr_t) data % 8, "not aligned");
    CONTENT(data, (size_t) n * 500, key_of(check_rank, check_rank, n));
}

static void a_handler_sees_messages_to_oneself(void)
{
    enum { MESSAGES = 60 }; /* up to 30 KB */
    segmsg_t *handle = open_world();
    segmsg_request_t *requests[MESSAGES];
    unsigned char *out[MESSAGES];
    int seen = 0;

    for (int n = 0; n < MESSAGES; n++) {
        out[n] = content_make((size_t) n * 500, key_of(check_rank, check_rank, n));
        SUCCEEDS(segmsg_isend(handle, check_rank, n, out[n], (size_t) n * 500, &requests[n]));
    }
    check_doing("%s", promise_now);
    while (seen < MESSAGES) {
        SUCCEEDS(segmsg_poll(handle, see, &seen, NULL));
    }
    SUCCEEDS(segmsg_wait_all(handle, MESSAGES, requests, NULL));
    for (int n = 0; n < MESSAGES; n++) {
        free(out[n]);
    }
    close_empty(&handle);
}

static void room_can_be_reserved_in_ones_own_memory(void)
{
    segmsg_t *handle = open_world();
    size_t eager = segmsg_eager_limit(handle), sizes[] = {0, 8, 100, eager};
    void *place = NULL;

    for (int n = 0; n < 400; n++) {
        size_t bytes = sizes[n % 4];
        uint64_t key = key_of(check_rank, check_rank, n);

        SUCCEEDS(segmsg_reserve(handle, check_rank, bytes, &place));
        if (n % 5 == 4) {
            SUCCEEDS(segmsg_cancel(handle));
            continue;
        }
        CHECK(NULL != place && 0 == (uintptr_t) place % 8, "place %p", place);
        content_fill(place, bytes, key);
        SUCCEEDS(segmsg_publish(handle, n, bytes - bytes / 3));
        receive(handle, check_rank, n, bytes - bytes / 3, key);
    }
    close_empty(&handle);
}

static void a_probe_finds_messages_to_oneself(void)
{
    segmsg_t *handle = open_world();
    static const size_t sizes[] = {0, 8, 9000, 100000};

    for (int n = 0; n < 4; n++) {
        unsigned char *out = content_make(sizes[n], key_of(check_rank, check_rank, n));
        segmsg_request_t *request;
        segmsg_info_t info = {-9, -9, 0};

        SUCCEEDS(segmsg_isend(handle, check_rank, n, out, sizes[n], &request));
        check_doing("%s: %zu bytes", promise_now, sizes[n]);
        for (int found = 0; !found;) {
            SUCCEEDS(segmsg_probe(handle, SEGMSG_ANY_SOURCE, n, &found, &info));
        }
        INFO(&info, check_rank, n, sizes[n]);
        receive(handle, check_rank, n, sizes[n], key_of(check_rank, check_rank, n));
        complete(handle, &request);
        free(out);
    }
    close_empty(&handle);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(messages_of_every_size_arrive),
        PROMISE(short_messages_go_out_without_their_receiver),
        PROMISE(messages_to_oneself_stay_in_order),
        PROMISE(a_handler_sees_messages_to_oneself),
        PROMISE(room_can_be_reserved_in_ones_own_memory),
        PROMISE(a_probe_finds_messages_to_oneself),
    };

    return PROMISES_MAIN(argc, argv, "self", promises);
}
