/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A handle: what it says of itself, and its end.
 */
#include "library/handle.h"

#include "library/finalize.h"
#include "library/requests.h"

#include <stdlib.h>

static void peer_destroy(segmsg_lib_peer_t *peer)
{
    for (segmsg_lib_note_t *note; (note = peer->first_note) != NULL;) {
        peer->first_note = note->next;
        free(note);
    }
    for (segmsg_lib_arrival_t *arrival; (arrival = peer->first_arrival) != NULL;) {
        peer->first_arrival = arrival->next;
        free(arrival->data);
        free(arrival);
    }
    segmsg_copier_close(&peer->copier);
    segmsg_sender_destroy(&peer->sender);
}

void segmsg_lib_destroy(segmsg_t *handle)
{
    segmsg_lib_finalize_unwatch(handle);
    if (handle->peers != NULL) {
        for (int p = 0; p < handle->ranks.node_size; ++p) {
            peer_destroy(&handle->peers[p]);
        }
    }
    segmsg_receiver_destroy(&handle->receiver);
    segmsg_match_destroy(&handle->match);
    segmsg_lib_requests_destroy(handle);
    free(handle->ranks.node_rank_of);
    const bool is_alone = handle->gone != NULL;
    free(handle->peers);
    if (is_alone) {
        /* What remains is freed by collective calls, which would wait for the process that is gone. And MPI
         * may still write the outcome of a vote into the handle. */
        return;
    }
    segmsg_win_destroy(&handle->win);
    if (handle->ranks.node != MPI_COMM_NULL) {
        (void) MPI_Comm_free(&handle->ranks.node);
    }
    if (handle->ranks.comm != MPI_COMM_NULL) {
        (void) MPI_Comm_free(&handle->ranks.comm);
    }
    free(handle);
}

int segmsg_rank(const segmsg_t *handle)
{
    return handle == NULL ? -1 : handle->ranks.rank;
}

int segmsg_size(const segmsg_t *handle)
{
    return handle == NULL ? 0 : handle->ranks.size;
}

int segmsg_is_reachable(const segmsg_t *handle, int rank)
{
    return handle != NULL && segmsg_lib_peer_of(handle, rank) != NULL;
}

int segmsg_reachable(const segmsg_t *handle, int *ranks, int room)
{
    if (handle == NULL) {
        return 0;
    }
    for (int p = 0; p < handle->ranks.node_size && p < room && ranks != NULL; ++p) {
        ranks[p] = handle->peers[p].rank;
    }
    return handle->ranks.node_size;
}

size_t segmsg_eager_limit(const segmsg_t *handle)
{
    return handle == NULL ? 0 : handle->eager_limit;
}
