/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "engine/lobby.h"

#include <stdlib.h>

segmsg_line_t segmsg_nothing_yet;

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

void segmsg_lobby_advance(segmsg_lobby_t *lobby, uint32_t lines)
{
    lobby->at += lines;
    if (lobby->at == lobby->count) {
        lobby->at = 0;
    }
    lobby->position += lines;
}

void segmsg_lobby_give_back(segmsg_lobby_t *lobby)
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
    segmsg_lobby_give_back(lobby);
}

void segmsg_lobby_forget(segmsg_receiver_t *receiver, segmsg_reader_t *reader)
{
    receiver->lobby.guest[reader->guest_entry] = NULL;
    reader->is_guest = false;
    segmsg_group_dissolve(receiver->own, reader->guest_entry);
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
