/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * segmsg's performance variables, read through MPI_T.
 */
#ifndef VARIABLES_H
#define VARIABLES_H

#include "check.h"

enum { MOST_GROUPS = 16 };

struct variable {
    MPI_T_pvar_handle handle;
    int count;
};

static MPI_T_pvar_session session;

static int pvar_find(const char *wanted)
{
    int number;

    MPI_T_pvar_get_num(&number);
    for (int i = 0; i < number; i++) {
        char name[256];
        int length = sizeof(name), verbosity, class, bind, readonly, continuous, atomic;
        MPI_Datatype type;
        MPI_T_enum values;

        if (MPI_SUCCESS
                == MPI_T_pvar_get_info(i, name, &length, &verbosity, &class, &type, &values, NULL,
                                       NULL, &bind, &readonly, &continuous, &atomic)
            && 0 == strcmp(name, wanted)) {
            return i;
        }
    }
    return -1;
}

static bool variable_open(struct variable *variable, const char *name)
{
    int index = pvar_find(name);

    if (index < 0
        || MPI_SUCCESS
               != MPI_T_pvar_handle_alloc(session, index, NULL, &variable->handle,
                                          &variable->count)) {
        check_report(__FILE__, __LINE__, "there is no performance variable %s", name);
        return false;
    }
    MPI_T_pvar_start(session, variable->handle); /* an error says that it runs anyway */
    CHECK(variable->count >= 1 && variable->count <= MOST_GROUPS, "%s has %d elements", name,
          variable->count);
    return true;
}

static inline unsigned long long value_of(struct variable *variable)
{
    unsigned long long value = 0;

    MPI_T_pvar_read(session, variable->handle, &value);
    return value;
}

#endif
