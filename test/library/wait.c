/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * wait: segmsg_test, segmsg_wait and segmsg_wait_all: what they return, and what becomes of requests.
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

static void a_request_that_is_null_is_complete(void)
{
    segmsg_t *handle = open_world();
    segmsg_request_t *none = NULL, *nones[3] = {NULL, NULL, NULL};
    int done = 7;

    SUCCEEDS(segmsg_test(handle, &none, &done, NULL));
    CHECK(1 == done, "complete %d", done);
    SUCCEEDS(segmsg_wait(handle, &none, NULL));
    SUCCEEDS(segmsg_wait_all(handle, 3, nones, NULL));
    SUCCEEDS(segmsg_wait_all(handle, 0, NULL, NULL));
    SUCCEEDS(segmsg_wait_all(handle, 0, nones, NULL));
    close_empty(&handle);
}

/* A receive is complete when its message is there, and not before. */
static void a_receive_is_complete_when_its_message_is_there(void)
{
    segmsg_t *handle = open_world();
    const size_t sizes[] = {0, 8, 3000, 100000};

    for (int n = 0; n < 4; n++) {
        struct room room = room_make(sizes[n], 0);
        unsigned char *out = content_make(sizes[n], key_of(check_rank, next(), n));
        segmsg_request_t *receive, *send;
        segmsg_info_t info = {-7, -7, 7};
        int done = 7;

        SUCCEEDS(segmsg_irecv(handle, before(), n, room.data, sizes[n], &receive));
        CHECK(NULL != receive, "no request of a receive that has nothing yet");
        SUCCEEDS(segmsg_test(handle, &receive, &done, &info));
        CHECK(0 == done && NULL != receive, "complete %d, before anything was sent", done);
        INFO(&info, -7, -7, 7);
        MPI_Barrier(MPI_COMM_WORLD);
        SUCCEEDS(segmsg_isend(handle, next(), n, out, sizes[n], &send));
        check_doing("%s: %zu bytes", promise_now, sizes[n]);
        while (!done) {
            SUCCEEDS(segmsg_test(handle, &receive, &done, &info));
            sched_yield();
        }
        CHECK(1 == done && NULL == receive, "complete %d, request %p", done, (void *) receive);
        INFO(&info, before(), n, sizes[n]);
        ROOM(&room, sizes[n], key_of(before(), check_rank, n));
        info = (segmsg_info_t){-7, -7, 7};
        SUCCEEDS(segmsg_wait(handle, &send, &info));
        INFO(&info, 0, 0, 0);
        CHECK(NULL == send, "a send's request is not NULL after segmsg_wait");
        free(out);
        MPI_Barrier(MPI_COMM_WORLD);
    }
    close_empty(&handle);
}

/* With NULL among the requests, without and with infos. */
static void wait_all_ends_all(void)
{
    enum { COUNT = 40 };
    segmsg_t *handle = open_world();

    for (int with = 0; with < 2; with++) {
        segmsg_request_t *requests[3 * COUNT];
        struct room rooms[COUNT];
        unsigned char *out[COUNT];
        segmsg_info_t infos[3 * COUNT];

        for (int n = 0; n < COUNT; n++) {
            rooms[n] = room_make(70 * (size_t) n * (size_t) n, 0);
            out[n] = content_make(rooms[n].bytes, key_of(check_rank, next(), n));
            requests[3 * n] = NULL;
            infos[3 * n] = (segmsg_info_t){-7, -7, 7};
            infos[3 * n + 2] = (segmsg_info_t){-7, -7, 7};
            SUCCEEDS(segmsg_irecv(handle, before(), n, rooms[n].data, rooms[n].bytes,
                                  &requests[3 * n + 1]));
            SUCCEEDS(segmsg_isend(handle, next(), n, out[n], rooms[n].bytes, &requests[3 * n + 2]));
        }
        check_doing("%s: %d requests", promise_now, 3 * COUNT);
        SUCCEEDS(segmsg_wait_all(handle, 3 * COUNT, requests, with ? infos : NULL));
        for (int n = 0; n < COUNT; n++) {
            for (int i = 0; i < 3; i++) {
                CHECK(NULL == requests[3 * n + i], "request %d is not NULL", 3 * n + i);
            }
            if (with) {
                INFO(&infos[3 * n + 1], before(), n, rooms[n].bytes);
                INFO(&infos[3 * n + 2], 0, 0, 0); /* of a send */
            }
            ROOM(&rooms[n], rooms[n].bytes, key_of(before(), check_rank, n));
            free(out[n]);
        }
    }
    close_empty(&handle);
}

/* Requests may be ended in any order, and be used for as long as it takes. */
static void requests_are_ended_in_any_order(void)
{
    enum { COUNT = 500 };
    segmsg_t *handle = open_world();
    segmsg_request_t *receives[COUNT], *sends[COUNT];
    int in[COUNT], out[COUNT], step = 7; /* prime to COUNT */

    for (int round = 0; round < 10; round++) {
        for (int n = 0; n < COUNT; n++) {
            in[n] = -1;
            SUCCEEDS(segmsg_irecv(handle, before(), n, &in[n], sizeof(int), &receives[n]));
        }
        for (int n = 0; n < COUNT; n++) {
            int tag = n * step % COUNT;

            out[n] = check_rank * 100000 + tag;
            SUCCEEDS(segmsg_isend(handle, next(), tag, &out[n], sizeof(int), &sends[n]));
        }
        for (int i = 0; i < COUNT; i++) {
            int n = (i * 3 + round) % COUNT;
            segmsg_info_t info = complete(handle, &receives[n]);

            INFO(&info, before(), n, sizeof(int));
            CHECK(in[n] == before() * 100000 + n, "message %d holds %d", n, in[n]);
            complete(handle, &sends[COUNT - 1 - i]);
        }
    }
    close_empty(&handle);
}

/* A send that is complete at once needs no request. */
static void a_send_that_is_complete_has_no_request(void)
{
    segmsg_t *handle = open_world();
    segmsg_request_t *request = (segmsg_request_t *) &handle;
    size_t large = segmsg_eager_limit(handle) + 100000;
    unsigned char *out = content_make(large, key_of(check_rank, next(), 1));

    SUCCEEDS(segmsg_isend(handle, next(), 1, "abc", 3, &request));
    CHECK(request != (segmsg_request_t *) &handle, "*request was not set");
    complete(handle, &request);
    SUCCEEDS(segmsg_recv(handle, before(), 1, (char[3]){0}, 3, NULL));
    SUCCEEDS(segmsg_isend(handle, next(), 2, out, large, &request));
    receive(handle, before(), 2, large, key_of(before(), check_rank, 1));
    complete(handle, &request);
    free(out);
    close_empty(&handle);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(a_request_that_is_null_is_complete),
        PROMISE(a_receive_is_complete_when_its_message_is_there),
        PROMISE(wait_all_ends_all),
        PROMISE(requests_are_ended_in_any_order),
        PROMISE(a_send_that_is_complete_has_no_request),
    };

    return PROMISES_MAIN(argc, argv, "wait", promises);
}
