/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * progress: a process that waits in any blocking function serves all its peers.
 *
 * Rank 0 has begun to receive from rank 2, and then waits for rank 1 in some function. Rank 1 does
 * what ends that only after rank 2 told it that all its sends to rank 0 are complete. Were rank 0 to
 * serve rank 1 alone, all three would hang.
 */
#include "content.h"

enum { COUNT = 8, LARGE = 300000, TAG_TOLD = 50, TAG_GO = 51, TAG_MEET = 52 };

/* How rank 0 waits for rank 1. */
typedef void (*wait_t)(segmsg_t *handle);

static size_t size_of(int n)
{
    static const size_t sizes[] = {LARGE, 8, 20000, LARGE, 0, 5000, 64, 100001};

    return sizes[n % COUNT];
}

static void rank_2(segmsg_t *handle)
{
    for (int n = 0; n < COUNT; n++) {
        transmit(handle, 0, n, size_of(n), key_of(2, 0, n));
    }
    SUCCEEDS(segmsg_send(handle, 1, TAG_TOLD, NULL, 0));
}

static void rank_0(segmsg_t *handle, wait_t wait_for_rank_1)
{
    segmsg_request_t *requests[COUNT];
    struct room rooms[COUNT];

    for (int n = 0; n < COUNT; n++) {
        rooms[n] = room_make(size_of(n), 0);
        SUCCEEDS(segmsg_irecv(handle, 2, n, rooms[n].data, size_of(n), &requests[n]));
    }
    check_doing("%s: rank 1", promise_now);
    wait_for_rank_1(handle);
    for (int n = 0; n < COUNT; n++) {
        segmsg_info_t info = complete(handle, &requests[n]);

        INFO(&info, 2, n, size_of(n));
        ROOM(&rooms[n], size_of(n), key_of(2, 0, n));
    }
}

/* Let all know each other: whom a rank has heard of already it may have ways to look at alone. */
static void meet(segmsg_t *handle)
{
    for (int to = 0; to < 3; to++) {
        if (to != check_rank) {
            transmit(handle, to, TAG_MEET, 8, key_of(check_rank, to, 0));
        }
    }
    for (int from = 0; from < 3; from++) {
        if (from != check_rank) {
            receive(handle, from, TAG_MEET, 8, key_of(from, check_rank, 0));
        }
    }
}

/* rank_1 says what rank 1 does to end rank 0's waiting. */
static void serve(wait_t wait_for_rank_1, wait_t rank_1)
{
    segmsg_t *handle = open_world();

    if (!promise_needs(3)) {
        close_empty(&handle);
        return;
    }
    if (check_rank < 3) {
        meet(handle);
    }
    if (0 == check_rank) {
        rank_0(handle, wait_for_rank_1);
    } else if (1 == check_rank) {
        receive(handle, 2, TAG_TOLD, 0, 0);
        rank_1(handle);
    } else if (2 == check_rank) {
        rank_2(handle);
    }
    close_empty(&handle);
}

static void send_go(segmsg_t *handle)
{
    transmit(handle, 0, TAG_GO, LARGE, key_of(1, 0, 99));
}

static void by_recv(segmsg_t *handle)
{
    receive(handle, 1, TAG_GO, LARGE, key_of(1, 0, 99));
}

static void receiving_serves_all(void)
{
    serve(by_recv, send_go);
}

static void by_wait(segmsg_t *handle)
{
    struct room room = room_make(LARGE, 0);
    segmsg_request_t *request;

    SUCCEEDS(segmsg_irecv(handle, 1, TAG_GO, room.data, LARGE, &request));
    complete(handle, &request);
    ROOM(&room, LARGE, key_of(1, 0, 99));
}

static void waiting_serves_all(void)
{
    serve(by_wait, send_go);
}

static void by_wait_all(segmsg_t *handle)
{
    struct room room = room_make(LARGE, 0);
    segmsg_request_t *requests[2] = {NULL, NULL};

    SUCCEEDS(segmsg_irecv(handle, 1, TAG_GO, room.data, LARGE, &requests[1]));
    SUCCEEDS(segmsg_wait_all(handle, 2, requests, NULL));
    ROOM(&room, LARGE, key_of(1, 0, 99));
}

static void waiting_for_all_serves_all(void)
{
    serve(by_wait_all, send_go);
}

static void receive_go(segmsg_t *handle)
{
    receive(handle, 0, TAG_GO, LARGE, key_of(0, 1, 99));
}

static void by_send(segmsg_t *handle)
{
    transmit(handle, 1, TAG_GO, LARGE, key_of(0, 1, 99));
}

static void sending_serves_all(void)
{
    serve(by_send, receive_go);
}

/* So many short ones that they find no room, until rank 1 receives. */
enum { FLOOD = 3000, FLOOD_BYTES = 2000 };

static void receive_flood(segmsg_t *handle)
{
    for (int n = 0; n < FLOOD; n++) {
        receive(handle, 0, n, FLOOD_BYTES, key_of(0, 1, n));
    }
}

static void by_sending_a_flood(segmsg_t *handle)
{
    for (int n = 0; n < FLOOD; n++) {
        transmit(handle, 1, n, FLOOD_BYTES, key_of(0, 1, n));
    }
}

static void sending_without_room_serves_all(void)
{
    serve(by_sending_a_flood, receive_flood);
}

static void by_testing(segmsg_t *handle)
{
    struct room room = room_make(LARGE, 0);
    segmsg_request_t *request;

    SUCCEEDS(segmsg_irecv(handle, 1, TAG_GO, room.data, LARGE, &request));
    for (int done = 0; !done; sched_yield()) {
        SUCCEEDS(segmsg_test(handle, &request, &done, NULL));
    }
    ROOM(&room, LARGE, key_of(1, 0, 99));
}

static void testing_moves_all(void)
{
    serve(by_testing, send_go);
}

static void by_testing_nothing(segmsg_t *handle)
{
    segmsg_request_t *none = NULL;
    segmsg_info_t info = {0, 0, 0};
    int done, found = 0;

    while (!found) {
        for (int n = 0; n < 10; n++) {
            SUCCEEDS(segmsg_test(handle, &none, &done, NULL));
        }
        SUCCEEDS(segmsg_probe(handle, 1, TAG_GO, &found, &info));
        sched_yield();
    }
    by_recv(handle);
}

static void probing_moves_all(void)
{
    serve(by_testing_nothing, send_go);
}

static void see_go(void *context, const segmsg_info_t *info, const void *data)
{
    INFO(info, 1, TAG_GO, LARGE);
    CONTENT(data, LARGE, key_of(1, 0, 99));
    *(bool *) context = true;
}

static void by_polling(segmsg_t *handle)
{
    for (bool seen = false; !seen; sched_yield()) {
        SUCCEEDS(segmsg_poll(handle, see_go, &seen, NULL));
    }
}

static void polling_moves_all(void)
{
    serve(by_polling, send_go);
}

static void by_poll_wait(segmsg_t *handle)
{
    for (bool seen = false; !seen;) {
        SUCCEEDS(segmsg_poll_wait(handle, see_go, &seen, NULL));
    }
}

static void polling_and_waiting_serves_all(void)
{
    serve(by_poll_wait, send_go);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(receiving_serves_all),
        PROMISE(waiting_serves_all),
        PROMISE(waiting_for_all_serves_all),
        PROMISE(sending_serves_all),
        PROMISE(sending_without_room_serves_all),
        PROMISE(testing_moves_all),
        PROMISE(probing_moves_all),
        PROMISE(polling_moves_all),
        PROMISE(polling_and_waiting_serves_all),
    };

    return PROMISES_MAIN(argc, argv, "progress", promises);
}
