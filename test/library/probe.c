/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * probe: tells of a message that has come, and leaves it there.
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

/* Probe until it is found. */
static segmsg_info_t find(segmsg_t *handle, int from, int tag)
{
    segmsg_info_t info = {-9, -9, 0};
    int found = 0;

    check_doing("%s: probe for %d, tag %d", promise_now, from, tag);
    while (!found) {
        SUCCEEDS(segmsg_probe(handle, from, tag, &found, &info));
        CHECK(0 == found || 1 == found, "found %d", found);
        sched_yield();
    }
    return info;
}

static void nothing_is_found_where_nothing_came(void)
{
    segmsg_t *handle = open_world();
    segmsg_info_t info;
    int found = 7;

    SUCCEEDS(segmsg_probe(handle, SEGMSG_ANY_SOURCE, SEGMSG_ANY_TAG, &found, &info));
    CHECK(0 == found, "found %d", found);
    MPI_Barrier(MPI_COMM_WORLD);
    SUCCEEDS(segmsg_send(handle, next(), 5, "abc", 3));
    find(handle, before(), 5);
    found = 7;
    SUCCEEDS(segmsg_probe(handle, before(), 6, &found, &info));
    CHECK(0 == found, "a message with tag 5 was found for tag 6");
    if (check_size > 1) {
        SUCCEEDS(segmsg_probe(handle, next(), check_size > 2 ? 5 : 4, &found, &info));
        CHECK(0 == found, "a message of another rank was found");
    }
    SUCCEEDS(segmsg_recv(handle, before(), 5, (char[3]){0}, 3, NULL));
    SUCCEEDS(segmsg_probe(handle, before(), 5, &found, &info));
    CHECK(0 == found, "a message was found that had been received");
    close_empty(&handle);
}

static void what_is_found_is_told_and_stays(void)
{
    segmsg_t *handle = open_world();
    long *sizes = sizes_of(handle, 1000000);

    for (int n = 0; sizes[n] >= 0; n++) {
        size_t bytes = (size_t) sizes[n];
        unsigned char *out = content_make(bytes, key_of(check_rank, next(), n));
        segmsg_request_t *request;
        segmsg_info_t info;

        SUCCEEDS(segmsg_isend(handle, next(), n, out, bytes, &request));
        for (int again = 0; again < 3; again++) {
            info =
                find(handle, again ? before() : SEGMSG_ANY_SOURCE, again > 1 ? n : SEGMSG_ANY_TAG);
            INFO(&info, before(), n, bytes);
        }
        receive(handle, before(), n, bytes, key_of(before(), check_rank, n));
        complete(handle, &request);
        free(out);
    }
    free(sizes);
    close_empty(&handle);
}

/* It tells of the message that the same receive would get. */
static void the_first_that_matches_is_found(void)
{
    segmsg_t *handle = open_world();
    static const int tags[] = {3, 4, 3, 5, 4};
    segmsg_info_t info;

    for (int n = 0; n < 5; n++) {
        transmit(handle, next(), tags[n], 10 + (size_t) n, key_of(check_rank, next(), n));
    }
    find(handle, before(), 5); /* the first three have come as well */
    info = find(handle, before(), 4);
    INFO(&info, before(), 4, 11);
    info = find(handle, before(), SEGMSG_ANY_TAG);
    INFO(&info, before(), 3, 10);
    receive(handle, before(), 4, 11, key_of(before(), check_rank, 1));
    info = find(handle, SEGMSG_ANY_SOURCE, 4);
    INFO(&info, before(), 4, 14);
    receive(handle, before(), 3, 10, key_of(before(), check_rank, 0));
    info = find(handle, SEGMSG_ANY_SOURCE, SEGMSG_ANY_TAG);
    INFO(&info, before(), 3, 12);
    receive(handle, before(), 3, 12, key_of(before(), check_rank, 2));
    receive(handle, before(), 5, 13, key_of(before(), check_rank, 3));
    receive(handle, before(), 4, 14, key_of(before(), check_rank, 4));
    close_empty(&handle);
}

/* A message that a pending receive gets is not there for others. */
static void what_a_receive_gets_is_not_found(void)
{
    segmsg_t *handle = open_world();
    struct room room = room_make(5, 0);
    segmsg_request_t *request;
    segmsg_info_t info;
    int found;

    SUCCEEDS(segmsg_irecv(handle, SEGMSG_ANY_SOURCE, SEGMSG_ANY_TAG, room.data, 5, &request));
    transmit(handle, next(), 1, 5, key_of(check_rank, next(), 0));
    transmit(handle, next(), 2, 6, key_of(check_rank, next(), 1));
    info = find(handle, before(), SEGMSG_ANY_TAG);
    INFO(&info, before(), 2, 6);
    SUCCEEDS(segmsg_probe(handle, before(), 1, &found, &info));
    CHECK(!found, "found, though a receive has it");
    info = complete(handle, &request);
    INFO(&info, before(), 1, 5);
    ROOM(&room, 5, key_of(before(), check_rank, 0));
    receive(handle, before(), 2, 6, key_of(before(), check_rank, 1));
    close_empty(&handle);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(nothing_is_found_where_nothing_came),
        PROMISE(what_is_found_is_told_and_stays),
        PROMISE(the_first_that_matches_is_found),
        PROMISE(what_a_receive_gets_is_not_found),
    };

    return PROMISES_MAIN(argc, argv, "probe", promises);
}
