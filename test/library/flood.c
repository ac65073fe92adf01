/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * flood: more messages than segments hold, all ways at once. Short ones go out without their
 * receivers, so that all ranks may send before any receives; long ones may cross if they are begun.
 */
#include "content.h"

/* Short messages, up to the eager limit, to and from each other rank; in all they are many times what segments hold. */
static int per_pair(void)
{
    return 8000 / check_size;
}

static size_t size_of(const segmsg_t *handle, int n)
{
    size_t eager = segmsg_eager_limit(handle);
    const size_t sizes[] = {8, eager, 64, 0, 1000, eager / 3, 200, 3, eager - 1, 500};

    return sizes[n % 10] < eager ? sizes[n % 10] : eager;
}

static void receive_all(segmsg_t *handle, int count)
{
    for (int n = 0; n < count; n++) {
        for (int i = 1; i < check_size; i++) {
            int from = (check_rank + i) % check_size;

            receive(handle, from, n % 7, size_of(handle, n), key_of(from, check_rank, n));
        }
    }
}

static void all_may_send_short_messages_before_any_receives(void)
{
    segmsg_t *handle = open_world();

    for (int n = 0; n < per_pair(); n++) {
        for (int i = 1; i < check_size; i++) {
            int to = (check_rank + i) % check_size;

            transmit(handle, to, n % 7, size_of(handle, n), key_of(check_rank, to, n));
        }
    }
    receive_all(handle, per_pair());
    close_empty(&handle);
}

/* The same, to one peer after the other, and begun all at once. */
static void all_may_begin_to_send_before_any_receives(void)
{
    segmsg_t *handle = open_world();
    int count = per_pair() / 4, begun = 0, all = count * (check_size - 1);
    segmsg_request_t **requests = check_allocate((size_t) (all + 1) * sizeof(*requests));
    unsigned char **out = check_allocate((size_t) (all + 1) * sizeof(*out));

    for (int i = 1; i < check_size; i++) {
        int to = (check_rank + i) % check_size;

        for (int n = 0; n < count; n++, begun++) {
            out[begun] = content_make(size_of(handle, n), key_of(check_rank, to, n));
            SUCCEEDS(
                segmsg_isend(handle, to, n % 7, out[begun], size_of(handle, n), &requests[begun]));
        }
    }
    receive_all(handle, count);
    check_doing("%s: %d sends", promise_now, begun);
    SUCCEEDS(segmsg_wait_all(handle, begun, requests, NULL));
    for (int n = 0; n < begun; n++) {
        free(out[n]);
    }
    free(out);
    free(requests);
    close_empty(&handle);
}

/* Rank 0 is away, and then receives from all. */
static void many_may_send_to_one(void)
{
    segmsg_t *handle = open_world();
    int count = per_pair() / 2;

    if (0 == check_rank) {
        const struct timespec pause = {0, 200000000};

        nanosleep(&pause, NULL);
        receive_all(handle, count);
    }
    for (int n = 0; n < count && 0 != check_rank; n++) {
        transmit(handle, 0, n % 7, size_of(handle, n), key_of(check_rank, 0, n));
    }
    close_empty(&handle);
}

/* Rank 0 receives from whoever comes; of each, in order. */
static void many_may_send_to_one_that_takes_any(void)
{
    enum { LARGEST = 200000 };
    static const size_t sizes[] = {8, 70000, 100, 8321, 0, 5000, 200000, 64};
    segmsg_t *handle = open_world();
    int count = 1600 / check_size, all = count * (check_size - 1);
    int *received = calloc((size_t) check_size, sizeof(int));
    unsigned char *room = check_allocate(LARGEST);

    for (int n = 0; n < all && 0 == check_rank; n++) {
        segmsg_info_t info = {0, 0, 0};
        int m;

        check_doing("%s: message %d of %d", promise_now, n, all);
        SUCCEEDS(segmsg_recv(handle, SEGMSG_ANY_SOURCE, SEGMSG_ANY_TAG, room, LARGEST, &info));
        m = received[info.source]++;
        INFO(&info, info.source, m, sizes[m % 8]);
        CONTENT(room, sizes[m % 8], key_of(info.source, 0, m));
    }
    for (int n = 0; n < count && 0 != check_rank; n++) {
        transmit(handle, 0, n, sizes[n % 8], key_of(check_rank, 0, n));
    }
    for (int from = 1; from < check_size && 0 == check_rank; from++) {
        CHECK(received[from] == count, "%d messages from %d", received[from], from);
    }
    free(received);
    free(room);
    close_empty(&handle);
}

/* Long messages from all to all are begun, and only then received. */
static void long_messages_may_cross_if_they_are_begun(void)
{
    enum { EACH = 4 };
    static const size_t sizes[EACH] = {100000, 9000, 1000001, 50000};
    segmsg_t *handle = open_world();
    int begun = 0;
    segmsg_request_t *requests[EACH * 64];
    unsigned char *out[EACH * 64];

    for (int i = 1; i < check_size; i++) {
        int to = (check_rank + i) % check_size;

        for (int n = 0; n < EACH; n++, begun++) {
            out[begun] = content_make(sizes[n], key_of(check_rank, to, n));
            SUCCEEDS(segmsg_isend(handle, to, n, out[begun], sizes[n], &requests[begun]));
        }
    }
    for (int i = 1; i < check_size; i++) {
        int from = (check_rank + check_size - i) % check_size;

        for (int n = EACH - 1; n >= 0; n--) {
            receive(handle, from, n, sizes[n], key_of(from, check_rank, n));
        }
    }
    check_doing("%s: %d sends", promise_now, begun);
    SUCCEEDS(segmsg_wait_all(handle, begun, requests, NULL));
    for (int n = 0; n < begun; n++) {
        free(out[n]);
    }
    close_empty(&handle);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(all_may_send_short_messages_before_any_receives),
        PROMISE(all_may_begin_to_send_before_any_receives),
        PROMISE(many_may_send_to_one),
        PROMISE(many_may_send_to_one_that_takes_any),
        PROMISE(long_messages_may_cross_if_they_are_begun),
    };

    return PROMISES_MAIN(argc, argv, "flood", promises);
}
