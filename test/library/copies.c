/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * copies: by which way long messages go: the kernel copies them where it may, else they are streamed
 * through the segments. What it may is tried here as well: test/mpi/forbid denies it to all ranks or
 * to some.
 */
#define _GNU_SOURCE
#include "content.h"

#include <errno.h>
#include <sys/uio.h>

enum { EACH = 5 };
static const size_t sizes[EACH] = {1 << 20, 300001, 2000000, 500000, 1500007};

/* Whether this process may read the memory of each rank. */
static void find_readable(bool *readable)
{
    struct {
        long pid;
        uint64_t address;
        uint64_t value;
    } mine = {(long) getpid(), 0, key_of(check_rank, 0, 7)}, *all;

    all = check_allocate((size_t) check_size * sizeof(mine));
    mine.address = (uint64_t) (uintptr_t) &mine.value;
    MPI_Allgather(&mine, sizeof(mine), MPI_BYTE, all, sizeof(mine), MPI_BYTE, MPI_COMM_WORLD);
    for (int rank = 0; rank < check_size; rank++) {
        uint64_t value = 0;
        struct iovec here = {&value, sizeof(value)};
        struct iovec there = {(void *) (uintptr_t) all[rank].address, sizeof(value)};

        readable[rank] =
            sizeof(value) == process_vm_readv((pid_t) all[rank].pid, &here, 1, &there, 1, 0)
            && value == all[rank].value;
    }
    MPI_Barrier(MPI_COMM_WORLD); /* `mine` is read till then */
    free(all);
}

/* All to all, some receives before their messages and some after. */
static void exchange(segmsg_t *handle)
{
    segmsg_request_t *sends[EACH * 64];
    unsigned char *out[EACH * 64];
    int begun = 0;

    for (int i = 1; i < check_size; i++) {
        int to = (check_rank + i) % check_size, from = (check_rank + check_size - i) % check_size;
        segmsg_request_t *receives[EACH];
        struct room rooms[EACH];

        for (int n = 0; n < EACH; n++, begun++) {
            out[begun] = content_make(sizes[n], key_of(check_rank, to, n));
            SUCCEEDS(segmsg_isend(handle, to, n, out[begun], sizes[n], &sends[begun]));
        }
        for (int n = 0; n < EACH; n++) {
            rooms[n] = room_make(sizes[n], (size_t) n);
            SUCCEEDS(segmsg_irecv(handle, from, n, rooms[n].data, sizes[n], &receives[n]));
        }
        for (int n = EACH - 1; n >= 0; n--) {
            segmsg_info_t info;

            check_doing("%s: %zu bytes from %d", promise_now, sizes[n], from);
            info = complete(handle, &receives[n]);
            INFO(&info, from, n, sizes[n]);
            ROOM(&rooms[n], sizes[n], key_of(from, check_rank, n));
        }
    }
    check_doing("%s: %d sends", promise_now, begun);
    SUCCEEDS(segmsg_wait_all(handle, begun, sends, NULL));
    for (int n = 0; n < begun; n++) {
        free(out[n]);
    }
}

/* Messages that this rank gets from others, and those of them that the kernel may copy. */
static void expect(int *all, int *copied)
{
    bool *readable = check_allocate((size_t) check_size * sizeof(bool));

    find_readable(readable);
    *all = EACH * (check_size - 1);
    *copied = 0;
    for (int rank = 0; rank < check_size; rank++) {
        *copied += rank != check_rank && readable[rank] ? EACH : 0;
    }
    free(readable);
}

static void count(segmsg_single_copy_t way)
{
    segmsg_options_t options = {.size = sizeof(options), .single_copy = way};
    segmsg_t *handle = open_on(MPI_COMM_WORLD, &options);
    segmsg_statistics_t statistics;
    int all, copied;

    expect(&all, &copied);
    copied = SEGMSG_SINGLE_COPY_NONE == way ? 0 : copied;
    exchange(handle);
    statistics = statistics_of(handle);
    CHECK(statistics.single_copies + statistics.streamed == (uint64_t) all,
          "%d single copies and %d streamed, of %d long messages", (int) statistics.single_copies,
          (int) statistics.streamed, all);
    CHECK(statistics.single_copies >= (uint64_t) copied,
          "%d single copies, though the kernel may copy %d", (int) statistics.single_copies,
          copied);
    CHECK(0 != copied || 0 == statistics.single_copies,
          "%d single copies, though the kernel may not copy", (int) statistics.single_copies);
    close_empty(&handle);
}

static void the_kernel_copies_where_it_may(void)
{
    count(SEGMSG_SINGLE_COPY_AUTO);
}

static void who_wants_no_single_copy_gets_none(void)
{
    count(SEGMSG_SINGLE_COPY_NONE);
}

/* Every second rank wants none: neither its own messages nor those to it are copied. */
static void the_kernel_copies_if_both_want_it(void)
{
    segmsg_options_t options = {.size = sizeof(options)};
    bool *readable = check_allocate((size_t) check_size * sizeof(bool));
    segmsg_t *handle;
    int wanted = 0;

    options.single_copy = check_rank % 2 ? SEGMSG_SINGLE_COPY_NONE : SEGMSG_SINGLE_COPY_AUTO;
    handle = open_on(MPI_COMM_WORLD, &options);
    find_readable(readable);
    for (int rank = 0; rank < check_size && 0 == check_rank % 2; rank += 2) {
        wanted += rank != check_rank && readable[rank] ? EACH : 0;
    }
    exchange(handle);
    CHECK(statistics_of(handle).single_copies == (uint64_t) wanted, "%d single copies, not %d",
          (int) statistics_of(handle).single_copies, wanted);
    free(readable);
    close_empty(&handle);
}

/* The driver says which ranks it denied the copy to, so that it is known that it was denied. */
static void the_kernel_copies_only_where_it_may(void)
{
    const char *all = getenv("SEGMSG_TEST_FORBIDDEN");
    bool *readable = check_allocate((size_t) check_size * sizeof(bool));
    bool mine = all && (0 == strcmp(all, "all") || strchr(all, '0' + check_rank));

    find_readable(readable);
    for (int rank = 0; rank < check_size && mine; rank++) {
        CHECK(rank == check_rank || !readable[rank], "rank %d can be read", rank);
    }
    free(readable);
    if (!all) {
        promise_skip("needs the kernel's copy to be forbidden");
    } else {
        count(SEGMSG_SINGLE_COPY_AUTO);
    }
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(the_kernel_copies_where_it_may),
        PROMISE(who_wants_no_single_copy_gets_none),
        PROMISE(the_kernel_copies_if_both_want_it),
        PROMISE(the_kernel_copies_only_where_it_may),
    };

    return PROMISES_MAIN(argc, argv, "copies", promises);
}
