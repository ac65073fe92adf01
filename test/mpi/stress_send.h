/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * stress_send.h: every way in which the stress test sends a message.
 */
#ifndef SEGMSG_TEST_STRESS_SEND_H
#define SEGMSG_TEST_STRESS_SEND_H

#include "stress_stream.h"

/* The buffer to send a message from: its own, which is scrubbed afterwards, or the common one. */
static struct buffer send_buffer(struct stream *stream, const struct message *message)
{
    const struct element *element = message->element;
    struct buffer buffer = {.message = message, .element = element};

    if (element_contiguous(element) && choose(message->key, FOR_PRIVATE, 2)) {
        return buffer;
    }
    buffer = buffer_take(stream, message, element, message->size);
    element_scatter(element, buffer.memory, content_of(message), message->size);
    return buffer;
}

static void send_scrub(const struct buffer *buffer)
{
    if (buffer->memory) {
        memset(buffer->memory, SCRUB_BYTE, buffer->span);
    }
}

static bool bsend_fits(struct stream *stream, const struct message *message)
{
    if (NULL == stream->bsend_space || stream->bsend_count == BUFFERED_MESSAGES
        || stream->bsend_used + message->size > BUFFERED_LIMIT) {
        return false;
    }
    stream->bsend_used += message->size;
    stream->bsend_count++;
    return true;
}

static void send_start(struct stream *stream, const struct message *message)
{
    struct buffer buffer = send_buffer(stream, message);
    const void *memory = buffer.memory ? buffer.memory : content_of(message);
    MPI_Datatype type = message->element->type;
    int count = (int) (message->size / message->element->size), tag = message->tag;
    int dest = stream->to_comm[message->comm][message->dest];
    MPI_Comm comm = stream->comms[message->comm];
    MPI_Request request = MPI_REQUEST_NULL;
    enum way_to_send way = message->way;

    doing(stream, "send", message);
    if (WAY_BSEND == way && !bsend_fits(stream, message)) {
        way = WAY_ISEND;
    }
    switch (way) {
    case WAY_SEND:
        MPI_Send(memory, count, type, dest, tag, comm);
        break;
    case WAY_SSEND:
        MPI_Ssend(memory, count, type, dest, tag, comm);
        break;
    case WAY_BSEND:
        MPI_Bsend(memory, count, type, dest, tag, comm);
        break;
    case WAY_ISEND:
        MPI_Isend(memory, count, type, dest, tag, comm, &request);
        break;
    case WAY_ISSEND:
        MPI_Issend(memory, count, type, dest, tag, comm, &request);
        break;
    case WAY_PERSISTENT:
        MPI_Send_init(memory, count, type, dest, tag, comm, &request);
        MPI_Start(&request);
        break;
    }
    if (MPI_REQUEST_NULL == request) {
        send_scrub(&buffer);
    } else {
        *LIST_ADD(&stream->sends, struct buffer) = buffer;
        *LIST_ADD(&stream->send_requests, MPI_Request) = request;
    }
}

/* Everything that this rank sends, one message to each destination in turn. */
static void send_all(struct stream *stream)
{
    size_t left = stream->outgoing_start[check_size];

    for (size_t i = 0; left > 0; i++) {
        for (int j = 1; j <= check_size; j++) {
            int dest = (check_rank + j) % check_size;
            size_t at = stream->outgoing_start[dest] + i;

            if (at < stream->outgoing_start[dest + 1]) {
                send_start(stream, &stream->outgoing[at]);
                left--;
            }
        }
    }
}

#endif
