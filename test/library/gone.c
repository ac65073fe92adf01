/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * gone: the last rank is killed, and MPI does not end the job: the others are told, and can close.
 *
 * Those that are left can do nothing with MPI any more. They tell rank 0 through shared memory how it went,
 * and leave.
 */
#include "content.h"

#include <signal.h>
#include <stdatomic.h>

enum { BYTES = 1 << 20 };
static const double soon = 3.0, most = 20.0; /* seconds */

/* Of each rank: 0 not yet, 1 well, 2 badly. */
static _Atomic int *outcomes;

static void share_outcomes(void)
{
    MPI_Win window;
    MPI_Aint size = 0 == check_rank ? 64 * (MPI_Aint) sizeof(int) : 0;
    int unit;

    MPI_Win_allocate_shared(size, 1, MPI_INFO_NULL, MPI_COMM_WORLD, (void *) &outcomes, &window);
    MPI_Win_shared_query(window, 0, &size, &unit, (void *) &outcomes);
    atomic_store(&outcomes[check_rank], 0);
    MPI_Barrier(MPI_COMM_WORLD);
}

static void leave(const char *promise)
{
    bool is_well = 0 == atomic_load(&check_errors);

    atomic_store(&outcomes[check_rank], is_well ? 1 : 2);
    for (int rank = 1; rank < check_size - 1 && 0 == check_rank; rank++) {
        for (double begin = now(); 0 == atomic_load(&outcomes[rank]) && now() - begin < most;) {
            sched_yield();
        }
        is_well = is_well && 1 == atomic_load(&outcomes[rank]);
    }
    if (0 == check_rank) {
        printf("%s - %s\n", is_well ? "ok" : "not ok", promise);
        fflush(stdout);
    }
    _exit(0);
}

static void check_soon(const char *what, double begin)
{
    CHECK(now() - begin < soon, "%s took %.1f s", what, now() - begin);
}

/* What each rank is in when the last one dies. */
static void be_told(segmsg_t *handle, int last)
{
    unsigned char *out = content_make(BYTES, 1), *room = check_allocate(BYTES);
    segmsg_request_t *requests[2] = {NULL};
    segmsg_result_t result = SEGMSG_SUCCESS;
    double begin = now();
    int done = 0;

    check_doing("%s: wait for a rank that dies", promise_now);
    SUCCEEDS(segmsg_irecv(handle, last, 7, room, BYTES, &requests[0]));
    SUCCEEDS(segmsg_isend(handle, last, 8, out, BYTES, &requests[1]));
    if (check_rank % 2) {
        result = segmsg_recv(handle, SEGMSG_ANY_SOURCE, 9, room, 1, NULL);
    } else {
        while (!done) {
            result = segmsg_test(handle, &requests[0], &done, NULL);
        }
    }
    GIVES(SEGMSG_E_PEER, result);
    CHECK('\0' != *segmsg_explanation(), "no explanation");
    GIVES(SEGMSG_E_PEER, segmsg_wait_all(handle, 2, requests, NULL));
    GIVES(SEGMSG_E_PEER, segmsg_send(handle, last, 1, "a", 1));
    check_soon("it", begin);
    free(out);
    free(room);
}

static void the_others_are_told_and_can_close(void)
{
    segmsg_t *handle = open_world();
    int last = check_size - 1;
    double begin;

    share_outcomes();
    for (int rank = 0; rank < last;
         rank++) { /* a long one: where the kernel copies, it is known then */
        if (check_rank == last) {
            transmit(handle, rank, 1, BYTES, key_of(last, rank, 1));
        } else if (check_rank == rank) {
            receive(handle, last, 1, BYTES, key_of(last, rank, 1));
        }
    }
    MPI_Barrier(MPI_COMM_WORLD);
    if (check_rank == last) {
        raise(SIGKILL);
    }
    be_told(handle, last);
    begin = now();
    check_doing("%s: segmsg_close", promise_now);
    GIVES(SEGMSG_E_PEER, segmsg_close(&handle));
    CHECK(NULL == handle, "the handle is not NULL");
    check_soon("closing", begin);
    leave(promise_now);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(the_others_are_told_and_can_close),
    };

    return PROMISES_MAIN(argc, argv, "gone", promises);
}
