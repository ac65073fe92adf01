/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * connect: two jobs that know nothing of each other but a port exchange messages of all sizes.
 * The first ranks start both and pass the port from the one to the other.
 */
#include "dynamic.h"

/* One of the two jobs: argument "accept" or "connect". */
static int child(MPI_Comm parent, bool accepts)
{
    char port[MPI_MAX_PORT_NAME] = "";
    MPI_Comm inter;

    check_name = accepts ? "connect (accepting job)" : "connect (connecting job)";
    check_doing("the port");
    if (0 != check_rank) {
        port[0] = '\0';
    } else if (accepts) {
        MPI_Open_port(MPI_INFO_NULL, port);
        MPI_Send(port, sizeof(port), MPI_CHAR, 0, 1, parent);
    } else {
        MPI_Recv(port, sizeof(port), MPI_CHAR, 0, 1, parent, MPI_STATUS_IGNORE);
    }
    for (int round = 0; round < 2; round++) {
        check_doing("MPI_Comm_%s, round %d", accepts ? "accept" : "connect", round);
        if (accepts) {
            MPI_Comm_accept(port, MPI_INFO_NULL, 0, MPI_COMM_WORLD, &inter);
        } else {
            MPI_Comm_connect(port, MPI_INFO_NULL, 0, MPI_COMM_WORLD, &inter);
        }
        dynamic_exchange(inter, !accepts);
        dynamic_merge(inter, !accepts);
        dynamic_end(&inter);
    }
    if (accepts && 0 == check_rank) {
        MPI_Close_port(port);
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
    if (0 == check_rank) {
        check_doing("passing the port on");
        MPI_Recv(port, sizeof(port), MPI_CHAR, 0, 1, jobs[0], MPI_STATUS_IGNORE);
        MPI_Send(port, sizeof(port), MPI_CHAR, 0, 1, jobs[1]);
    }
    for (int i = 0; i < 2; i++) {
        dynamic_end(&jobs[i]);
    }
    return check_finish();
}
