/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * threads: with MPI_THREAD_MULTIPLE, several threads of every rank send and receive at once: each
 * on a communicator of its own, and all on a common one with a tag for each thread.
 */
#include "check.h"

#include <pthread.h>

enum {
    THREADS = 4,
    ROUNDS = 15,
};

struct worker {
    int number;
    MPI_Comm own, common;
};

static uint64_t key_of(int source, int thread, long size, int round)
{
    return (uint64_t) source << 48 | (uint64_t) thread << 40 | (uint64_t) size << 8
           | (uint64_t) round;
}

/* Pass messages round the ring, all threads at the same time. */
static void ring(const struct worker *worker, MPI_Comm comm, int tag, unsigned char *in)
{
    int next = (check_rank + 1) % check_size;
    int previous = (check_rank + check_size - 1) % check_size;

    for (int round = 0; round < ROUNDS; round++) {
        for (const long *size = check_sizes + round % 3; size[0] >= 0 && size[0] < 200000;
             size += 3) {
            MPI_Request request;
            MPI_Status status;
            int bytes;

            MPI_Isend(check_content(key_of(check_rank, worker->number, *size, round)), (int) *size,
                      MPI_BYTE, next, tag, comm, &request);
            MPI_Recv(in, CHECK_LARGEST, MPI_BYTE, previous, tag, comm, &status);
            MPI_Get_count(&status, MPI_BYTE, &bytes);
            CHECK(bytes == *size, "thread %d: %d bytes arrived, not %ld", worker->number, bytes,
                  *size);
            CHECK(check_same(in, (size_t) *size, key_of(previous, worker->number, *size, round)),
                  "thread %d: %ld bytes: other content", worker->number, *size);
            MPI_Wait(&request, MPI_STATUS_IGNORE);
            check_step();
            if (size[1] < 0 || size[2] < 0) {
                break;
            }
        }
    }
}

static void *work(void *argument)
{
    const struct worker *worker = argument;
    unsigned char *in = check_allocate(CHECK_LARGEST);

    ring(worker, worker->own, 0, in);
    ring(worker, worker->common, worker->number, in);
    free(in);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    struct worker workers[THREADS];

    check_start(&argc, &argv, "threads", MPI_THREAD_MULTIPLE);
    for (int i = 0; i < THREADS; i++) {
        workers[i].number = i;
        workers[i].common = MPI_COMM_WORLD;
        MPI_Comm_dup(MPI_COMM_WORLD, &workers[i].own);
    }
    check_doing("the threads' rings");
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, work, &workers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        MPI_Comm_free(&workers[i].own);
    }
    return check_finish();
}
