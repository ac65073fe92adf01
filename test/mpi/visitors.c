/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * visitors: processes that MPI_Comm_spawn started send a few messages one way and leave, several
 * times. Nothing of them stays mapped in the process that started them.
 */
#include "dynamic.h"

#include <time.h>

enum { ROUNDS = 4, VISITORS = 2, MESSAGES = 5, SECONDS = 5 };

static int bytes_of(int message)
{
    return message * 3001 % 9000;
}

static void visit(MPI_Comm parent)
{
    int rank;

    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    for (int m = 0; m < MESSAGES; m++) {
        MPI_Send(check_content(dynamic_key(m, 1, rank, 0)), bytes_of(m), MPI_BYTE, 0, m, parent);
    }
}

static void receive_visitors(MPI_Comm visitors)
{
    unsigned char *in = check_allocate(CHECK_LARGEST + 1);

    for (int v = 0; v < VISITORS; v++) {
        for (int m = 0; m < MESSAGES; m++) {
            check_doing("message %d of visitor %d", m, v);
            MPI_Recv(in, CHECK_LARGEST, MPI_BYTE, v, m, visitors, MPI_STATUS_IGNORE);
            CHECK(check_same(in, (size_t) bytes_of(m), dynamic_key(m, 1, v, 0)),
                  "message %d of visitor %d: other content", m, v);
        }
    }
    free(in);
}

/* Exports of other processes that have gone and that are mapped here nevertheless. */
static int exports_left(void)
{
    char line[4096], name[64], own[64];
    int left = 0;
    FILE *maps = fopen("/proc/self/maps", "r");

    snprintf(name, sizeof name, "/segmsg-%u-", (unsigned) geteuid());
    snprintf(own, sizeof own, "%s%u-", name, (unsigned) getpid());
    while (NULL != maps && NULL != fgets(line, sizeof line, maps)) {
        left += NULL != strstr(line, name) && NULL == strstr(line, own)
                && NULL != strstr(line, "(deleted)");
    }
    if (NULL != maps) {
        fclose(maps);
    }
    return left;
}

int main(int argc, char **argv)
{
    MPI_Comm inter;

    check_start(&argc, &argv, "visitors", MPI_THREAD_SINGLE);
    MPI_Comm_get_parent(&inter);
    if (MPI_COMM_NULL != inter) {
        check_name = "visitors (child)";
        visit(inter);
        MPI_Comm_disconnect(&inter);
        return check_finish();
    }
    for (int round = 0; round < ROUNDS; round++) {
        check_doing("MPI_Comm_spawn, round %d", round);
        MPI_Comm_spawn(argv[0], MPI_ARGV_NULL, VISITORS, MPI_INFO_NULL, 0, MPI_COMM_SELF, &inter,
                       MPI_ERRCODES_IGNORE);
        receive_visitors(inter);
        check_doing("MPI_Comm_disconnect, round %d", round);
        MPI_Comm_disconnect(&inter);
    }
    /* That a visitor has left is read by progress. */
    for (time_t end = time(NULL) + SECONDS; 0 != exports_left() && time(NULL) < end;) {
        int flag;
        MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_SELF, &flag, MPI_STATUS_IGNORE);
    }
    CHECK(exports_left() == 0, "%d exports of visitors are still mapped", exports_left());
    return check_finish();
}
