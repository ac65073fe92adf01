/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * requests: a hundred thousand sends may be in progress at once, with and without receives posted
 * for them, and each completes with its own content.
 *
 * More than 65536 are a promise that takes a transport which keeps its own order: PML ob1 tells
 * messages that overtook others apart by 16-bit numbers only.
 */
#include "check.h"

static int request_count = 100000; /* or the program's argument */

enum {
    SLOT = 64,         /* bytes; the most that a usual message has */
    LARGE_EVERY = 997, /* one message in so many has LARGE bytes */
    LARGE = 20000,
};

static int size_of(int n)
{
    return 0 == n % LARGE_EVERY ? LARGE : 8 + n % (SLOT - 7);
}

static size_t offset_of(int n)
{
    return (size_t) n * SLOT + (size_t) ((n + LARGE_EVERY - 1) / LARGE_EVERY) * LARGE;
}

/* Rank 0 to rank 1; synchronous sends complete only when they are received. */
static void run(bool posted, bool synchronous)
{
    unsigned char *memory = check_allocate(offset_of(request_count) + LARGE);
    MPI_Request *requests = check_allocate((size_t) request_count * sizeof(MPI_Request));
    bool sender = 0 == check_rank;

    if (!sender) {
        memset(memory, 0, offset_of(request_count) + LARGE);
    }
    for (int step = 0; step < 2; step++) { /* who comes first */
        if (sender == (posted ? 1 == step : 0 == step)) {
            for (int n = 0; n < request_count; n++) {
                unsigned char *at = memory + offset_of(n);
                int size = size_of(n);

                if (!sender) {
                    MPI_Irecv(at, size, MPI_BYTE, 0, n % 16, MPI_COMM_WORLD, &requests[n]);
                    continue;
                }
                check_fill(at, (size_t) size, (uint64_t) n);
                if (synchronous) {
                    MPI_Issend(at, size, MPI_BYTE, 1, n % 16, MPI_COMM_WORLD, &requests[n]);
                } else {
                    MPI_Isend(at, size, MPI_BYTE, 1, n % 16, MPI_COMM_WORLD, &requests[n]);
                }
            }
        }
        check_doing("the barrier after step %d, posted %d, synchronous %d", step, posted,
                    synchronous);
        MPI_Barrier(MPI_COMM_WORLD);
    }
    check_doing("%d requests, posted %d, synchronous %d", request_count, posted, synchronous);
    MPI_Waitall(request_count, requests, MPI_STATUSES_IGNORE);
    for (int n = 0; !sender && n < request_count; n++) {
        CHECK(check_same(memory + offset_of(n), (size_t) size_of(n), (uint64_t) n),
              "message %d of %d bytes: other content (posted %d, synchronous %d)", n, size_of(n),
              posted, synchronous);
    }
    free(memory);
    free(requests);
}

int main(int argc, char **argv)
{
    check_start(&argc, &argv, "requests", MPI_THREAD_SINGLE);
    if (argc > 1) {
        request_count = atoi(argv[1]);
    }
    if (2 == check_size) {
        run(true, false);
        run(false, false);
        run(true, true);
        run(false, true);
    } else {
        CHECK(false, "this test takes two ranks");
    }
    return check_finish();
}
