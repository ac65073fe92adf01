/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Peers for which something waits for room: answers, sends in their order, streams.
 */
#include "library/busy.h"

#include "base/wait.h"
#include "library/broken.h"
#include "library/large.h"
#include "library/peer.h"
#include "library/requests.h"
#include "library/text.h"

/* True if nothing can be sent to a peer, not even the shortest message, nor ever will. */
static bool is_cut_off(const segmsg_lib_peer_t *peer, segmsg_error_t error)
{
    return error != SEGMSG_OK && error != SEGMSG_ERR_FULL
           && segmsg_sender_sure_capacity(&peer->sender) == 0;
}

/* Says that there is a message, which stays where it is. Returns as segmsg_sender_take. */
static segmsg_error_t announce(segmsg_request_t *request, bool is_urgent)
{
    const segmsg_lib_long_t header = {
        .tag = (uint32_t) request->tag,
        .is_urgent = is_urgent,
        .send = request->name,
        .bytes = request->bytes,
        .address = (uint64_t) (uintptr_t) request->data,
    };
    segmsg_error_t error =
        segmsg_lib_put(&request->peer->sender, SEGMSG_LIB_LONG, &header, sizeof(header), NULL, 0);
    if (error == SEGMSG_OK) {
        request->state = SEGMSG_LIB_SENT;
    }
    return error;
}

bool segmsg_lib_send_first(segmsg_t *handle, segmsg_request_t *request)
{
    segmsg_error_t error = SEGMSG_ERR_TOO_LARGE;
    bool is_eager = request->bytes <= handle->eager_limit;
    if (is_eager) {
        error = segmsg_lib_put_eager(request->peer, request->tag, request->data, request->bytes);
        if (error == SEGMSG_OK) {
            segmsg_lib_complete(handle, request, SEGMSG_SUCCESS);
            return true;
        }
    }
    if (error != SEGMSG_ERR_FULL) {
        error = announce(request, is_eager);
    }
    if (is_cut_off(request->peer, error)) {
        segmsg_lib_explain("No shared memory can be had to send anything to rank %d: free some of "
                           "/dev/shm, or raise SEGMSG_MEMORY",
                           request->peer->rank);
        segmsg_lib_complete(handle, request, SEGMSG_E_MEMORY);
        return true;
    }
    return error == SEGMSG_OK;
}

static int serve_sends(segmsg_t *handle, segmsg_lib_peer_t *peer)
{
    int count = 0;
    for (segmsg_request_t *request; (request = peer->sends.first) != NULL; ++count) {
        if (!segmsg_lib_send_first(handle, request)) {
            return count;
        }
        segmsg_lib_list_remove(&peer->sends, request);
    }
    return count;
}

static bool has_unsent(const segmsg_lib_peer_t *peer)
{
    return peer->first_note != NULL || peer->sends.first != NULL || peer->streams.first != NULL;
}

bool segmsg_lib_has_unsent(const segmsg_t *handle)
{
    return handle->busy != NULL;
}

/* An answer, or a stream, for which there is no shared memory: without it the peer waits. Memory may come
 * when somebody else frees some; but not for ever. */
static void look_for_stuck(segmsg_t *handle, segmsg_lib_peer_t *peer)
{
    static const int64_t most = INT64_C(10000000000);
    if (!segmsg_lib_is_short_of_memory(peer)) {
        peer->stuck_since = 0;
        return;
    }
    int64_t now = segmsg_nanoseconds();
    if (peer->stuck_since == 0) {
        peer->stuck_since = now;
    } else if (now - peer->stuck_since > most && handle->broken == SEGMSG_SUCCESS) {
        segmsg_lib_explain(
            "For ten seconds no shared memory could be had to answer rank %d: free some "
            "of /dev/shm, or raise SEGMSG_MEMORY",
            peer->rank);
        segmsg_lib_break(handle, SEGMSG_E_MEMORY);
    }
}

int segmsg_lib_serve_busy(segmsg_t *handle)
{
    int count = 0;
    segmsg_lib_peer_t *peer = handle->busy;
    handle->busy = NULL;
    while (peer != NULL) {
        segmsg_lib_peer_t *next = peer->next_busy;
        peer->is_busy = false;
        count += segmsg_lib_serve_notes(peer);
        count += serve_sends(handle, peer);
        count += segmsg_lib_serve_streams(handle, peer);
        segmsg_lib_check_sender(handle, peer);
        if (has_unsent(peer)) {
            look_for_stuck(handle, peer);
            segmsg_lib_set_busy(handle, peer);
        } else {
            peer->stuck_since = 0;
        }
        peer = next;
    }
    return count;
}
