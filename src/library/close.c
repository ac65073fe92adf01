/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Closing: all processes together, when nothing is under way any more.
 */
#include "library/library.h"

#include <stdlib.h>

/* Waits for an operation of MPI's, and serves the others meanwhile; but not while room is reserved, since
 * nothing may then be sent. */
static int await_mpi(segmsg_t *handle, MPI_Request *request)
{
    int is_done = 0;
    int error = MPI_SUCCESS;
    segmsg_patience_t patience = segmsg_lib_patience(handle);
    ++handle->waiting;
    while (error == MPI_SUCCESS && !is_done) {
        int count = 0;
        if (handle->broken == SEGMSG_SUCCESS && handle->reserved == NULL) {
            count = segmsg_lib_progress(handle);
        }
        segmsg_lib_lose_patience(handle, &patience, count);
        error = MPI_Test(request, &is_done, MPI_STATUS_IGNORE);
    }
    --handle->waiting;
    return error;
}

/* Looks until all that the others have sent before they closed is here. */
static void take_last(segmsg_t *handle)
{
    unsigned in_vain = 0;
    while (handle->broken == SEGMSG_SUCCESS
           && in_vain < 2 + handle->receiver.reader_count / SEGMSG_TURNS_QUIET) {
        in_vain = segmsg_lib_progress(handle) == 0 ? in_vain + 1 : 0;
    }
}

/* What stands against closing, in any process. */
typedef struct {
    int is_pending;   /* something of the caller's */
    int is_under_way; /* something of the library's, which ends by itself */
    int is_broken;    /* but where one can go on no more, nothing ends: all close */
} vote_t;

/* Votes with all. Returns an MPI error code. */
static int take_vote(segmsg_t *handle, vote_t *vote)
{
    bool is_well = handle->broken == SEGMSG_SUCCESS;
    const vote_t mine = {
        .is_pending = is_well && (handle->pending != 0 || handle->reserved != NULL),
        .is_under_way = is_well && (segmsg_lib_has_unsent(handle) || handle->detached != 0),
        .is_broken = !is_well,
    };
    MPI_Request request;
    int error = MPI_Iallreduce(&mine, vote, sizeof(mine) / sizeof(int), MPI_INT, MPI_MAX,
                               handle->comm, &request);
    return error == MPI_SUCCESS ? await_mpi(handle, &request) : error;
}

segmsg_result_t segmsg_close(segmsg_t **handle)
{
    if (handle == NULL || *handle == NULL) {
        return segmsg_lib_plain(SEGMSG_E_ARGUMENT);
    }
    segmsg_t *closing = *handle;
    if (closing->in_handler) {
        return segmsg_lib_plain(SEGMSG_E_NESTED);
    }
    vote_t vote = {0};
    int error;
    do {
        error = take_vote(closing, &vote);
    } while (error == MPI_SUCCESS && !vote.is_broken && !vote.is_pending && vote.is_under_way);
    if (error == MPI_SUCCESS && !vote.is_broken && vote.is_pending) {
        return segmsg_lib_plain(SEGMSG_E_BUSY);
    }
    take_last(closing);
    segmsg_result_t result = error != MPI_SUCCESS ? segmsg_lib_mpi_failed("MPI_Iallreduce", error)
                             : closing->broken != SEGMSG_SUCCESS ? closing->broken
                             : vote.is_broken                    ? SEGMSG_E_PEER
                             : closing->kept != 0 ? segmsg_lib_plain(SEGMSG_E_LEFT_OVER)
                                                  : SEGMSG_SUCCESS;
    if (closing->reserved != NULL && closing->place_is_own) {
        free(closing->place.data);
    }
    *handle = NULL;
    segmsg_lib_destroy(closing);
    return result;
}
