/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * onesided: windows of every kind under every synchronisation: what is put is there, what is got
 * is right, and no update of an atomic operation is lost when all ranks make them at once.
 */
#include "check.h"

enum {
    BYTES = 1 << 20, /* of each rank's share of the window that transfers use */
    COUNTERS = 16,   /* 64-bit integers in front of it, for atomics */
    UPDATES = 500,   /* of one counter by one rank */
};

static const MPI_Aint data_at = COUNTERS * sizeof(int64_t);

static uint64_t key_of(int origin, int target, long size)
{
    return (uint64_t) origin << 48 | (uint64_t) target << 40 | (uint64_t) size;
}

/* The window of one kind; `memory` is this rank's share, all zero. */
static MPI_Win window_make(int kind, unsigned char **memory)
{
    MPI_Aint size = data_at + 2 * BYTES;
    MPI_Win window;
    MPI_Info info;

    MPI_Info_create(&info);
    switch (kind) {
    case 0:
        *memory = check_allocate((size_t) size);
        MPI_Win_create(*memory, size, 1, info, MPI_COMM_WORLD, &window);
        break;
    case 1:
        MPI_Win_allocate(size, 1, info, MPI_COMM_WORLD, memory, &window);
        break;
    default:
        MPI_Win_create_dynamic(info, MPI_COMM_WORLD, &window);
        *memory = check_allocate((size_t) size);
        MPI_Win_attach(window, *memory, size);
        break;
    }
    MPI_Info_free(&info);
    memset(*memory, 0, (size_t) size);
    MPI_Barrier(MPI_COMM_WORLD);
    return window;
}

static void window_free(int kind, MPI_Win *window, unsigned char *memory)
{
    MPI_Barrier(MPI_COMM_WORLD);
    if (2 == kind) {
        MPI_Win_detach(*window, memory);
    }
    MPI_Win_free(window);
    if (1 != kind) {
        free(memory);
    }
}

/* Where each rank's share begins, as displacements for this kind of window. */
static MPI_Aint *window_bases(int kind, const unsigned char *memory)
{
    MPI_Aint base = 0, *bases = check_allocate((size_t) check_size * sizeof(MPI_Aint));

    if (2 == kind) {
        MPI_Get_address(memory, &base);
    }
    MPI_Allgather(&base, 1, MPI_AINT, bases, 1, MPI_AINT, MPI_COMM_WORLD);
    return bases;
}

/* Under a lock: put all sizes to the next rank, flush, get them back. */
static void put_and_get(MPI_Win window, const MPI_Aint *bases)
{
    int next = (check_rank + 1) % check_size;
    unsigned char *in = check_allocate(BYTES);

    MPI_Win_lock(MPI_LOCK_SHARED, next, 0, window);
    for (const long *size = check_sizes; *size >= 0 && *size <= BYTES; size++) {
        uint64_t key = key_of(check_rank, next, *size);
        MPI_Aint at = bases[next] + data_at + (BYTES - *size) / 3;

        check_doing("%ld bytes put to and got from rank %d under a lock", *size, next);
        MPI_Put(check_content(key), (int) *size, MPI_BYTE, next, at, (int) *size, MPI_BYTE, window);
        MPI_Win_flush(next, window);
        memset(in, 0, (size_t) *size);
        MPI_Get(in, (int) *size, MPI_BYTE, next, at, (int) *size, MPI_BYTE, window);
        MPI_Win_flush_local(next, window);
        CHECK(check_same(in, (size_t) *size, key), "%ld bytes: got other content than was put",
              *size);
    }
    MPI_Win_unlock(next, window);
    free(in);
}

/* Between fences: every rank puts a piece into every other's memory, and all look at it. */
static void fences(MPI_Win window, const unsigned char *memory, const MPI_Aint *bases)
{
    static const long sizes[] = {1, 8, 64, 1000, 4097, 32768, 65536};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        long size = sizes[i];
        long share = BYTES / check_size;

        size = size > share ? share : size;
        check_doing("%ld bytes put between fences", size);
        MPI_Win_fence(0, window);
        for (int target = 0; target < check_size; target++) {
            MPI_Put(check_content(key_of(check_rank, target, size)), (int) size, MPI_BYTE, target,
                    bases[target] + data_at + check_rank * share, (int) size, MPI_BYTE, window);
        }
        MPI_Win_fence(0, window);
        for (int origin = 0; origin < check_size; origin++) {
            CHECK(check_same(memory + data_at + origin * share, (size_t) size,
                             key_of(origin, check_rank, size)),
                  "%ld bytes of rank %d: other content after the fence", size, origin);
        }
    }
    MPI_Win_fence(MPI_MODE_NOSUCCEED, window);
}

/* Post, start, complete, wait round the ring. */
static void active_target(MPI_Win window, const unsigned char *memory, const MPI_Aint *bases)
{
    int next = (check_rank + 1) % check_size, previous = (check_rank + check_size - 1) % check_size;
    MPI_Group world, to, from;

    MPI_Comm_group(MPI_COMM_WORLD, &world);
    MPI_Group_incl(world, 1, &next, &to);
    MPI_Group_incl(world, 1, &previous, &from);
    for (const long *size = check_sizes; *size >= 0 && *size <= BYTES; size += 2) {
        check_doing("%ld bytes between post and wait", *size);
        MPI_Win_post(from, 0, window);
        MPI_Win_start(to, 0, window);
        MPI_Put(check_content(key_of(check_rank, next, *size)), (int) *size, MPI_BYTE, next,
                bases[next] + data_at, (int) *size, MPI_BYTE, window);
        MPI_Win_complete(window);
        MPI_Win_wait(window);
        CHECK(check_same(memory + data_at, (size_t) *size, key_of(previous, check_rank, *size)),
              "%ld bytes: other content after MPI_Win_wait", *size);
    }
    MPI_Group_free(&world);
    MPI_Group_free(&to);
    MPI_Group_free(&from);
}

/* All ranks update the counters of rank 0 at once; then the sums must be right. */
static void atomics(MPI_Win window, const MPI_Aint *bases)
{
    const int64_t one = 1;
    int64_t got, ticket_sum = 0, all_tickets, total = (int64_t) check_size * UPDATES;
    int32_t small = 1;
    int64_t counters[COUNTERS];

    MPI_Win_lock_all(0, window);
    for (int i = 0; i < UPDATES; i++) {
        check_doing("atomic update %d", i);
        MPI_Accumulate(&one, 1, MPI_INT64_T, 0, bases[0], 1, MPI_INT64_T, MPI_SUM, window);
        MPI_Fetch_and_op(&one, &got, MPI_INT64_T, 0, bases[0] + 8, MPI_SUM, window);
        MPI_Win_flush(0, window);
        ticket_sum += got;
        MPI_Get_accumulate(&one, 1, MPI_INT64_T, &got, 1, MPI_INT64_T, 0, bases[0] + 16, 1,
                           MPI_INT64_T, MPI_SUM, window);
        MPI_Accumulate(&small, 1, MPI_INT32_T, 0, bases[0] + 24, 1, MPI_INT32_T, MPI_SUM, window);
        MPI_Win_flush(0, window);
    }
    for (int i = 0; i < UPDATES / 5; i++) { /* an increment by compare and swap */
        int64_t expected = 0, found, wanted;

        check_doing("compare and swap %d", i);
        for (;;) {
            wanted = expected + 1;
            MPI_Compare_and_swap(&wanted, &expected, &found, MPI_INT64_T, 0, bases[0] + 32, window);
            MPI_Win_flush(0, window);
            if (found == expected) {
                break;
            }
            expected = found;
        }
    }
    MPI_Win_unlock_all(window);
    check_doing("the end of the atomic updates");
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Win_lock(MPI_LOCK_SHARED, 0, 0, window);
    MPI_Get(counters, sizeof(counters), MPI_BYTE, 0, bases[0], sizeof(counters), MPI_BYTE, window);
    MPI_Win_unlock(0, window);
    memcpy(&small, &counters[3], sizeof(small));
    CHECK(counters[0] == total, "MPI_Accumulate: %lld, not %lld", (long long) counters[0],
          (long long) total);
    CHECK(counters[1] == total, "MPI_Fetch_and_op: %lld, not %lld", (long long) counters[1],
          (long long) total);
    CHECK(counters[2] == total, "MPI_Get_accumulate: %lld, not %lld", (long long) counters[2],
          (long long) total);
    CHECK(small == total, "MPI_Accumulate of 32 bits: %d, not %lld", small, (long long) total);
    CHECK(counters[4] == (int64_t) check_size * (UPDATES / 5),
          "MPI_Compare_and_swap: %lld, not %lld", (long long) counters[4],
          (long long) check_size * (UPDATES / 5));
    MPI_Allreduce(&ticket_sum, &all_tickets, 1, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD);
    CHECK(all_tickets == total * (total - 1) / 2, "MPI_Fetch_and_op gave a value twice");
    MPI_Barrier(MPI_COMM_WORLD);
}

/* Accumulates of many elements and exclusive locks: read, change, write back. */
static void locked_updates(MPI_Win window, const MPI_Aint *bases)
{
    enum { ELEMENTS = 1000, TIMES = 30 };
    int64_t add[ELEMENTS], sum[ELEMENTS];
    int last = check_size - 1;
    MPI_Aint at = bases[last] + data_at + BYTES;

    for (int i = 0; i < ELEMENTS; i++) {
        add[i] = i;
    }
    for (int i = 0; i < TIMES; i++) {
        check_doing("update %d under an exclusive lock", i);
        MPI_Win_lock(MPI_LOCK_EXCLUSIVE, last, 0, window);
        MPI_Get(sum, ELEMENTS, MPI_INT64_T, last, at, ELEMENTS, MPI_INT64_T, window);
        MPI_Win_flush(last, window);
        for (int j = 0; j < ELEMENTS; j++) {
            sum[j] += j;
        }
        MPI_Put(sum, ELEMENTS, MPI_INT64_T, last, at, ELEMENTS, MPI_INT64_T, window);
        MPI_Win_unlock(last, window);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Win_lock_all(0, window);
    for (int i = 0; i < TIMES; i++) {
        check_doing("accumulate %d of many elements", i);
        MPI_Accumulate(add, ELEMENTS, MPI_INT64_T, last, at, ELEMENTS, MPI_INT64_T, MPI_SUM,
                       window);
    }
    MPI_Win_unlock_all(window);
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Win_lock(MPI_LOCK_SHARED, last, 0, window);
    MPI_Get(sum, ELEMENTS, MPI_INT64_T, last, at, ELEMENTS, MPI_INT64_T, window);
    MPI_Win_unlock(last, window);
    for (int i = 0; i < ELEMENTS; i++) {
        CHECK(sum[i] == (int64_t) i * 2 * TIMES * check_size, "element %d: %lld, not %lld", i,
              (long long) sum[i], (long long) i * 2 * TIMES * check_size);
    }
}

/* Put with a gap between elements at both ends, through requests. */
static void strided(MPI_Win window, const unsigned char *memory, const MPI_Aint *bases)
{
    enum { BLOCKS = 3000 };
    int next = (check_rank + 1) % check_size, previous = (check_rank + check_size - 1) % check_size;
    MPI_Datatype type;
    MPI_Request request;
    const unsigned char *content = check_content((uint64_t) previous);

    check_doing("a strided put");
    MPI_Type_vector(BLOCKS, 24, 40, MPI_BYTE, &type);
    MPI_Type_commit(&type);
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Win_lock_all(0, window);
    MPI_Rput(check_content((uint64_t) check_rank), 1, type, next, bases[next] + data_at, 1, type,
             window, &request);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    MPI_Win_unlock_all(window);
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Win_lock(MPI_LOCK_SHARED, check_rank, 0, window);
    for (int i = 0; i < BLOCKS; i++) {
        CHECK(0 == memcmp(memory + data_at + i * 40, content + i * 40, 24),
              "block %d of a strided put: other content", i);
    }
    MPI_Win_unlock(check_rank, window);
    MPI_Type_free(&type);
}

int main(int argc, char **argv)
{
    static const char *const kinds[] = {"create", "allocate", "dynamic"};

    check_start(&argc, &argv, "onesided", MPI_THREAD_SINGLE);
    /* Between hosts osc/rdma of Open MPI 4.1 waits for a lock of a dynamic window that it holds. */
    int count = argc > 1 && 0 == strcmp(argv[1], "--no-dynamic") ? 2 : 3;
    for (int kind = 0; kind < count; kind++) {
        unsigned char *memory;
        MPI_Win window;
        MPI_Aint *bases;

        check_doing("a window of kind %s", kinds[kind]);
        window = window_make(kind, &memory);
        bases = window_bases(kind, memory);
        put_and_get(window, bases);
        MPI_Barrier(MPI_COMM_WORLD);
        fences(window, memory, bases);
        active_target(window, memory, bases);
        MPI_Barrier(MPI_COMM_WORLD);
        atomics(window, bases);
        locked_updates(window, bases);
        strided(window, memory, bases);
        window_free(kind, &window, memory);
        free(bases);
    }
    return check_finish();
}
