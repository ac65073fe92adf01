/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What comes: to the first receive that asked for it, or to the handler where it lies, or to be kept.
 */
#include "library/arrive.h"

#include "library/broken.h"
#include "library/keep.h"
#include "library/large.h"
#include "library/transfers.h"
#include "engine/verify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* The oldest receive that asks for such a message, no longer posted; or NULL. */
static segmsg_request_t *take_posted(segmsg_t *handle, const segmsg_lib_peer_t *peer, int tag)
{
    segmsg_match_posted_t *posted = handle->match.posted.first == NULL
                                        ? NULL
                                        : segmsg_match_find_posted(&handle->match, peer->rank, tag);
    if (posted == NULL) {
        return NULL;
    }
    segmsg_match_unpost(&handle->match, posted);
    segmsg_request_t *request =
        (segmsg_request_t *) (void *) ((char *) posted - offsetof(segmsg_request_t, match));
    request->state = SEGMSG_LIB_ARRIVING;
    return request;
}

static void call_handler(segmsg_t *handle, const segmsg_info_t *info, const void *data)
{
    ++handle->handler.handled;
    ++handle->statistics.messages_received;
    handle->statistics.bytes_received += info->bytes;
    handle->handler.is_running = true;
    handle->handler.function(handle->handler.context, info, data);
    handle->handler.is_running = false;
}

/* Rises with every message that was kept. */
static uint64_t number_of(const segmsg_lib_arrival_t *arrival)
{
    return arrival->match.entry.number;
}

/* Who has the oldest message that is kept, of those that have nothing before them; NULL: nobody. */
static segmsg_lib_peer_t *oldest(const segmsg_t *handle)
{
    segmsg_lib_peer_t *best = NULL;
    for (int p = 0; p < handle->ranks.node_size; ++p) {
        segmsg_lib_peer_t *peer = &handle->peers[p];
        const segmsg_lib_arrival_t *arrival = peer->first_arrival;
        if (arrival != NULL && arrival->state != SEGMSG_LIB_COMING
            && (best == NULL || number_of(arrival) < number_of(best->first_arrival))) {
            best = peer;
        }
    }
    return best;
}

/* Shows the handler what is kept, oldest first. Those behind one that is still coming wait; and what comes
 * meanwhile, since the handler sends something to its own process, has its turn the next time. */
void segmsg_lib_show_kept(segmsg_t *handle)
{
    const uint64_t last = handle->match.unexpected.numbers;
    segmsg_lib_peer_t *peer;
    while (handle->kept != 0 && handle->broken == SEGMSG_SUCCESS && (peer = oldest(handle)) != NULL
           && number_of(peer->first_arrival) <= last) {
        segmsg_lib_arrival_t *arrival = peer->first_arrival;
        if (arrival->state == SEGMSG_LIB_ANNOUNCED) {
            segmsg_lib_fetch(handle, arrival);
            continue;
        }
        segmsg_lib_unkeep(handle, arrival);
        const segmsg_info_t info = segmsg_lib_arrival_info(arrival);
        call_handler(handle, &info, arrival->data);
        free(arrival->data);
        free(arrival);
    }
}

bool segmsg_lib_arrive(segmsg_t *handle, segmsg_lib_peer_t *peer, int tag, const void *data,
                       size_t bytes)
{
    const segmsg_info_t info = {.source = peer->rank, .tag = tag, .bytes = bytes};
    segmsg_request_t *request = take_posted(handle, peer, tag);
    if (request != NULL) {
        segmsg_lib_receive_copy(handle, request, &info, data);
        return true;
    }
    if (handle->handler.function != NULL && peer->first_arrival == NULL
        && !handle->handler.is_running) {
        ++handle->statistics.in_place;
        call_handler(handle, &info, data);
        return true;
    }
    const segmsg_lib_long_t header = {.tag = (uint32_t) tag, .bytes = bytes};
    return segmsg_lib_keep(handle, peer, &header, bytes == 0 ? "" : data) != NULL;
}

/* A long message was announced. False if there is no memory to note that. */
static bool arrive_long(segmsg_t *handle, segmsg_lib_peer_t *peer, const segmsg_lib_long_t *header)
{
    segmsg_request_t *request = take_posted(handle, peer, (int) header->tag);
    if (request != NULL) {
        segmsg_lib_long_receive(handle, peer, header, request);
        return true;
    }
    bool is_first = peer->first_arrival == NULL;
    segmsg_lib_arrival_t *arrival = segmsg_lib_keep(handle, peer, header, NULL);
    if (arrival == NULL) {
        return false;
    }
    bool is_shown = is_first && handle->handler.function != NULL;
    if (is_shown || header->is_urgent) {
        segmsg_lib_fetch(handle, arrival);
    }
    if (is_shown) {
        segmsg_lib_show_kept(handle);
    }
    return true;
}

bool segmsg_lib_dispatch(segmsg_t *handle, segmsg_lib_peer_t *peer, const segmsg_message_t *message)
{
    const unsigned char *data = message->data;
    uint32_t bytes = message->length;
    if (__builtin_expect(message->tag == SEGMSG_LIB_EAGER, 1)) {
        segmsg_lib_eager_t header;
        if (__builtin_expect(bytes < sizeof(header), 0)) {
            return false;
        }
        memcpy(&header, data, sizeof(header));
        if (__builtin_expect(header.tag > INT32_MAX, 0)) {
            return false;
        }
        if (!segmsg_lib_arrive(handle, peer, (int) header.tag, data + sizeof(header),
                               bytes - sizeof(header))) {
            segmsg_lib_break(handle, SEGMSG_E_MEMORY);
        }
        return true;
    }
    union {
        segmsg_lib_long_t announcement;
        segmsg_lib_join_t join;
        segmsg_lib_answer_t answer;
    } header;
    memcpy(&header, data, bytes < sizeof(header) ? bytes : sizeof(header));
    switch (message->tag) {
    case SEGMSG_LIB_LONG:
        if (bytes != sizeof(header.announcement) || header.announcement.tag > INT32_MAX
            || header.announcement.bytes > SIZE_MAX / 2) {
            return false;
        }
        if (!arrive_long(handle, peer, &header.announcement)) {
            segmsg_lib_break(handle, SEGMSG_E_MEMORY);
        }
        return true;
    case SEGMSG_LIB_JOIN:
        return bytes == sizeof(header.join) && segmsg_lib_join_asked(handle, peer, &header.join);
    case SEGMSG_LIB_DONE:
    case SEGMSG_LIB_CLEAR:
        return bytes == sizeof(header.answer)
               && segmsg_lib_answered(handle, peer, message->tag, &header.answer);
    case SEGMSG_LIB_CHUNK:
        return segmsg_lib_chunk_came(handle, peer, data, bytes);
    case SEGMSG_LIB_DATA:
        return segmsg_lib_data_came(handle, peer, data, bytes);
    default:
        return message->tag == SEGMSG_LIB_NOTHING;
    }
}

static segmsg_lib_peer_t *peer_of_name(segmsg_t *handle, const segmsg_identity_t *sender)
{
    if (sender->name >= (uint64_t) handle->ranks.node_size) {
        return NULL;
    }
    segmsg_lib_peer_t *peer = &handle->peers[sender->name];
    return peer->identity.nonce == sender->nonce ? peer : NULL;
}

static void take(void *context, segmsg_reader_t *reader, const segmsg_message_t *message)
{
    segmsg_t *handle = context;
    if (__builtin_expect(reader->user == NULL, 0)) {
        reader->user = peer_of_name(handle, &reader->sender); /* found on the way here */
        if (reader->user == NULL) {
            segmsg_lib_corrupt(handle, reader);
            return;
        }
    }
    segmsg_lib_peer_t *peer = reader->user;
    segmsg_sender_answers(&peer->sender);
    bool is_correct = segmsg_lib_dispatch(handle, peer, message);
    segmsg_message_return(&handle->receiver, reader, message);
    if (__builtin_expect(!is_correct, 0)) {
        segmsg_lib_corrupt(handle, reader);
    }
}

/* Peers do not leave before all close together. */
static void closed(void *context, void *user)
{
    (void) user;
    segmsg_lib_corrupt(context, NULL);
}

static void welcome(void *context)
{
    segmsg_t *handle = context;
    segmsg_receiver_t *receiver = &handle->receiver;
    receiver->has_newcomers = false;
    if (segmsg_receiver_find_groups(receiver) != SEGMSG_OK) {
        segmsg_lib_corrupt(handle, receiver->suspect);
    }
    for (uint32_t r = 0; r < receiver->reader_count; ++r) {
        segmsg_reader_t *reader = receiver->reader[r];
        segmsg_lib_peer_t *peer = peer_of_name(handle, &reader->sender);
        if (peer == NULL) {
            segmsg_lib_corrupt(handle, reader);
            continue;
        }
        reader->user = peer;
        peer->reader = reader;
        segmsg_sender_set_back(&peer->sender, &reader->ring);
    }
}

static void verify(void *context)
{
    segmsg_t *handle = context;
    if (segmsg_receiver_verify(&handle->receiver) != SEGMSG_OK) {
        segmsg_lib_corrupt(handle, handle->receiver.suspect);
    }
    for (int rank = 0; rank < handle->ranks.node_size; ++rank) {
        segmsg_lib_peer_t *peer = &handle->peers[rank];
        if (peer->is_attached) {
            (void) segmsg_sender_verify(&peer->sender);
            segmsg_lib_check_sender(handle, peer);
        }
    }
}

const segmsg_look_ops_t segmsg_lib_look_ops = {
    .take = take,
    .closed = closed,
    .corrupt = segmsg_lib_corrupt,
    .welcome = welcome,
    .verify = verify,
};
