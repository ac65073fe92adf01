/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * connect: two jobs that know nothing of each other but a port exchange messages of all sizes.
 * The first ranks start both and pass the port from the one to the other.
 */
#include "dynamic.h"

enum { ROUNDS = 2 };

/* The accepting job's port, by way of the job that started both. */
static void agree_on_port(MPI_Comm parent, bool accepts, char *port)
{
    check_doing("the port");
    if (0 == check_rank && accepts) {
        MPI_Open_port(MPI_INFO_NULL, port);
        MPI_Send(port, MPI_MAX_PORT_NAME, MPI_CHAR, 0, 1, parent);
    } else if (0 == check_rank) {
        MPI_Recv(port, MPI_MAX_PORT_NAME, MPI_CHAR, 0, 1, parent, MPI_STATUS_IGNORE);
    }
}

/* One of the two jobs. */
static int child(MPI_Comm parent, bool accepts)
{
    char port[MPI_MAX_PORT_NAME] = "";
    MPI_Comm inter;

    check_name = accepts ? "connect (accepting job)" : "connect (connecting job)";
    for (int round = 0; round < ROUNDS; round++) { /* a port of 5.0 connects only once */
        agree_on_port(parent, accepts, port);
        check_doing("MPI_Comm_%s, round %d", accepts ? "accept" : "connect", round);
        if (accepts) {
            MPI_Comm_accept(port, MPI_INFO_NULL, 0, MPI_COMM_WORLD, &inter);
        } else {
            MPI_Comm_connect(port, MPI_INFO_NULL, 0, MPI_COMM_WORLD, &inter);
        }
        dynamic_exchange(inter, !accepts);
        dynamic_merge(inter, !accepts);
        dynamic_end(&inter);
        if (accepts && 0 == check_rank) {
            MPI_Close_port(port);
        }
    }
    dynamic_end(&parent);
    return check_finish();
}

int main(int argc, char **argv)
{
    char *arguments[2][2] = {{"accept", NULL}, {"connect", NULL}};
    char port[MPI_MAX_PORT_NAME];
    MPI_Comm parent, jobs[2];

    check_start(&argc, &argv, "connect", MPI_THREAD_SINGLE);
    MPI_Comm_get_parent(&parent);
    if (MPI_COMM_NULL != parent) {
        return child(parent, argc > 1 && 0 == strcmp(argv[1], "accept"));
    }
    for (int i = 0; i < 2; i++) {
        check_doing("MPI_Comm_spawn");
        MPI_Comm_spawn(argv[0], arguments[i], 2, MPI_INFO_NULL, 0, MPI_COMM_WORLD, &jobs[i],
                       MPI_ERRCODES_IGNORE);
    }
    for (int round = 0; 0 == check_rank && round < ROUNDS; round++) {
        check_doing("passing a port on");
        MPI_Recv(port, sizeof(port), MPI_CHAR, 0, 1, jobs[0], MPI_STATUS_IGNORE);
        MPI_Send(port, sizeof(port), MPI_CHAR, 0, 1, jobs[1]);
    }
    for (int i = 0; i < 2; i++) {
        dynamic_end(&jobs[i]);
    }
    return check_finish();
}
