/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * collectives: every collective operation gives what the standard says, for sizes at which the
 * transport below changes its ways.
 */
#include "check.h"

static const int counts[] = {0, 1, 7, 8, 15, 16, 100, 128, 1000, 1024, 2047, 8192, 40000, 0};

static int *mine, *all;       /* send and receive buffers of 32-bit integers */
static int *numbers, *starts; /* per rank: counts and displacements */

static int value(int rank, int i)
{
    return (int) (check_mix((uint64_t) rank << 32 | (uint32_t) i) & 0xffff);
}

static void fill(int count)
{
    for (int i = 0; i < count; i++) {
        mine[i] = value(check_rank, i);
    }
    memset(all, 0xff, (size_t) (check_size * count) * sizeof(int));
}

static void expect(const char *operation, int at, int found, int expected)
{
    CHECK(found == expected, "%s: element %d is %d, not %d", operation, at, found, expected);
}

static int sum_up_to(int ranks, int i)
{
    int sum = 0;

    for (int rank = 0; rank < ranks; rank++) {
        sum += value(rank, i);
    }
    return sum;
}

/* The block of each rank, one behind the other. */
static void expect_gathered(const char *operation, int count)
{
    for (int rank = 0; rank < check_size; rank++) {
        for (int i = 0; i < count; i++) {
            expect(operation, rank * count + i, all[rank * count + i], value(rank, i));
        }
    }
}

static void broadcast(int count)
{
    for (int root = 0; root < check_size; root++) {
        MPI_Request request;

        fill(count);
        check_doing("MPI_Bcast of %d from %d", count, root);
        MPI_Bcast(mine, count, MPI_INT, root, MPI_COMM_WORLD);
        for (int i = 0; i < count; i++) {
            expect("MPI_Bcast", i, mine[i], value(root, i));
        }
        fill(count);
        check_doing("MPI_Ibcast of %d from %d", count, root);
        MPI_Ibcast(mine, count, MPI_INT, root, MPI_COMM_WORLD, &request);
        MPI_Wait(&request, MPI_STATUS_IGNORE);
        for (int i = 0; i < count; i++) {
            expect("MPI_Ibcast", i, mine[i], value(root, i));
        }
    }
}

static void gather(int count)
{
    int root = count % check_size;
    MPI_Request request;

    fill(count);
    check_doing("MPI_Gather of %d", count);
    MPI_Gather(mine, count, MPI_INT, all, count, MPI_INT, root, MPI_COMM_WORLD);
    if (check_rank == root) {
        expect_gathered("MPI_Gather", count);
    }
    fill(count);
    check_doing("MPI_Allgather of %d", count);
    MPI_Allgather(mine, count, MPI_INT, all, count, MPI_INT, MPI_COMM_WORLD);
    expect_gathered("MPI_Allgather", count);
    fill(count);
    check_doing("MPI_Iallgather of %d", count);
    MPI_Iallgather(mine, count, MPI_INT, all, count, MPI_INT, MPI_COMM_WORLD, &request);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    expect_gathered("MPI_Iallgather", count);
}

/* Rank r contributes count + r elements; the blocks lie behind each other with one free between. */
static void gather_varying(int count)
{
    int at = 0;

    for (int rank = 0; rank < check_size; rank++) {
        numbers[rank] = count + rank;
        starts[rank] = at;
        at += count + rank + 1;
    }
    for (int i = 0; i < count + check_rank; i++) {
        mine[i] = value(check_rank, i);
    }
    memset(all, 0xff, (size_t) at * sizeof(int));
    check_doing("MPI_Allgatherv of %d", count);
    MPI_Allgatherv(mine, count + check_rank, MPI_INT, all, numbers, starts, MPI_INT,
                   MPI_COMM_WORLD);
    for (int rank = 0; rank < check_size; rank++) {
        for (int i = 0; i < numbers[rank]; i++) {
            expect("MPI_Allgatherv", i, all[starts[rank] + i], value(rank, i));
        }
        expect("MPI_Allgatherv, between blocks", rank, all[starts[rank] + numbers[rank]], -1);
    }
    memset(mine, 0xff, (size_t) (count + check_size) * sizeof(int));
    check_doing("MPI_Scatterv of %d", count);
    MPI_Scatterv(all, numbers, starts, MPI_INT, mine, count + check_rank, MPI_INT, 0,
                 MPI_COMM_WORLD);
    for (int i = 0; i < count + check_rank; i++) {
        expect("MPI_Scatterv", i, mine[i], value(check_rank, i));
    }
    memset(all, 0xff, (size_t) at * sizeof(int));
    check_doing("MPI_Gatherv of %d", count);
    MPI_Gatherv(mine, count + check_rank, MPI_INT, all, numbers, starts, MPI_INT, 0,
                MPI_COMM_WORLD);
    for (int rank = 0; 0 == check_rank && rank < check_size; rank++) {
        for (int i = 0; i < numbers[rank]; i++) {
            expect("MPI_Gatherv", i, all[starts[rank] + i], value(rank, i));
        }
    }
}

static void scatter(int count)
{
    int root = (count + 1) % check_size;

    fill(count);
    for (int i = 0; i < check_size * count; i++) {
        all[i] = value(root, i);
    }
    check_doing("MPI_Scatter of %d", count);
    MPI_Scatter(all, count, MPI_INT, mine, count, MPI_INT, root, MPI_COMM_WORLD);
    for (int i = 0; i < count; i++) {
        expect("MPI_Scatter", i, mine[i], value(root, check_rank * count + i));
    }
}

/* What rank `from` has for rank `to`, element i. */
static int crossing(int from, int to, int i)
{
    return value(from * check_size + to, i);
}

static void expect_crossed(const char *operation, int count)
{
    for (int rank = 0; rank < check_size; rank++) {
        for (int i = 0; i < count; i++) {
            expect(operation, rank * count + i, all[rank * count + i],
                   crossing(rank, check_rank, i));
        }
    }
}

static void all_to_all(int count)
{
    MPI_Datatype *types = check_allocate((size_t) check_size * sizeof(MPI_Datatype));
    MPI_Request request;

    for (int rank = 0; rank < check_size; rank++) {
        for (int i = 0; i < count; i++) {
            mine[rank * count + i] = crossing(check_rank, rank, i);
        }
        numbers[rank] = count;
        starts[rank] = rank * count;
        types[rank] = MPI_INT;
    }
    for (int way = 0; way < 4; way++) {
        static const char *const names[] = {"MPI_Alltoall", "MPI_Alltoallv", "MPI_Alltoallw",
                                            "MPI_Ialltoall"};

        memset(all, 0xff, (size_t) (check_size * count) * sizeof(int));
        check_doing("%s of %d", names[way], count);
        switch (way) {
        case 0:
            MPI_Alltoall(mine, count, MPI_INT, all, count, MPI_INT, MPI_COMM_WORLD);
            break;
        case 1:
            MPI_Alltoallv(mine, numbers, starts, MPI_INT, all, numbers, starts, MPI_INT,
                          MPI_COMM_WORLD);
            break;
        case 2:
            for (int rank = 0; rank < check_size; rank++) {
                starts[rank] *= (int) sizeof(int);
            }
            MPI_Alltoallw(mine, numbers, starts, types, all, numbers, starts, types,
                          MPI_COMM_WORLD);
            break;
        default:
            MPI_Ialltoall(mine, count, MPI_INT, all, count, MPI_INT, MPI_COMM_WORLD, &request);
            MPI_Wait(&request, MPI_STATUS_IGNORE);
            break;
        }
        expect_crossed(names[way], count);
    }
    free(types);
}

static void reduce(int count)
{
    int root = count % check_size;
    MPI_Request request;

    fill(count);
    check_doing("MPI_Reduce of %d", count);
    MPI_Reduce(mine, all, count, MPI_INT, MPI_SUM, root, MPI_COMM_WORLD);
    for (int i = 0; check_rank == root && i < count; i++) {
        expect("MPI_Reduce", i, all[i], sum_up_to(check_size, i));
    }
    fill(count);
    check_doing("MPI_Allreduce of %d", count);
    MPI_Allreduce(mine, all, count, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    for (int i = 0; i < count; i++) {
        expect("MPI_Allreduce", i, all[i], sum_up_to(check_size, i));
    }
    fill(count);
    check_doing("MPI_Iallreduce of %d", count);
    MPI_Iallreduce(mine, all, count, MPI_INT, MPI_SUM, MPI_COMM_WORLD, &request);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    for (int i = 0; i < count; i++) {
        expect("MPI_Iallreduce", i, all[i], sum_up_to(check_size, i));
    }
    fill(count);
    check_doing("MPI_Scan of %d", count);
    MPI_Scan(mine, all, count, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    for (int i = 0; i < count; i++) {
        expect("MPI_Scan", i, all[i], sum_up_to(check_rank + 1, i));
    }
    check_doing("MPI_Exscan of %d", count);
    MPI_Exscan(mine, all, count, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    for (int i = 0; check_rank > 0 && i < count; i++) {
        expect("MPI_Exscan", i, all[i], sum_up_to(check_rank, i));
    }
}

static void reduce_scatter(int count)
{
    fill(count);
    for (int i = 0; i < check_size * count; i++) {
        mine[i] = value(check_rank, i);
    }
    check_doing("MPI_Reduce_scatter_block of %d", count);
    MPI_Reduce_scatter_block(mine, all, count, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    for (int i = 0; i < count; i++) {
        expect("MPI_Reduce_scatter_block", i, all[i],
               sum_up_to(check_size, check_rank * count + i));
    }
    for (int rank = 0; rank < check_size; rank++) {
        numbers[rank] = rank % 2 ? 0 : count;
    }
    check_doing("MPI_Reduce_scatter of %d", count);
    MPI_Reduce_scatter(mine, all, numbers, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    for (int i = 0; i < numbers[check_rank]; i++) {
        expect("MPI_Reduce_scatter", i, all[i], sum_up_to(check_size, check_rank / 2 * count + i));
    }
}

/* A ring: each rank hears from the one before and the one behind. */
static void neighbours(int count)
{
    int periodic = 1, before, behind;
    MPI_Comm ring;

    MPI_Cart_create(MPI_COMM_WORLD, 1, &check_size, &periodic, 0, &ring);
    MPI_Cart_shift(ring, 0, 1, &before, &behind);
    fill(count);
    check_doing("MPI_Neighbor_allgather of %d", count);
    MPI_Neighbor_allgather(mine, count, MPI_INT, all, count, MPI_INT, ring);
    for (int i = 0; i < count; i++) {
        expect("MPI_Neighbor_allgather, before", i, all[i], value(before, i));
        expect("MPI_Neighbor_allgather, behind", i, all[count + i], value(behind, i));
    }
    MPI_Comm_free(&ring);
}

int main(int argc, char **argv)
{
    const size_t room = 40000 + 100;

    check_start(&argc, &argv, "collectives", MPI_THREAD_SINGLE);
    mine = check_allocate((size_t) (check_size + 1) * room * sizeof(int));
    all = check_allocate((size_t) (check_size + 1) * room * sizeof(int));
    numbers = check_allocate((size_t) check_size * sizeof(int));
    starts = check_allocate((size_t) check_size * sizeof(int));
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        check_doing("MPI_Barrier");
        MPI_Barrier(MPI_COMM_WORLD);
        broadcast(counts[i]);
        gather(counts[i]);
        gather_varying(counts[i]);
        scatter(counts[i]);
        all_to_all(counts[i]);
        reduce(counts[i]);
        reduce_scatter(counts[i]);
        if (check_size > 2) { /* with two, before and behind are the same rank */
            neighbours(counts[i]);
        }
    }
    free(mine);
    free(all);
    free(numbers);
    free(starts);
    return check_finish();
}
