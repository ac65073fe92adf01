/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * withdraw: requests that are taken back: as if they had never been.
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

static void withdraw(segmsg_t *handle, segmsg_request_t **request)
{
    SUCCEEDS(segmsg_withdraw(handle, request));
    CHECK(NULL == *request, "a request that was taken back is not NULL");
}

/* What would have matched it goes to the next receive that matches, or is kept. */
static void a_receive_that_was_taken_back_gets_nothing(void)
{
    static const size_t sizes[] = {8, 0, 4000, 100000};
    segmsg_t *handle = open_world();

    for (int n = 0; n < 12; n++) {
        size_t bytes = sizes[n % 4];
        struct room rooms[3] = {room_make(bytes, 0), room_make(bytes, 0), room_make(bytes, 0)};
        unsigned char *out = content_make(bytes, key_of(check_rank, next(), n));
        segmsg_request_t *receives[3], *send;
        int taken = n % 3; /* of three receives, this one */
        segmsg_info_t info;

        for (int i = 0; i < 3; i++) {
            SUCCEEDS(segmsg_irecv(handle, i % 2 ? SEGMSG_ANY_SOURCE : before(), SEGMSG_ANY_TAG,
                                  rooms[i].data, bytes, &receives[i]));
        }
        withdraw(handle, &receives[taken]);
        MPI_Barrier(MPI_COMM_WORLD);
        for (int i = 0; i < 2; i++) {
            SUCCEEDS(segmsg_isend(handle, next(), i, out, bytes, &send));
            check_doing("%s: message %d of round %d", promise_now, i, n);
            info = complete(handle, &receives[i + (i >= taken)]);
            INFO(&info, before(), i, bytes);
            complete(handle, &send);
        }
        for (int i = 0; i < 3; i++) {
            ROOM(&rooms[i], i == taken ? 0 : bytes, key_of(before(), check_rank, n));
        }
        free(out);
        MPI_Barrier(MPI_COMM_WORLD);
    }
    close_empty(&handle);
}

static void a_receive_that_was_taken_back_does_not_keep_it_open(void)
{
    segmsg_t *handle = open_world();
    segmsg_request_t *requests[50];
    char room[50];

    for (int n = 0; n < 50; n++) {
        SUCCEEDS(segmsg_irecv(handle, before(), n, &room[n], 1, &requests[n]));
    }
    for (int n = 0; n < 50; n++) {
        withdraw(handle, &requests[(n * 7) % 50]);
    }
    close_empty(&handle);
}

/* Complete, or announced, or half received: it has to be waited for. */
static void what_has_begun_is_not_taken_back(void)
{
    segmsg_t *handle = open_world();
    size_t bytes = segmsg_eager_limit(handle) + 500000;
    struct room room = room_make(8, 0);
    unsigned char *out = content_make(bytes, key_of(check_rank, next(), 1));
    segmsg_request_t *receive_request, *send;
    segmsg_info_t info;

    SUCCEEDS(segmsg_irecv(handle, before(), 1, room.data, 8, &receive_request));
    transmit(handle, next(), 1, 8, key_of(check_rank, next(), 0));
    transmit(handle, next(), 2, 0, 0);
    receive(handle, before(), 2, 0, 0); /* the first has come too */
    GIVES(SEGMSG_E_BUSY, segmsg_withdraw(handle, &receive_request));
    info = complete(handle, &receive_request);
    INFO(&info, before(), 1, 8);
    ROOM(&room, 8, key_of(before(), check_rank, 0));
    if (promise_needs(2)) {
        SUCCEEDS(segmsg_isend(handle, next(), 3, out, bytes, &send));
        transmit(handle, next(), 4, 0, 0);
        receive(handle, before(), 4, 0, 0); /* the long one has been announced */
        GIVES(SEGMSG_E_BUSY, segmsg_withdraw(handle, &send));
        receive(handle, before(), 3, bytes, key_of(before(), check_rank, 1));
        complete(handle, &send);
    }
    free(out);
    close_empty(&handle);
}

/* Sends that have found no room yet. Those before and behind them arrive. */
static void a_send_that_was_taken_back_never_comes(void)
{
    enum { MOST = 20000, MORE = 9 };
    segmsg_t *handle = open_world();
    size_t bytes = segmsg_eager_limit(handle);
    unsigned char *out = content_make(bytes, 1);
    segmsg_request_t *requests[MORE] = {NULL};
    int counts[2] = {0, 0}; /* messages that go at once, and further ones of which none does */

    while (1 == check_rank && counts[0] < MOST) {
        SUCCEEDS(segmsg_isend(handle, 0, counts[0] % 1000, out, bytes, &requests[0]));
        if (requests[0]) {
            break;
        }
        counts[0]++;
    }
    for (int n = 1; n < MORE && 1 == check_rank; n++) {
        SUCCEEDS(segmsg_isend(handle, 0, 5000 + n, out, bytes, &requests[n]));
        counts[1] += NULL != requests[n];
    }
    for (int n = 0; n < MORE && 1 == check_rank; n += 2) {
        withdraw(handle, &requests[n]);
    }
    MPI_Bcast(counts, 2, MPI_INT, 1 % check_size, MPI_COMM_WORLD);
    if (0 == check_rank && promise_needs(2)) {
        CHECK(MORE - 1 == counts[1], "%d of %d sends waited", counts[1], MORE - 1);
        for (int n = 0; n < counts[0]; n++) {
            receive_wild(handle, 1, SEGMSG_ANY_TAG, 1, n % 1000, bytes, 1);
        }
        for (int n = 1; n < MORE; n += 2) {
            receive_wild(handle, 1, SEGMSG_ANY_TAG, 1, 5000 + n, bytes, 1);
        }
    }
    SUCCEEDS(segmsg_wait_all(handle, MORE, requests, NULL));
    free(out);
    close_empty(&handle); /* no message is left over */
}

static void arguments_are_checked(void)
{
    segmsg_t *handle = open_world();
    segmsg_request_t *none = NULL;

    GIVES(SEGMSG_E_ARGUMENT, segmsg_withdraw(NULL, &none));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_withdraw(handle, NULL));
    close_empty(&handle);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(a_receive_that_was_taken_back_gets_nothing),
        PROMISE(a_receive_that_was_taken_back_does_not_keep_it_open),
        PROMISE(what_has_begun_is_not_taken_back),
        PROMISE(a_send_that_was_taken_back_never_comes),
        PROMISE(arguments_are_checked),
    };

    return PROMISES_MAIN(argc, argv, "withdraw", promises);
}
