/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * helped [THREADS]: two ranks exchange long messages, THREADS threads of each at a time (1), every byte
 * checked, and print "asked N, helped B": with how many transfers a peer was asked to help, and the bytes
 * that peers copied. What was asked for while the first thread was alone in MPI is not counted.
 */
#include "variables.h"

#include <pthread.h>

enum { BYTES = 1 << 20, ROUNDS = 60, WARM_UP = 10, THREADS_MOST = 16 };

static pthread_barrier_t all_began;

static void exchange(int thread, int rounds)
{
    int rank = check_rank;
    unsigned char *out = malloc(BYTES), *in = malloc(BYTES);

    if (out == NULL || in == NULL) {
        check_report(__FILE__, __LINE__, "no memory");
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    for (int round = 0; round < rounds; round++) {
        memset(out, round + thread + rank, BYTES);
        memset(in, 0xEE, BYTES);
        if (rank == 0) {
            MPI_Send(out, BYTES, MPI_BYTE, 1, thread, MPI_COMM_WORLD);
            MPI_Recv(in, BYTES, MPI_BYTE, 1, thread, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        } else {
            MPI_Recv(in, BYTES, MPI_BYTE, 0, thread, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            MPI_Send(out, BYTES, MPI_BYTE, 0, thread, MPI_COMM_WORLD);
        }
        check_step();
        for (int b = 0; b < BYTES; b++) {
            if (in[b] != (unsigned char) (round + thread + 1 - rank)) {
                check_report(__FILE__, __LINE__, "thread %d, round %d: byte %d is %d", thread,
                             round, b, in[b]);
                break;
            }
        }
    }
    free(out);
    free(in);
}

static void *work(void *argument)
{
    int thread = *(int *) argument;

    exchange(thread, WARM_UP);
    pthread_barrier_wait(&all_began); /* all have been in MPI */
    pthread_barrier_wait(&all_began); /* and it was read what they asked for until now */
    exchange(thread, ROUNDS);
    pthread_barrier_wait(&all_began); /* the last one is not to be alone: it might ask */
    return NULL;
}

int main(int argc, char **argv)
{
    int provided, threads = argc > 1 ? atoi(argv[1]) : 1, numbers[THREADS_MOST];
    pthread_t thread[THREADS_MOST];
    struct variable asked, helped;
    unsigned long long before[2], mine[2], sum[2];

    if (threads < 1 || threads > THREADS_MOST) {
        fprintf(stderr, "helped: 1 to %d threads\n", THREADS_MOST);
        return 2;
    }
    check_start(&argc, &argv, "helped", threads > 1 ? MPI_THREAD_MULTIPLE : MPI_THREAD_SINGLE);
    MPI_T_init_thread(MPI_THREAD_SINGLE, &provided);
    MPI_T_pvar_session_create(&session);
    if (!variable_open(&asked, "btl_segmsg_cooperative_transfers")
        || !variable_open(&helped, "btl_segmsg_cooperative_helped_bytes")) {
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    pthread_barrier_init(&all_began, NULL, threads + 1);
    for (int t = 0; t < threads; t++) {
        numbers[t] = t;
        if (threads > 1) {
            pthread_create(&thread[t], NULL, work, &numbers[t]);
        }
    }
    if (threads == 1) {
        exchange(0, WARM_UP);
    } else {
        pthread_barrier_wait(&all_began);
    }
    before[0] = value_of(&asked);
    before[1] = value_of(&helped);
    if (threads == 1) {
        exchange(0, ROUNDS);
    } else {
        pthread_barrier_wait(&all_began);
        pthread_barrier_wait(&all_began);
        for (int t = 0; t < threads; t++) {
            pthread_join(thread[t], NULL);
        }
    }
    mine[0] = value_of(&asked) - before[0];
    mine[1] = value_of(&helped) - before[1];
    MPI_Reduce(mine, sum, 2, MPI_UNSIGNED_LONG_LONG, MPI_SUM, 0, MPI_COMM_WORLD);
    if (check_rank == 0) {
        printf("asked %llu, helped %llu\n", sum[0], sum[1]);
    }
    MPI_T_pvar_session_free(&session);
    MPI_T_finalize();
    return check_finish();
}
