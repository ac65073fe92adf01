/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "engine/lobby.h"

#include <stdlib.h>

/* The group of a common segment, by what we registered ourselves; SEGMSG_GROUPS_MAX: it is none. */
static uint32_t common_group(const segmsg_receiver_t *receiver, uint32_t segment)
{
    for (uint32_t g = 0; g < receiver->geometry.group_count; ++g) {
        if (receiver->own->shape.common[g] == segment + 1) {
            return g;
        }
    }
    return SEGMSG_GROUPS_MAX;
}

bool segmsg_lobby_has_common(const segmsg_receiver_t *receiver, uint32_t segment)
{
    return common_group(receiver, segment) != SEGMSG_GROUPS_MAX;
}

segmsg_error_t segmsg_lobby_open_common(segmsg_receiver_t *receiver, uint32_t segment)
{
    uint32_t group = common_group(receiver, segment);
    segmsg_segment_entry_t entry;
    segmsg_segment_view_t view;
    segmsg_error_t error = segmsg_common_read(receiver->own, group, &segment, &entry);
    if (error != SEGMSG_OK) {
        return error;
    }
    if (!segmsg_segment_view(receiver->own, &entry, &view)) {
        receiver->is_short_of_addresses = true;
        return SEGMSG_ERR_UNMAPPED;
    }
    receiver->target[segment] = (segmsg_target_t){
        .partition = view.partition,
        .control = view.control,
        .directory = view.directory,
        .group = group,
        .group_entry = SEGMSG_GROUP_NONE,
        .size = entry.partition_size,
        .count = entry.partition_count,
        .offset = entry.offset,
    };
    return SEGMSG_OK;
}

bool segmsg_lobby_open(segmsg_receiver_t *receiver)
{
    segmsg_lobby_t *lobby = &receiver->lobby;
    lobby->line = &segmsg_nothing_yet;
    lobby->count = 1;
    if (receiver->own->shape.common[0] == 0) {
        return true;
    }
    uint32_t segment = receiver->own->shape.common[0] - 1;
    if (segmsg_lobby_open_common(receiver, segment) != SEGMSG_OK) {
        return false;
    }
    const segmsg_target_t *target = &receiver->target[segment];
    lobby->line = (void *) target->partition;
    lobby->control = target->control;
    lobby->count = target->count;
    lobby->guest = calloc(receiver->own->shape.groups_max, sizeof(segmsg_reader_t *));
    return lobby->guest != NULL;
}

static void advance(segmsg_lobby_t *lobby, uint32_t lines)
{
    lobby->at += lines;
    if (lobby->at == lobby->count) {
        lobby->at = 0;
    }
    lobby->position += lines;
}

/* Gives back all lines that were taken out, if no message lies in them any more. Whatever was written
 * there may lie where the next header will: all headers are cleared before. */
static void give_back(segmsg_lobby_t *lobby)
{
    if (lobby->open != 0) {
        return;
    }
    for (; lobby->returned != lobby->position; ++lobby->returned) {
        /* Relaxed: ordered by the release below. */
        atomic_store_explicit(&lobby->line[lobby->returned % lobby->count].header, 0,
                              memory_order_relaxed);
    }
    /* Release: our reads, and the cleared headers, come before the senders' writes. */
    atomic_store_explicit(&lobby->control->word, lobby->returned, memory_order_release);
}

void segmsg_lobby_return(segmsg_lobby_t *lobby)
{
    --lobby->open;
    give_back(lobby);
}

void segmsg_lobby_forget(segmsg_receiver_t *receiver, segmsg_reader_t *reader)
{
    receiver->lobby.guest[reader->guest_entry] = NULL;
    reader->is_guest = false;
    segmsg_group_dissolve(receiver->own, reader->guest_entry);
}

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
    segmsg_line_t *line = &lobby->line[lobby->at];
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
        segmsg_stats_add(lobby->control, length, span);
    }
    message->in_lobby = true;
    advance(lobby, span);
    ++lobby->open;
    ++reader->lobby_open;
    if (reader->leaves && segmsg_lobby_has_passed(lobby, reader->after)) {
        segmsg_receiver_open_ring(receiver, reader); /* this was its last message here */
    }
    return SEGMSG_POLL_MESSAGE;
}

bool segmsg_lobby_is_stuck(const segmsg_receiver_t *receiver)
{
    const segmsg_lobby_t *lobby = &receiver->lobby;
    /* Relaxed: asked again before anything is done about it. */
    if (lobby->control == NULL
        || atomic_load_explicit(&lobby->control->claimed, memory_order_relaxed)
               == lobby->position) {
        return false;
    }
    const segmsg_line_t *line = &lobby->line[lobby->at];
    /* Acquire: what stands behind the header. */
    uint64_t header = atomic_load_explicit(&line->header, memory_order_acquire);
    return header == 0
           || (segmsg_header_kind(header) != SEGMSG_KIND_WRAP
               && (line->lobby.guest >= receiver->own->shape.groups_max
                   || lobby->guest[line->lobby.guest] == NULL));
}

/* The guest leaves for good. */
static segmsg_poll_t see_off(segmsg_receiver_t *receiver, segmsg_reader_t *reader)
{
    segmsg_lobby_t *lobby = &receiver->lobby;
    if (reader->lobby_open != 0 || reader->ring.open != 0) {
        return SEGMSG_POLL_NONE;
    }
    advance(lobby, 1);
    give_back(lobby);
    return segmsg_receiver_remove(receiver, reader);
}

segmsg_poll_t segmsg_lobby_poll_slow(segmsg_receiver_t *receiver, segmsg_reader_t **reader,
                                     segmsg_message_t *message, void **user)
{
    segmsg_lobby_t *lobby = &receiver->lobby;
    for (;;) {
        segmsg_line_t *line = &lobby->line[lobby->at];
        /* Acquire: what stands behind the header. */
        uint64_t header = atomic_load_explicit(&line->header, memory_order_acquire);
        uint32_t kind = segmsg_header_kind(header);
        uint32_t span = segmsg_header_span(header);
        /* Partitions from here on that were not read yet: the rest is not given back. */
        uint64_t unread = lobby->count - (lobby->position - lobby->returned);
        if (header == 0 || unread == 0) {
            return SEGMSG_POLL_NONE;
        }
        lobby->idle = 0;
        if (span == 0 || span > lobby->count - lobby->at || span > unread
            || (kind != SEGMSG_KIND_MESSAGE && kind != SEGMSG_KIND_WRAP && span != 1)
            || !segmsg_lobby_is_claimed(lobby, lobby->position + span)) {
            return SEGMSG_POLL_CORRUPT;
        }
        if (kind == SEGMSG_KIND_WRAP) {
            advance(lobby, span);
            give_back(lobby);
            continue;
        }
        segmsg_poll_t found;
        *reader = guest_of(receiver, line->lobby.guest, &found);
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
