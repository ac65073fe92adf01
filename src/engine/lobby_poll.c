/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "engine/lobby_poll.h"

#include "engine/groups.h"
#include "engine/receiver.h"

/* Whose entry stands in the lobby; NULL with *found saying why not. */
static segmsg_reader_t *guest_of(segmsg_receiver_t *receiver, uint32_t guest, segmsg_poll_t *found)
{
    *found = SEGMSG_POLL_CORRUPT;
    if (guest >= receiver->own->shape.groups_max) {
        return NULL;
    }
    if (receiver->lobby.guest[guest] == NULL) {
        /* It entered before it wrote, but perhaps we have not looked since. */
        if (segmsg_receiver_find_groups(receiver) != SEGMSG_OK) {
            return NULL;
        }
        /* Its earlier session may have to be closed first. */
        const segmsg_group_entry_t *entry = segmsg_export_group(receiver->own, guest);
        if (atomic_load_explicit(&entry->state, memory_order_acquire) == SEGMSG_GROUP_FORMED) {
            *found = SEGMSG_POLL_NONE;
        }
    }
    return receiver->lobby.guest[guest];
}

static segmsg_poll_t take_message(segmsg_receiver_t *receiver, segmsg_reader_t *reader,
                                  uint64_t header, segmsg_message_t *message)
{
    segmsg_lobby_t *lobby = &receiver->lobby;
    segmsg_line_t *line = &lobby->ring.line[lobby->ring.at];
    uint32_t span = segmsg_header_span(header);
    uint32_t length = segmsg_header_length(header);
    if (segmsg_header_kind(header) == SEGMSG_KIND_RUN) {
        const segmsg_announcement_t announcement = {.segment = line->lobby.segment,
                                                    .first = line->lobby.first,
                                                    .partitions = line->lobby.partitions};
        segmsg_poll_t found = segmsg_receiver_run(receiver, reader, header, &announcement, message);
        if (found != SEGMSG_POLL_MESSAGE) {
            return found;
        }
    } else {
        if (length > span * SEGMSG_LINE - SEGMSG_LOBBY_BYTES) {
            return SEGMSG_POLL_CORRUPT;
        }
        message->data = line->bytes + SEGMSG_LOBBY_BYTES;
        message->length = length;
        message->group = 0;
        message->partitions = span;
        message->tag = segmsg_header_tag(header);
        segmsg_stats_add(lobby->ring.control, length, span);
    }
    message->in_lobby = true;
    segmsg_mpsc_advance(&lobby->ring, span);
    ++lobby->ring.open;
    ++reader->lobby_open;
    if (reader->leaves && segmsg_mpsc_has_passed(&lobby->ring, reader->after)) {
        segmsg_receiver_open_ring(receiver, reader); /* this was its last message here */
    }
    return SEGMSG_POLL_MESSAGE;
}

/* The guest leaves for good. */
static segmsg_poll_t see_off(segmsg_receiver_t *receiver, segmsg_reader_t *reader)
{
    segmsg_lobby_t *lobby = &receiver->lobby;
    if (reader->lobby_open != 0 || reader->ring.open != 0) {
        return SEGMSG_POLL_NONE;
    }
    segmsg_mpsc_advance(&lobby->ring, 1);
    segmsg_mpsc_give_back(&lobby->ring);
    return segmsg_receiver_remove(receiver, reader);
}

segmsg_poll_t segmsg_lobby_poll_slow(segmsg_receiver_t *receiver, segmsg_reader_t **reader,
                                     segmsg_message_t *message, void **user)
{
    segmsg_lobby_t *lobby = &receiver->lobby;
    for (;;) {
        uint64_t header = segmsg_mpsc_look(&lobby->ring);
        uint32_t kind = segmsg_header_kind(header);
        uint32_t span = segmsg_header_span(header);
        uint64_t unread = segmsg_mpsc_unread(&lobby->ring);
        if (header == 0 || unread == 0) {
            return SEGMSG_POLL_NONE;
        }
        lobby->idle = 0;
        if (span == 0 || span > lobby->ring.count - lobby->ring.at || span > unread
            || (kind != SEGMSG_KIND_MESSAGE && kind != SEGMSG_KIND_WRAP && span != 1)
            || !segmsg_mpsc_is_claimed(&lobby->ring, lobby->ring.position + span)) {
            return SEGMSG_POLL_CORRUPT;
        }
        if (kind == SEGMSG_KIND_WRAP) {
            segmsg_mpsc_advance(&lobby->ring, span);
            segmsg_mpsc_give_back(&lobby->ring);
            continue;
        }
        segmsg_poll_t found;
        *reader = guest_of(receiver, lobby->ring.line[lobby->ring.at].lobby.guest, &found);
        if (*reader == NULL) {
            return found;
        }
        if (kind == SEGMSG_KIND_MESSAGE || kind == SEGMSG_KIND_RUN) {
            return take_message(receiver, *reader, header, message);
        }
        if (kind != SEGMSG_KIND_CLOSE) {
            return SEGMSG_POLL_CORRUPT;
        }
        *user = (*reader)->user;
        return see_off(receiver, *reader);
    }
}
