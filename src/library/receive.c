/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Receiving a message into memory of the caller's.
 */
#include "library/arrive.h"
#include "library/broken.h"
#include "library/keep.h"
#include "library/large.h"
#include "library/library.h"
#include "library/requests.h"
#include "library/text.h"
#include "library/wait.h"

#include <string.h>

/* What is wrong with the arguments of a receive; *peer receives from whom, NULL for anybody. */
SEGMSG_INLINE segmsg_result_t check_receive(const segmsg_t *handle, int from, int tag,
                                            segmsg_lib_peer_t **peer)
{
    if (__builtin_expect(handle == NULL || (tag < 0 && tag != SEGMSG_ANY_TAG), 0)) {
        return segmsg_lib_plain(SEGMSG_E_ARGUMENT);
    }
    if (__builtin_expect(handle->broken != SEGMSG_SUCCESS || handle->reserved.peer != NULL, 0)) {
        return handle->broken != SEGMSG_SUCCESS ? handle->broken : segmsg_lib_plain(SEGMSG_E_BUSY);
    }
    *peer = from == SEGMSG_ANY_SOURCE ? NULL : segmsg_lib_peer_of(handle, from);
    return *peer == NULL && from != SEGMSG_ANY_SOURCE ? segmsg_lib_plain(SEGMSG_E_UNREACHABLE)
                                                      : SEGMSG_SUCCESS;
}

/* Gives a message that was kept to a receive. */
static void receive_kept(segmsg_t *handle, segmsg_request_t *request, segmsg_lib_arrival_t *arrival)
{
    request->state = SEGMSG_LIB_ARRIVING;
    if (arrival->state == SEGMSG_LIB_WHOLE) {
        const segmsg_info_t info = segmsg_lib_arrival_info(arrival);
        segmsg_lib_receive_copy(handle, request, &info, arrival->data);
        segmsg_lib_drop(handle, arrival);
        return;
    }
    if (arrival->state == SEGMSG_LIB_COMING) {
        segmsg_match_unkeep(&handle->match, &arrival->match);
        arrival->claimant = request;
        return;
    }
    const segmsg_lib_long_t header = arrival->header;
    segmsg_lib_peer_t *peer = arrival->peer;
    segmsg_lib_drop(handle, arrival);
    segmsg_lib_long_receive(handle, peer, &header, request);
}

/* Begins a receive whose arguments are right. */
static segmsg_request_t *receive(segmsg_t *handle, segmsg_lib_peer_t *peer, int tag, void *buffer,
                                 size_t room)
{
    segmsg_request_t *request = segmsg_lib_request_new(handle, false);
    if (request == NULL) {
        (void) segmsg_lib_plain(SEGMSG_E_MEMORY);
        return NULL;
    }
    request->state = SEGMSG_LIB_POSTED;
    request->peer = peer;
    request->tag = tag;
    request->buffer = buffer;
    request->bytes = room;
    segmsg_lib_arrival_t *arrival = segmsg_lib_find_kept(handle, peer, tag);
    if (arrival != NULL) {
        receive_kept(handle, request, arrival);
    } else {
        segmsg_match_post(&handle->match, &request->match,
                          peer == NULL ? SEGMSG_MATCH_ANY : peer->rank, tag);
    }
    return request;
}

segmsg_result_t segmsg_irecv(segmsg_t *handle, int from, int tag, void *buffer, size_t room,
                             segmsg_request_t **request)
{
    if (request == NULL) {
        return segmsg_lib_plain(SEGMSG_E_ARGUMENT);
    }
    *request = NULL;
    segmsg_lib_peer_t *peer;
    segmsg_result_t result = check_receive(handle, from, tag, &peer);
    if (result == SEGMSG_SUCCESS && !segmsg_lib_is_memory(buffer, room)) {
        result = segmsg_lib_plain(SEGMSG_E_ARGUMENT);
    }
    if (result == SEGMSG_SUCCESS) {
        *request = receive(handle, peer, tag, buffer, room);
        result = *request == NULL ? SEGMSG_E_MEMORY : SEGMSG_SUCCESS;
    }
    return result;
}

/* What there is to receive, and where to. */
typedef struct {
    int tag; /* or SEGMSG_ANY_TAG */
    unsigned char *buffer;
    size_t room;
    segmsg_info_t *info;
} wanted_t;

/* Receives a message where it was found, if it is short enough to lie there and is the one that is wanted. */
SEGMSG_INLINE bool receive_found(segmsg_t *handle, const segmsg_lib_peer_t *peer,
                                 const segmsg_message_t *message, const wanted_t *wanted,
                                 segmsg_result_t *result)
{
    segmsg_lib_eager_t header;
    if (__builtin_expect(message->tag != SEGMSG_LIB_EAGER || message->length < sizeof(header), 0)) {
        return false;
    }
    memcpy(&header, message->data, sizeof(header));
    size_t bytes = message->length - sizeof(header);
    if (header.tag > INT32_MAX
        || (wanted->tag != SEGMSG_ANY_TAG && header.tag != (uint32_t) wanted->tag)) {
        return false;
    }
    *result = bytes > wanted->room ? SEGMSG_E_TRUNCATED : SEGMSG_SUCCESS;
    segmsg_lib_copy_out(wanted->buffer, (const unsigned char *) message->data + sizeof(header),
                        bytes > wanted->room ? wanted->room : bytes);
    if (wanted->info != NULL) {
        *wanted->info =
            (segmsg_info_t){.source = peer->rank, .tag = (int) header.tag, .bytes = bytes};
    }
    ++handle->statistics.messages_received;
    handle->statistics.bytes_received += bytes;
    return true;
}

/* True if nothing stands before a receive that asks for the next message of `reader`. */
SEGMSG_INLINE bool is_next(const segmsg_t *handle, const segmsg_reader_t *reader)
{
    return handle->kept == 0 && handle->match.posted.first == NULL && reader != NULL
           && !reader->is_guest;
}

/*
 * The short way, for whoever waits for one peer and for nothing else: looks at that peer's next line, and
 * now and then at the others. True if the message came, with *result; false if the long way has to be gone.
 */
static bool receive_at_once(segmsg_t *handle, segmsg_lib_peer_t *peer, const wanted_t *wanted,
                            segmsg_result_t *result)
{
    segmsg_reader_t *reader = peer->reader;
    segmsg_patience_t patience = segmsg_lib_patience(handle);
    while (is_next(handle, reader) && handle->broken == SEGMSG_SUCCESS) {
        if (!segmsg_lib_stare(reader, &patience)) {
            segmsg_lib_lose_patience(handle, &patience, segmsg_lib_progress_but(handle, reader));
            continue;
        }
        segmsg_message_t message;
        segmsg_poll_t found = segmsg_reader_poll(&handle->receiver, reader, &message);
        if (found != SEGMSG_POLL_MESSAGE) {
            if (found != SEGMSG_POLL_NONE) {
                segmsg_lib_corrupt(handle, found == SEGMSG_POLL_CORRUPT ? reader : NULL);
            }
            continue;
        }
        segmsg_sender_answers(&peer->sender);
        bool is_it = receive_found(handle, peer, &message, wanted, result);
        bool is_correct = is_it || segmsg_lib_dispatch(handle, peer, &message);
        segmsg_message_return(&handle->receiver, reader, &message);
        if (!is_correct) {
            segmsg_lib_corrupt(handle, reader);
        }
        if (is_it) {
            return true;
        }
    }
    return false;
}

segmsg_result_t segmsg_recv(segmsg_t *handle, int from, int tag, void *buffer, size_t room,
                            segmsg_info_t *info)
{
    segmsg_lib_peer_t *peer;
    segmsg_result_t result = check_receive(handle, from, tag, &peer);
    if (__builtin_expect(result != SEGMSG_SUCCESS || !segmsg_lib_is_memory(buffer, room), 0)) {
        return result != SEGMSG_SUCCESS ? result : segmsg_lib_plain(SEGMSG_E_ARGUMENT);
    }
    if (__builtin_expect(handle->handler.is_running, 0)) {
        return segmsg_lib_plain(SEGMSG_E_NESTED);
    }
    const wanted_t wanted = {.tag = tag, .buffer = buffer, .room = room, .info = info};
    ++handle->waits.depth;
    bool is_here = peer != NULL && receive_at_once(handle, peer, &wanted, &result);
    --handle->waits.depth;
    if (is_here) {
        return result;
    }
    segmsg_request_t *request = receive(handle, peer, tag, buffer, room);
    if (request == NULL) {
        return SEGMSG_E_MEMORY;
    }
    segmsg_lib_await(handle, request);
    return segmsg_lib_request_end(handle, request, info);
}

segmsg_result_t segmsg_probe(segmsg_t *handle, int from, int tag, int *found, segmsg_info_t *info)
{
    if (found == NULL) {
        return segmsg_lib_plain(SEGMSG_E_ARGUMENT);
    }
    *found = 0;
    segmsg_lib_peer_t *peer;
    segmsg_result_t result = check_receive(handle, from, tag, &peer);
    if (result != SEGMSG_SUCCESS || handle->handler.is_running) {
        return result != SEGMSG_SUCCESS ? result : segmsg_lib_plain(SEGMSG_E_NESTED);
    }
    const segmsg_lib_arrival_t *arrival = segmsg_lib_find_kept(handle, peer, tag);
    if (arrival == NULL) {
        segmsg_lib_poll_progress(handle);
        arrival = segmsg_lib_find_kept(handle, peer, tag);
    }
    *found = arrival != NULL;
    if (arrival != NULL && info != NULL) {
        *info = segmsg_lib_arrival_info(arrival);
    }
    return handle->broken;
}
