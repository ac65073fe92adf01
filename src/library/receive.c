/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Receiving: what comes goes to the first receive that asked for it, or to the handler where it lies, or
 * is kept until somebody asks.
 */
#include "library/library.h"

#include "core/segmsg_copy.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

static bool matches(const segmsg_request_t *request, const segmsg_lib_peer_t *peer, int tag)
{
    return (request->peer == NULL || request->peer == peer)
           && (request->tag == SEGMSG_ANY_TAG || request->tag == tag);
}

/* The first receive that asks for such a message, taken out of the list; or NULL. */
static segmsg_request_t *take_posted(segmsg_t *handle, const segmsg_lib_peer_t *peer, int tag)
{
    segmsg_request_t *request = handle->posted.first;
    while (request != NULL && !matches(request, peer, tag)) {
        request = request->next;
    }
    if (request != NULL) {
        segmsg_lib_list_remove(&handle->posted, request);
        request->state = SEGMSG_LIB_ARRIVING;
    }
    return request;
}

void segmsg_lib_receive_end(segmsg_t *handle, segmsg_request_t *request, segmsg_result_t result)
{
    bool is_truncated = request->info.bytes > request->bytes;
    if (request->is_detached) {
        segmsg_lib_arrival_t *arrival = request->arrival;
        segmsg_lib_request_free(handle, request);
        segmsg_lib_arrival_whole(handle, arrival);
    } else {
        segmsg_lib_complete(handle, request,
                            result == SEGMSG_SUCCESS && is_truncated ? SEGMSG_E_TRUNCATED : result);
        ++handle->statistics.messages_received;
        handle->statistics.bytes_received += request->info.bytes;
    }
}

/* Copies the data of a message. */
SEGMSG_INLINE void copy_out(void *to, const void *from, size_t bytes)
{
    if (bytes <= SEGMSG_LINE) {
        segmsg_copy_short(to, from, bytes);
    } else {
        memcpy(to, from, bytes);
    }
}

/* Copies a message to where it was asked for. */
static void receive_copy(segmsg_t *handle, segmsg_request_t *request, const segmsg_info_t *info,
                         const void *data)
{
    size_t bytes = info->bytes < request->bytes ? info->bytes : request->bytes;
    request->info = *info;
    copy_out(request->buffer, data, bytes);
    segmsg_lib_receive_end(handle, request, SEGMSG_SUCCESS);
}

static segmsg_info_t info_of(const segmsg_lib_arrival_t *arrival)
{
    return (segmsg_info_t){
        .source = arrival->peer->rank,
        .tag = (int) arrival->header.tag,
        .bytes = (size_t) arrival->header.bytes,
    };
}

/* Keeps a message. NULL if there is no memory. */
static segmsg_lib_arrival_t *keep(segmsg_t *handle, segmsg_lib_peer_t *peer,
                                  const segmsg_lib_long_t *header, const void *data)
{
    bool is_possible = header->bytes < SIZE_MAX / 2;
    segmsg_lib_arrival_t *arrival = is_possible ? malloc(sizeof(*arrival)) : NULL;
    unsigned char *copy = arrival == NULL || data == NULL ? NULL : malloc(header->bytes + 1);
    if (arrival == NULL || (data != NULL && copy == NULL)) {
        free(arrival);
        segmsg_lib_explain(
            "No memory for a message of %zu bytes from rank %d, which nobody has asked "
            "for yet",
            (size_t) header->bytes, peer->rank);
        return NULL;
    }
    *arrival = (segmsg_lib_arrival_t){
        .peer = peer,
        .number = ++handle->arrivals,
        .header = *header,
        .state = data == NULL ? SEGMSG_LIB_ANNOUNCED : SEGMSG_LIB_WHOLE,
        .data = copy,
    };
    if (data != NULL) {
        memcpy(copy, data, header->bytes);
    }
    *(peer->last_arrival == NULL ? &peer->first_arrival : &peer->last_arrival->next) = arrival;
    peer->last_arrival = arrival;
    ++handle->kept;
    ++handle->statistics.kept;
    return arrival;
}

/* Takes an arrival out of its peer's list; the caller frees it. */
static void unkeep(segmsg_t *handle, const segmsg_lib_arrival_t *arrival)
{
    segmsg_lib_peer_t *peer = arrival->peer;
    segmsg_lib_arrival_t *before = NULL;
    segmsg_lib_arrival_t **at = &peer->first_arrival;
    while (*at != arrival) {
        before = *at;
        at = &before->next;
    }
    *at = arrival->next;
    if (peer->last_arrival == arrival) {
        peer->last_arrival = before;
    }
    --handle->kept;
}

static void drop(segmsg_t *handle, segmsg_lib_arrival_t *arrival)
{
    unkeep(handle, arrival);
    free(arrival->data);
    free(arrival);
}

static void call_handler(segmsg_t *handle, const segmsg_info_t *info, const void *data)
{
    ++handle->handled;
    ++handle->statistics.messages_received;
    handle->statistics.bytes_received += info->bytes;
    handle->in_handler = true;
    handle->handler(handle->handler_context, info, data);
    handle->in_handler = false;
}

/* Lets a long message come that nobody asked for: for the handler, or since its sender does not wait for
 * somebody to ask. A receive that is begun meanwhile gets it. */
static void fetch(segmsg_t *handle, segmsg_lib_arrival_t *arrival)
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

void segmsg_lib_arrival_whole(segmsg_t *handle, segmsg_lib_arrival_t *arrival)
{
    arrival->state = SEGMSG_LIB_WHOLE;
    if (arrival->claimant != NULL) {
        const segmsg_info_t info = info_of(arrival);
        receive_copy(handle, arrival->claimant, &info, arrival->data);
        drop(handle, arrival);
    }
}

/* Who has the oldest message that is kept, of those that have nothing before them; NULL: nobody. */
static segmsg_lib_peer_t *oldest(const segmsg_t *handle)
{
    segmsg_lib_peer_t *best = NULL;
    for (int p = 0; p < handle->node_size; ++p) {
        segmsg_lib_peer_t *peer = &handle->peers[p];
        const segmsg_lib_arrival_t *arrival = peer->first_arrival;
        if (arrival != NULL && arrival->state != SEGMSG_LIB_COMING
            && (best == NULL || arrival->number < best->first_arrival->number)) {
            best = peer;
        }
    }
    return best;
}

/* Shows the handler what is kept, oldest first. Those behind one that is still coming wait; and what comes
 * meanwhile, since the handler sends something to its own process, has its turn the next time. */
static void show_kept(segmsg_t *handle)
{
    const uint64_t last = handle->arrivals;
    segmsg_lib_peer_t *peer;
    while (handle->kept != 0 && handle->broken == SEGMSG_SUCCESS && (peer = oldest(handle)) != NULL
           && peer->first_arrival->number <= last) {
        segmsg_lib_arrival_t *arrival = peer->first_arrival;
        if (arrival->state == SEGMSG_LIB_ANNOUNCED) {
            fetch(handle, arrival);
            continue;
        }
        peer->first_arrival = arrival->next;
        peer->last_arrival = arrival->next == NULL ? NULL : peer->last_arrival;
        --handle->kept;
        const segmsg_info_t info = info_of(arrival);
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
        receive_copy(handle, request, &info, data);
        return true;
    }
    if (handle->handler != NULL && peer->first_arrival == NULL && !handle->in_handler) {
        ++handle->statistics.in_place;
        call_handler(handle, &info, data);
        return true;
    }
    const segmsg_lib_long_t header = {.tag = (uint32_t) tag, .bytes = bytes};
    return keep(handle, peer, &header, bytes == 0 ? "" : data) != NULL;
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
    segmsg_lib_arrival_t *arrival = keep(handle, peer, header, NULL);
    if (arrival == NULL) {
        return false;
    }
    bool is_shown = is_first && handle->handler != NULL;
    if (is_shown || header->is_urgent) {
        fetch(handle, arrival);
    }
    if (is_shown) {
        show_kept(handle);
    }
    return true;
}

/* Tells what a message is by its kind and length; false if no correct peer has sent it. */
SEGMSG_INLINE bool dispatch(segmsg_t *handle, segmsg_lib_peer_t *peer,
                            const segmsg_message_t *message)
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
    case SEGMSG_LIB_DATA:
        return segmsg_lib_data_came(handle, peer, data, bytes);
    default:
        return message->tag == SEGMSG_LIB_NOTHING;
    }
}

static void corrupt(void *context, segmsg_reader_t *reader)
{
    segmsg_t *handle = context;
    const segmsg_lib_peer_t *peer = reader == NULL ? NULL : reader->user;
    segmsg_lib_explain(
        "The memory of this process holds what no correct process writes; it came from "
        "rank %d (-1: it cannot be told)",
        peer == NULL ? -1 : peer->rank);
    segmsg_lib_break(handle, SEGMSG_E_CORRUPT);
    if (reader != NULL) {
        reader->line = &segmsg_nothing_yet;
        reader->count = 1;
        reader->at = 0;
    }
}

static segmsg_lib_peer_t *peer_of_name(segmsg_t *handle, const segmsg_identity_t *sender)
{
    if (sender->name >= (uint64_t) handle->node_size) {
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
            corrupt(handle, reader);
            return;
        }
    }
    segmsg_lib_peer_t *peer = reader->user;
    segmsg_sender_answers(&peer->sender);
    bool is_correct = dispatch(handle, peer, message);
    segmsg_message_return(&handle->receiver, reader, message);
    if (__builtin_expect(!is_correct, 0)) {
        corrupt(handle, reader);
    }
}

/* Peers do not leave before all close together. */
static void closed(void *context, void *user)
{
    (void) user;
    corrupt(context, NULL);
}

static void welcome(void *context)
{
    segmsg_t *handle = context;
    segmsg_receiver_t *receiver = &handle->receiver;
    receiver->has_newcomers = false;
    if (segmsg_receiver_find_groups(receiver) != SEGMSG_OK) {
        corrupt(handle, NULL);
    }
    for (uint32_t r = 0; r < receiver->reader_count; ++r) {
        segmsg_reader_t *reader = receiver->reader[r];
        segmsg_lib_peer_t *peer = peer_of_name(handle, &reader->sender);
        if (peer == NULL) {
            corrupt(handle, reader);
            continue;
        }
        reader->user = peer;
        peer->reader = reader;
    }
}

const segmsg_look_ops_t segmsg_lib_look_ops = {
    .take = take,
    .closed = closed,
    .corrupt = corrupt,
    .welcome = welcome,
};

/* The first message of a peer that is kept for whoever asks, and has the tag. */
static segmsg_lib_arrival_t *find_of_peer(const segmsg_lib_peer_t *peer, int tag)
{
    segmsg_lib_arrival_t *arrival = peer->first_arrival;
    while (arrival != NULL
           && (arrival->claimant != NULL
               || (tag != SEGMSG_ANY_TAG && arrival->header.tag != (uint32_t) tag))) {
        arrival = arrival->next;
    }
    return arrival;
}

/* Likewise of `peer`, or if that is NULL the one of all that came first. */
static segmsg_lib_arrival_t *find_kept(const segmsg_t *handle, const segmsg_lib_peer_t *peer,
                                       int tag)
{
    if (__builtin_expect(handle->kept == 0, 1)) {
        return NULL;
    }
    if (peer != NULL) {
        return find_of_peer(peer, tag);
    }
    segmsg_lib_arrival_t *best = NULL;
    for (int p = 0; p < handle->node_size; ++p) {
        segmsg_lib_arrival_t *arrival = find_of_peer(&handle->peers[p], tag);
        if (arrival != NULL && (best == NULL || arrival->number < best->number)) {
            best = arrival;
        }
    }
    return best;
}

/* What is wrong with the arguments of a receive; *peer receives from whom, NULL for anybody. */
SEGMSG_INLINE segmsg_result_t check_receive(const segmsg_t *handle, int from, int tag,
                                            segmsg_lib_peer_t **peer)
{
    if (__builtin_expect(handle == NULL || (tag < 0 && tag != SEGMSG_ANY_TAG), 0)) {
        return segmsg_lib_plain(SEGMSG_E_ARGUMENT);
    }
    if (__builtin_expect(handle->broken != SEGMSG_SUCCESS || handle->reserved != NULL, 0)) {
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
        const segmsg_info_t info = info_of(arrival);
        receive_copy(handle, request, &info, arrival->data);
        drop(handle, arrival);
        return;
    }
    if (arrival->state == SEGMSG_LIB_COMING) {
        arrival->claimant = request;
        return;
    }
    const segmsg_lib_long_t header = arrival->header;
    segmsg_lib_peer_t *peer = arrival->peer;
    drop(handle, arrival);
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
    segmsg_lib_arrival_t *arrival = find_kept(handle, peer, tag);
    if (arrival != NULL) {
        receive_kept(handle, request, arrival);
    } else {
        segmsg_lib_list_append(&handle->posted, request);
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
    if (result == SEGMSG_SUCCESS && buffer == NULL && room != 0) {
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
    copy_out(wanted->buffer, (const unsigned char *) message->data + sizeof(header),
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
    return handle->kept == 0 && handle->posted.first == NULL && reader != NULL && !reader->is_guest;
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
                corrupt(handle, found == SEGMSG_POLL_CORRUPT ? reader : NULL);
            }
            continue;
        }
        segmsg_sender_answers(&peer->sender);
        bool is_it = receive_found(handle, peer, &message, wanted, result);
        bool is_correct = is_it || dispatch(handle, peer, &message);
        segmsg_message_return(&handle->receiver, reader, &message);
        if (!is_correct) {
            corrupt(handle, reader);
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
    if (__builtin_expect(result != SEGMSG_SUCCESS || (buffer == NULL && room != 0), 0)) {
        return result != SEGMSG_SUCCESS ? result : segmsg_lib_plain(SEGMSG_E_ARGUMENT);
    }
    if (__builtin_expect(handle->in_handler, 0)) {
        return segmsg_lib_plain(SEGMSG_E_NESTED);
    }
    const wanted_t wanted = {.tag = tag, .buffer = buffer, .room = room, .info = info};
    ++handle->waiting;
    bool is_here = peer != NULL && receive_at_once(handle, peer, &wanted, &result);
    --handle->waiting;
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
    if (result != SEGMSG_SUCCESS || handle->in_handler) {
        return result != SEGMSG_SUCCESS ? result : segmsg_lib_plain(SEGMSG_E_NESTED);
    }
    const segmsg_lib_arrival_t *arrival = find_kept(handle, peer, tag);
    if (arrival == NULL) {
        (void) segmsg_lib_progress(handle);
        arrival = find_kept(handle, peer, tag);
    }
    *found = arrival != NULL;
    if (arrival != NULL && info != NULL) {
        *info = info_of(arrival);
    }
    return handle->broken;
}

/* Begins to show messages to a handler. Returns what is wrong with the arguments or the moment. */
static segmsg_result_t begin_poll(segmsg_t *handle, segmsg_handler_t handler, void *context,
                                  unsigned *handled)
{
    if (handled != NULL) {
        *handled = 0;
    }
    if (handle == NULL) {
        return segmsg_lib_plain(SEGMSG_E_ARGUMENT);
    }
    if (handle->in_handler || handle->reserved != NULL) {
        return segmsg_lib_plain(handle->in_handler ? SEGMSG_E_NESTED : SEGMSG_E_BUSY);
    }
    handle->handler = handler;
    handle->handler_context = context;
    handle->handled = 0;
    if (handler != NULL && handle->kept != 0) {
        show_kept(handle);
    }
    return SEGMSG_SUCCESS;
}

/* Shows the handler what a look has brought it. */
static void show_new(segmsg_t *handle)
{
    if (handle->handler != NULL && handle->kept != 0) {
        show_kept(handle);
    }
}

static segmsg_result_t end_poll(segmsg_t *handle, unsigned *handled)
{
    handle->handler = NULL;
    if (handled != NULL) {
        *handled = handle->handled;
    }
    return handle->broken;
}

segmsg_result_t segmsg_poll(segmsg_t *handle, segmsg_handler_t handler, void *context,
                            unsigned *handled)
{
    segmsg_result_t result = begin_poll(handle, handler, context, handled);
    if (result != SEGMSG_SUCCESS) {
        return result;
    }
    if (handle->broken == SEGMSG_SUCCESS) {
        (void) segmsg_lib_progress(handle);
        show_new(handle);
    }
    return end_poll(handle, handled);
}

/* The only one from whom anything can come now; NULL if there are others. */
static segmsg_reader_t *only_sender(const segmsg_t *handle)
{
    const segmsg_receiver_t *receiver = &handle->receiver;
    return receiver->reader_count == 1 && handle->node_size == 2 && !receiver->reader[0]->is_guest
               ? receiver->reader[0]
               : NULL;
}

segmsg_result_t segmsg_poll_wait(segmsg_t *handle, segmsg_handler_t handler, void *context,
                                 unsigned *handled)
{
    segmsg_result_t result = begin_poll(handle, handler, context, handled);
    if (result != SEGMSG_SUCCESS) {
        return result;
    }
    if (handler == NULL && handle->pending == 0) {
        return segmsg_lib_plain(SEGMSG_E_ARGUMENT); /* it would wait without end */
    }
    segmsg_patience_t patience = segmsg_lib_patience(handle);
    ++handle->waiting;
    bool is_over = handle->broken != SEGMSG_SUCCESS;
    while (!is_over) {
        /* Once at least: what is complete already must not keep the rest from moving. */
        segmsg_lib_wait_for(handle, &patience, handle->unended == 0 ? only_sender(handle) : NULL);
        show_new(handle);
        is_over = handle->handled != 0 || handle->unended != 0 || handle->broken != SEGMSG_SUCCESS;
    }
    --handle->waiting;
    if (handle->handled == 0 && handle->unended != 0) {
        sched_yield(); /* the caller may call again and again, and end nothing */
    }
    return end_poll(handle, handled);
}
