/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * reserve: messages that are made in the receiver's memory: reserved, written, published, cancelled.
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

static void keep(segmsg_t *handle)
{
    SUCCEEDS(segmsg_poll(handle, NULL, NULL, NULL));
    sched_yield();
}

/* Reserve, as often as it takes while there is no room. */
static void *reserve(segmsg_t *handle, int to, size_t bytes)
{
    void *place = NULL;
    segmsg_result_t result;

    check_doing("%s: reserve %zu bytes", promise_now, bytes);
    while (SEGMSG_E_BUSY == (result = segmsg_reserve(handle, to, bytes, &place))) {
        keep(handle);
    }
    GIVES(SEGMSG_SUCCESS, result);
    CHECK(NULL != place && 0 == (uintptr_t) place % 8, "%zu bytes reserved at %p", bytes, place);
    return place;
}

/* Send the content of a key by a reservation of so many bytes, of which fewer may be published. */
static void make_in_place(segmsg_t *handle, int to, int tag, size_t reserved, size_t published,
                          uint64_t key)
{
    void *place = reserve(handle, to, reserved);

    if (place) {
        memset(place, 0x77, reserved);
        content_fill(place, published, key);
        SUCCEEDS(segmsg_publish(handle, tag, published));
    }
}

/* All sizes up to the eager limit (rising to about 500 of them). */
static int eager_sizes(const segmsg_t *handle, size_t *sizes)
{
    long *all = sizes_of(handle, (long) segmsg_eager_limit(handle));
    int count = 0;

    for (; all[count] >= 0; count++) {
        sizes[count] = (size_t) all[count];
    }
    free(all);
    return count;
}

static void what_is_published_arrives(void)
{
    segmsg_t *handle = open_world();
    size_t sizes[500];
    int count = eager_sizes(handle, sizes);

    for (int n = 0; n < count; n++) {
        make_in_place(handle, next(), n, sizes[n], sizes[n], key_of(check_rank, next(), n));
        receive(handle, before(), n, sizes[n], key_of(before(), check_rank, n));
    }
    close_empty(&handle);
}

static void fewer_bytes_may_be_published(void)
{
    segmsg_t *handle = open_world();
    size_t sizes[500];
    int count = eager_sizes(handle, sizes);

    for (int n = 0; n < count; n++) {
        const size_t fewer[] = {0, sizes[n] / 2, sizes[n] - (sizes[n] > 0)};

        for (int i = 0; i < 3; i++) {
            int tag = 3 * n + i;

            make_in_place(handle, next(), tag, sizes[n], fewer[i], key_of(check_rank, next(), tag));
            receive(handle, before(), tag, fewer[i], key_of(before(), check_rank, tag));
        }
    }
    close_empty(&handle);
}

static void what_is_cancelled_never_comes(void)
{
    enum { ROUNDS = 2000 }; /* so many that lost room would be missed */
    segmsg_t *handle = open_world();
    size_t eager = segmsg_eager_limit(handle), sizes[] = {8, eager, eager / 9, 0, eager / 2, 64};
    int found;
    segmsg_info_t info;

    for (int n = 0; n < ROUNDS; n++) {
        size_t bytes = sizes[n % 6];
        void *place = reserve(handle, next(), bytes);

        if (place) {
            memset(place, 0x55, bytes);
        }
        SUCCEEDS(segmsg_cancel(handle));
        if (0 == n % 50) {
            transmit(handle, next(), n, bytes, key_of(check_rank, next(), n));
            receive_wild(handle, SEGMSG_ANY_SOURCE, SEGMSG_ANY_TAG, before(), n, bytes,
                         key_of(before(), check_rank, n));
        }
    }
    check_doing("%s: the others", promise_now);
    barrier_serving(handle);
    SUCCEEDS(segmsg_probe(handle, SEGMSG_ANY_SOURCE, SEGMSG_ANY_TAG, &found, &info));
    CHECK(!found, "a message of %zu bytes has come though it was cancelled", info.bytes);
    close_empty(&handle);
}

/* Messages that are sent and messages that are made in place, mixed. */
static void reservations_keep_the_order(void)
{
    enum { MESSAGES = 1000 };
    segmsg_t *handle = open_world();
    size_t eager = segmsg_eager_limit(handle),
           sizes[] = {8, 0, eager, 70, eager / 5, eager / 2, 9, 64};
    segmsg_request_t *request = NULL;
    int received = 0, found;

    for (int n = 0; n < MESSAGES; n++) {
        size_t bytes = sizes[n % 8];
        uint64_t key = key_of(check_rank, next(), n);

        if (n % 3 == 0) {
            transmit(handle, next(), 5, bytes, key);
        } else if (n % 7 == 6) {
            unsigned char *data = content_make(bytes, key);

            SUCCEEDS(segmsg_isend(handle, next(), 5, data, bytes, &request));
            complete(handle, &request);
            free(data);
        } else {
            if (n % 5 == 0) {
                reserve(handle, next(), bytes);
                SUCCEEDS(segmsg_cancel(handle));
            }
            make_in_place(handle, next(), 5, bytes, bytes, key);
        }
        SUCCEEDS(segmsg_probe(handle, before(), 5, &found, &(segmsg_info_t){0}));
        if (found) {
            receive(handle, before(), 5, sizes[received % 8],
                    key_of(before(), check_rank, received));
            received++;
        }
    }
    for (; received < MESSAGES; received++) {
        receive(handle, before(), 5, sizes[received % 8], key_of(before(), check_rank, received));
    }
    close_empty(&handle);
}

/* Behind a long message that still waits to be received, a reservation must not overtake it. */
static void reservations_stay_behind_what_was_begun(void)
{
    segmsg_t *handle = open_world();
    size_t large = 3 * segmsg_eager_limit(handle) + 500000;
    unsigned char *out = content_make(large, key_of(check_rank, next(), 0));
    segmsg_request_t *request;

    SUCCEEDS(segmsg_isend(handle, next(), 1, out, large, &request));
    make_in_place(handle, next(), 2, 8, 8, key_of(check_rank, next(), 1));
    receive_wild(handle, before(), SEGMSG_ANY_TAG, before(), 1, large,
                 key_of(before(), check_rank, 0));
    receive_wild(handle, before(), SEGMSG_ANY_TAG, before(), 2, 8, key_of(before(), check_rank, 1));
    complete(handle, &request);
    free(out);
    close_empty(&handle);
}

/* Behind one that found no room a short one must wait, though there may be room for it. */
static void reservations_stay_behind_what_has_no_room(void)
{
    enum { MOST = 20000, MORE = 20 };
    segmsg_t *handle = open_world();
    size_t bytes = segmsg_eager_limit(handle);
    unsigned char *out = content_make(bytes, 1);
    segmsg_request_t *request = NULL;
    void *place;
    int counts[2] = {0, 0}; /* long ones, of which the last waits, and short ones behind them */

    while (1 == check_rank && NULL == request && counts[0] < MOST) {
        SUCCEEDS(segmsg_isend(handle, 0, 1, out, bytes, &request));
        counts[0]++;
    }
    for (int n = 0; n < MORE && 1 == check_rank; n++) {
        if (SEGMSG_SUCCESS == segmsg_reserve(handle, 0, 8, &place)) {
            content_fill(place, 8, 2);
            SUCCEEDS(segmsg_publish(handle, 2, 8));
            counts[1]++;
        }
    }
    MPI_Bcast(counts, 2, MPI_INT, 1 % check_size, MPI_COMM_WORLD);
    for (int n = 0; n < counts[0] + counts[1] && 0 == check_rank && promise_needs(2); n++) {
        bool is_short = n >= counts[0];

        receive_wild(handle, 1, SEGMSG_ANY_TAG, 1, is_short ? 2 : 1, is_short ? 8 : bytes,
                     is_short ? 2 : 1);
    }
    complete(handle, &request);
    free(out);
    close_empty(&handle);
}

/* Rank 0 receives nothing until rank 1 has found that there is no room. */
static void without_room_it_is_busy(void)
{
    enum { MOST = 10000000 };
    segmsg_t *handle = open_world();
    size_t bytes = segmsg_eager_limit(handle);
    int sent = 0;

    if (1 == check_rank) {
        void *place;

        check_doing("%s: reservations until there is no room", promise_now);
        for (; sent < MOST && SEGMSG_SUCCESS == segmsg_reserve(handle, 0, bytes, &place); sent++) {
            content_fill(place, bytes, key_of(1, 0, sent));
            SUCCEEDS(segmsg_publish(handle, 1, bytes));
        }
        GIVES(SEGMSG_E_BUSY, segmsg_reserve(handle, 0, bytes, &place));
        CHECK(sent > 0 && sent < MOST, "%d messages found room", sent);
    }
    MPI_Bcast(&sent, 1, MPI_INT, 1 % check_size, MPI_COMM_WORLD);
    if (0 == check_rank && promise_needs(2)) {
        for (int n = 0; n < sent + 1; n++) {
            receive(handle, 1, 1, bytes, key_of(1, 0, n));
        }
    }
    if (1 == check_rank) { /* there will be room, by polling */
        make_in_place(handle, 0, 1, bytes, bytes, key_of(1, 0, sent));
    }
    close_empty(&handle);
}

static void one_at_a_time(void)
{
    segmsg_t *handle = open_world();
    void *place, *other = NULL;
    size_t bytes = 24;

    place = reserve(handle, next(), bytes);
    GIVES(SEGMSG_E_BUSY, segmsg_reserve(handle, next(), bytes, &other));
    GIVES(SEGMSG_E_BUSY, segmsg_reserve(handle, check_rank, bytes, &other));
    content_fill(place, bytes, key_of(check_rank, next(), 0));
    SUCCEEDS(segmsg_publish(handle, 3, bytes));
    receive(handle, before(), 3, bytes, key_of(before(), check_rank, 0));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_publish(handle, 3, bytes));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_cancel(handle));
    close_empty(&handle);
}

/* Whatever else sends, receives or waits has to wait for the reservation; nothing comes of it. */
static void meanwhile_other_calls_are_busy(void)
{
    segmsg_t *handle = open_world();
    segmsg_request_t *pending = NULL, *request = NULL, *all[1];
    void *place;
    char byte = 0, first = 0;
    int flag;
    segmsg_info_t info;

    SUCCEEDS(segmsg_irecv(handle, before(), 1, &first, 1, &pending));
    all[0] = pending;
    place = reserve(handle, next(), 16);
    GIVES(SEGMSG_E_BUSY, segmsg_send(handle, next(), 1, "a", 1));
    GIVES(SEGMSG_E_BUSY, segmsg_isend(handle, next(), 1, "b", 1, &request));
    GIVES(SEGMSG_E_BUSY, segmsg_recv(handle, before(), 1, &byte, 1, &info));
    GIVES(SEGMSG_E_BUSY, segmsg_irecv(handle, before(), 1, &byte, 1, &request));
    GIVES(SEGMSG_E_BUSY, segmsg_poll(handle, NULL, NULL, NULL));
    GIVES(SEGMSG_E_BUSY, segmsg_poll_wait(handle, NULL, NULL, NULL));
    GIVES(SEGMSG_E_BUSY, segmsg_probe(handle, before(), 1, &flag, &info));
    GIVES(SEGMSG_E_BUSY, segmsg_test(handle, &pending, &flag, &info));
    GIVES(SEGMSG_E_BUSY, segmsg_wait(handle, &pending, &info));
    GIVES(SEGMSG_E_BUSY, segmsg_wait_all(handle, 1, all, NULL));
    CHECK(NULL != pending && NULL != all[0], "a request was ended");
    CHECK(segmsg_rank(handle) == check_rank && statistics_of(handle).groups > 0, "wrong answers");
    content_fill(place, 16, key_of(check_rank, next(), 0));
    SUCCEEDS(segmsg_publish(handle, 2, 16));
    receive_wild(handle, SEGMSG_ANY_SOURCE, 2, before(), 2, 16, key_of(before(), check_rank, 0));
    SUCCEEDS(segmsg_send(handle, next(), 1, "x", 1));
    complete(handle, &pending);
    CHECK('x' == first, "received %d", first);
    close_empty(&handle);
}

/* A call that cannot be carried out leaves the reservation, or none, as it was. */
static void wrong_calls_do_no_harm(void)
{
    segmsg_t *handle = open_world();
    size_t eager = segmsg_eager_limit(handle);
    void *place = NULL;

    GIVES(SEGMSG_E_ARGUMENT, segmsg_reserve(handle, next(), eager + 1, &place));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_reserve(handle, next(), (size_t) -1, &place));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_reserve(handle, next(), 8, NULL));
    GIVES(SEGMSG_E_UNREACHABLE, segmsg_reserve(handle, -1, 8, &place));
    GIVES(SEGMSG_E_UNREACHABLE, segmsg_reserve(handle, check_size, 8, &place));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_publish(handle, 1, 0));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_cancel(handle));
    place = reserve(handle, next(), 16);
    content_fill(place, 16, key_of(check_rank, next(), 0));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_publish(handle, 1, 17));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_publish(handle, -1, 16));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_publish(handle, -7, 16));
    SUCCEEDS(segmsg_publish(handle, 2, 16));
    receive_wild(handle, SEGMSG_ANY_SOURCE, SEGMSG_ANY_TAG, before(), 2, 16,
                 key_of(before(), check_rank, 0));
    close_empty(&handle);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(what_is_published_arrives),
        PROMISE(fewer_bytes_may_be_published),
        PROMISE(what_is_cancelled_never_comes),
        PROMISE(reservations_keep_the_order),
        PROMISE(reservations_stay_behind_what_was_begun),
        PROMISE(reservations_stay_behind_what_has_no_room),
        PROMISE(without_room_it_is_busy),
        PROMISE(one_at_a_time),
        PROMISE(meanwhile_other_calls_are_busy),
        PROMISE(wrong_calls_do_no_harm),
    };

    return PROMISES_MAIN(argc, argv, "reserve", promises);
}
