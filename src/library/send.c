/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Sending: a message up to the eager limit goes straight into the segments of its receiver. What finds no
 * room waits in the order in which it came; a longer one is announced, and goes when it is received.
 */
#include "library/send.h"

#include "library/alive.h"
#include "library/arrive.h"
#include "library/large.h"
#include "library/requests.h"
#include "library/text.h"
#include "library/wait.h"
#include "base/copy.h"
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
    segmsg_sender_set_cache(&peer->sender, &cache);
    peer->is_attached = true;
    return SEGMSG_SUCCESS;
}

void segmsg_lib_set_busy(segmsg_t *handle, segmsg_lib_peer_t *peer)
{
    if (!peer->is_busy) {
        peer->is_busy = true;
        peer->next_busy = handle->busy;
        handle->busy = peer;
    }
}

/* Publishes what was copied into `place`, or gives that back. */
SEGMSG_INLINE bool publish(segmsg_sender_t *sender, const segmsg_place_t *place,
                           segmsg_lib_kind_t kind, size_t bytes)
{
    bool sent = segmsg_sender_publish(sender, place, (uint8_t) kind, (uint32_t) bytes);
    if (__builtin_expect(!sent, 0)) {
        segmsg_sender_give_back(sender, place);
    }
    return sent;
}

/* Puts `header` and `data` into one message. Returns as segmsg_sender_take. */
SEGMSG_INLINE segmsg_error_t put(segmsg_sender_t *sender, segmsg_lib_kind_t kind,
                                 const void *header, size_t header_bytes, const void *data,
                                 size_t bytes)
{
    segmsg_place_t place;
    segmsg_error_t error = segmsg_sender_take(sender, header_bytes + bytes, &place);
    if (__builtin_expect(error != SEGMSG_OK, 0)) {
        return error;
    }
    segmsg_copy_in(place.data, header, header_bytes, data, bytes,
                   segmsg_sender_has_lines(sender, &place));
    return publish(sender, &place, kind, header_bytes + bytes) ? SEGMSG_OK : SEGMSG_ERR_FULL;
}

SEGMSG_INLINE segmsg_error_t put_eager(segmsg_lib_peer_t *peer, int tag, const void *data,
                                       size_t bytes)
{
    const segmsg_lib_eager_t header = {.tag = (uint32_t) tag};
    return put(&peer->sender, SEGMSG_LIB_EAGER, &header, sizeof(header), data, bytes);
}

bool segmsg_lib_note_now(segmsg_lib_peer_t *peer, segmsg_lib_kind_t kind, const void *data,
                         uint32_t bytes)
{
    return put(&peer->sender, kind, data, bytes, NULL, 0) == SEGMSG_OK;
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
        put(&request->peer->sender, SEGMSG_LIB_LONG, &header, sizeof(header), NULL, 0);
    if (error == SEGMSG_OK) {
        request->state = SEGMSG_LIB_SENT;
    }
    return error;
}

/*
 * Sends a message that has no other of its peer before it; false if there is no room. A short one for which
 * no memory can be had goes like a long one, in pieces as short as they must be; but the receiver fetches it
 * without having been asked, since its sender may not wait for a receive.
 */
static bool send_first(segmsg_t *handle, segmsg_request_t *request)
{
    segmsg_error_t error = SEGMSG_ERR_TOO_LARGE;
    bool is_eager = request->bytes <= handle->eager_limit;
    if (is_eager) {
        error = put_eager(request->peer, request->tag, request->data, request->bytes);
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

static int serve_notes(segmsg_lib_peer_t *peer)
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

static int serve_sends(segmsg_t *handle, segmsg_lib_peer_t *peer)
{
    int count = 0;
    for (segmsg_request_t *request; (request = peer->sends.first) != NULL; ++count) {
        if (!send_first(handle, request)) {
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
    int64_t now = segmsg_lib_nanoseconds();
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
        count += serve_notes(peer);
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

void segmsg_lib_peer_destroy(segmsg_lib_peer_t *peer)
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
    segmsg_sender_destroy(&peer->sender);
}

/* Sends now what can be sent now. */
SEGMSG_INLINE bool send_now(segmsg_t *handle, segmsg_lib_peer_t *peer, int tag, const void *data,
                            size_t bytes)
{
    return bytes <= handle->eager_limit && peer->sends.first == NULL
           && put_eager(peer, tag, data, bytes) == SEGMSG_OK;
}

void segmsg_lib_count_sent(segmsg_t *handle, size_t bytes)
{
    ++handle->statistics.messages_sent;
    handle->statistics.bytes_sent += bytes;
}

/* A message to the own process: it is there at once. */
static segmsg_result_t send_to_self(segmsg_t *handle, segmsg_lib_peer_t *self, int tag,
                                    const void *data, size_t bytes)
{
    if (!segmsg_lib_arrive(handle, self, tag, data, bytes)) {
        return SEGMSG_E_MEMORY;
    }
    segmsg_lib_count_sent(handle, bytes);
    return SEGMSG_SUCCESS;
}

/* A request to send, which waits for its turn. NULL if there is no memory. */
static segmsg_request_t *send_later(segmsg_t *handle, segmsg_lib_peer_t *peer, int tag,
                                    const void *data, size_t bytes)
{
    segmsg_request_t *request = segmsg_lib_request_new(handle, false);
    if (request == NULL) {
        return NULL;
    }
    request->state = SEGMSG_LIB_SEND;
    request->peer = peer;
    request->tag = tag;
    request->data = data;
    request->bytes = bytes;
    if (peer->sends.first != NULL || !send_first(handle, request)) {
        ++handle->statistics.full;
        segmsg_lib_list_append(&peer->sends, request);
        segmsg_lib_set_busy(handle, peer);
    }
    return request;
}

segmsg_result_t segmsg_lib_send_and_wait(segmsg_t *handle, segmsg_lib_peer_t *peer, int tag,
                                         const void *data, size_t bytes)
{
    segmsg_request_t *request = send_later(handle, peer, tag, data, bytes);
    if (request == NULL) {
        return segmsg_lib_plain(SEGMSG_E_MEMORY);
    }
    segmsg_lib_await(handle, request);
    return segmsg_lib_request_end(handle, request, NULL);
}

segmsg_result_t segmsg_isend(segmsg_t *handle, int to, int tag, const void *data, size_t bytes,
                             segmsg_request_t **request)
{
    if (request == NULL) {
        return segmsg_lib_plain(SEGMSG_E_ARGUMENT);
    }
    *request = NULL;
    segmsg_lib_peer_t *peer;
    segmsg_result_t result = segmsg_lib_check_send(handle, to, tag, data, bytes, &peer);
    if (result != SEGMSG_SUCCESS) {
        return result;
    }
    if (segmsg_lib_is_self(handle, peer)) {
        return send_to_self(handle, peer, tag, data, bytes);
    }
    if (!send_now(handle, peer, tag, data, bytes)) {
        *request = send_later(handle, peer, tag, data, bytes);
        if (*request == NULL) {
            return segmsg_lib_plain(SEGMSG_E_MEMORY);
        }
    }
    segmsg_lib_count_sent(handle, bytes);
    return SEGMSG_SUCCESS;
}

segmsg_result_t segmsg_send(segmsg_t *handle, int to, int tag, const void *data, size_t bytes)
{
    segmsg_lib_peer_t *peer;
    segmsg_result_t result = segmsg_lib_check_send(handle, to, tag, data, bytes, &peer);
    if (__builtin_expect(result != SEGMSG_SUCCESS, 0)) {
        return result;
    }
    if (__builtin_expect(handle->in_handler, 0)) {
        return segmsg_lib_plain(SEGMSG_E_NESTED);
    }
    if (__builtin_expect(segmsg_lib_is_self(handle, peer), 0)) {
        return send_to_self(handle, peer, tag, data, bytes);
    }
    if (__builtin_expect(!send_now(handle, peer, tag, data, bytes), 0)) {
        result = segmsg_lib_send_and_wait(handle, peer, tag, data, bytes);
    }
    if (result == SEGMSG_SUCCESS) {
        segmsg_lib_count_sent(handle, bytes);
    }
    return result;
}
