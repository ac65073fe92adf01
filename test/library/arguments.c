/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * arguments: every function refuses arguments that are none, and nothing comes of such a call.
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

/* What the refused calls were about has not happened: the first message is this one. */
static void check_that_nothing_came(segmsg_t *handle)
{
    transmit(handle, next(), 7, 100, key_of(check_rank, next(), 0));
    receive_wild(handle, SEGMSG_ANY_SOURCE, SEGMSG_ANY_TAG, before(), 7, 100,
                 key_of(before(), check_rank, 0));
}

/* A communicator, or a place for the handle, that is none: refused in all processes. */
static void opening_checks_its_arguments(void)
{
    segmsg_t *handle = (segmsg_t *) &handle;

    check_doing("%s", promise_now);
    GIVES(SEGMSG_E_ARGUMENT, segmsg_open(MPI_COMM_NULL, NULL, &handle));
    CHECK(NULL == handle, "the handle is not NULL");
    GIVES(SEGMSG_E_ARGUMENT, segmsg_open(MPI_COMM_WORLD, NULL, NULL));
}

/* What MPI calls a rank, or a wildcard, is none here. */
static void ranks_and_tags_of_mpis_own_are_none(void)
{
    segmsg_t *handle = open_world();
    const int none[] = {MPI_PROC_NULL, MPI_ANY_SOURCE, MPI_ROOT, MPI_ANY_TAG, -1, -2, -3};
    segmsg_info_t info;
    char byte = 0;
    int found;

    for (int i = 0; i < 7; i++) {
        check_doing("%s: %d", promise_now, none[i]);
        GIVES(SEGMSG_E_UNREACHABLE, segmsg_send(handle, none[i], 1, &byte, 1));
        GIVES(SEGMSG_E_UNREACHABLE, segmsg_recv(handle, none[i], 1, &byte, 1, &info));
        GIVES(SEGMSG_E_UNREACHABLE, segmsg_probe(handle, none[i], 1, &found, &info));
        GIVES(SEGMSG_E_ARGUMENT, segmsg_recv(handle, before(), none[i], &byte, 1, &info));
        GIVES(SEGMSG_E_ARGUMENT, segmsg_send(handle, next(), none[i], &byte, 1));
    }
    GIVES(SEGMSG_E_UNREACHABLE, segmsg_send(handle, SEGMSG_ANY_SOURCE, 1, &byte, 1));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_send(handle, next(), SEGMSG_ANY_TAG, &byte, 1));
    check_that_nothing_came(handle);
    close_empty(&handle);
}

/* It fails in all processes if it fails in one, and none waits for the others. */
static void opening_without_a_handle_in_one_process_fails_in_all(void)
{
    segmsg_t *handle = (segmsg_t *) &handle;
    segmsg_result_t result;

    check_doing("%s", promise_now);
    result = segmsg_open(MPI_COMM_WORLD, NULL, check_rank == check_size - 1 ? NULL : &handle);
    GIVES(SEGMSG_E_ARGUMENT, result);
    CHECK(check_rank == check_size - 1 || NULL == handle, "the handle is not NULL");
}

/* Ranks are those of one group of processes: an intercommunicator has two. */
static void an_intercommunicator_cannot_be_opened(void)
{
    MPI_Comm half, between;
    segmsg_t *handle = NULL;

    if (!promise_needs(2)) {
        return;
    }
    MPI_Comm_split(MPI_COMM_WORLD, check_rank % 2, check_rank, &half);
    MPI_Intercomm_create(half, 0, MPI_COMM_WORLD, 1 - check_rank % 2, 9, &between);
    check_doing("%s", promise_now);
    GIVES(SEGMSG_E_ARGUMENT, segmsg_open(between, NULL, &handle));
    CHECK(NULL == handle, "the handle is not NULL");
    MPI_Comm_free(&between);
    MPI_Comm_free(&half);
}

static void closing_checks_its_arguments(void)
{
    segmsg_t *none = NULL;

    GIVES(SEGMSG_E_ARGUMENT, segmsg_close(NULL));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_close(&none));
}

static void sending_checks_its_arguments(void)
{
    segmsg_t *handle = open_world();
    segmsg_request_t *request = NULL;
    char data[8] = {0};

    GIVES(SEGMSG_E_ARGUMENT, segmsg_send(NULL, next(), 1, data, 8));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_send(handle, next(), -1, data, 8));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_send(handle, next(), -5, data, 8));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_send(handle, next(), 1, NULL, 8));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_send(handle, next(), 1, NULL, 1000000));
    GIVES(SEGMSG_E_UNREACHABLE, segmsg_send(handle, -1, 1, data, 8));
    GIVES(SEGMSG_E_UNREACHABLE, segmsg_send(handle, check_size, 1, data, 8));
    GIVES(SEGMSG_E_UNREACHABLE, segmsg_send(handle, 1 << 30, 1, data, 8));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_isend(NULL, next(), 1, data, 8, &request));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_isend(handle, next(), -1, data, 8, &request));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_isend(handle, next(), 1, NULL, 8, &request));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_isend(handle, next(), 1, data, 8, NULL));
    GIVES(SEGMSG_E_UNREACHABLE, segmsg_isend(handle, -1, 1, data, 8, &request));
    GIVES(SEGMSG_E_UNREACHABLE, segmsg_isend(handle, check_size, 1, data, 8, &request));
    check_that_nothing_came(handle);
    close_empty(&handle);
}

/* More than an object can have: nothing is sent, and nothing written. */
static void lengths_that_no_memory_has_are_refused(void)
{
    static const size_t lengths[] = {SIZE_MAX, SIZE_MAX - 7, (size_t) PTRDIFF_MAX + 1,
                                     (size_t) PTRDIFF_MAX + 4096};
    segmsg_t *handle = open_world();
    const int ranks[] = {next(), check_rank};
    char data[8] = {0};

    for (size_t i = 0; i < 2 * sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t bytes = lengths[i / 2];
        int rank = ranks[i % 2];
        segmsg_request_t *request = NULL;
        void *place = NULL;

        GIVES(SEGMSG_E_ARGUMENT, segmsg_send(handle, rank, 1, data, bytes));
        GIVES(SEGMSG_E_ARGUMENT, segmsg_isend(handle, rank, 1, data, bytes, &request));
        GIVES(SEGMSG_E_ARGUMENT, segmsg_recv(handle, rank, 1, data, bytes, NULL));
        GIVES(SEGMSG_E_ARGUMENT, segmsg_irecv(handle, rank, 1, data, bytes, &request));
        GIVES(SEGMSG_E_ARGUMENT, segmsg_reserve(handle, rank, bytes, &place));
        CHECK(NULL == request && NULL == place, "something was begun");
    }
    check_that_nothing_came(handle);
    close_empty(&handle);
}

/* What reserving refuses besides is tested with reservations. */
static void reserving_checks_its_arguments(void)
{
    segmsg_t *handle = open_world();
    void *place;

    GIVES(SEGMSG_E_ARGUMENT, segmsg_reserve(NULL, next(), 8, &place));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_publish(NULL, 1, 8));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_cancel(NULL));
    check_that_nothing_came(handle);
    close_empty(&handle);
}

static void receiving_checks_its_arguments(void)
{
    segmsg_t *handle = open_world();
    segmsg_request_t *request = NULL;
    segmsg_info_t info;
    char room[8];

    GIVES(SEGMSG_E_ARGUMENT, segmsg_recv(NULL, before(), 1, room, 8, &info));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_recv(handle, before(), -2, room, 8, &info));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_recv(handle, before(), 1, NULL, 8, &info));
    GIVES(SEGMSG_E_UNREACHABLE, segmsg_recv(handle, -2, 1, room, 8, &info));
    GIVES(SEGMSG_E_UNREACHABLE, segmsg_recv(handle, check_size, 1, room, 8, &info));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_irecv(NULL, before(), 1, room, 8, &request));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_irecv(handle, before(), -2, room, 8, &request));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_irecv(handle, before(), 1, NULL, 8, &request));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_irecv(handle, before(), 1, room, 8, NULL));
    GIVES(SEGMSG_E_UNREACHABLE, segmsg_irecv(handle, -2, 1, room, 8, &request));
    GIVES(SEGMSG_E_UNREACHABLE, segmsg_irecv(handle, check_size, 1, room, 8, &request));
    check_that_nothing_came(handle);
    close_empty(&handle);
}

static void looking_checks_its_arguments(void)
{
    segmsg_t *handle = open_world();
    segmsg_info_t info;
    unsigned handled;
    int found;

    GIVES(SEGMSG_E_ARGUMENT, segmsg_poll(NULL, NULL, NULL, &handled));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_poll_wait(NULL, NULL, NULL, &handled));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_probe(NULL, before(), 1, &found, &info));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_probe(handle, before(), 1, NULL, &info));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_probe(handle, before(), -2, &found, &info));
    GIVES(SEGMSG_E_UNREACHABLE, segmsg_probe(handle, -2, 1, &found, &info));
    GIVES(SEGMSG_E_UNREACHABLE, segmsg_probe(handle, check_size, 1, &found, &info));
    check_that_nothing_came(handle);
    close_empty(&handle);
}

static void waiting_checks_its_arguments(void)
{
    segmsg_t *handle = open_world();
    segmsg_request_t *request = NULL;
    int done;

    GIVES(SEGMSG_E_ARGUMENT, segmsg_test(NULL, &request, &done, NULL));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_test(handle, NULL, &done, NULL));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_test(handle, &request, NULL, NULL));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_wait(NULL, &request, NULL));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_wait(handle, NULL, NULL));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_wait_all(NULL, 1, &request, NULL));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_wait_all(NULL, 0, NULL, NULL));
    SUCCEEDS(segmsg_wait_all(handle, 0, NULL, NULL));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_withdraw(NULL, &request));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_withdraw(handle, NULL));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_wait_all(handle, -1, &request, NULL));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_wait_all(handle, 1, NULL, NULL));
    check_that_nothing_came(handle);
    close_empty(&handle);
}

static void statistics_check_their_arguments(void)
{
    segmsg_t *handle = open_world();
    segmsg_statistics_t statistics = {.size = sizeof(statistics)};

    GIVES(SEGMSG_E_ARGUMENT, segmsg_statistics(NULL, &statistics));
    GIVES(SEGMSG_E_ARGUMENT, segmsg_statistics(handle, NULL));
    statistics.size = 0;
    GIVES(SEGMSG_E_ARGUMENT, segmsg_statistics(handle, &statistics));
    close_empty(&handle);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(opening_checks_its_arguments),
        PROMISE(closing_checks_its_arguments),
        PROMISE(sending_checks_its_arguments),
        PROMISE(lengths_that_no_memory_has_are_refused),
        PROMISE(reserving_checks_its_arguments),
        PROMISE(receiving_checks_its_arguments),
        PROMISE(looking_checks_its_arguments),
        PROMISE(waiting_checks_its_arguments),
        PROMISE(statistics_check_their_arguments),
        PROMISE(ranks_and_tags_of_mpis_own_are_none),
        PROMISE(an_intercommunicator_cannot_be_opened),
        PROMISE(opening_without_a_handle_in_one_process_fails_in_all),
    };

    return PROMISES_MAIN(argc, argv, "arguments", promises);
}
