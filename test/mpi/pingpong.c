/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * pingpong ROUNDS: ranks 0 and 1 send 8 bytes to and fro, every one checked, and print "milliseconds N".
 */
#include "check.h"

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 1000;

    check_start(&argc, &argv, "pingpong", MPI_THREAD_SINGLE);
    MPI_Barrier(MPI_COMM_WORLD);
    double begun = MPI_Wtime();
    for (long round = 0; round < rounds && check_rank < 2; round++) {
        long sent = 3 * round + check_rank, got = -1;

        if (check_rank == 0) {
            MPI_Send(&sent, 1, MPI_LONG, 1, 0, MPI_COMM_WORLD);
        }
        MPI_Recv(&got, 1, MPI_LONG, 1 - check_rank, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        if (check_rank == 1) {
            MPI_Send(&sent, 1, MPI_LONG, 0, 0, MPI_COMM_WORLD);
        }
        CHECK(got == 3 * round + 1 - check_rank, "round %ld: %ld came", round, got);
        check_step();
    }
    if (check_rank == 0) {
        printf("milliseconds %.0f\n", 1e3 * (MPI_Wtime() - begun));
    }
    return check_finish();
}
