/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * two_nodes: processes that share no memory cannot reach each other; those that do, can. Two nodes
 * are pretended: where the library asks MPI who shares memory, ranks are parted.
 */
#include "content.h"

static enum { FIRST_HALF, EVEN_RANKS, ONE_ALONE } parting;

/* Which of the two nodes a rank of the world is on. */
static int node_of(int rank)
{
    switch (parting) {
    case EVEN_RANKS:
        return rank % 2;
    case ONE_ALONE:
        return rank == check_size - 1;
    default:
        return rank >= (check_size + 1) / 2;
    }
}

int MPI_Comm_split_type(MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm *made)
{
    MPI_Comm shared;
    int error = PMPI_Comm_split_type(comm, type, key, info, &shared);

    if (MPI_SUCCESS == error) {
        error = PMPI_Comm_split(shared, node_of(check_rank), key, made);
        PMPI_Comm_free(&shared);
    }
    return error;
}

static bool is_near(int rank)
{
    return node_of(rank) == node_of(check_rank);
}

static void check_who_is_reachable(segmsg_t *handle)
{
    int *ranks = check_allocate((size_t) check_size * sizeof(int)), count = 0;
    int found = segmsg_reachable(handle, ranks, check_size);

    for (int rank = 0; rank < check_size; rank++) {
        CHECK(segmsg_is_reachable(handle, rank) == is_near(rank), "rank %d: reachable %d", rank,
              segmsg_is_reachable(handle, rank));
        if (is_near(rank)) {
            CHECK(count < found && ranks[count] == rank, "the %d-th reachable rank is not %d",
                  count, rank);
            count++;
        }
    }
    CHECK(found == count, "%d ranks are reachable, not %d", found, count);
    free(ranks);
}

static void check_that_others_are_refused(segmsg_t *handle)
{
    segmsg_request_t *request = NULL;
    segmsg_info_t info;
    char byte = 0;
    int found;
    void *place;

    for (int rank = 0; rank < check_size; rank++) {
        if (!is_near(rank)) {
            GIVES(SEGMSG_E_UNREACHABLE, segmsg_send(handle, rank, 1, &byte, 1));
            GIVES(SEGMSG_E_UNREACHABLE, segmsg_isend(handle, rank, 1, &byte, 1, &request));
            GIVES(SEGMSG_E_UNREACHABLE, segmsg_reserve(handle, rank, 1, &place));
            GIVES(SEGMSG_E_UNREACHABLE, segmsg_recv(handle, rank, 1, &byte, 1, &info));
            GIVES(SEGMSG_E_UNREACHABLE, segmsg_irecv(handle, rank, 1, &byte, 1, &request));
            GIVES(SEGMSG_E_UNREACHABLE, segmsg_probe(handle, rank, 1, &found, &info));
        }
    }
}

static size_t size_of(int n)
{
    static const size_t sizes[] = {8, 100000, 0, 5000, 400000, 64};

    return sizes[n % 6];
}

/* All to all of the node, by rank and from any source. */
static void check_that_messages_arrive(segmsg_t *handle)
{
    enum { EACH = 6 };
    segmsg_request_t *requests[EACH * 64];
    unsigned char *out[EACH * 64];
    int begun = 0;

    for (int rank = 0; rank < check_size; rank++) {
        for (int n = 0; n < EACH && is_near(rank); n++, begun++) {
            out[begun] = content_make(size_of(n), key_of(check_rank, rank, n));
            SUCCEEDS(segmsg_isend(handle, rank, n, out[begun], size_of(n), &requests[begun]));
        }
    }
    for (int rank = check_size - 1; rank >= 0; rank--) {
        for (int n = EACH - 1; n > 0 && is_near(rank); n--) {
            receive(handle, rank, n, size_of(n), key_of(rank, check_rank, n));
        }
    }
    for (int i = 0; i < begun / EACH; i++) { /* tag 0 is left, of each */
        struct room room = room_make(size_of(0), 0);
        segmsg_info_t info = {-9, -9, 0};

        SUCCEEDS(segmsg_recv(handle, SEGMSG_ANY_SOURCE, 0, room.data, room.bytes, &info));
        CHECK(info.source >= 0 && info.source < check_size && is_near(info.source), "source %d",
              info.source);
        ROOM(&room, size_of(0), key_of(info.source, check_rank, 0));
    }
    SUCCEEDS(segmsg_wait_all(handle, begun, requests, NULL));
    for (int n = 0; n < begun; n++) {
        free(out[n]);
    }
}

static void part(int how)
{
    segmsg_t *handle;

    parting = how;
    handle = open_world();
    CHECK(segmsg_rank(handle) == check_rank && segmsg_size(handle) == check_size, "rank %d of %d",
          segmsg_rank(handle), segmsg_size(handle));
    check_who_is_reachable(handle);
    check_that_others_are_refused(handle);
    check_that_messages_arrive(handle);
    close_empty(&handle);
}

static void halves_reach_themselves_and_not_each_other(void)
{
    part(FIRST_HALF);
}

static void ranks_of_a_node_need_not_be_neighbours(void)
{
    part(EVEN_RANKS);
}

static void a_process_alone_reaches_itself(void)
{
    part(ONE_ALONE);
}

/* Closing is for the whole communicator: one that has a request pending is heard on both nodes. */
static void all_nodes_are_told_that_closing_has_to_wait(void)
{
    segmsg_t *handle;
    segmsg_request_t *request = NULL;
    char byte = 0;

    parting = FIRST_HALF;
    handle = open_world();
    if (check_size - 1 == check_rank) {
        SUCCEEDS(segmsg_irecv(handle, check_rank, 1, &byte, 1, &request));
    }
    check_doing("%s: segmsg_close", promise_now);
    GIVES(SEGMSG_E_BUSY, segmsg_close(&handle));
    if (check_size - 1 == check_rank) {
        SUCCEEDS(segmsg_send(handle, check_rank, 1, "x", 1));
        complete(handle, &request);
    }
    check_that_messages_arrive(handle);
    close_empty(&handle);
}

/* So is opening: what is wrong on one node is an error on both. */
static void all_nodes_are_told_that_opening_failed(void)
{
    segmsg_options_t options = {.size = sizeof(options), .groups = "64:64:8,1000:4:4"};
    segmsg_t *handle = (segmsg_t *) &options;

    parting = FIRST_HALF;
    check_doing("%s: segmsg_open", promise_now);
    GIVES(SEGMSG_E_OPTIONS,
          segmsg_open(MPI_COMM_WORLD, check_size - 1 == check_rank ? &options : NULL, &handle));
    CHECK(NULL == handle, "the handle is not NULL");
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(halves_reach_themselves_and_not_each_other),
        PROMISE(ranks_of_a_node_need_not_be_neighbours),
        PROMISE(a_process_alone_reaches_itself),
        PROMISE(all_nodes_are_told_that_closing_has_to_wait),
        PROMISE(all_nodes_are_told_that_opening_failed),
    };

    return PROMISES_MAIN(argc, argv, "two_nodes", promises);
}
