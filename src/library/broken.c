/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Handles that can do nothing more: by what the library finds, or since another process says so.
 */
#include "library/broken.h"

#include "library/text.h"

enum { WELL = 0, BROKEN, LEFT }; /* segmsg_win_t.word, for the other processes */

void segmsg_lib_break(segmsg_t *handle, segmsg_result_t result)
{
    handle->broken = result;
    /* Relaxed: nothing else is to be seen with it. */
    atomic_store_explicit(handle->win.word, BROKEN, memory_order_relaxed);
}

void segmsg_lib_leave(segmsg_t *handle, segmsg_result_t result)
{
    handle->broken = handle->broken == SEGMSG_SUCCESS ? result : handle->broken;
    /* Relaxed: likewise. */
    atomic_store_explicit(handle->win.word, LEFT, memory_order_relaxed);
}

/* The first peer whose word is that one; NULL: there is none. */
static const segmsg_lib_peer_t *find(const segmsg_t *handle, uint32_t word)
{
    for (int p = 0; p < handle->ranks.node_size; ++p) {
        /* Relaxed: likewise. */
        if (atomic_load_explicit(handle->peers[p].word, memory_order_relaxed) == word) {
            return &handle->peers[p];
        }
    }
    return NULL;
}

void segmsg_lib_look_for_broken(segmsg_t *handle)
{
    if (handle->gone != NULL) {
        return;
    }
    handle->gone = find(handle, LEFT);
    const segmsg_lib_peer_t *peer = handle->gone != NULL ? handle->gone : find(handle, BROKEN);
    if (peer != NULL && handle->broken == SEGMSG_SUCCESS) {
        segmsg_lib_explain(handle->gone != NULL
                               ? "Rank %d has called MPI_Finalize before segmsg_close"
                               : "Rank %d can go on no more: its own error says why",
                           peer->rank);
        segmsg_lib_break(handle, SEGMSG_E_PEER);
    }
}

void segmsg_lib_corrupt(void *context, segmsg_reader_t *reader)
{
    segmsg_t *handle = context;
    const segmsg_lib_peer_t *peer = reader == NULL ? NULL : reader->user;
    segmsg_lib_explain(
        "The memory of this process holds what no correct process writes; it came from "
        "rank %d (-1: it cannot be told)",
        peer == NULL ? -1 : peer->rank);
    segmsg_lib_break(handle, SEGMSG_E_CORRUPT);
    if (reader != NULL) {
        reader->ring.line = &segmsg_nothing_yet;
        reader->ring.count = 1;
        reader->ring.at = 0;
    }
}

void segmsg_lib_check_sender(segmsg_t *handle, const segmsg_lib_peer_t *peer)
{
    if (__builtin_expect(segmsg_sender_is_corrupt(&peer->sender), 0)) {
        segmsg_lib_explain("The memory of rank %d holds what no correct process writes",
                           peer->rank);
        segmsg_lib_break(handle, SEGMSG_E_CORRUPT);
    }
}
