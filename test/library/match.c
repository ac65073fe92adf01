/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * match: which message a receive gets, by source, tag and wildcards, among receives that wait and
 * among messages that wait.
 */
#include "content.h"

#include <limits.h>

/* A message of a few bytes, or of many where n says so: matching must not depend on it. */
static size_t size_of(int n)
{
    static const size_t sizes[] = {8, 0, 100, 5000, 1, 20000, 64, 90000};

    return sizes[n % 8];
}

/* Send `count` messages to rank 0, the n-th with tag tags[n], then one that ends them. */
static void send_tags(segmsg_t *handle, const int *tags, int count, int first)
{
    segmsg_request_t *requests[200];
    unsigned char *out[200];

    for (int n = 0; n < count; n++) {
        out[n] = content_make(size_of(first + n), key_of(check_rank, 0, first + n));
        SUCCEEDS(segmsg_isend(handle, 0, tags[n], out[n], size_of(first + n), &requests[n]));
    }
    check_doing("%s: %d sends", promise_now, count);
    SUCCEEDS(segmsg_wait_all(handle, count, requests, NULL));
    for (int n = 0; n < count; n++) {
        free(out[n]);
    }
}

static void a_tag_is_chosen_among_messages_that_wait(void)
{
    enum { TAGS = 20 };
    segmsg_t *handle = open_world();
    int tags[TAGS];

    for (int n = 0; n < TAGS; n++) {
        tags[n] = 100 + n;
    }
    if (0 != check_rank) {
        send_tags(handle, tags, TAGS, 0);
    }
    for (int n = TAGS - 1; n >= 0 && 0 == check_rank; n--) {
        for (int source = 1; source < check_size; source++) {
            receive(handle, source, tags[n], size_of(n), key_of(source, 0, n));
        }
    }
    close_empty(&handle);
}

static void a_source_is_chosen_among_messages_that_wait(void)
{
    static const int tags[] = {5, 5, 6, 5};
    segmsg_t *handle = open_world();

    if (0 != check_rank) {
        send_tags(handle, tags, 4, 0);
    }
    for (int source = check_size - 1; source > 0 && 0 == check_rank; source--) {
        for (int n = 0; n < 4; n++) {
            receive_wild(handle, source, SEGMSG_ANY_TAG, source, tags[n], size_of(n),
                         key_of(source, 0, n));
        }
    }
    close_empty(&handle);
}

/* Every source sends one message with each tag; a receive names the tag and takes any source. */
static void any_source_is_taken_with_the_tag(void)
{
    static const int tags[] = {9, 8, 7};
    segmsg_t *handle = open_world();

    if (0 != check_rank) {
        send_tags(handle, tags, 3, 0);
    }
    for (int n = 2; n >= 0 && 0 == check_rank; n--) {
        uint64_t seen = 1;

        for (int i = 1; i < check_size; i++) {
            struct room room = room_make(size_of(n), 0);
            segmsg_info_t info = {-9, -9, 0};

            SUCCEEDS(segmsg_recv(handle, SEGMSG_ANY_SOURCE, tags[n], room.data, room.bytes, &info));
            CHECK(info.source > 0 && info.source < check_size && !(seen >> info.source & 1),
                  "source %d for the second time, or none", info.source);
            seen |= UINT64_C(1) << info.source;
            INFO(&info, info.source, tags[n], size_of(n));
            ROOM(&room, size_of(n), key_of(info.source, 0, n));
        }
    }
    close_empty(&handle);
}

/* Among messages that wait, and among receives that wait. */
static void tags_of_any_size_are_told_apart(void)
{
    static const int tags[] = {0,     1,     INT_MAX,     INT_MAX - 1, 1 << 30, (1 << 16) + 1,
                               65535, 65536, INT_MAX / 2, 255,         256};
    enum { COUNT = sizeof(tags) / sizeof(tags[0]) };
    segmsg_t *handle = open_world();
    segmsg_request_t *requests[COUNT] = {NULL};
    struct room rooms[COUNT];

    for (int n = COUNT - 1; n >= 0 && 0 == check_rank && promise_needs(2); n--) {
        rooms[n] = room_make(size_of(n), 0);
        SUCCEEDS(segmsg_irecv(handle, 1, tags[n], rooms[n].data, size_of(n), &requests[n]));
    }
    MPI_Barrier(MPI_COMM_WORLD);
    for (int turn = 0; turn < 2 && 1 == check_rank; turn++) {
        send_tags(handle, tags, COUNT, 0);
    }
    for (int n = COUNT - 1; n >= 0 && 0 == check_rank && check_size > 1; n--) {
        segmsg_info_t info = complete(handle, &requests[n]);

        INFO(&info, 1, tags[n], size_of(n));
        ROOM(&rooms[n], size_of(n), key_of(1, 0, n));
        receive(handle, 1, tags[n], size_of(n), key_of(1, 0, n));
    }
    close_empty(&handle);
}

static void count_one(void *context, const segmsg_info_t *info, const void *data)
{
    int **next = context;

    (void) data;
    CHECK(info->source == **next, "from %d, where the one from %d came before", info->source,
          **next);
    ++*next;
}

/* Ranks send one after the other, and rank 0 keeps what has come. */
static void the_first_that_came_is_received_or_seen_first(void)
{
    segmsg_t *handle = open_world();
    int order[64], *next = order;

    for (int i = 1; i < check_size; i++) {
        int sender = i % 2 ? (i + 1) / 2 : check_size - i / 2; /* 1, last, 2, last but one, ... */

        order[i - 1] = sender;
        for (int n = 0; n < 2 && sender == check_rank; n++) {
            transmit(handle, 0, n, 8, key_of(sender, 0, n));
        }
        MPI_Barrier(MPI_COMM_WORLD);
        for (int n = 0; n < 100 && 0 == check_rank; n++) {
            SUCCEEDS(segmsg_poll(handle, NULL, NULL, NULL));
        }
        MPI_Barrier(MPI_COMM_WORLD);
    }
    for (int i = 1; i < check_size && 0 == check_rank; i++) {
        receive_wild(handle, SEGMSG_ANY_SOURCE, 1, order[i - 1], 1, 8, key_of(order[i - 1], 0, 1));
    }
    while (0 == check_rank && next < order + check_size - 1) {
        SUCCEEDS(segmsg_poll(handle, count_one, &next, NULL));
    }
    close_empty(&handle);
}

/* What a receive of the model below asks for, and which message it gets (-1: none). */
struct asked {
    int from, tag, gets;
    bool taken;
};

enum {
    MODEL_MESSAGES = 30,
    MODEL_SEEDS = 40,
    TAG_MARK = 3000,   /* of a message that says that what was to be first is there */
    TAG_ENOUGH = 1000, /* of one that says that no more is asked for */
};

/* Random receives and tags; by the contract, which receive gets which message of rank 1. The
 * outcome is the same whether all receives or all messages are first. */
static void model_make(uint64_t seed, struct asked *asked, int *tags)
{
    for (int n = 0; n < MODEL_MESSAGES; n++) {
        uint64_t random = check_mix(seed * 1000 + (uint64_t) n);

        tags[n] = (int) (random % 3);
        tags[MODEL_MESSAGES] = TAG_MARK;
        asked[n] =
            (struct asked){.from = random & 0x100 ? 1 : SEGMSG_ANY_SOURCE,
                           .tag = random & 0x200 ? (int) (random >> 20 & 3) % 3 : SEGMSG_ANY_TAG,
                           .gets = -1};
    }
}

static bool model_match(const struct asked *asked, int tag)
{
    return asked->gets < 0 && (SEGMSG_ANY_TAG == asked->tag || tag == asked->tag);
}

/* Receives first: each message goes to the first of them that it matches. */
static void model_receives_first(struct asked *asked, const int *tags)
{
    for (int m = 0; m < MODEL_MESSAGES; m++) {
        int n = 0;

        while (n < MODEL_MESSAGES && !model_match(&asked[n], tags[m])) {
            n++;
        }
        if (n < MODEL_MESSAGES) {
            asked[n].gets = m;
        }
    }
}

/* Messages first: each receive takes the first of them that it matches. */
static void model_messages_first(struct asked *asked, const int *tags)
{
    bool taken[MODEL_MESSAGES] = {false};

    for (int n = 0; n < MODEL_MESSAGES; n++) {
        for (int m = 0; m < MODEL_MESSAGES && asked[n].gets < 0; m++) {
            if (!taken[m] && model_match(&asked[n], tags[m])) {
                asked[n].gets = m;
                taken[m] = true;
            }
        }
    }
}

/* Receive as the model has it; what it leaves over is ended by messages and receives for it. */
static void model_receive(segmsg_t *handle, const struct asked *asked, const int *tags,
                          segmsg_request_t **requests, struct room *rooms)
{
    bool got[MODEL_MESSAGES] = {false};

    for (int n = 0; n < MODEL_MESSAGES; n++) {
        int m = asked[n].gets;

        if (m >= 0) {
            segmsg_info_t info;

            check_doing("%s: receive %d, message %d", promise_now, n, m);
            info = complete(handle, &requests[n]);
            got[m] = true;
            INFO(&info, 1, tags[m], size_of(m));
            ROOM(&rooms[n], size_of(m), key_of(1, 0, m));
        }
    }
    for (int m = 0; m < MODEL_MESSAGES; m++) {
        if (!got[m]) {
            receive(handle, 1, tags[m], size_of(m), key_of(1, 0, m));
        }
    }
    for (int n = 0; n < MODEL_MESSAGES; n++) {
        int tag = asked[n].tag < 0 ? 0 : asked[n].tag, done = 1;

        if (asked[n].gets < 0) {
            segmsg_info_t info;

            SUCCEEDS(segmsg_test(handle, &requests[n], &done, NULL));
            CHECK(!done, "receive %d has got a message that none is left for", n);
            SUCCEEDS(segmsg_send(handle, 1, tag, NULL, 0)); /* asks rank 1 for one */
            info = complete(handle, &requests[n]);
            INFO(&info, 1, tag, 0);
            free(rooms[n].memory);
        }
    }
    SUCCEEDS(segmsg_send(handle, 1, TAG_ENOUGH, NULL, 0));
}

/* Rank 1 sends, the mark last; then what it is asked for, till it is told that it is enough. */
static void model_send(segmsg_t *handle, const int *tags, bool mark)
{
    segmsg_info_t info = {0, 0, 0};

    send_tags(handle, tags, MODEL_MESSAGES + mark, 0);
    for (;;) {
        SUCCEEDS(segmsg_recv(handle, 0, SEGMSG_ANY_TAG, NULL, 0, &info));
        if (TAG_ENOUGH == info.tag) {
            return;
        }
        SUCCEEDS(segmsg_send(handle, 0, info.tag, NULL, 0));
    }
}

static void model_post(segmsg_t *handle, const struct asked *asked, segmsg_request_t **requests,
                       struct room *rooms)
{
    for (int n = 0; n < MODEL_MESSAGES; n++) {
        rooms[n] = room_make(100000, 0);
        SUCCEEDS(segmsg_irecv(handle, asked[n].from, asked[n].tag, rooms[n].data, rooms[n].bytes,
                              &requests[n]));
    }
}

/* Until the mark is there, and so all that was sent before it. */
static void wait_for_mark(segmsg_t *handle)
{
    segmsg_info_t info;

    for (int found = 0; !found;) {
        SUCCEEDS(segmsg_probe(handle, 1, TAG_MARK, &found, &info));
        sched_yield();
    }
    receive(handle, 1, TAG_MARK, size_of(MODEL_MESSAGES), key_of(1, 0, MODEL_MESSAGES));
}

static void compare_with_model(segmsg_t *handle, uint64_t seed, bool receives_first)
{
    struct asked asked[MODEL_MESSAGES];
    segmsg_request_t *requests[MODEL_MESSAGES];
    struct room rooms[MODEL_MESSAGES];
    int tags[MODEL_MESSAGES + 1];

    check_doing("%s: seed %d", promise_now, (int) seed);
    model_make(seed, asked, tags);
    if (1 == check_rank) {
        if (receives_first) {
            SUCCEEDS(segmsg_recv(handle, 0, TAG_MARK, NULL, 0, NULL));
        }
        model_send(handle, tags, !receives_first);
        return;
    }
    if (receives_first) {
        model_receives_first(asked, tags);
        model_post(handle, asked, requests, rooms);
        SUCCEEDS(segmsg_send(handle, 1, TAG_MARK, NULL, 0));
    } else {
        model_messages_first(asked, tags);
        wait_for_mark(handle);
        model_post(handle, asked, requests, rooms);
    }
    model_receive(handle, asked, tags, requests, rooms);
}

static void the_receive_that_was_first_gets_a_message(void)
{
    segmsg_t *handle = open_world();

    for (uint64_t seed = 0; seed < MODEL_SEEDS && promise_needs(2) && check_rank < 2; seed++) {
        compare_with_model(handle, seed, true);
    }
    close_empty(&handle);
}

static void the_message_that_was_first_goes_to_a_receive(void)
{
    segmsg_t *handle = open_world();

    for (uint64_t seed = 0; seed < MODEL_SEEDS && promise_needs(2) && check_rank < 2; seed++) {
        compare_with_model(handle, seed, false);
    }
    close_empty(&handle);
}

/* Receives that name their sources, from all of them, in rising or in falling order. */
static void wait_for_sources(segmsg_t *handle, bool rising)
{
    static const int tags[] = {5, 5, 5};
    segmsg_request_t *requests[3 * 64];
    struct room rooms[3 * 64];

    for (int i = 0; i < 3 * (check_size - 1) && 0 == check_rank; i++) {
        int source = rising ? 1 + i / 3 : check_size - 1 - i / 3;

        rooms[i] = room_make(size_of(i % 3), 0);
        SUCCEEDS(segmsg_irecv(handle, source, i % 2 ? 5 : SEGMSG_ANY_TAG, rooms[i].data,
                              size_of(i % 3), &requests[i]));
    }
    for (int i = 1; i < check_size; i++) { /* those come first whose receives are last */
        MPI_Barrier(MPI_COMM_WORLD);
        if (check_rank == (rising ? check_size - i : i)) {
            send_tags(handle, tags, 3, 0);
        }
        MPI_Barrier(MPI_COMM_WORLD);
        for (int n = 0; n < 100 && 0 == check_rank; n++) {
            SUCCEEDS(segmsg_poll(handle, NULL, NULL, NULL));
        }
    }
    for (int i = 0; i < 3 * (check_size - 1) && 0 == check_rank; i++) {
        int source = rising ? 1 + i / 3 : check_size - 1 - i / 3;
        segmsg_info_t info = complete(handle, &requests[i]);

        INFO(&info, source, 5, size_of(i % 3));
        ROOM(&rooms[i], size_of(i % 3), key_of(source, 0, i % 3));
    }
}

static void a_receive_waits_for_its_source(void)
{
    segmsg_t *handle = open_world();

    wait_for_sources(handle, true);
    MPI_Barrier(MPI_COMM_WORLD);
    wait_for_sources(handle, false);
    close_empty(&handle);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(a_tag_is_chosen_among_messages_that_wait),
        PROMISE(a_source_is_chosen_among_messages_that_wait),
        PROMISE(any_source_is_taken_with_the_tag),
        PROMISE(a_receive_waits_for_its_source),
        PROMISE(tags_of_any_size_are_told_apart),
        PROMISE(the_first_that_came_is_received_or_seen_first),
        PROMISE(the_receive_that_was_first_gets_a_message),
        PROMISE(the_message_that_was_first_goes_to_a_receive),
    };

    return PROMISES_MAIN(argc, argv, "match", promises);
}
