/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * used: two ranks exchange messages of 32 KB and compute between them for longer than these take, every byte
 * checked, and print "at once N of M": how many came through segments, without a rendezvous.
 */
#include "variables.h"

enum { BYTES = 32 << 10, ROUNDS = 100, WARM_UP = 20, COMPUTE_US = 200 };

static unsigned char out[BYTES], in[BYTES];

static void compute(void)
{
    double until = MPI_Wtime() + 1e-6 * COMPUTE_US;

    while (MPI_Wtime() < until) {
    }
}

static void exchange(int round)
{
    memset(out, round + check_rank, BYTES);
    memset(in, 0xEE, BYTES);
    compute();
    MPI_Sendrecv(out, BYTES, MPI_BYTE, 1 - check_rank, 0, in, BYTES, MPI_BYTE, 1 - check_rank, 0,
                 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    check_step();
    for (int b = 0; b < BYTES; b++) {
        if (in[b] != (unsigned char) (round + 1 - check_rank)) {
            check_report(__FILE__, __LINE__, "round %d: byte %d is %d", round, b, in[b]);
            break;
        }
    }
}

int main(int argc, char **argv)
{
    int provided;
    struct variable delivered;
    unsigned long long mine, sum;

    check_start(&argc, &argv, "used", MPI_THREAD_SINGLE);
    MPI_T_init_thread(MPI_THREAD_SINGLE, &provided);
    MPI_T_pvar_session_create(&session);
    if (!variable_open(&delivered, "btl_segmsg_delivered_bytes")) {
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    for (int round = 0; round < WARM_UP; round++) {
        exchange(round);
    }
    mine = value_of(&delivered);
    for (int round = 0; round < ROUNDS; round++) {
        exchange(round);
    }
    mine = (value_of(&delivered) - mine) / BYTES;
    MPI_Reduce(&mine, &sum, 1, MPI_UNSIGNED_LONG_LONG, MPI_SUM, 0, MPI_COMM_WORLD);
    if (check_rank == 0) {
        printf("at once %llu of %d\n", sum, 2 * ROUNDS);
    }
    MPI_T_pvar_session_free(&session);
    MPI_T_finalize();
    return check_finish();
}
