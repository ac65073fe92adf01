/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * reach: who is who, and who can be reached, on one node: everybody.
 */
#include "content.h"

static void ranks_are_those_of_the_communicator(void)
{
    segmsg_t *handle = open_world();

    CHECK(segmsg_rank(handle) == check_rank, "rank %d", segmsg_rank(handle));
    CHECK(segmsg_size(handle) == check_size, "size %d", segmsg_size(handle));
    close_empty(&handle);
}

static void all_of_a_node_can_be_reached(void)
{
    segmsg_t *handle = open_world();
    int *ranks = check_allocate((size_t) check_size * sizeof(int));

    for (int rank = 0; rank < check_size; rank++) {
        ranks[rank] = -7;
        CHECK(1 == segmsg_is_reachable(handle, rank), "rank %d is not reachable", rank);
    }
    CHECK(segmsg_reachable(handle, ranks, check_size) == check_size, "%d ranks are reachable",
          segmsg_reachable(handle, ranks, check_size));
    for (int rank = 0; rank < check_size; rank++) {
        CHECK(ranks[rank] == rank, "the %d-th reachable rank is %d", rank, ranks[rank]);
    }
    free(ranks);
    close_empty(&handle);
}

static void ranks_that_are_none_cannot_be_reached(void)
{
    static const int none[] = {-1, -2, 1 << 30, -1 - (1 << 30)};
    segmsg_t *handle = open_world();

    for (int i = 0; i < 4; i++) {
        CHECK(0 == segmsg_is_reachable(handle, none[i]), "rank %d is reachable", none[i]);
    }
    CHECK(0 == segmsg_is_reachable(handle, check_size), "rank %d is reachable", check_size);
    close_empty(&handle);
}

static void no_more_ranks_are_written_than_there_is_room_for(void)
{
    segmsg_t *handle = open_world();
    int *ranks = check_allocate((size_t) (check_size + 2) * sizeof(int));

    for (int room = 0; room <= check_size + 1; room++) {
        int count, filled = room < check_size ? room : check_size;

        for (int i = 0; i < check_size + 2; i++) {
            ranks[i] = -7;
        }
        count = segmsg_reachable(handle, ranks, room);
        CHECK(count == check_size, "with room for %d: %d ranks", room, count);
        for (int i = 0; i < check_size + 2; i++) {
            CHECK(ranks[i] == (i < filled ? i : -7), "with room for %d, the %d-th is %d", room, i,
                  ranks[i]);
        }
    }
    CHECK(segmsg_reachable(handle, NULL, 0) == check_size, "NULL and 0 are not accepted");
    CHECK(segmsg_reachable(handle, NULL, 5) == check_size, "NULL is written to, or not accepted");
    CHECK(segmsg_reachable(handle, NULL, -1) == check_size, "NULL and -1 are not accepted");
    CHECK(segmsg_reachable(NULL, NULL, 5) == 0, "without a handle ranks are reachable");
    free(ranks);
    close_empty(&handle);
}

static void the_eager_limit_is_told(void)
{
    segmsg_t *handle = open_world();
    size_t eager = segmsg_eager_limit(handle);

    CHECK(eager > 0 && eager < (size_t) 64 << 20, "eager limit %zu", eager);
    if (0 != check_rank) { /* goes out without its receiver */
        transmit(handle, 0, 1, eager, key_of(check_rank, 0, 1));
    }
    MPI_Barrier(MPI_COMM_WORLD);
    for (int from = 1; from < check_size && 0 == check_rank; from++) {
        receive(handle, from, 1, eager, key_of(from, 0, 1));
    }
    close_empty(&handle);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(ranks_are_those_of_the_communicator),
        PROMISE(all_of_a_node_can_be_reached),
        PROMISE(ranks_that_are_none_cannot_be_reached),
        PROMISE(no_more_ranks_are_written_than_there_is_room_for),
        PROMISE(the_eager_limit_is_told),
    };

    return PROMISES_MAIN(argc, argv, "reach", promises);
}
