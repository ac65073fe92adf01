/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * One peer as this process sends to it, and the messages of the library's own.
 */
#include "library/peer.h"

#include "library/broken.h"
#include "library/text.h"
#include "copier/cma.h"
#include "engine/defaults.h"

#include <stdlib.h>
#include <string.h>

/* Lines that are asked for anew: more than in the component, whose messages have Open MPI's code between
 * them. Measured from 4 to 64, ping-pong: 256 B and 1 KB gain a tenth. */
enum { NEAR = 32 };

segmsg_result_t segmsg_lib_attach(segmsg_t *handle, segmsg_lib_peer_t *peer)
{
    if (__builtin_expect(peer->is_attached, 1)) {
        return SEGMSG_SUCCESS;
    }
    if (segmsg_export_check(&peer->image) != SEGMSG_OK) {
        segmsg_lib_explain(
            "The memory of rank %d is not laid out as this version of segmsg lays it "
            "out: use one version in all processes",
            peer->rank);
        segmsg_lib_break(handle, SEGMSG_E_CORRUPT);
        return SEGMSG_E_CORRUPT;
    }
    const segmsg_growth_t growth = segmsg_default_growth();
    segmsg_cache_policy_t cache = segmsg_default_cache();
    cache.near = NEAR;
    segmsg_sender_init(&peer->sender, &peer->image, &handle->self, &growth);
    if (peer->reader != NULL) {
        segmsg_sender_set_back(&peer->sender, &peer->reader->ring);
    }
    segmsg_sender_set_cache(&peer->sender, &cache);
    peer->is_attached = true;
    return SEGMSG_SUCCESS;
}

bool segmsg_lib_can_copy(const segmsg_t *handle, segmsg_lib_peer_t *peer)
{
    if (peer->single_copy == SEGMSG_LIB_UNTRIED) {
        const segmsg_copier_peer_t tried = {.pid = (pid_t) peer->identity.pid,
                                            .probe = peer->probe,
                                            .nonce = peer->identity.nonce};
        bool works = handle->wants_single_copy && peer->wants_single_copy
                     && segmsg_copier_open(&peer->copier, &segmsg_cma_kind, &tried);
        peer->single_copy = works ? SEGMSG_LIB_COPIES : SEGMSG_LIB_COPIES_NOT;
    }
    return peer->single_copy == SEGMSG_LIB_COPIES;
}

void segmsg_lib_set_busy(segmsg_t *handle, segmsg_lib_peer_t *peer)
{
    if (!peer->is_busy) {
        peer->is_busy = true;
        peer->next_busy = handle->busy;
        handle->busy = peer;
    }
}

bool segmsg_lib_note_now(segmsg_lib_peer_t *peer, segmsg_lib_kind_t kind, const void *data,
                         uint32_t bytes)
{
    return segmsg_lib_put(&peer->sender, kind, data, bytes, NULL, 0) == SEGMSG_OK;
}

void segmsg_lib_note(segmsg_t *handle, segmsg_lib_peer_t *peer, segmsg_lib_kind_t kind,
                     const void *data, uint32_t bytes)
{
    if (segmsg_lib_attach(handle, peer) != SEGMSG_SUCCESS
        || (peer->first_note == NULL && segmsg_lib_note_now(peer, kind, data, bytes))) {
        return;
    }
    segmsg_lib_note_t *note = malloc(sizeof(*note));
    if (note == NULL) {
        segmsg_lib_break(handle, SEGMSG_E_MEMORY);
        return;
    }
    note->next = NULL;
    note->kind = (uint8_t) kind;
    note->bytes = bytes;
    memcpy(note->data, data, bytes);
    *(peer->last_note == NULL ? &peer->first_note : &peer->last_note->next) = note;
    peer->last_note = note;
    segmsg_lib_set_busy(handle, peer);
}

int segmsg_lib_serve_notes(segmsg_lib_peer_t *peer)
{
    int count = 0;
    for (segmsg_lib_note_t *note; (note = peer->first_note) != NULL; ++count) {
        if (!segmsg_lib_note_now(peer, note->kind, note->data, note->bytes)) {
            return count;
        }
        peer->first_note = note->next;
        peer->last_note = note->next == NULL ? NULL : peer->last_note;
        free(note);
    }
    return count;
}
