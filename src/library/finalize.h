/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * MPI_Finalize while a handle is open.
 */
#ifndef SEGMSG_LIBRARY_FINALIZE_H
#define SEGMSG_LIBRARY_FINALIZE_H

#include "library/library.h"

/* From now on, MPI_Finalize breaks the handle, and the other processes learn of it. Returns an MPI error code. */
int segmsg_lib_finalize_watch(segmsg_t *handle);

/* Ends that; before the handle is freed. */
void segmsg_lib_finalize_unwatch(segmsg_t *handle);

/* True if MPI_Finalize was called: nothing of MPI's may be called any more. */
static inline bool segmsg_lib_is_finalized(const segmsg_t *handle)
{
    return handle->ranks.comm == MPI_COMM_NULL;
}

#endif
