/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * many: as many receives and messages as one likes wait for each other, in any order, and each is found at
 * once. How long a search takes is measured by the same number that need none.
 */
#include "content.h"

enum { MANY = 100000, SANITIZED = 10000, TIMES = 20 };
static const double least = 0.5; /* seconds: less is not told from other things */

static int next(void)
{
    return (check_rank + 1) % check_size;
}

static int before(void)
{
    return (check_rank + check_size - 1) % check_size;
}

typedef int order_fn_t(int n, int count);

static int forward(int n, int count)
{
    (void) count;
    return n;
}

static int reverse(int n, int count)
{
    return count - 1 - n;
}

/* Every one once, far from the one before. */
static int scattered(int n, int count)
{
    return (int) ((long) n * 7919 % count);
}

static int how_many(void)
{
    return getenv("SEGMSG_TEST_SANITIZED") ? SANITIZED : MANY;
}

static double processor_time(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double) time.tv_sec + 1e-9 * (double) time.tv_nsec;
}

/* Send numbers to the next rank with tags in this order, and end it. */
static void send_all(segmsg_t *handle, order_fn_t *order, int *numbers, segmsg_request_t **requests)
{
    int count = how_many();

    for (int i = 0; i < count; i++) {
        int n = order(i, count);

        numbers[n] = n + 1;
        SUCCEEDS(segmsg_isend(handle, next(), n, &numbers[n], sizeof(int), &requests[i]));
    }
}

static void check_numbers(const int *numbers)
{
    for (int n = 0; n < how_many(); n++) {
        CHECK(numbers[n] == n + 1, "receive %d got %d", n, numbers[n]);
    }
}

/* Receives first, every so many-th from any source or with any tag; then messages. Processor time. */
static double post_first(segmsg_t *handle, order_fn_t *order, int wild_every)
{
    size_t count = (size_t) how_many();
    int *out = check_allocate(count * sizeof(int)), *in = check_allocate(count * sizeof(int));
    segmsg_request_t **requests = check_allocate(2 * count * sizeof(segmsg_request_t *));
    double begin = processor_time();

    check_doing("%s: %zu receives, then messages", promise_now, count);
    for (size_t n = 0; n < count; n++) {
        bool is_wild = wild_every && 0 == n % (size_t) wild_every;

        in[n] = 0;
        SUCCEEDS(segmsg_irecv(handle, is_wild ? SEGMSG_ANY_SOURCE : before(), (int) n, &in[n],
                              sizeof(int), &requests[n]));
    }
    send_all(handle, order, out, requests + count);
    SUCCEEDS(segmsg_wait_all(handle, (int) (2 * count), requests, NULL));
    begin = processor_time() - begin;
    check_numbers(in);
    free(out);
    free(in);
    free(requests);
    return begin;
}

/* Messages first; then receives. Processor time. */
static double send_first(segmsg_t *handle, order_fn_t *order, bool any_source)
{
    size_t count = (size_t) how_many();
    int *out = check_allocate(count * sizeof(int)), *in = check_allocate(count * sizeof(int));
    segmsg_request_t **requests = check_allocate(2 * count * sizeof(segmsg_request_t *));
    double begin = processor_time();
    int last = 0;

    check_doing("%s: %zu messages, then receives", promise_now, count);
    send_all(handle, order, out, requests);
    SUCCEEDS(segmsg_wait_all(handle, (int) count, requests, NULL));
    SUCCEEDS(segmsg_send(handle, next(), (int) count, &last, sizeof(last)));
    SUCCEEDS(
        segmsg_recv(handle, before(), (int) count, &last, sizeof(last), NULL)); /* all are here */
    for (size_t n = 0; n < count; n++) {
        in[n] = 0;
        SUCCEEDS(segmsg_recv(handle, any_source ? SEGMSG_ANY_SOURCE : before(), (int) n, &in[n],
                             sizeof(int), NULL));
    }
    begin = processor_time() - begin;
    check_numbers(in);
    free(out);
    free(in);
    free(requests);
    return begin;
}

static void check_time(const char *what, double seconds, double in_order)
{
    CHECK(seconds < TIMES * in_order + least,
          "%s took %.2f s of processor time, and %.2f s in order", what, seconds, in_order);
}

static void posted_receives_are_found_at_once_in_any_order(void)
{
    segmsg_t *handle = open_world();
    double in_order = post_first(handle, forward, 0);

    check_time("reverse order", post_first(handle, reverse, 0), in_order);
    check_time("no order", post_first(handle, scattered, 0), in_order);
    check_time("reverse order, with wildcards", post_first(handle, reverse, 3), in_order);
    close_empty(&handle);
}

static void messages_that_wait_are_found_at_once_in_any_order(void)
{
    segmsg_t *handle = open_world();
    double in_order = send_first(handle, forward, false);

    check_time("reverse order", send_first(handle, reverse, false), in_order);
    check_time("no order, from any source", send_first(handle, scattered, true), in_order);
    close_empty(&handle);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(posted_receives_are_found_at_once_in_any_order),
        PROMISE(messages_that_wait_are_found_at_once_in_any_order),
    };

    return PROMISES_MAIN(argc, argv, "many", promises);
}
