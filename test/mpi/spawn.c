/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * spawn: processes that MPI_Comm_spawn started exchange messages of all sizes with those that
 * started them. Twice, so that a second job comes after the first one has gone.
 */
#include "dynamic.h"

int main(int argc, char **argv)
{
    MPI_Comm inter;

    check_start(&argc, &argv, "spawn", MPI_THREAD_SINGLE);
    MPI_Comm_get_parent(&inter);
    if (MPI_COMM_NULL != inter) {
        check_name = "spawn (child)";
        dynamic_exchange(inter, 1);
        dynamic_merge(inter, 1);
        dynamic_end(&inter);
        return check_finish();
    }
    for (int round = 0; round < 2; round++) {
        check_doing("MPI_Comm_spawn");
        MPI_Comm_spawn(argv[0], MPI_ARGV_NULL, 2, MPI_INFO_NULL, 0, MPI_COMM_WORLD, &inter,
                       MPI_ERRCODES_IGNORE);
        dynamic_exchange(inter, 0);
        dynamic_merge(inter, 0);
        dynamic_end(&inter);
    }
    return check_finish();
}
