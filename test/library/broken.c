/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * broken: a process that has no memory left for what others send can only close, and so can they. All
 * are told, and nobody hangs.
 *
 * Rank 0 may take little more memory than it has, and keeps what comes.
 */
#include "content.h"

#include <sys/resource.h>

enum { MORE = 4 << 20, MOST = 100000 };

/* Bytes of address space that this process has. */
static size_t address_space(void)
{
    FILE *sizes = fopen("/proc/self/statm", "r");
    size_t pages = 0;

    CHECK(sizes && 1 == fscanf(sizes, "%zu", &pages), "cannot read /proc/self/statm");
    if (sizes) {
        fclose(sizes);
    }
    return pages * (size_t) sysconf(_SC_PAGESIZE);
}

static void limit_memory(rlim_t bytes)
{
    struct rlimit limit;

    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = bytes;
    CHECK(0 == setrlimit(RLIMIT_AS, &limit), "cannot limit memory");
}

static bool memory_can_be_short(void)
{
    if (getenv("SEGMSG_TEST_SANITIZED")) {
        promise_skip("the sanitizers end a program that has no memory");
    }
    return !getenv("SEGMSG_TEST_SANITIZED") && promise_needs(2);
}

/* Rank 0: keep what comes, until there is no memory left. */
static void run_out_of_memory(segmsg_t *handle)
{
    segmsg_result_t result;

    check_doing("%s: run out of memory", promise_now);
    limit_memory(address_space() + MORE);
    do {
        result = segmsg_poll(handle, NULL, NULL, NULL);
    } while (SEGMSG_SUCCESS == result);
    limit_memory(RLIM_INFINITY);
    GIVES(SEGMSG_E_MEMORY, result);
}

/* The others: send till it fails. */
static void flood(segmsg_t *handle)
{
    size_t bytes = segmsg_eager_limit(handle);
    unsigned char *out = content_make(bytes, 1);
    segmsg_result_t result = SEGMSG_SUCCESS;

    for (int n = 0; n < MOST && SEGMSG_SUCCESS == result; n++) {
        check_doing("%s: message %d to rank 0", promise_now, n);
        result = segmsg_send(handle, 0, 1, out, bytes);
    }
    GIVES(SEGMSG_E_PEER, result);
    CHECK('\0' != *segmsg_explanation(), "no explanation");
    free(out);
}

static void break_it(segmsg_t *handle)
{
    if (0 == check_rank) {
        run_out_of_memory(handle);
    } else {
        flood(handle);
    }
}

static segmsg_result_t own_result(void)
{
    return 0 == check_rank ? SEGMSG_E_MEMORY : SEGMSG_E_PEER;
}

static void close_broken(segmsg_t **handle)
{
    check_doing("%s: segmsg_close", promise_now);
    GIVES(own_result(), segmsg_close(handle));
    CHECK(NULL == *handle, "the handle is not NULL");
}

static void all_are_told(void)
{
    segmsg_t *handle = open_world();

    if (!memory_can_be_short()) {
        close_empty(&handle);
        return;
    }
    break_it(handle);
    close_broken(&handle);
}

static void every_call_tells_afterwards(void)
{
    segmsg_t *handle = open_world();
    segmsg_request_t *request = NULL;
    char byte = 0;
    int found;
    void *place;

    if (!memory_can_be_short()) {
        close_empty(&handle);
        return;
    }
    break_it(handle);
    check_doing("%s", promise_now);
    GIVES(own_result(), segmsg_send(handle, 1, 1, "a", 1));
    GIVES(own_result(), segmsg_isend(handle, 1, 1, "a", 1, &request));
    GIVES(own_result(), segmsg_reserve(handle, 1, 1, &place));
    GIVES(own_result(), segmsg_poll(handle, NULL, NULL, NULL));
    GIVES(own_result(), segmsg_recv(handle, 1, 1, &byte, 1, NULL));
    GIVES(own_result(), segmsg_irecv(handle, 1, 1, &byte, 1, &request));
    GIVES(own_result(), segmsg_probe(handle, 1, 1, &found, &(segmsg_info_t){0}));
    close_broken(&handle);
}

/* What waits for anything ends, and requests can be ended. */
static void what_is_pending_ends(void)
{
    segmsg_t *handle = open_world();
    segmsg_request_t *requests[3] = {NULL};
    char bytes[2];
    size_t large = segmsg_eager_limit(handle) + 100000;
    unsigned char *out = content_make(large, 1);
    int done = 0;

    if (!memory_can_be_short()) {
        free(out);
        close_empty(&handle);
        return;
    }
    SUCCEEDS(segmsg_irecv(handle, 1, 77, &bytes[0], 1, &requests[0]));
    SUCCEEDS(segmsg_irecv(handle, SEGMSG_ANY_SOURCE, 78, &bytes[1], 1, &requests[1]));
    SUCCEEDS(segmsg_isend(handle, (check_rank + 1) % check_size, 79, out, large, &requests[2]));
    break_it(handle);
    check_doing("%s", promise_now);
    GIVES(own_result(), segmsg_test(handle, &requests[0], &done, NULL));
    CHECK(1 == done && NULL == requests[0], "the request is not ended");
    GIVES(own_result(), segmsg_wait_all(handle, 3, requests, NULL));
    CHECK(NULL == requests[1] && NULL == requests[2], "requests are not ended");
    free(out);
    close_broken(&handle);
}

/* Also where memory stays short: MPI, which closing needs, gets that of the messages nobody can receive. */
static void memory_that_stays_short_does_not_keep_it_from_closing(void)
{
    segmsg_t *handle = open_world();
    segmsg_result_t result = SEGMSG_SUCCESS;

    if (!memory_can_be_short()) {
        close_empty(&handle);
        return;
    }
    if (0 == check_rank) {
        check_doing("%s: run out of memory", promise_now);
        limit_memory(address_space() + MORE);
        while (SEGMSG_SUCCESS == result) {
            result = segmsg_poll(handle, NULL, NULL, NULL);
        }
        GIVES(SEGMSG_E_MEMORY, result);
    }
    while (SEGMSG_SUCCESS == result) { /* so short that the last bytes are used */
        result = segmsg_send(handle, 0, 1, "a", 1);
    }
    close_broken(&handle);
    limit_memory(RLIM_INFINITY);
}

/* Who only asks, and never waits, is told too. */
static void whoever_polls_is_told(void)
{
    segmsg_t *handle = open_world();
    segmsg_request_t *request = NULL;
    segmsg_result_t result = SEGMSG_SUCCESS;
    char byte;
    int done = 0;

    if (!memory_can_be_short() || !promise_needs(3)) {
        close_empty(&handle);
        return;
    }
    if (check_rank < 2) {
        break_it(handle);
    } else {
        SUCCEEDS(segmsg_irecv(handle, 1, 1, &byte, 1, &request));
        check_doing("%s: segmsg_test", promise_now);
        while (!done) {
            result = segmsg_test(handle, &request, &done, NULL);
            sched_yield();
        }
        GIVES(SEGMSG_E_PEER, result);
    }
    close_broken(&handle);
}

/* It is this handle that is broken, and not the library. */
static void other_handles_go_on(void)
{
    segmsg_t *other = open_world(), *handle = open_world();
    int to = (check_rank + 1) % check_size, from = (check_rank + check_size - 1) % check_size;

    if (memory_can_be_short()) {
        break_it(handle);
        close_broken(&handle);
    } else {
        close_empty(&handle);
    }
    for (int n = 0; n < 5; n++) {
        transmit(other, to, n, 1000, key_of(check_rank, to, n));
        receive(other, from, n, 1000, key_of(from, check_rank, n));
    }
    close_empty(&other);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(all_are_told),
        PROMISE(every_call_tells_afterwards),
        PROMISE(what_is_pending_ends),
        PROMISE(memory_that_stays_short_does_not_keep_it_from_closing),
        PROMISE(whoever_polls_is_told),
        PROMISE(other_handles_go_on),
    };

    return PROMISES_MAIN(argc, argv, "broken", promises);
}
