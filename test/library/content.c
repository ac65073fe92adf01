/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * content: messages of every length arrive whole, from memory of every alignment, and nothing else
 * is written.
 *
 * Ranks stand in a ring; each sends to the next and receives from the one before. Rank 0 sends
 * first where sending may wait for the receiver.
 */
#include "content.h"

enum { LARGEST = 4 << 20 }; /* bytes; only huge() has longer ones */

static int next(void)
{
    return (check_rank + 1) % check_size;
}

static int before(void)
{
    return (check_rank + check_size - 1) % check_size;
}

static void every_size_arrives_whole(void)
{
    segmsg_t *handle = open_world();
    long *sizes = sizes_of(handle, LARGEST);

    for (int i = 0; sizes[i] >= 0 && promise_needs(2); i++) {
        size_t bytes = (size_t) sizes[i];

        for (int turn = 0; turn < 2; turn++) {
            if (turn == (0 != check_rank)) {
                transmit(handle, next(), i, bytes, key_of(check_rank, next(), i));
            } else {
                receive(handle, before(), i, bytes, key_of(before(), check_rank, i));
            }
        }
    }
    free(sizes);
    close_empty(&handle);
}

/* All sizes are under way at once, to the next rank and to the one before. */
static void every_size_arrives_whole_when_many_are_under_way(void)
{
    segmsg_t *handle = open_world();
    long *sizes = sizes_of(handle, 600000);
    int peers[] = {next(), before()}, count = 0;
    segmsg_request_t *receives[1000], *sends[1000];
    struct room rooms[1000];
    unsigned char *out[1000];

    for (int i = 0; sizes[i] >= 0; i++) {
        for (int p = 0; p < 2; p++, count++) {
            rooms[count] = room_make((size_t) sizes[i], (size_t) i % 9);
            SUCCEEDS(segmsg_irecv(handle, peers[1 - p], 2 * i + p, rooms[count].data,
                                  (size_t) sizes[i], &receives[count]));
        }
    }
    for (int n = 0; n < count; n++) {
        out[n] = content_make((size_t) sizes[n / 2], key_of(check_rank, peers[n % 2], n));
        SUCCEEDS(segmsg_isend(handle, peers[n % 2], n, out[n], (size_t) sizes[n / 2], &sends[n]));
    }
    check_doing("%s: %d messages", promise_now, count);
    SUCCEEDS(segmsg_wait_all(handle, count, sends, NULL));
    for (int n = 0; n < count; n++) {
        int from = peers[1 - n % 2];
        segmsg_info_t info = complete(handle, &receives[n]);

        INFO(&info, from, n, (size_t) sizes[n / 2]);
        ROOM(&rooms[n], (size_t) sizes[n / 2], key_of(from, check_rank, n));
        free(out[n]);
    }
    free(sizes);
    close_empty(&handle);
}

/* They come before they are asked for, and are asked for in the opposite order. */
static void every_size_is_kept_until_it_is_received(void)
{
    segmsg_t *handle = open_world();
    long *sizes = sizes_of(handle, 300000);
    segmsg_request_t *sends[1000];
    unsigned char *out[1000];
    int count = 0;

    for (; sizes[count] >= 0; count++) {
        size_t bytes = (size_t) sizes[count];

        out[count] = content_make(bytes, key_of(check_rank, next(), count));
        SUCCEEDS(segmsg_isend(handle, next(), count, out[count], bytes, &sends[count]));
    }
    for (int n = count - 1; n >= 0; n--) {
        receive(handle, before(), n, (size_t) sizes[n], key_of(before(), check_rank, n));
    }
    check_doing("%s: the sends", promise_now);
    SUCCEEDS(segmsg_wait_all(handle, count, sends, NULL));
    for (int n = 0; n < count; n++) {
        free(out[n]);
    }
    free(sizes);
    close_empty(&handle);
}

/* One message from and to memory at these distances from an aligned address. */
static void send_aligned(segmsg_t *handle, size_t bytes, size_t from_shift, size_t to_shift)
{
    uint64_t key = key_of(before(), check_rank, (int) bytes);
    struct room room = room_make(bytes, to_shift);
    unsigned char *out = check_allocate(bytes + from_shift);
    segmsg_request_t *request;
    segmsg_info_t info;

    content_fill(out + from_shift, bytes, key_of(check_rank, next(), (int) bytes));
    SUCCEEDS(segmsg_isend(handle, next(), 1, out + from_shift, bytes, &request));
    SUCCEEDS(segmsg_recv(handle, before(), 1, room.data, bytes, &info));
    complete(handle, &request);
    INFO(&info, before(), 1, bytes);
    ROOM(&room, bytes, key);
    free(out);
}

static void any_alignment_will_do(void)
{
    segmsg_t *handle = open_world();
    const size_t sizes[] = {1,
                            7,
                            8,
                            24,
                            55,
                            56,
                            57,
                            63,
                            64,
                            65,
                            120,
                            500,
                            1030,
                            9001,
                            70001,
                            300001,
                            segmsg_eager_limit(handle),
                            segmsg_eager_limit(handle) + 1};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        check_doing("%s: %zu bytes", promise_now, sizes[i]);
        for (size_t from = 0; from < 9; from++) {
            for (size_t to = 0; to<9; to += sizes[i]> 10000 ? 3 : 1) {
                send_aligned(handle, sizes[i], from, to);
            }
        }
    }
    close_empty(&handle);
}

/* As soon as segmsg_send returns; transmit() writes to it. So many that segments are full. */
static void what_was_sent_may_be_written_to(void)
{
    enum { MESSAGES = 300 };
    segmsg_t *handle = open_world();
    size_t eager = segmsg_eager_limit(handle),
           sizes[] = {eager, eager + 1, 8, 3 * eager, eager / 2};

    for (int turn = 0; turn < 2 && promise_needs(2); turn++) {
        for (int n = 0; n < MESSAGES; n++) {
            size_t bytes = sizes[n % 5];

            if (turn == (0 != check_rank)) {
                transmit(handle, next(), n, bytes, key_of(check_rank, next(), n));
            } else {
                receive(handle, before(), n, bytes, key_of(before(), check_rank, n));
            }
        }
    }
    close_empty(&handle);
}

static void messages_of_no_byte_need_no_memory(void)
{
    segmsg_t *handle = open_world();
    segmsg_request_t *requests[2];
    segmsg_info_t infos[2] = {{-9, -9, 9}, {-9, -9, 9}};
    struct room room = room_make(100, 0);

    SUCCEEDS(segmsg_irecv(handle, before(), 3, NULL, 0, &requests[0]));
    SUCCEEDS(segmsg_isend(handle, next(), 3, NULL, 0, &requests[1]));
    SUCCEEDS(segmsg_wait_all(handle, 2, requests, infos));
    INFO(&infos[0], before(), 3, 0);
    SUCCEEDS(segmsg_send(handle, next(), 4, NULL, 0));
    SUCCEEDS(segmsg_recv(handle, before(), 4, room.data, 100, &infos[0]));
    INFO(&infos[0], before(), 4, 0);
    ROOM(&room, 0, 0);
    close_empty(&handle);
}

/* Shorter messages than there is room for: the rest stays as it was. */
static void only_the_message_is_written(void)
{
    segmsg_t *handle = open_world();
    long *sizes = sizes_of(handle, 300000);

    for (int i = 0; sizes[i] >= 0; i++) {
        size_t bytes = (size_t) sizes[i];
        struct room room = room_make(bytes + 1 + (size_t) i, 0);
        unsigned char *out = content_make(bytes, key_of(check_rank, next(), i));
        segmsg_request_t *request;
        segmsg_info_t info;

        SUCCEEDS(segmsg_isend(handle, next(), i, out, bytes, &request));
        SUCCEEDS(segmsg_recv(handle, before(), i, room.data, room.bytes, &info));
        complete(handle, &request);
        INFO(&info, before(), i, bytes);
        ROOM(&room, bytes, key_of(before(), check_rank, i));
        free(out);
    }
    free(sizes);
    close_empty(&handle);
}

/* Megabytes, odd and even, both ways at once, between the first rank and the last. */
static void huge_messages_cross(void)
{
    static const size_t sizes[] = {16 << 20, (16 << 20) - 1, (16 << 20) + 63, 11111111};
    segmsg_t *handle = open_world();
    int peer = check_size - 1 - check_rank;
    bool takes_part = 0 == check_rank || 0 == peer;

    for (int i = 0; i < 4 && takes_part && promise_needs(2); i++) {
        struct room room = room_make(sizes[i], (size_t) i);
        unsigned char *out = content_make(sizes[i], key_of(check_rank, peer, i));
        segmsg_request_t *requests[2];
        segmsg_info_t infos[2];

        check_doing("%s: %zu bytes", promise_now, sizes[i]);
        if (i % 2) {
            SUCCEEDS(segmsg_irecv(handle, peer, i, room.data, sizes[i], &requests[0]));
            SUCCEEDS(segmsg_isend(handle, peer, i, out, sizes[i], &requests[1]));
            SUCCEEDS(segmsg_wait_all(handle, 2, requests, infos));
        } else {
            SUCCEEDS(segmsg_isend(handle, peer, i, out, sizes[i], &requests[1]));
            SUCCEEDS(segmsg_recv(handle, peer, i, room.data, sizes[i], &infos[0]));
            complete(handle, &requests[1]);
        }
        INFO(&infos[0], peer, i, sizes[i]);
        ROOM(&room, sizes[i], key_of(peer, check_rank, i));
        free(out);
    }
    close_empty(&handle);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(every_size_arrives_whole),
        PROMISE(every_size_arrives_whole_when_many_are_under_way),
        PROMISE(every_size_is_kept_until_it_is_received),
        PROMISE(any_alignment_will_do),
        PROMISE(what_was_sent_may_be_written_to),
        PROMISE(messages_of_no_byte_need_no_memory),
        PROMISE(only_the_message_is_written),
        PROMISE(huge_messages_cross),
    };

    return PROMISES_MAIN(argc, argv, "content", promises);
}
