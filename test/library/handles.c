/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * handles: several communicators opened at once, of all kinds; the messages of each have nothing to
 * do with those of the others, nor with MPI's.
 */
#include "content.h"

/* The content of a message says which handle it belongs to. */
static uint64_t key_in(int which, int from, int to, int n)
{
    return key_of(from, to, which * 10000 + n);
}

static size_t size_of(int n)
{
    static const size_t sizes[] = {8, 30000, 0, 3000, 200000, 64};

    return sizes[n % 6];
}

/* Sends that have been begun on a handle. */
struct sends {
    int count;
    segmsg_request_t *requests[6 * 64];
    unsigned char *out[6 * 64];
};

/* Begin to send `count` messages to each rank of the handle. */
static void begin(segmsg_t *handle, int which, int count, struct sends *sends)
{
    int rank = segmsg_rank(handle);

    sends->count = 0;
    for (int to = 0; to < segmsg_size(handle); to++) {
        for (int n = 0; n < count; n++) {
            int at = sends->count++;

            sends->out[at] = content_make(size_of(n), key_in(which, rank, to, n));
            SUCCEEDS(segmsg_isend(handle, to, n, sends->out[at], size_of(n), &sends->requests[at]));
        }
    }
}

static void end(segmsg_t *handle, int which, int count, struct sends *sends)
{
    int rank = segmsg_rank(handle);

    for (int from = 0; from < segmsg_size(handle); from++) {
        for (int n = 0; n < count; n++) {
            receive(handle, from, n, size_of(n), key_in(which, from, rank, n));
        }
    }
    check_doing("%s: %d sends", promise_now, sends->count);
    SUCCEEDS(segmsg_wait_all(handle, sends->count, sends->requests, NULL));
    for (int n = 0; n < sends->count; n++) {
        free(sends->out[n]);
    }
}

static void all_to_all(segmsg_t *handle, int which)
{
    struct sends *sends = check_allocate(sizeof(*sends));

    begin(handle, which, 6, sends);
    end(handle, which, 6, sends);
    free(sends);
}

/* The same ranks, tags and sizes in each, all under way at once, received in another order. */
static void messages_of_handles_do_not_meet(void)
{
    enum { HANDLES = 5 };
    segmsg_t *handles[HANDLES];
    struct sends *sends = check_allocate(HANDLES * sizeof(*sends));
    segmsg_info_t info;
    int found;

    for (int h = 0; h < HANDLES; h++) {
        handles[h] = open_world();
    }
    for (int h = 0; h < HANDLES - 1; h++) {
        begin(handles[h], h, 4, &sends[h]);
    }
    /* Long ones that nobody receives yet must not keep other handles from theirs. */
    for (int h = HANDLES - 2; h >= 0; h--) {
        SUCCEEDS(
            segmsg_probe(handles[HANDLES - 1], SEGMSG_ANY_SOURCE, SEGMSG_ANY_TAG, &found, &info));
        CHECK(!found, "a message in the handle that none was sent in");
        end(handles[h], h, 4, &sends[h]);
    }
    for (int h = 0; h < HANDLES; h++) {
        close_empty(&handles[h]);
    }
    free(sends);
}

static void messages_of_mpi_do_not_meet_them(void)
{
    segmsg_t *handle = open_world();
    int to = (check_rank + 1) % check_size, from = (check_rank + check_size - 1) % check_size;
    int out = check_rank, in = -1;
    MPI_Request request;

    MPI_Irecv(&in, 1, MPI_INT, from, 1, MPI_COMM_WORLD, &request);
    transmit(handle, to, 1, sizeof(int), key_of(check_rank, to, 0));
    MPI_Send(&out, 1, MPI_INT, to, 1, MPI_COMM_WORLD);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    CHECK(in == from, "MPI received %d from rank %d", in, from);
    receive_wild(handle, SEGMSG_ANY_SOURCE, SEGMSG_ANY_TAG, from, 1, sizeof(int),
                 key_of(from, check_rank, 0));
    close_empty(&handle);
}

static void the_communicator_may_be_freed_after_opening(void)
{
    MPI_Comm comm;
    segmsg_t *handle;

    MPI_Comm_dup(MPI_COMM_WORLD, &comm);
    handle = open_on(comm, NULL);
    MPI_Comm_free(&comm);
    all_to_all(handle, 0);
    close_empty(&handle);
}

static void ranks_may_be_in_another_order(void)
{
    MPI_Comm comm;
    segmsg_t *handle;

    MPI_Comm_split(MPI_COMM_WORLD, 0, (check_rank * 5 + 3) % 7 - check_rank, &comm);
    handle = open_on(comm, NULL);
    {
        int rank, size;

        MPI_Comm_rank(comm, &rank);
        MPI_Comm_size(comm, &size);
        CHECK(segmsg_rank(handle) == rank && segmsg_size(handle) == size, "rank %d of %d",
              segmsg_rank(handle), segmsg_size(handle));
    }
    all_to_all(handle, 1);
    MPI_Comm_free(&comm);
    close_empty(&handle);
}

static void parts_may_be_opened_beside_the_whole(void)
{
    MPI_Comm comm;
    segmsg_t *whole = open_world(), *part;
    struct sends *sends = check_allocate(sizeof(*sends));

    MPI_Comm_split(MPI_COMM_WORLD, check_rank % 2, -check_rank, &comm);
    part = open_on(comm, NULL);
    begin(whole, 3, 6, sends);
    all_to_all(part, 4 + check_rank % 2);
    end(whole, 3, 6, sends);
    close_empty(&whole);
    all_to_all(part, 6);
    MPI_Comm_free(&comm);
    close_empty(&part);
    free(sends);
}

static void a_process_may_open_itself(void)
{
    segmsg_t *handle = open_on(MPI_COMM_SELF, NULL), *other;
    int rank = -1;

    CHECK(0 == segmsg_rank(handle) && 1 == segmsg_size(handle), "rank %d of %d",
          segmsg_rank(handle), segmsg_size(handle));
    CHECK(1 == segmsg_reachable(handle, &rank, 1) && 0 == rank, "reachable: %d", rank);
    all_to_all(handle, 7);
    other = open_on(MPI_COMM_SELF, NULL);
    all_to_all(other, 8);
    close_empty(&handle);
    all_to_all(other, 9);
    close_empty(&other);
}

/* Only some processes take part in opening; the others need not know. */
static void a_part_may_be_opened_while_others_do_something_else(void)
{
    MPI_Comm comm;
    segmsg_t *handle;

    MPI_Comm_split(MPI_COMM_WORLD, 0 == check_rank ? MPI_UNDEFINED : 1, 0, &comm);
    if (MPI_COMM_NULL != comm) {
        handle = open_on(comm, NULL);
        all_to_all(handle, 10);
        close_empty(&handle);
        MPI_Comm_free(&comm);
    }
}

static void handles_may_have_different_options(void)
{
    segmsg_options_t options[3] = {
        {.size = sizeof(options[0]), .groups = "64:64:16,1K:8:8,16K:4:2", .eager_limit = 500},
        {.size = sizeof(options[0]), .groups = "64:512:100,4096:16:2", .eager_limit = 2000},
        {.size = sizeof(options[0]), .single_copy = SEGMSG_SINGLE_COPY_NONE},
    };
    segmsg_t *handles[3];

    for (int h = 0; h < 3; h++) {
        handles[h] = open_on(MPI_COMM_WORLD, &options[h]);
    }
    CHECK(500 == segmsg_eager_limit(handles[0]), "eager limit %zu", segmsg_eager_limit(handles[0]));
    CHECK(2000 == segmsg_eager_limit(handles[1]), "eager limit %zu",
          segmsg_eager_limit(handles[1]));
    for (int h = 2; h >= 0; h--) {
        all_to_all(handles[h], h);
    }
    for (int h = 0; h < 3; h++) {
        close_empty(&handles[h]);
    }
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(messages_of_handles_do_not_meet),
        PROMISE(messages_of_mpi_do_not_meet_them),
        PROMISE(the_communicator_may_be_freed_after_opening),
        PROMISE(ranks_may_be_in_another_order),
        PROMISE(parts_may_be_opened_beside_the_whole),
        PROMISE(a_process_may_open_itself),
        PROMISE(a_part_may_be_opened_while_others_do_something_else),
        PROMISE(handles_may_have_different_options),
    };

    return PROMISES_MAIN(argc, argv, "handles", promises);
}
