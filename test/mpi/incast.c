/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * incast COUNT BYTES: all ranks but one send COUNT messages of BYTES bytes to rank 0 and then make no
 * headway for a moment, so that what rank 0 has to tell them of each message finds no room. Then all of it
 * must still arrive.
 */
#include "check.h"

enum { DATA_TAG = 1, END_TAG = 2 };

static void send_all(int count, int bytes)
{
    MPI_Request *requests = check_allocate((size_t) count * sizeof(*requests));
    char end = 0;

    for (int i = 0; i < count; i++) {
        MPI_Isend(check_content((uint64_t) check_rank), bytes, MPI_BYTE, 0, DATA_TAG,
                  MPI_COMM_WORLD, &requests[i]);
    }
    check_doing("outside of MPI");
    sleep(1);
    check_doing("the end of all messages");
    MPI_Waitall(count, requests, MPI_STATUSES_IGNORE);
    MPI_Send(&end, 1, MPI_CHAR, 0, END_TAG, MPI_COMM_WORLD);
    free(requests);
}

static void receive_all(int count, int bytes)
{
    char *buffer = check_allocate((size_t) bytes);
    char end;

    for (int i = 0; i < count; i++) {
        for (int rank = 1; rank < check_size; rank++) {
            check_doing("message %d of rank %d", i, rank);
            memset(buffer, 0, (size_t) bytes);
            MPI_Recv(buffer, bytes, MPI_BYTE, rank, DATA_TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            CHECK(check_same(buffer, (size_t) bytes, (uint64_t) rank),
                  "message %d of rank %d: other content", i, rank);
        }
    }
    for (int rank = 1; rank < check_size; rank++) {
        check_doing("the end of rank %d", rank);
        MPI_Recv(&end, 1, MPI_CHAR, rank, END_TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    }
    free(buffer);
}

int main(int argc, char **argv)
{
    check_start(&argc, &argv, "incast", MPI_THREAD_SINGLE);
    if (argc != 3) {
        fprintf(stderr, "usage: incast COUNT BYTES\n");
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    if (check_rank == 0) {
        receive_all(atoi(argv[1]), atoi(argv[2]));
    } else {
        send_all(atoi(argv[1]), atoi(argv[2]));
    }
    return check_finish();
}
