/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * truncate: a message longer than the memory it is received into. The receiver is told, and how long
 * it was; the sender is not; what follows is whole.
 *
 * Each rank sends to the next one, which may be itself.
 */
#include "content.h"

enum { TAG = 4 };

struct pair {
    size_t sent, room; /* bytes */
};

/* Messages of every way to go, each into no room, little and all but a byte. */
static int pairs_make(const segmsg_t *handle, struct pair *pairs)
{
    const size_t sizes[] =
        {1,     8,      100,    2000, segmsg_eager_limit(handle), segmsg_eager_limit(handle) + 1,
         40000, 200001, 3000000};
    int count = 0;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const size_t rooms[] = {0, sizes[i] / 2, sizes[i] - 1};

        for (int r = 0; r < 3; r++) {
            pairs[count++] = (struct pair){sizes[i], rooms[r]};
        }
    }
    return count;
}

static int next(void)
{
    return (check_rank + 1) % check_size;
}

static int before(void)
{
    return (check_rank + check_size - 1) % check_size;
}

/* Where to receive: no room has no address. */
static void *address(const struct room *room)
{
    return room->bytes ? room->data : NULL;
}

static void the_receiver_is_told_and_the_sender_is_not(void)
{
    segmsg_t *handle = open_world();
    struct pair pairs[50];
    int count = pairs_make(handle, pairs);

    for (int i = 0; i < count; i++) {
        struct room room = room_make(pairs[i].room, (size_t) i % 5);
        unsigned char *out = content_make(pairs[i].sent, key_of(check_rank, next(), i));
        segmsg_info_t info = {-9, -9, 0};
        segmsg_request_t *request;

        check_doing("%s: %zu bytes into %zu", promise_now, pairs[i].sent, pairs[i].room);
        SUCCEEDS(segmsg_isend(handle, next(), TAG, out, pairs[i].sent, &request));
        GIVES(SEGMSG_E_TRUNCATED,
              segmsg_recv(handle, before(), TAG, address(&room), pairs[i].room, &info));
        INFO(&info, before(), TAG, pairs[i].sent);
        ROOM(&room, pairs[i].room, key_of(before(), check_rank, i));
        complete(handle, &request);
        free(out);
    }
    close_empty(&handle);
}

static void without_info_the_result_tells_too(void)
{
    segmsg_t *handle = open_world();
    segmsg_request_t *requests[2];
    char room[2];

    SUCCEEDS(segmsg_irecv(handle, before(), TAG, room, 2, &requests[0]));
    SUCCEEDS(segmsg_isend(handle, next(), TAG, "abc", 3, &requests[1]));
    GIVES(SEGMSG_E_TRUNCATED, segmsg_wait(handle, &requests[0], NULL));
    CHECK(NULL == requests[0], "the truncated request is not ended");
    CHECK(0 == memcmp(room, "ab", 2), "other content");
    complete(handle, &requests[1]);
    close_empty(&handle);
}

/* Receives that wait, every second of them too short; all have the same tag. */
static void post_pairs(segmsg_t *handle, const struct pair *pairs, int count, struct room *rooms,
                       segmsg_request_t **receives)
{
    for (int i = 0; i < count; i++) {
        rooms[i] = room_make(i % 2 ? pairs[i].sent : pairs[i].room, (size_t) i % 5);
        SUCCEEDS(
            segmsg_irecv(handle, before(), TAG, address(&rooms[i]), rooms[i].bytes, &receives[i]));
    }
}

static void send_pairs(segmsg_t *handle, const struct pair *pairs, int count, unsigned char **out,
                       segmsg_request_t **sends)
{
    for (int i = 0; i < count; i++) {
        out[i] = content_make(pairs[i].sent, key_of(check_rank, next(), i));
        SUCCEEDS(segmsg_isend(handle, next(), TAG, out[i], pairs[i].sent, &sends[i]));
    }
}

static void check_pairs(const struct pair *pairs, int count, struct room *rooms,
                        const segmsg_info_t *infos, unsigned char **out)
{
    for (int i = 0; i < count; i++) {
        INFO(&infos[i], before(), TAG, pairs[i].sent);
        ROOM(&rooms[i], rooms[i].bytes, key_of(before(), check_rank, i));
        free(out[i]);
    }
}

static void the_following_messages_are_whole(void)
{
    segmsg_t *handle = open_world();
    struct pair pairs[50];
    int count = pairs_make(handle, pairs);
    segmsg_request_t *receives[50], *sends[50];
    struct room rooms[50];
    unsigned char *out[50];
    segmsg_info_t infos[50];

    post_pairs(handle, pairs, count, rooms, receives);
    send_pairs(handle, pairs, count, out, sends);
    for (int i = 0; i < count; i++) {
        check_doing("%s: message %d", promise_now, i);
        GIVES(i % 2 ? SEGMSG_SUCCESS : SEGMSG_E_TRUNCATED,
              segmsg_wait(handle, &receives[i], &infos[i]));
    }
    SUCCEEDS(segmsg_wait_all(handle, count, sends, NULL));
    check_pairs(pairs, count, rooms, infos, out);
    close_empty(&handle);
}

static void wait_all_ends_all_and_tells(void)
{
    segmsg_t *handle = open_world();
    struct pair pairs[50];
    int count = pairs_make(handle, pairs);
    segmsg_request_t *requests[100];
    struct room rooms[50];
    unsigned char *out[50];
    segmsg_info_t infos[100];

    post_pairs(handle, pairs, count, rooms, requests);
    send_pairs(handle, pairs, count, out, requests + count);
    check_doing("%s: %d requests", promise_now, 2 * count);
    GIVES(SEGMSG_E_TRUNCATED, segmsg_wait_all(handle, 2 * count, requests, infos));
    for (int i = 0; i < 2 * count; i++) {
        CHECK(NULL == requests[i], "request %d is not ended", i);
    }
    check_pairs(pairs, count, rooms, infos, out);
    close_empty(&handle);
}

static void test_tells(void)
{
    segmsg_t *handle = open_world();
    struct pair pairs[50];
    int count = pairs_make(handle, pairs);
    segmsg_request_t *receives[50], *sends[50];
    struct room rooms[50];
    unsigned char *out[50];
    segmsg_info_t infos[50];

    post_pairs(handle, pairs, count, rooms, receives);
    send_pairs(handle, pairs, count, out, sends);
    for (int i = 0; i < count; i++) {
        segmsg_result_t result = SEGMSG_SUCCESS;

        check_doing("%s: message %d", promise_now, i);
        for (int done = 0; !done;) {
            result = segmsg_test(handle, &receives[i], &done, &infos[i]);
            sched_yield();
        }
        GIVES(i % 2 ? SEGMSG_SUCCESS : SEGMSG_E_TRUNCATED, result);
    }
    SUCCEEDS(segmsg_wait_all(handle, count, sends, NULL));
    check_pairs(pairs, count, rooms, infos, out);
    close_empty(&handle);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(the_receiver_is_told_and_the_sender_is_not),
        PROMISE(without_info_the_result_tells_too),
        PROMISE(the_following_messages_are_whole),
        PROMISE(wait_all_ends_all_and_tells),
        PROMISE(test_tells),
    };

    return PROMISES_MAIN(argc, argv, "truncate", promises);
}
