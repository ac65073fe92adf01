/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * threads: several handles used by several threads at the same time, one each.
 */
#include "content.h"

#include <pthread.h>

enum { THREADS = 3, MESSAGES = 600 };

struct worker {
    pthread_t thread;
    int number;
    bool opens; /* and closes, itself */
    MPI_Comm comm;
    segmsg_t *handle;
};

static uint64_t key_in(const struct worker *worker, int from, int to, int n)
{
    return key_of(from, to, worker->number * 100000 + n);
}

static size_t size_of(int n)
{
    static const size_t sizes[] = {8, 4000, 0, 64, 100000, 8321, 500, 20000};

    return sizes[n % 8];
}

/* check_doing() is the main thread's: here are the calls alone. */
static void exchange(struct worker *worker, int n)
{
    int to = (check_rank + 1 + n % check_size) % check_size;
    int from = (check_rank + 2 * check_size - 1 - n % check_size) % check_size;
    unsigned char *out = content_make(size_of(n), key_in(worker, check_rank, to, n));
    struct room room = room_make(size_of(n), 0);
    segmsg_request_t *request;
    segmsg_info_t info = {-9, -9, 0};

    SUCCEEDS(segmsg_isend(worker->handle, to, n, out, size_of(n), &request));
    SUCCEEDS(segmsg_recv(worker->handle, from, n, room.data, size_of(n), &info));
    INFO(&info, from, n, size_of(n));
    ROOM(&room, size_of(n), key_in(worker, from, check_rank, n));
    complete(worker->handle, &request);
    free(out);
}

static void *work(void *argument)
{
    struct worker *worker = argument;

    if (worker->opens) {
        worker->handle = open_on(worker->comm, NULL);
    }
    for (int n = 0; n < MESSAGES; n++) {
        exchange(worker, n);
    }
    if (worker->opens) {
        SUCCEEDS(segmsg_close(&worker->handle));
    }
    return NULL;
}

static void run(bool opens, int rounds)
{
    struct worker workers[THREADS];

    for (int t = 0; t < THREADS; t++) {
        workers[t] = (struct worker){.number = t, .opens = opens};
        MPI_Comm_dup(MPI_COMM_WORLD, &workers[t].comm);
        if (!opens) {
            workers[t].handle = open_on(workers[t].comm, NULL);
        }
    }
    for (int round = 0; round < rounds; round++) {
        check_doing("%s: round %d", promise_now, round);
        for (int t = 0; t < THREADS; t++) {
            pthread_create(&workers[t].thread, NULL, work, &workers[t]);
        }
        for (int t = 0; t < THREADS; t++) {
            pthread_join(workers[t].thread, NULL);
        }
    }
    for (int t = 0; t < THREADS; t++) {
        if (!opens) {
            close_empty(&workers[t].handle);
        }
        MPI_Comm_free(&workers[t].comm);
    }
}

static void threads_may_use_a_handle_each(void)
{
    run(false, 3);
}

static void threads_may_open_and_close_a_handle_each(void)
{
    run(true, 3);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(threads_may_use_a_handle_each),
        PROMISE(threads_may_open_and_close_a_handle_each),
    };

    return promises_main(argc, argv, "threads", MPI_THREAD_MULTIPLE, promises,
                         sizeof(promises) / sizeof(promises[0]));
}
