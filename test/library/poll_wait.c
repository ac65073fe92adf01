/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * poll_wait: segmsg_poll_wait is segmsg_poll, but waits until the handler has seen a message or a
 * request is complete. Rank 0 waits, and the others send to it.
 */
#include "content.h"

enum { EACH = 100 };

static size_t size_of(int n)
{
    static const size_t sizes[] = {8, 0, 4000, 30000, 64, 200000, 1, 8321};

    return sizes[n % 8];
}

/* What the handler has seen of each rank: the n-th message has tag n. */
static int seen[64], seen_in_all;

static void see(void *context, const segmsg_info_t *info, const void *data)
{
    int n = seen[info->source]++;

    seen_in_all++;
    CHECK(context == seen, "another context");
    INFO(info, info->source, n, size_of(n));
    CHECK(0 == (uintptr_t) data % 8, "not aligned");
    CONTENT(data, size_of(n), key_of(info->source, 0, n));
}

static void nothing_is_seen(void)
{
    memset(seen, 0, sizeof(seen));
    seen_in_all = 0;
}

/* Rank 0 has no request: each return must have brought a message. */
static void it_waits_until_the_handler_has_seen_a_message(void)
{
    segmsg_t *handle = open_world();
    int all = promise_needs(2) ? EACH * (check_size - 1) : 0;

    nothing_is_seen();
    for (int n = 0; n < EACH && 0 != check_rank; n++) {
        const struct timespec pause = {0, n % 10 ? 0 : 2000000};

        nanosleep(&pause, NULL);
        transmit(handle, 0, n, size_of(n), key_of(check_rank, 0, n));
    }
    while (0 == check_rank && seen_in_all < all) {
        unsigned handled = 77;
        int had = seen_in_all;

        check_doing("%s: message %d of %d", promise_now, had, all);
        SUCCEEDS(segmsg_poll_wait(handle, see, seen, &handled));
        CHECK(handled > 0 && (int) handled == seen_in_all - had,
              "handled %u, and the handler saw %d", handled, seen_in_all - had);
    }
    close_empty(&handle);
}

/* Let rank 0 come to wait before another does something. */
static void be_late(void)
{
    const struct timespec pause = {0, 5000000};

    MPI_Barrier(MPI_COMM_WORLD);
    if (0 != check_rank) {
        nanosleep(&pause, NULL);
    }
}

/* Without a handler, and with one that there is nothing for. */
static void it_waits_until_a_receive_is_complete(void)
{
    segmsg_t *handle = open_world();

    nothing_is_seen();
    for (int n = 0; n < 16 && promise_needs(2); n++) {
        size_t bytes = size_of(n);
        struct room room = room_make(bytes, 0);
        segmsg_request_t *request = NULL;
        segmsg_info_t info = {-9, -9, 0};
        int done = 0;

        if (0 == check_rank) {
            SUCCEEDS(segmsg_irecv(handle, 1, n, room.data, bytes, &request));
        }
        be_late();
        if (1 == check_rank) {
            transmit(handle, 0, n, bytes, key_of(1, 0, n));
        }
        if (0 == check_rank) {
            check_doing("%s: %zu bytes", promise_now, bytes);
            SUCCEEDS(segmsg_poll_wait(handle, n < 8 ? NULL : see, seen, NULL));
            SUCCEEDS(segmsg_test(handle, &request, &done, &info));
            CHECK(done, "it returned before %zu bytes were there", bytes);
            if (!done) {
                info = complete(handle, &request);
            }
            INFO(&info, 1, n, bytes);
            ROOM(&room, bytes, key_of(1, 0, n));
        } else {
            free(room.memory);
        }
    }
    CHECK(0 == seen_in_all, "the handler saw what was to be received");
    close_empty(&handle);
}

static void it_waits_until_a_send_is_complete(void)
{
    segmsg_t *handle = open_world();
    size_t bytes = segmsg_eager_limit(handle) + 300000;

    for (int n = 0; n < 5 && promise_needs(2); n++) {
        unsigned char *out = content_make(bytes, key_of(0, 1, n));
        segmsg_request_t *request = NULL;
        int done = 0;

        if (0 == check_rank) {
            SUCCEEDS(segmsg_isend(handle, 1, n, out, bytes, &request));
        }
        be_late();
        if (1 == check_rank) {
            receive(handle, 0, n, bytes, key_of(0, 1, n));
        }
        if (0 == check_rank) {
            check_doing("%s: message %d", promise_now, n);
            SUCCEEDS(segmsg_poll_wait(handle, NULL, NULL, NULL));
            SUCCEEDS(segmsg_test(handle, &request, &done, NULL));
            CHECK(done, "it returned before the send was complete");
            complete(handle, &request);
        }
        free(out);
    }
    close_empty(&handle);
}

/* A message for the handler ends it though a request is still pending. */
static void a_message_ends_it_before_a_request_does(void)
{
    segmsg_t *handle = open_world();
    segmsg_request_t *request = NULL;
    struct room room = room_make(8, 0);
    unsigned handled = 77;
    int done = 7;

    nothing_is_seen();
    if (0 == check_rank && promise_needs(2)) {
        SUCCEEDS(segmsg_irecv(handle, 1, 1000, room.data, 8, &request));
        SUCCEEDS(segmsg_send(handle, 1, 1, NULL, 0));
        check_doing("%s", promise_now);
        SUCCEEDS(segmsg_poll_wait(handle, see, seen, &handled));
        CHECK(1 == handled && 1 == seen_in_all, "handled %u", handled);
        SUCCEEDS(segmsg_test(handle, &request, &done, NULL));
        CHECK(!done, "a receive is complete that nothing was sent for");
        SUCCEEDS(segmsg_send(handle, 1, 2, NULL, 0));
        complete(handle, &request);
        ROOM(&room, 8, key_of(1, 0, 1000));
    } else {
        free(room.memory);
    }
    if (1 == check_rank) {
        receive(handle, 0, 1, 0, 0);
        transmit(handle, 0, 0, size_of(0), key_of(1, 0, 0));
        receive(handle, 0, 2, 0, 0);
        transmit(handle, 0, 1000, 8, key_of(1, 0, 1000));
    }
    close_empty(&handle);
}

/* As long as its request was not ended. */
static void a_request_that_is_complete_ends_it_at_once(void)
{
    segmsg_t *handle = open_world();
    segmsg_request_t *request = NULL;
    struct room room = room_make(8, 0);
    unsigned handled = 77;

    nothing_is_seen();
    if (1 == check_rank) {
        transmit(handle, 0, 1000, 8, key_of(1, 0, 1));
        transmit(handle, 0, 1001, 0, 0);
    }
    if (0 == check_rank && promise_needs(2)) {
        SUCCEEDS(segmsg_irecv(handle, 1, 1000, room.data, 8, &request));
        receive(handle, 1, 1001, 0, 0); /* the other has come too */
        for (int n = 0; n < 3; n++) {
            check_doing("%s: %d", promise_now, n);
            SUCCEEDS(segmsg_poll_wait(handle, n % 2 ? see : NULL, seen, &handled));
            CHECK(0 == handled, "handled %u", handled);
        }
        complete(handle, &request);
        ROOM(&room, 8, key_of(1, 0, 1));
    } else {
        free(room.memory);
    }
    close_empty(&handle);
}

static void without_anything_to_wait_for_it_is_refused(void)
{
    segmsg_t *handle = open_world();

    check_doing("%s", promise_now);
    GIVES(SEGMSG_E_ARGUMENT, segmsg_poll_wait(handle, NULL, NULL, NULL));
    close_empty(&handle);
}

static void kept_messages_end_it_at_once(void)
{
    segmsg_t *handle = open_world();
    segmsg_request_t *requests[3];
    unsigned char *out[3];

    nothing_is_seen();
    if (1 == check_rank) {
        for (int n = 0; n < 3; n++) { /* some may be long, and wait for the handler */
            out[n] = content_make(size_of(n), key_of(1, 0, n));
            SUCCEEDS(segmsg_isend(handle, 0, n, out[n], size_of(n), &requests[n]));
        }
        transmit(handle, 0, 1000, 0, 0);
        SUCCEEDS(segmsg_wait_all(handle, 3, requests, NULL));
        for (int n = 0; n < 3; n++) {
            free(out[n]);
        }
    }
    if (0 == check_rank && promise_needs(2)) {
        receive(handle, 1, 1000, 0, 0); /* the others are kept */
        for (unsigned handled; seen_in_all < 3;) {
            check_doing("%s: message %d", promise_now, seen_in_all);
            SUCCEEDS(segmsg_poll_wait(handle, see, seen, &handled));
            CHECK(handled > 0, "it returned, and there was nothing");
        }
    }
    close_empty(&handle);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(it_waits_until_the_handler_has_seen_a_message),
        PROMISE(it_waits_until_a_receive_is_complete),
        PROMISE(it_waits_until_a_send_is_complete),
        PROMISE(a_message_ends_it_before_a_request_does),
        PROMISE(a_request_that_is_complete_ends_it_at_once),
        PROMISE(without_anything_to_wait_for_it_is_refused),
        PROMISE(kept_messages_end_it_at_once),
    };

    return PROMISES_MAIN(argc, argv, "poll_wait", promises);
}
