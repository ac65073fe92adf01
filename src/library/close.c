/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Closing: all processes together, when nothing is under way any more.
 */
#include "library/busy.h"
#include "library/finalize.h"
#include "library/handle.h"
#include "library/keep.h"
#include "library/library.h"
#include "library/text.h"
#include "library/wait.h"

#include "transfer/initiator.h"

#include <stdlib.h>

/* Waits for an operation of MPI's, and serves the others meanwhile; but not while room is reserved, since
 * nothing may then be sent. Ends too when a process is gone, without which the operation cannot end. */
static int await_mpi(segmsg_t *handle, MPI_Request *request)
{
    int is_done = 0;
    int error = MPI_SUCCESS;
    segmsg_patience_t patience = segmsg_lib_patience(handle);
    patience.is_alert = true;
    ++handle->waits.depth;
    while (error == MPI_SUCCESS && !is_done && handle->gone == NULL) {
        int count = 0;
        if (handle->broken == SEGMSG_SUCCESS && handle->reserved.peer == NULL) {
            count = segmsg_lib_progress(handle);
        }
        segmsg_lib_lose_patience(handle, &patience, count);
        error = MPI_Test(request, &is_done, MPI_STATUS_IGNORE);
    }
    --handle->waits.depth;
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

/* Votes with all on what stands against closing. Returns an MPI error code. */
static int take_vote(segmsg_t *handle)
{
    bool is_well = handle->broken == SEGMSG_SUCCESS;
    segmsg_lib_vote_t *mine = &handle->vote[0];
    *mine = (segmsg_lib_vote_t){
        .is_pending = is_well && (handle->requests.pending != 0 || handle->reserved.peer != NULL),
        .is_under_way =
            is_well && (segmsg_lib_has_unsent(handle) || handle->requests.detached != 0),
        .is_broken = !is_well,
    };
    MPI_Request request;
    int error = MPI_Iallreduce(mine, &handle->vote[1], sizeof(*mine) / sizeof(int), MPI_INT,
                               MPI_MAX, handle->ranks.comm, &request);
    return error == MPI_SUCCESS ? await_mpi(handle, &request) : error;
}

/* Frees the messages that nobody can receive any more: MPI needs memory to close. */
static void drop_kept(segmsg_t *handle)
{
    for (int p = 0; p < handle->ranks.node_size; ++p) {
        segmsg_lib_arrival_t *next;
        for (segmsg_lib_arrival_t *arrival = handle->peers[p].first_arrival; arrival != NULL;
             arrival = next) {
            next = arrival->next;
            if (arrival->state != SEGMSG_LIB_COMING) {
                segmsg_lib_drop(handle, arrival);
            }
        }
    }
}

/* Votes until nothing of the library's is under way. Returns an MPI error code. */
static int agree_to_close(segmsg_t *handle)
{
    const segmsg_lib_vote_t *all = &handle->vote[1];
    int error = MPI_SUCCESS;
    do {
        if (handle->broken != SEGMSG_SUCCESS) {
            drop_kept(handle);
        }
        error = take_vote(handle);
    } while (error == MPI_SUCCESS && handle->gone == NULL && !all->is_broken && !all->is_pending
             && all->is_under_way);
    return error;
}

static segmsg_result_t result_of(const segmsg_t *handle, int mpi_error)
{
    return mpi_error != MPI_SUCCESS           ? segmsg_lib_mpi_failed("MPI_Iallreduce", mpi_error)
           : handle->broken != SEGMSG_SUCCESS ? handle->broken
           : handle->vote[1].is_broken        ? SEGMSG_E_PEER
           : handle->kept != 0                ? segmsg_lib_plain(SEGMSG_E_LEFT_OVER)
                                              : SEGMSG_SUCCESS;
}

segmsg_result_t segmsg_close(segmsg_t **handle)
{
    if (handle == NULL || *handle == NULL) {
        return segmsg_lib_plain(SEGMSG_E_ARGUMENT);
    }
    segmsg_t *closing = *handle;
    if (closing->handler.is_running) {
        return segmsg_lib_plain(SEGMSG_E_NESTED);
    }
    int error = segmsg_lib_is_finalized(closing) ? MPI_SUCCESS : agree_to_close(closing);
    const segmsg_lib_vote_t *all = &closing->vote[1];
    if (error == MPI_SUCCESS && closing->gone == NULL && !all->is_broken && all->is_pending
        && !segmsg_lib_is_finalized(closing)) {
        return segmsg_lib_plain(SEGMSG_E_BUSY);
    }
    take_last(closing);
    segmsg_transfers_abandon(&closing->transfers, NULL);
    segmsg_result_t result = result_of(closing, error);
    if (closing->reserved.peer != NULL && closing->reserved.is_own) {
        free(closing->reserved.place.data);
    }
    *handle = NULL;
    segmsg_lib_destroy(closing);
    return result;
}
