/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * quiet: between opening and closing the library does not call MPI, whatever it is asked to do.
 *
 * Each rank sends to the next one. Ranks wait for each other by messages of the library alone.
 */
#include "content.h"
#include "watched.h"

static segmsg_t *handle;

static int next(void)
{
    return (check_rank + 1) % check_size;
}

static int before(void)
{
    return (check_rank + check_size - 1) % check_size;
}

/* Open, do something, and see that MPI was not called. */
static void watch(void (*something)(void))
{
    long calls;

    handle = open_world();
    calls = atomic_load(&watched.calls);
    something();
    calls = atomic_load(&watched.calls) - calls;
    CHECK(0 == calls, "MPI was called %ld times", calls);
    close_empty(&handle);
    CHECK(atomic_load(&watched.calls) > 0, "calls of MPI are not seen at all");
}

static const size_t sizes[] = {0, 8, 4000, 9000, 100000, 2000000};
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

static void exchange(void)
{
    for (int n = 0; n < SIZES; n++) {
        struct room room = room_make(sizes[n], 0);
        segmsg_request_t *requests[2];
        unsigned char *out = content_make(sizes[n], key_of(check_rank, next(), n));
        segmsg_info_t infos[2];
        int found = 0, done = 0;

        SUCCEEDS(segmsg_isend(handle, next(), 1, out, sizes[n], &requests[0]));
        while (!found) {
            SUCCEEDS(segmsg_probe(handle, before(), 1, &found, &infos[0]));
        }
        SUCCEEDS(segmsg_irecv(handle, before(), 1, room.data, sizes[n], &requests[1]));
        SUCCEEDS(segmsg_test(handle, &requests[1], &done, &infos[1]));
        SUCCEEDS(segmsg_wait(handle, &requests[1], &infos[1]));
        SUCCEEDS(segmsg_wait_all(handle, 2, requests, NULL));
        ROOM(&room, sizes[n], key_of(before(), check_rank, n));
        free(out);
    }
}

static void messages_need_no_mpi(void)
{
    watch(exchange);
}

static void count(void *context, const segmsg_info_t *info, const void *data)
{
    (void) info;
    (void) data;
    ++*(int *) context;
}

static void handle_messages(void)
{
    segmsg_request_t *requests[SIZES];
    unsigned char *out = content_make(sizes[SIZES - 1], 0);
    int seen = 0;

    for (int n = 0; n < SIZES; n++) {
        SUCCEEDS(segmsg_isend(handle, next(), 1, out, sizes[n], &requests[n]));
    }
    while (seen < SIZES) {
        SUCCEEDS(segmsg_poll(handle, count, &seen, NULL));
    }
    SUCCEEDS(segmsg_wait_all(handle, SIZES, requests, NULL));
    free(out);
}

static void handlers_need_no_mpi(void)
{
    watch(handle_messages);
}

static void flood(void)
{
    for (int n = 0; n < 2000; n++) {
        transmit(handle, next(), n, 3000, key_of(check_rank, next(), n));
    }
    for (int n = 0; n < 2000; n++) {
        receive(handle, before(), n, 3000, key_of(before(), check_rank, n));
    }
}

static void full_segments_need_no_mpi(void)
{
    watch(flood);
}

static void reserve_some(void)
{
    for (int n = 0; n < 100; n++) {
        void *place;

        while (SEGMSG_E_BUSY == segmsg_reserve(handle, next(), 1000, &place)) {
            SUCCEEDS(segmsg_poll(handle, NULL, NULL, NULL));
        }
        content_fill(place, 1000, key_of(check_rank, next(), n));
        if (n % 3 == 2) {
            SUCCEEDS(segmsg_cancel(handle));
        } else {
            SUCCEEDS(segmsg_publish(handle, n, 1000));
            receive(handle, before(), n, 1000, key_of(before(), check_rank, n));
        }
    }
}

static void reservations_need_no_mpi(void)
{
    watch(reserve_some);
}

static void ask_and_fail(void)
{
    segmsg_statistics_t statistics = statistics_of(handle);
    char byte = 0;
    int ranks[4];
    segmsg_request_t *request;

    CHECK(statistics.groups > 0, "no groups");
    CHECK(segmsg_rank(handle) == check_rank && segmsg_size(handle) == check_size
              && segmsg_is_reachable(handle, 0) && segmsg_reachable(handle, ranks, 4) > 0
              && segmsg_eager_limit(handle) > 0,
          "wrong answers");
    GIVES(SEGMSG_E_UNREACHABLE, segmsg_send(handle, check_size, 1, &byte, 1));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_send(handle, next(), -1, &byte, 1));
    SUCCEEDS(segmsg_isend(handle, next(), 1, "abc", 3, &request));
    GIVES(SEGMSG_E_TRUNCATED, segmsg_recv(handle, before(), 1, &byte, 1, NULL));
    SUCCEEDS(segmsg_wait(handle, &request, NULL));
    CHECK(segmsg_explanation(), "NULL");
}

static void questions_and_failures_need_no_mpi(void)
{
    watch(ask_and_fail);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(messages_need_no_mpi),
        PROMISE(handlers_need_no_mpi),
        PROMISE(full_segments_need_no_mpi),
        PROMISE(reservations_need_no_mpi),
        PROMISE(questions_and_failures_need_no_mpi),
    };

    return PROMISES_MAIN(argc, argv, "quiet", promises);
}
