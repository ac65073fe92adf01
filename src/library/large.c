/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Long messages. The receiver copies one straight out of the sender's memory, where the kernel does that,
 * and asks the sender, if it is long, to do a part of it: who waits has a processor to spare. Elsewhere
 * the sender streams it through the segments, from which the receiver copies it to where it is wanted
 * while more comes.
 */
#include "library/large.h"

#include "library/broken.h"
#include "library/keep.h"
#include "library/peer.h"
#include "library/requests.h"
#include "library/text.h"
#include "library/transfers.h"
#include "base/copy_long.h"
#include "transfer/helper.h"
#include "transfer/plan.h"

#include <stdlib.h>
#include <string.h>

enum { STREAM_BURST = 16 /* pieces that go out at a time */ };

static uint64_t wanted(const segmsg_request_t *request)
{
    return request->info.bytes < request->bytes ? request->info.bytes : request->bytes;
}

static bool copy_alone(segmsg_t *handle, const segmsg_request_t *request,
                       const segmsg_lib_long_t *header, uint64_t bytes)
{
    uint64_t begun = segmsg_plan_copy_begins(&handle->transfers, bytes);
    bool copied =
        segmsg_copier_copy(&request->peer->copier, false, request->buffer, header->address, bytes);
    segmsg_plan_note_copy(&handle->transfers, &request->peer->transfers, false, bytes, begun);
    return copied;
}

void segmsg_lib_long_copied(segmsg_t *handle, segmsg_request_t *request, segmsg_lib_name_t send,
                            bool copied)
{
    segmsg_lib_peer_t *peer = request->peer;
    segmsg_lib_answer_t answer = {.send = send};
    if (copied) {
        segmsg_lib_note(handle, peer, SEGMSG_LIB_DONE, &answer, sizeof(answer));
        handle->statistics.single_copies += wanted(request) != 0;
        segmsg_lib_receive_end(handle, request, SEGMSG_SUCCESS);
        return;
    }
    peer->single_copy = SEGMSG_LIB_COPIES_NOT;
    answer.receive = request->name;
    answer.bytes = wanted(request);
    request->moved = 0;
    ++handle->statistics.streamed;
    segmsg_lib_note(handle, peer, SEGMSG_LIB_CLEAR, &answer, sizeof(answer));
}

void segmsg_lib_long_receive(segmsg_t *handle, segmsg_lib_peer_t *peer,
                             const segmsg_lib_long_t *header, segmsg_request_t *request)
{
    request->peer = peer;
    request->info = (segmsg_info_t){
        .source = peer->rank,
        .tag = (int) header->tag,
        .bytes = (size_t) header->bytes,
    };
    const uint64_t bytes = wanted(request);
    if (segmsg_lib_attach(handle, peer) != SEGMSG_SUCCESS) {
        return;
    }
    bool can = bytes != 0 && segmsg_lib_can_copy(handle, peer);
    if (!can || !segmsg_lib_transfer_start(handle, request, header, bytes)) {
        segmsg_lib_long_copied(handle, request, header->send,
                               bytes == 0 || (can && copy_alone(handle, request, header, bytes)));
    }
}

/* Lets a long message come that nobody asked for: for the handler, or since its sender does not wait for
 * somebody to ask. A receive that is begun meanwhile gets it. */
void segmsg_lib_fetch(segmsg_t *handle, segmsg_lib_arrival_t *arrival)
{
    segmsg_request_t *request = segmsg_lib_request_new(handle, true);
    arrival->data = malloc(arrival->header.bytes + 1);
    if (request == NULL || arrival->data == NULL) {
        segmsg_lib_explain("No memory for a message of %zu bytes from rank %d",
                           (size_t) arrival->header.bytes, arrival->peer->rank);
        segmsg_lib_break(handle, SEGMSG_E_MEMORY);
        return;
    }
    arrival->state = SEGMSG_LIB_COMING;
    request->state = SEGMSG_LIB_ARRIVING;
    request->arrival = arrival;
    request->buffer = arrival->data;
    request->bytes = (size_t) arrival->header.bytes;
    segmsg_lib_long_receive(handle, arrival->peer, &arrival->header, request);
}

/* The send of that name, if it is one to this peer that was announced. */
static segmsg_request_t *find_send(const segmsg_t *handle, const segmsg_lib_peer_t *peer,
                                   segmsg_lib_name_t name)
{
    segmsg_request_t *request = segmsg_lib_request_find(handle, name);
    return request != NULL && request->peer == peer && request->state == SEGMSG_LIB_SENT
                   && !request->is_complete
               ? request
               : NULL;
}

bool segmsg_lib_join_asked(segmsg_t *handle, segmsg_lib_peer_t *peer, const segmsg_lib_join_t *join)
{
    const segmsg_request_t *request = find_send(handle, peer, join->send);
    if (request == NULL || join->bytes > request->bytes) {
        return false;
    }
    return segmsg_lib_attach(handle, peer) != SEGMSG_SUCCESS
           || segmsg_lib_transfer_asked(handle, peer, request->data, join);
}

bool segmsg_lib_answered(segmsg_t *handle, segmsg_lib_peer_t *peer, segmsg_lib_kind_t kind,
                         const segmsg_lib_answer_t *answer)
{
    segmsg_request_t *request = find_send(handle, peer, answer->send);
    if (request == NULL || answer->bytes > request->bytes) {
        return false;
    }
    segmsg_helper_drop(&handle->transfers, &peer->transfers, request->data);
    if (kind == SEGMSG_LIB_DONE) {
        segmsg_lib_complete(handle, request, SEGMSG_SUCCESS);
        return true;
    }
    request->state = SEGMSG_LIB_STREAM;
    request->other = answer->receive;
    request->bytes = (size_t) answer->bytes;
    request->moved = 0;
    segmsg_lib_list_append(&peer->streams, request);
    segmsg_lib_set_busy(handle, peer);
    return true;
}

bool segmsg_lib_data_came(segmsg_t *handle, segmsg_lib_peer_t *peer, const unsigned char *message,
                          uint32_t bytes)
{
    segmsg_lib_data_t header;
    if (bytes <= SEGMSG_LIB_DATA_BYTES) {
        return false;
    }
    memcpy(&header, message, sizeof(header));
    segmsg_request_t *request = segmsg_lib_request_find(handle, header.receive);
    uint64_t length = bytes - SEGMSG_LIB_DATA_BYTES;
    if (request == NULL || request->state != SEGMSG_LIB_ARRIVING || request->peer != peer
        || request->is_complete || header.offset != request->moved
        || length > wanted(request) - request->moved) {
        return false;
    }
    segmsg_copy_long(request->buffer + request->moved, message + SEGMSG_LIB_DATA_BYTES,
                     (size_t) length);
    request->moved += (size_t) length;
    if (request->moved == wanted(request)) {
        segmsg_lib_receive_end(handle, request, SEGMSG_SUCCESS);
    }
    return true;
}

/* Takes a place for a piece. Full ones go to the group that is for them, if there is one and a line to
 * announce them; before that they take part in how a pair comes to its segments. */
static segmsg_error_t take_piece(segmsg_sender_t *sender, size_t length, bool is_full,
                                 segmsg_place_t *place)
{
    segmsg_ring_writer_t *ring = &sender->ring;
    if (!is_full || sender->use.cache.piece_segment == 0
        || sender->connection != SEGMSG_CONNECTION_FULL) {
        return segmsg_sender_take(sender, length, place);
    }
    return segmsg_ring_has_room(ring, 1) ? segmsg_sender_take_lasting(sender, length, place)
                                         : SEGMSG_ERR_FULL;
}

/* Sends one piece, as long as can be had; false if there is no room. */
static bool send_piece(const segmsg_t *handle, segmsg_lib_peer_t *peer, segmsg_request_t *request)
{
    size_t left = request->bytes - request->moved;
    size_t bytes = left < handle->piece ? left : handle->piece;
    size_t most = segmsg_geometry_capacity(&peer->sender.geometry) - SEGMSG_LIB_DATA_BYTES;
    bytes = bytes < most ? bytes : most;
    segmsg_place_t place;
    segmsg_error_t error =
        take_piece(&peer->sender, SEGMSG_LIB_DATA_BYTES + bytes, bytes == handle->piece, &place);
    if (error != SEGMSG_OK && error != SEGMSG_ERR_FULL) {
        /* Memory is short: what there is carries less at a time. */
        size_t sure = segmsg_sender_sure_capacity(&peer->sender);
        if (sure <= SEGMSG_LIB_DATA_BYTES) {
            return false;
        }
        bytes = bytes < sure - SEGMSG_LIB_DATA_BYTES ? bytes : sure - SEGMSG_LIB_DATA_BYTES;
        error = segmsg_sender_take(&peer->sender, SEGMSG_LIB_DATA_BYTES + bytes, &place);
    }
    if (error != SEGMSG_OK) {
        return false;
    }
    const segmsg_lib_data_t header = {.receive = request->other, .offset = request->moved};
    memcpy(place.data, &header, sizeof(header));
    segmsg_copy_long((unsigned char *) place.data + SEGMSG_LIB_DATA_BYTES,
                     request->data + request->moved, bytes);
    if (!segmsg_sender_publish(&peer->sender, &place, SEGMSG_LIB_DATA,
                               (uint32_t) (SEGMSG_LIB_DATA_BYTES + bytes))) {
        segmsg_sender_give_back(&peer->sender, &place);
        return false;
    }
    request->moved += bytes;
    return true;
}

bool segmsg_lib_is_short_of_memory(const segmsg_lib_peer_t *peer)
{
    size_t sure = segmsg_sender_sure_capacity(&peer->sender);
    return (peer->first_note != NULL && sure == 0)
           || (peer->streams.first != NULL && sure <= SEGMSG_LIB_DATA_BYTES);
}

int segmsg_lib_serve_streams(segmsg_t *handle, segmsg_lib_peer_t *peer)
{
    int count = 0;
    for (segmsg_request_t *request; count < STREAM_BURST && (request = peer->streams.first) != NULL;
         ++count) {
        if (!send_piece(handle, peer, request)) {
            return count;
        }
        if (request->moved == request->bytes) {
            segmsg_lib_list_remove(&peer->streams, request);
            segmsg_lib_complete(handle, request, SEGMSG_SUCCESS);
        }
    }
    return count;
}
