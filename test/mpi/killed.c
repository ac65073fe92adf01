/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * killed: in the middle of traffic the last rank kills itself, or, with the argument "all", every
 * rank does. The test driver looks at how the job ends and what it leaves behind; this program
 * can only fail by surviving.
 */
#include "check.h"

enum { ROUNDS_BEFORE = 200, ROUNDS = 2000000 };

int main(int argc, char **argv)
{
    static const int sizes[] = {8, 100, 4000, 30000, 300000, 2000000};
    unsigned char *in;
    bool dies;

    check_start(&argc, &argv, "killed", MPI_THREAD_SINGLE);
    dies = check_rank == check_size - 1 || (argc > 1 && 0 == strcmp(argv[1], "all"));
    in = check_allocate(CHECK_LARGEST);
    for (int round = 0; round < ROUNDS; round++) {
        int size = sizes[round % 6];
        MPI_Request request;

        check_doing("round %d", round);
        MPI_Isend(check_content((uint64_t) round), size, MPI_BYTE, (check_rank + 1) % check_size, 1,
                  MPI_COMM_WORLD, &request);
        if (dies && round == ROUNDS_BEFORE + 4) { /* a large message has just begun */
            raise(SIGKILL);
        }
        MPI_Recv(in, size, MPI_BYTE, (check_rank + check_size - 1) % check_size, 1, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE);
        MPI_Wait(&request, MPI_STATUS_IGNORE);
    }
    return check_finish();
}
