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
    lobby->ring.line = &segmsg_nothing_yet;
    lobby->ring.count = 1;
    if (receiver->own->shape.common[0] == 0) {
        return true;
    }
    uint32_t segment = receiver->own->shape.common[0] - 1;
    if (segmsg_lobby_open_common(receiver, segment) != SEGMSG_OK) {
        return false;
    }
    const segmsg_target_t *target = &receiver->target[segment];
    lobby->ring.line = (void *) target->partition;
    lobby->ring.control = target->control;
    lobby->ring.count = target->count;
    lobby->guest = calloc(receiver->own->shape.groups_max, sizeof(segmsg_reader_t *));
    return lobby->guest != NULL;
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
    if (lobby->ring.control == NULL || segmsg_mpsc_is_drained(&lobby->ring)) {
        return false;
    }
    const segmsg_line_t *line = &lobby->ring.line[lobby->ring.at];
    uint64_t header = segmsg_mpsc_look(&lobby->ring);
    return header == 0
           || (segmsg_header_kind(header) != SEGMSG_KIND_WRAP
               && (line->lobby.guest >= receiver->own->shape.groups_max
                   || lobby->guest[line->lobby.guest] == NULL));
}
