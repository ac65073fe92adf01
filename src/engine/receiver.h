/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The receiving side: finds the senders that formed groups with this process's export, polls one
 * line per sender, and hands out messages where they lie (rows G9, G11).
 *
 *     segmsg_message_t message;
 *     while (segmsg_reader_poll(receiver, reader, &message) == SEGMSG_POLL_MESSAGE) {
 *         ... use message.data, message.length bytes ...
 *         segmsg_message_return(receiver, reader, &message);
 *     }
 *
 * Messages of one sender come in the order in which it published them, whatever their groups. A
 * message may be used while a later one is polled and returned; the partitions go back when all are
 * returned.
 *
 * One thread at a time per receiver.
 */
#ifndef SEGMSG_RECEIVER_H
#define SEGMSG_RECEIVER_H

#include "base/cache.h"
#include "engine/receiver_types.h"
#include "queue/message.h"

enum { SEGMSG_FETCH_LINES = 8 }; /* of a message, asked for as soon as its header is seen */

/* Prepares the receiver of the initialised export `own`. False if there is no memory. */
bool segmsg_receiver_init(segmsg_receiver_t *receiver, segmsg_export_t *own);

/* Frees what the receiver holds; the export itself is the caller's. */
void segmsg_receiver_destroy(segmsg_receiver_t *receiver);

/* Messages received in all from groups of index `group` in the geometry, whoever sent them. */
uint64_t segmsg_receiver_messages(const segmsg_receiver_t *receiver, uint32_t group);

/* Everything but a message in group 0: another group, the end of the ring, a new segment, the end
 * of the sender, or nonsense. */
segmsg_poll_t segmsg_reader_poll_slow(segmsg_receiver_t *receiver, segmsg_reader_t *reader,
                                      uint64_t header, segmsg_message_t *message);

/* Looks for the next message of a sender. */
SEGMSG_INLINE segmsg_poll_t segmsg_reader_poll(segmsg_receiver_t *receiver, segmsg_reader_t *reader,
                                               segmsg_message_t *message)
{
    segmsg_line_t *line = &reader->ring.line[reader->ring.at];
    uint64_t header = segmsg_ring_look(&reader->ring);
    if (__builtin_expect(header == 0, 1)) {
        ++reader->idle;
        return SEGMSG_POLL_NONE;
    }
    reader->idle = 0;
    uint32_t span = segmsg_header_span(header);
    uint32_t length = segmsg_header_length(header);
    if (__builtin_expect(SEGMSG_RING_IS_OTHER(&reader->ring, header, span, length), 0)) {
        return segmsg_reader_poll_slow(receiver, reader, header, message);
    }
    for (uint32_t i = 1; i < span && i < SEGMSG_FETCH_LINES; ++i) {
        segmsg_cache_fetch(line + i);
    }
    message->data = line->bytes + SEGMSG_HEADER_BYTES;
    message->length = length;
    message->group = 0;
    message->partitions = span;
    message->in_lobby = false;
    message->tag = segmsg_header_tag(header);
    segmsg_ring_take(&reader->ring, span);
    segmsg_stats_add(reader->ring.control, length, span);
    return SEGMSG_POLL_MESSAGE;
}

/* Returns the partitions of a message above group 0, or of one from the lobby. */
void segmsg_message_return_slow(segmsg_receiver_t *receiver, segmsg_reader_t *reader,
                                const segmsg_message_t *message);

/* Returns the partitions of a message to its sender. */
SEGMSG_INLINE void segmsg_message_return(segmsg_receiver_t *receiver, segmsg_reader_t *reader,
                                         const segmsg_message_t *message)
{
    if (__builtin_expect(message->group != 0 || message->in_lobby, 0)) {
        segmsg_message_return_slow(receiver, reader, message);
    } else {
        segmsg_ring_return(&reader->ring);
    }
}

/* For engine/lobby_poll.c. */
segmsg_poll_t segmsg_receiver_run(segmsg_receiver_t *receiver, const segmsg_reader_t *reader,
                                  uint64_t header, const segmsg_announcement_t *announcement,
                                  segmsg_message_t *message);
segmsg_poll_t segmsg_receiver_remove(segmsg_receiver_t *receiver, segmsg_reader_t *reader);

#endif
