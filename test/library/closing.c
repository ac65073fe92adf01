/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * closing: closing while something is pending, and with messages that nobody asked for.
 */
#include "content.h"

static int next(void)
{
    return (check_rank + 1) % check_size;
}

static int before(void)
{
    return (check_rank + check_size - 1) % check_size;
}

/* The handle still carries messages of all kinds. */
static void check_usable(segmsg_t *handle)
{
    static const size_t sizes[] = {0, 8, 5000, 300000};

    CHECK(NULL != handle, "the handle has become NULL");
    for (int n = 0; n < 4 && handle; n++) {
        unsigned char *out = content_make(sizes[n], key_of(check_rank, next(), n));
        segmsg_request_t *request;

        SUCCEEDS(segmsg_isend(handle, next(), 100 + n, out, sizes[n], &request));
        receive(handle, before(), 100 + n, sizes[n], key_of(before(), check_rank, n));
        complete(handle, &request);
        free(out);
    }
}

static void close_busy(segmsg_t **handle)
{
    segmsg_t *same = *handle;

    check_doing("%s: segmsg_close", promise_now);
    GIVES(SEGMSG_E_BUSY, segmsg_close(handle));
    CHECK(same == *handle, "the handle has changed");
}

/* A receive of one rank, in turn. */
static void a_pending_receive_keeps_it_open_for_all(void)
{
    segmsg_t *handle = open_world();

    for (int rank = 0; rank < check_size; rank++) {
        segmsg_request_t *request = NULL;
        char byte = 0;

        if (rank == check_rank) {
            SUCCEEDS(segmsg_irecv(handle, before(), 1, &byte, 1, &request));
        }
        close_busy(&handle);
        check_usable(handle);
        if (rank == next()) {
            SUCCEEDS(segmsg_send(handle, rank, 1, "x", 1));
        }
        complete(handle, &request);
        CHECK(rank != check_rank || 'x' == byte, "received %d", byte);
    }
    close_empty(&handle);
}

/* Long, and nobody has received it. (What goes to oneself may be complete at once.) */
static void a_pending_send_keeps_it_open_for_all(void)
{
    segmsg_t *handle = open_world();
    size_t bytes = segmsg_eager_limit(handle) + 1000000;
    unsigned char *out = content_make(bytes, key_of(0, 1, 0));
    segmsg_request_t *request = NULL;

    if (!promise_needs(2)) {
        close_empty(&handle);
        free(out);
        return;
    }
    if (0 == check_rank) {
        SUCCEEDS(segmsg_isend(handle, 1, 1, out, bytes, &request));
        CHECK(NULL != request, "%zu bytes are gone though nobody received them", bytes);
    }
    close_busy(&handle);
    close_busy(&handle);
    check_usable(handle);
    if (1 == check_rank) {
        receive(handle, 0, 1, bytes, key_of(0, 1, 0));
    }
    complete(handle, &request);
    free(out);
    close_empty(&handle);
}

/* A request is pending until it was ended, though its message is there. */
static void a_request_that_was_not_ended_keeps_it_open(void)
{
    segmsg_t *handle = open_world();
    segmsg_request_t *request = NULL;
    char byte = 0;
    segmsg_info_t info;

    SUCCEEDS(segmsg_irecv(handle, before(), 1, &byte, 1, &request));
    SUCCEEDS(segmsg_send(handle, next(), 1, "y", 1));
    SUCCEEDS(segmsg_send(handle, next(), 2, NULL, 0));
    SUCCEEDS(segmsg_recv(handle, before(), 2, NULL, 0, NULL)); /* the other is there too */
    close_busy(&handle);
    info = complete(handle, &request);
    INFO(&info, before(), 1, 1);
    CHECK('y' == byte, "received %d", byte);
    close_empty(&handle);
}

/* Room for 100 bytes, as soon as there is any. */
static void *reserve(segmsg_t *handle)
{
    void *place = NULL;
    segmsg_result_t result;

    while (SEGMSG_E_BUSY == (result = segmsg_reserve(handle, next(), 100, &place))) {
        SUCCEEDS(segmsg_poll(handle, NULL, NULL, NULL));
    }
    GIVES(SEGMSG_SUCCESS, result);
    return place;
}

static void a_reservation_keeps_it_open_for_all(void)
{
    segmsg_t *handle = open_world();
    void *place = NULL;

    if (0 == check_rank) {
        place = reserve(handle);
        content_fill(place, 100, key_of(0, next(), 5));
    }
    close_busy(&handle);
    if (0 == check_rank) {
        SUCCEEDS(segmsg_publish(handle, 5, 100));
    }
    if (0 == before()) {
        receive(handle, 0, 5, 100, key_of(0, check_rank, 5));
    }
    if (0 == check_rank) {
        reserve(handle);
    }
    close_busy(&handle);
    if (0 == check_rank) {
        SUCCEEDS(segmsg_cancel(handle));
    }
    check_usable(handle);
    close_empty(&handle);
}

/* Rank 0 has received what it did not ask for, or would have if it had looked: it is told. Of so many
 * bytes, or as many as go out without their receiver. */
static void leave_over(int sender, size_t bytes, bool looks)
{
    segmsg_t *handle = open_world();
    int found;

    bytes = bytes < segmsg_eager_limit(handle) ? bytes : segmsg_eager_limit(handle);
    if (sender == check_rank) {
        transmit(handle, 0, 1, bytes, 0);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    if (looks) {
        SUCCEEDS(
            segmsg_probe(handle, SEGMSG_ANY_SOURCE, SEGMSG_ANY_TAG, &found, &(segmsg_info_t){0}));
    }
    check_doing("%s: segmsg_close, %zu bytes left over", promise_now, bytes);
    GIVES(0 == check_rank ? SEGMSG_E_LEFT_OVER : SEGMSG_SUCCESS, segmsg_close(&handle));
    CHECK(NULL == handle, "the handle is not NULL");
}

static void whoever_leaves_kept_messages_is_told(void)
{
    leave_over(check_size - 1, 8, true);
    leave_over(check_size - 1, 0, true);
    leave_over(check_size - 1, 4000, true);
}

static void whoever_leaves_messages_unseen_is_told(void)
{
    leave_over(check_size - 1, 8, false);
    leave_over(check_size - 1, 0, false);
    leave_over(check_size - 1, 4000, false);
}

static void messages_to_oneself_can_be_left_over_too(void)
{
    leave_over(0, 8, true);
    leave_over(0, 4000, false);
}

/* Closing blocks, and so serves all: others may still fill the segments of those that close. */
static void whoever_closes_serves_all(void)
{
    enum { MESSAGES = 5000 };
    segmsg_t *handle = open_world();
    size_t bytes = segmsg_eager_limit(handle) < 1000 ? segmsg_eager_limit(handle) : 1000;

    for (int n = 0; n < MESSAGES && 0 != check_rank; n++) {
        transmit(handle, 0, n, bytes, key_of(check_rank, 0, n));
    }
    check_doing("%s: segmsg_close", promise_now);
    GIVES(0 == check_rank && check_size > 1 ? SEGMSG_E_LEFT_OVER : SEGMSG_SUCCESS,
          segmsg_close(&handle));
    CHECK(NULL == handle, "the handle is not NULL");
}

/* The last messages before closing arrive, though their senders are gone from the library. */
static void what_was_sent_before_closing_arrives(void)
{
    static const size_t sizes[] = {8, 100000, 0, 4000};

    for (int n = 0; n < 20; n++) {
        segmsg_t *handle = open_world();
        struct room room = room_make(sizes[n % 4], 0);
        segmsg_request_t *request;
        segmsg_info_t info;

        SUCCEEDS(segmsg_irecv(handle, before(), n, room.data, sizes[n % 4], &request));
        transmit(handle, next(), n, sizes[n % 4], key_of(check_rank, next(), n));
        info = complete(handle, &request);
        INFO(&info, before(), n, sizes[n % 4]);
        ROOM(&room, sizes[n % 4], key_of(before(), check_rank, n));
        close_empty(&handle);
    }
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(a_pending_receive_keeps_it_open_for_all),
        PROMISE(a_pending_send_keeps_it_open_for_all),
        PROMISE(a_request_that_was_not_ended_keeps_it_open),
        PROMISE(a_reservation_keeps_it_open_for_all),
        PROMISE(whoever_leaves_kept_messages_is_told),
        PROMISE(whoever_leaves_messages_unseen_is_told),
        PROMISE(messages_to_oneself_can_be_left_over_too),
        PROMISE(whoever_closes_serves_all),
        PROMISE(what_was_sent_before_closing_arrives),
    };

    return PROMISES_MAIN(argc, argv, "closing", promises);
}
