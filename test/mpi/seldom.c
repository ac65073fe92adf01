/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * seldom: two ranks send long messages to each other by turns. Who sends waits for long; who receives computes, and
 * asks with MPI_Iprobe now and then, beginning when the message has long been announced. The PML says so at the
 * second call at the latest. Prints "late N of M": rounds in which it took more.
 */
#include "check.h"

enum { BYTES = 1 << 20, ROUNDS = 60, SEND_AFTER = 2, PROBE_AFTER = 12, PROBE_EVERY = 2 /* ms */ };

static void compute(int milliseconds)
{
    double until = MPI_Wtime() + 1e-3 * milliseconds;

    while (MPI_Wtime() < until) {
    }
}

/* True if the message was late although it was under way for long. */
static bool receive(unsigned char *message, int round)
{
    int found = 0, calls = 0;
    double first, sent;

    compute(PROBE_AFTER);
    first = MPI_Wtime();
    while (!found) {
        MPI_Iprobe(1 - check_rank, round, MPI_COMM_WORLD, &found, MPI_STATUS_IGNORE);
        calls++;
        if (!found) {
            compute(PROBE_EVERY);
        }
    }
    MPI_Recv(message, BYTES, MPI_BYTE, 1 - check_rank, round, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    memcpy(&sent, message, sizeof sent);
    CHECK(message[BYTES - 1] == (unsigned char) round, "round %d: the last byte is %d", round,
          message[BYTES - 1]);
    return calls > 2 && first - sent > 1e-3 * (PROBE_AFTER - SEND_AFTER) / 2;
}

int main(int argc, char **argv)
{
    int late = 0, sum;
    unsigned char *message = calloc(1, BYTES);

    check_start(&argc, &argv, "seldom", MPI_THREAD_SINGLE);
    for (int round = 0; round < ROUNDS; round++) {
        if (round % 2 == check_rank) {
            compute(SEND_AFTER);
            double now = MPI_Wtime();
            memcpy(message, &now, sizeof now);
            message[BYTES - 1] = (unsigned char) round;
            MPI_Send(message, BYTES, MPI_BYTE, 1 - check_rank, round, MPI_COMM_WORLD);
        } else {
            late += receive(message, round);
        }
        check_step();
    }
    MPI_Reduce(&late, &sum, 1, MPI_INT, MPI_SUM, 0, MPI_COMM_WORLD);
    if (check_rank == 0) {
        printf("late %d of %d\n", sum, ROUNDS);
    }
    free(message);
    return check_finish();
}
