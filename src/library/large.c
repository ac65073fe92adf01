/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Long messages. The receiver copies one straight out of the sender's memory, where the kernel does that,
 * and asks the sender, if it is long, to do a part of it: who waits has a processor to spare. Elsewhere
 * the sender streams it through the segments, from which the receiver copies it to where it is wanted
 * while more comes.
 */
#include "library/library.h"

#include "base/copy_long.h"
#include "engine/defaults.h"
#include "copier/cma.h"

#include <string.h>

enum {
    DATA_BYTES = SEGMSG_LINE, /* of a DATA message before its data, see segmsg_default_piece() */
    STREAM_BURST = 16         /* pieces that go out at a time */
};
_Static_assert(sizeof(segmsg_lib_data_t) <= DATA_BYTES, "it fits");

/* Whether the kernel copies from a peer is tried when the first long message comes from it. */
static bool can_copy(const segmsg_t *handle, segmsg_lib_peer_t *peer)
{
    if (peer->single_copy == SEGMSG_LIB_UNTRIED) {
        segmsg_identity_t found = {0};
        bool works =
            handle->wants_single_copy && peer->wants_single_copy
            && segmsg_kernel_read((pid_t) peer->identity.pid, &found, peer->probe, sizeof(found))
            && found.nonce == peer->identity.nonce;
        peer->single_copy = works ? SEGMSG_LIB_COPIES : SEGMSG_LIB_COPIES_NOT;
        peer->is_readable = works;
    }
    return peer->single_copy == SEGMSG_LIB_COPIES;
}

static uint64_t wanted(const segmsg_request_t *request)
{
    return request->info.bytes < request->bytes ? request->info.bytes : request->bytes;
}

static segmsg_lib_copied_t copy_alone(const segmsg_request_t *request, uint64_t from,
                                      uint64_t bytes)
{
    return segmsg_kernel_read((pid_t) request->peer->identity.pid, request->buffer, from, bytes)
               ? SEGMSG_LIB_COPY_DONE
               : SEGMSG_LIB_COPY_FAILED;
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
    segmsg_lib_copied_t copied = bytes == 0 ? SEGMSG_LIB_COPY_DONE : SEGMSG_LIB_COPY_FAILED;
    if (bytes != 0 && can_copy(handle, peer)) {
        copied = segmsg_lib_joint_may_begin(handle, peer, bytes)
                     ? segmsg_lib_joint_copy(handle, request, header, bytes)
                     : copy_alone(request, header->address, bytes);
    }
    if (copied != SEGMSG_LIB_COPY_WAITS) {
        segmsg_lib_long_end(handle, request, header->send, copied == SEGMSG_LIB_COPY_DONE);
    }
}

void segmsg_lib_long_end(segmsg_t *handle, segmsg_request_t *request, segmsg_lib_name_t send,
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
    if (request == NULL || join->bytes == 0 || join->bytes > request->bytes || join->unit_bytes == 0
        || (join->unit_bytes & (join->unit_bytes - 1)) != 0
        || (join->bytes - 1) / join->unit_bytes >= SEGMSG_JOINT_UNITS_MAX) {
        return false;
    }
    if (handle->waiting == 0 || !handle->wants_single_copy || !peer->wants_single_copy
        || segmsg_lib_attach(handle, peer) != SEGMSG_SUCCESS) {
        return true; /* who computes is not to lose time */
    }
    const segmsg_joint_cut_t cut = {.bytes = join->bytes, .unit_bytes = join->unit_bytes};
    segmsg_joint_t *record = segmsg_export_joint(&peer->image, 0);
    uint64_t most = SEGMSG_DEFAULT_JOINT_HELP / cut.unit_bytes;
    bool copied = true;
    while (copied) {
        segmsg_joint_piece_t piece =
            segmsg_joint_claim(record, join->generation, &cut, most == 0 ? 1 : (uint32_t) most,
                               SEGMSG_JOINT_BACK);
        if (piece.units == 0) {
            break;
        }
        copied = segmsg_kernel_write((pid_t) peer->identity.pid, request->data + piece.offset,
                                     join->address + piece.offset, piece.bytes);
        segmsg_joint_report(record, piece.units, copied);
    }
    return true;
}

bool segmsg_lib_answered(segmsg_t *handle, segmsg_lib_peer_t *peer, segmsg_lib_kind_t kind,
                         const segmsg_lib_answer_t *answer)
{
    segmsg_request_t *request = find_send(handle, peer, answer->send);
    if (request == NULL || answer->bytes > request->bytes) {
        return false;
    }
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
    if (bytes <= DATA_BYTES) {
        return false;
    }
    memcpy(&header, message, sizeof(header));
    segmsg_request_t *request = segmsg_lib_request_find(handle, header.receive);
    uint64_t length = bytes - DATA_BYTES;
    if (request == NULL || request->state != SEGMSG_LIB_ARRIVING || request->peer != peer
        || request->is_complete || header.offset != request->moved
        || length > wanted(request) - request->moved) {
        return false;
    }
    segmsg_copy_long(request->buffer + request->moved, message + DATA_BYTES, (size_t) length);
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
    if (!is_full || sender->use.cache.piece_segment == 0 || ring->line == NULL
        || sender->ring_is_starter) {
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
    size_t most = segmsg_geometry_capacity(&peer->sender.geometry) - DATA_BYTES;
    bytes = bytes < most ? bytes : most;
    segmsg_place_t place;
    segmsg_error_t error =
        take_piece(&peer->sender, DATA_BYTES + bytes, bytes == handle->piece, &place);
    if (error != SEGMSG_OK && error != SEGMSG_ERR_FULL) {
        /* Memory is short: what there is carries less at a time. */
        size_t sure = segmsg_sender_sure_capacity(&peer->sender);
        if (sure <= DATA_BYTES) {
            return false;
        }
        bytes = bytes < sure - DATA_BYTES ? bytes : sure - DATA_BYTES;
        error = segmsg_sender_take(&peer->sender, DATA_BYTES + bytes, &place);
    }
    if (error != SEGMSG_OK) {
        return false;
    }
    const segmsg_lib_data_t header = {.receive = request->other, .offset = request->moved};
    memcpy(place.data, &header, sizeof(header));
    segmsg_copy_long((unsigned char *) place.data + DATA_BYTES, request->data + request->moved,
                     bytes);
    if (!segmsg_sender_publish(&peer->sender, &place, SEGMSG_LIB_DATA,
                               (uint32_t) (DATA_BYTES + bytes))) {
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
           || (peer->streams.first != NULL && sure <= DATA_BYTES);
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
