/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * finalized: the last rank calls MPI_Finalize with its handle open. The others are told, and can close; and it can
 * close afterwards.
 *
 * What a rank finds wrong after that it tells by its exit status, since MPI is over then.
 */
#include "content.h"

static const double soon = 5.0; /* seconds */

static void end(void)
{
    bool is_well = 0 == atomic_load(&check_errors);

    if (0 == check_rank) {
        printf("%s - %s\n", is_well ? "ok" : "not ok", promise_now);
        fflush(stdout);
    }
    exit(is_well ? 0 : 1);
}

static void who_finalizes_with_an_open_handle_keeps_nobody_waiting(void)
{
    segmsg_t *handle = open_world();
    int last = check_size - 1;
    char byte = 'a';
    double begin;

    MPI_Barrier(MPI_COMM_WORLD);
    if (check_rank == last) {
        check_doing("%s: MPI_Finalize", promise_now);
        MPI_Finalize();
        GIVES(SEGMSG_E_MPI, segmsg_send(handle, 0, 1, &byte, 1));
        GIVES(SEGMSG_E_MPI, segmsg_recv(handle, 0, 1, &byte, 1, NULL));
        GIVES(SEGMSG_E_MPI, segmsg_close(&handle));
        CHECK(NULL == handle, "the handle is not NULL");
        CHECK('\0' != *segmsg_explanation(), "no explanation");
        end();
    }
    check_doing("%s: wait for a rank that has finalized MPI", promise_now);
    begin = now();
    GIVES(SEGMSG_E_PEER, segmsg_recv(handle, last, 1, &byte, 1, NULL));
    CHECK(NULL != strstr(segmsg_explanation(), "MPI_Finalize"), "explained by '%s'",
          segmsg_explanation());
    GIVES(SEGMSG_E_PEER, segmsg_close(&handle));
    CHECK(now() - begin < soon, "it took %.1f s", now() - begin);
    check_doing("MPI_Finalize");
    MPI_Finalize();
    end();
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(who_finalizes_with_an_open_handle_keeps_nobody_waiting),
    };

    return PROMISES_MAIN(argc, argv, "finalized", promises);
}
