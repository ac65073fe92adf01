/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * stress_receive.h: every way in which the stress test receives a message, and the check of what
 * arrived.
 */
#ifndef SEGMSG_TEST_STRESS_RECEIVE_H
#define SEGMSG_TEST_STRESS_RECEIVE_H

#include "stress_stream.h"

/* The type to receive a message with: its own, MPI_PACKED, or another one that fits the bytes. */
static const struct element *receive_element(const struct message *message)
{
    const struct element *other =
        &elements[choose(message->key, FOR_RECEIVE, (uint64_t) element_count)];

    if (message->element->of_bytes && other->of_bytes && 0 == message->size % other->size) {
        return other;
    }
    return choose(message->key, FOR_RECEIVE, 4) ? message->element : &packed;
}

static MPI_Datatype receive_type(const struct element *element)
{
    return &packed == element ? MPI_PACKED : element->type;
}

static struct buffer receive_buffer(struct stream *stream, const struct message *message)
{
    struct buffer buffer = buffer_take(stream, message, receive_element(message), message->size);

    buffer_guard(&buffer);
    return buffer;
}

static int buffer_count(const struct buffer *buffer)
{
    return (int) (buffer->capacity / buffer->element->size);
}

/* Check what arrived in the buffer against the message that should have. */
static void receive_check(struct stream *stream, const struct buffer *buffer,
                          const struct message *message, const MPI_Status *status)
{
    int bytes, source = stream->to_comm[message->comm][message->source];
    const unsigned char *memory = buffer->memory;

    MPI_Get_elements(status, MPI_BYTE, &bytes);
    CHECK_MESSAGE(stream, message, status->MPI_SOURCE == source, "other source");
    CHECK_MESSAGE(stream, message, status->MPI_TAG == message->tag, "other tag");
    CHECK_MESSAGE(stream, message, (size_t) bytes == message->size, "other length");
    CHECK_MESSAGE(stream, message,
                  element_gather_same(buffer->element, buffer->memory, content_of(message),
                                      message->size),
                  "other content");
    CHECK_MESSAGE(stream, message,
                  all_guards(memory - GUARD_SIZE, GUARD_SIZE)
                      && all_guards(memory + buffer->span, GUARD_SIZE),
                  "written beside the buffer");
    if (!element_contiguous(buffer->element)) {
        CHECK_MESSAGE(stream, message, all_guards(memory, buffer->span), "written into gaps");
    }
    stream->received++;
    stream->received_bytes += message->size;
}

/* The message that a wildcard received, by the order in which its source sent. */
static const struct message *wild_message(struct stream *stream, const MPI_Status *status)
{
    int comm = stream->incoming[0].comm, source = stream->to_world[comm][status->MPI_SOURCE];
    size_t at = stream->incoming_start[source] + stream->taken[source]++;

    if (at < stream->incoming_start[source + 1]) {
        return &stream->incoming[at];
    }
    CHECK(false, "round %" PRIu64 ": one message more from rank %d than it sends", stream->number,
          source);
    return NULL;
}

static int wild_source(const struct stream *stream, const struct message *message)
{
    return WILD_TAG == stream->round.wildcard ? stream->to_comm[message->comm][message->source]
                                              : MPI_ANY_SOURCE;
}

static int wild_tag(const struct stream *stream)
{
    return WILD_SOURCE == stream->round.wildcard ? stream->round.tag : MPI_ANY_TAG;
}

static void post_one(struct stream *stream, struct buffer buffer, int source, int tag, int comm,
                     bool persistent)
{
    MPI_Request *request = LIST_ADD(&stream->receive_requests, MPI_Request);
    MPI_Datatype type = receive_type(buffer.element);

    *LIST_ADD(&stream->receives, struct buffer) = buffer;
    if (persistent) {
        MPI_Recv_init(buffer.memory, buffer_count(&buffer), type, source, tag, stream->comms[comm],
                      request);
        MPI_Start(request);
    } else {
        MPI_Irecv(buffer.memory, buffer_count(&buffer), type, source, tag, stream->comms[comm],
                  request);
    }
}

/* Post receives for all messages that may come before they are waited for. */
static void post_all(struct stream *stream)
{
    size_t count = stream->incoming_start[check_size], largest = 0;

    doing(stream, "post receives", NULL);
    for (size_t i = 0; i < count; i++) {
        largest = stream->incoming[i].size > largest ? stream->incoming[i].size : largest;
    }
    for (size_t i = 0; i < count; i++) {
        const struct message *message = &stream->incoming[i];

        if (message->late) {
            continue;
        }
        if (ROUND_WILD == stream->round.kind) {
            struct buffer buffer = buffer_take(stream, NULL, &packed, largest);

            buffer_guard(&buffer);
            post_one(stream, buffer, wild_source(stream, message), wild_tag(stream), message->comm,
                     false);
        } else {
            post_one(stream, receive_buffer(stream, message),
                     stream->to_comm[message->comm][message->source], message->tag, message->comm,
                     0 == choose(message->key, FOR_COMPLETION, 16));
        }
    }
}

/* Receive what a matched probe found. */
static void receive_matched(struct buffer *buffer, MPI_Message *matched, bool blocking,
                            MPI_Status *status)
{
    MPI_Datatype type = receive_type(buffer->element);

    if (blocking) {
        MPI_Mrecv(buffer->memory, buffer_count(buffer), type, matched, status);
    } else {
        MPI_Request request;

        MPI_Imrecv(buffer->memory, buffer_count(buffer), type, matched, &request);
        MPI_Wait(&request, status);
    }
}

/* Find a message by one of the probes. */
static void probe(int way, int source, int tag, MPI_Comm comm, MPI_Message *matched,
                  MPI_Status *status)
{
    int found = 0;

    switch (way) {
    case 0:
        MPI_Probe(source, tag, comm, status);
        break;
    case 1:
        while (!found) {
            MPI_Iprobe(source, tag, comm, &found, status);
        }
        break;
    case 2:
        MPI_Mprobe(source, tag, comm, matched, status);
        break;
    default:
        while (!found) {
            MPI_Improbe(source, tag, comm, &found, matched, status);
        }
        break;
    }
}

/* Receive one message by a blocking call of some kind. */
static void receive_late(struct stream *stream, const struct message *message)
{
    struct buffer buffer = receive_buffer(stream, message);
    MPI_Datatype type = receive_type(buffer.element);
    int source = stream->to_comm[message->comm][message->source], count = buffer_count(&buffer);
    int way = (int) choose(message->key, FOR_COMPLETION, 8);
    MPI_Comm comm = stream->comms[message->comm];
    MPI_Message matched = MPI_MESSAGE_NULL;
    MPI_Status status;

    doing(stream, "late receive", message);
    if (way < 4) {
        probe(way, source, message->tag, comm, &matched, &status);
    }
    if (MPI_MESSAGE_NULL != matched) {
        receive_matched(&buffer, &matched, message->key & 1, &status);
    } else if (way & 1) {
        MPI_Recv(buffer.memory, count, type, source, message->tag, comm, &status);
    } else {
        MPI_Request request;

        MPI_Irecv(buffer.memory, count, type, source, message->tag, comm, &request);
        MPI_Wait(&request, &status);
    }
    receive_check(stream, &buffer, message, &status);
}

static int late_compare(const void *left, const void *right)
{
    const struct late *a = left, *b = right;

    if (a->order != b->order) {
        return a->order < b->order ? -1 : 1;
    }
    return a->message < b->message ? -1 : a->message > b->message;
}

/* Receive the late messages, in a random order of their envelopes. */
static void receive_late_all(struct stream *stream)
{
    for (size_t i = 0; i < stream->incoming_start[check_size]; i++) {
        const struct message *message = &stream->incoming[i];

        if (message->late) {
            uint64_t envelope = (uint64_t) message->tag << 16 | (uint64_t) message->comm << 12
                                | (uint64_t) message->source;

            *LIST_ADD(&stream->late, struct late) =
                (struct late){hash_with(stream->round.key + FOR_ORDER, envelope), message};
        }
    }
    if (stream->late.count) {
        qsort(stream->late.items, stream->late.count, sizeof(struct late), late_compare);
    }
    for (size_t i = 0; i < stream->late.count; i++) {
        receive_late(stream, LIST(&stream->late, struct late)[i].message);
    }
}

/* Receive the messages of a wild round by probing for them. */
static void receive_wild_late(struct stream *stream)
{
    size_t count = stream->incoming_start[check_size];

    for (size_t i = 0; i < count; i++) {
        const struct message *next = &stream->incoming[i], *message;
        MPI_Comm comm = stream->comms[next->comm];
        MPI_Message matched = MPI_MESSAGE_NULL;
        MPI_Status status;
        struct buffer buffer;

        doing(stream, "probe with wildcards", NULL);
        probe((int) choose(next->key, FOR_COMPLETION, 4), wild_source(stream, next),
              wild_tag(stream), comm, &matched, &status);
        message = wild_message(stream, &status);
        if (NULL == message) {
            MPI_Abort(MPI_COMM_WORLD, 1); /* what follows could not be told apart */
        }
        doing(stream, "receive of a probed message", message);
        buffer = receive_buffer(stream, message);
        if (MPI_MESSAGE_NULL != matched) {
            receive_matched(&buffer, &matched, next->key & 1, &status);
        } else {
            MPI_Recv(buffer.memory, buffer_count(&buffer), receive_type(buffer.element),
                     status.MPI_SOURCE, status.MPI_TAG, comm, &status);
        }
        receive_check(stream, &buffer, message, &status);
    }
}

#endif
