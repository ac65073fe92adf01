/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * dynamic.h: what the tests of processes from different jobs share: an exchange of all sizes over
 * an intercommunicator, checked on both sides.
 */
#ifndef SEGMSG_TEST_DYNAMIC_H
#define SEGMSG_TEST_DYNAMIC_H

#include "check.h"

static inline uint64_t dynamic_key(long size, int side, int source, int dest)
{
    return (uint64_t) size << 20 | (uint64_t) side << 16 | (uint64_t) source << 8 | (uint64_t) dest;
}

/* Every rank of this side (0 or 1) with every rank of the other one, both ways, all sizes. */
static inline void dynamic_exchange(MPI_Comm inter, int side)
{
    unsigned char *in = check_allocate(CHECK_LARGEST + 1);
    int mine, others;

    MPI_Comm_rank(inter, &mine);
    MPI_Comm_remote_size(inter, &others);
    for (const long *size = check_sizes; *size >= 0; size++) {
        int count = (int) *size;

        for (int peer = 0; peer < others; peer++) {
            MPI_Request request;
            MPI_Status status;
            int bytes;

            check_doing("%d bytes with rank %d of the other side", count, peer);
            MPI_Isend(check_content(dynamic_key(*size, side, mine, peer)), count, MPI_BYTE, peer,
                      count % 1000, inter, &request);
            MPI_Recv(in, count + 1, MPI_BYTE, peer, count % 1000, inter, &status);
            MPI_Get_count(&status, MPI_BYTE, &bytes);
            CHECK(bytes == count, "%d bytes of %d arrived", bytes, count);
            CHECK(check_same(in, (size_t) count, dynamic_key(*size, !side, peer, mine)),
                  "%d bytes from rank %d of the other side: other content", count, peer);
            MPI_Wait(&request, MPI_STATUS_IGNORE);
        }
    }
    free(in);
}

/* The same processes in one communicator: sums over both sides. */
static inline void dynamic_merge(MPI_Comm inter, int side)
{
    MPI_Comm merged;
    int rank, size, sum = 0;

    check_doing("the merged communicator");
    MPI_Intercomm_merge(inter, side, &merged);
    MPI_Comm_rank(merged, &rank);
    MPI_Comm_size(merged, &size);
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, merged);
    CHECK(sum == size * (size - 1) / 2, "the ranks of the merged communicator sum up to %d", sum);
    check_doing("freeing the merged communicator"); /* to disconnect it hangs in PMIx of 4.1 */
    MPI_Comm_free(&merged);
}

/* Bring the errors of the other side over and end the connection. */
static inline void dynamic_end(MPI_Comm *inter)
{
    long mine = atomic_load(&check_errors), theirs = 0;

    check_doing("the errors of the other side");
    MPI_Allreduce(&mine, &theirs, 1, MPI_LONG, MPI_SUM, *inter);
    atomic_fetch_add(&check_errors, theirs);
    check_doing("MPI_Comm_disconnect");
    MPI_Comm_disconnect(inter);
}

#endif
