/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "tools/segmsg_traffic.h"

#include "queue/slab.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static bool read_control(const segmsg_snapshot_t *snapshot, const segmsg_segment_entry_t *segment,
                         uint64_t *word, uint64_t *claimed)
{
    segmsg_control_t control;
    if (!segmsg_snapshot_read(snapshot, &control, sizeof(control), segment->offset)) {
        return false;
    }
    *word = atomic_load_explicit(&control.word, memory_order_relaxed);
    *claimed = atomic_load_explicit(&control.claimed, memory_order_relaxed);
    return true;
}

/* Reads the line `at` of group 0. False if it cannot be read. What its header says may be nonsense:
 * see is_entry. */
static bool read_line(const segmsg_snapshot_t *snapshot, const segmsg_segment_entry_t *segment,
                      uint32_t at, segmsg_traffic_message_t *message)
{
    segmsg_line_t line;
    if (!segmsg_snapshot_read(snapshot, &line, sizeof(line),
                              segment->offset
                                  + segmsg_partitions_offset(0, segment->partition_count)
                                  + at * (uint64_t) SEGMSG_LINE)) {
        return false;
    }
    bool is_in_lobby = segmsg_snapshot_is_common(segment);
    uint64_t header = atomic_load_explicit(&line.header, memory_order_relaxed);
    *message = (segmsg_traffic_message_t){
        .kind = segmsg_header_kind(header),
        .first = at,
        .partitions = segmsg_header_span(header),
        .tag = segmsg_header_tag(header),
        .length = segmsg_header_length(header),
        .guest = is_in_lobby ? line.lobby.guest : 0,
    };
    if (message->kind == SEGMSG_KIND_RUN) {
        message->run_segment = is_in_lobby ? line.lobby.segment : line.announcement.segment;
        message->run_first = is_in_lobby ? line.lobby.first : line.announcement.first;
        message->run_partitions =
            is_in_lobby ? line.lobby.partitions : line.announcement.partitions;
    }
    return true;
}

/* True if nothing is written there: the whole header word is 0. */
static bool is_nothing(const segmsg_traffic_message_t *message)
{
    return message->kind == SEGMSG_KIND_NONE && message->partitions == 0 && message->tag == 0
           && message->length == 0;
}

/* True if it is what a sender may have written into that segment. */
static bool is_entry(const segmsg_traffic_message_t *message, const segmsg_segment_entry_t *segment)
{
    bool is_in_lobby = segmsg_snapshot_is_common(segment);
    uint32_t lines = message->partitions;
    if (lines == 0 || lines > segment->partition_count - message->first) {
        return false;
    }
    switch (message->kind) {
    case SEGMSG_KIND_MESSAGE:
        return message->length
               <= lines * SEGMSG_LINE - (is_in_lobby ? SEGMSG_LOBBY_BYTES : SEGMSG_HEADER_BYTES);
    case SEGMSG_KIND_WRAP:
        return true;
    case SEGMSG_KIND_RUN:
    case SEGMSG_KIND_CLOSE:
        return lines == 1;
    case SEGMSG_KIND_SWITCH:
        return lines == 1 && !is_in_lobby;
    default:
        return false;
    }
}

/* From the line that the sender knows to be consumed, header by header, to the one that is not yet
 * written. */
static bool read_ring(const segmsg_snapshot_t *snapshot, const segmsg_segment_entry_t *segment,
                      segmsg_traffic_t *traffic)
{
    uint32_t count = segment->partition_count;
    uint64_t returned, claimed;
    if (!read_control(snapshot, segment, &returned, &claimed)) {
        return false;
    }
    uint32_t at = (uint32_t) (returned % count);
    while (traffic->used < count) {
        segmsg_traffic_message_t message;
        if (!read_line(snapshot, segment, at, &message)) {
            return false;
        }
        if (is_nothing(&message)) {
            return true;
        }
        if (!is_entry(&message, segment)) {
            break;
        }
        traffic->message[traffic->message_count++] = message;
        traffic->used += message.partitions;
        at = (at + message.partitions) % count;
    }
    traffic->is_torn = true;
    return true;
}

/* A claimed line of the lobby holds nothing: somebody writes it, or it was consumed meanwhile. How
 * much it takes is known only when it is written, so this ends at all that is claimed. */
static bool end_lobby_at(const segmsg_snapshot_t *snapshot, const segmsg_segment_entry_t *segment,
                         segmsg_traffic_message_t *message, uint64_t returned,
                         segmsg_traffic_t *traffic)
{
    uint64_t word, claimed;
    uint32_t before = traffic->used - message->partitions;
    if (!read_control(snapshot, segment, &word, &claimed)) {
        return false;
    }
    if (word - returned > before) {
        traffic->is_torn = true;
    } else {
        traffic->message[traffic->message_count++] = *message;
    }
    return true;
}

/* From the first line that is not given back, header by header, as far as lines are claimed. */
static bool read_lobby(const segmsg_snapshot_t *snapshot, const segmsg_segment_entry_t *segment,
                       segmsg_traffic_t *traffic)
{
    uint32_t count = segment->partition_count;
    uint64_t returned, claimed;
    if (!read_control(snapshot, segment, &returned, &claimed)) {
        return false;
    }
    traffic->returned = returned;
    traffic->claimed = claimed;
    if (claimed - returned > count) {
        traffic->is_torn = true;
        return true;
    }
    traffic->used = (uint32_t) (claimed - returned);
    for (uint32_t seen = 0; seen < traffic->used;) {
        uint32_t left = traffic->used - seen;
        segmsg_traffic_message_t message;
        if (!read_line(snapshot, segment, (uint32_t) ((returned + seen) % count), &message)) {
            return false;
        }
        if (is_nothing(&message)) {
            message.partitions = left;
            return end_lobby_at(snapshot, segment, &message, returned, traffic);
        }
        if (!is_entry(&message, segment) || message.partitions > left) {
            traffic->is_torn = true;
            return true;
        }
        traffic->message[traffic->message_count++] = message;
        seen += message.partitions;
    }
    return true;
}

/* From each first mark along the chain of next partitions. */
static bool read_directory(const segmsg_snapshot_t *snapshot, const segmsg_segment_entry_t *segment,
                           segmsg_traffic_t *traffic)
{
    uint32_t count = segment->partition_count;
    struct {
        segmsg_control_t control;
        uint16_t directory[SEGMSG_RUN_BITS];
    } head; /* of the segment, in one look: what both say about a partition belongs together */
    if (!segmsg_snapshot_read(snapshot, &head,
                              offsetof(__typeof__(head), directory) + count * sizeof(uint16_t),
                              segment->offset)) {
        return false;
    }
    const uint16_t *directory = head.directory;
    for (uint32_t p = 0; p < count; ++p) {
        if ((directory[p] & SEGMSG_DIRECTORY_USED) != 0) {
            traffic->marked |= UINT64_C(1) << p;
        }
        if ((directory[p] & SEGMSG_DIRECTORY_FIRST) == 0) {
            continue;
        }
        uint32_t last = p;
        while (last + 1 < count && (directory[last] & SEGMSG_DIRECTORY_NEXT) == last + 1) {
            ++last;
        }
        traffic->is_torn |= (directory[last] & SEGMSG_DIRECTORY_NEXT) != SEGMSG_DIRECTORY_LAST;
        traffic->message[traffic->message_count++] =
            (segmsg_traffic_message_t){.kind = SEGMSG_KIND_RUN,
                                       .first = p,
                                       .partitions = last - p + 1};
    }
    traffic->taken = traffic->marked;
    if (segmsg_snapshot_is_common(segment)) {
        uint64_t claimed = atomic_load_explicit(&head.control.claimed, memory_order_relaxed);
        /* Claimed first and given back last, so what is marked is claimed. */
        traffic->taken |= claimed & segmsg_extent_mask(0, count);
        traffic->is_torn |= traffic->taken != claimed;
    }
    traffic->used = (uint32_t) __builtin_popcountll(traffic->taken);
    return true;
}

bool segmsg_traffic_read(const segmsg_snapshot_t *snapshot, const segmsg_segment_entry_t *segment,
                         segmsg_traffic_t *traffic)
{
    memset(traffic, 0, sizeof(*traffic));
    /* Every message takes at least one partition. */
    traffic->message = calloc(segment->partition_count, sizeof(*traffic->message));
    if (traffic->message == NULL) {
        return false;
    }
    bool was_read = segment->group != 0 ? read_directory(snapshot, segment, traffic)
                    : segmsg_snapshot_is_common(segment) ? read_lobby(snapshot, segment, traffic)
                                                         : read_ring(snapshot, segment, traffic);
    if (!was_read) {
        segmsg_traffic_free(traffic);
    }
    return was_read;
}

void segmsg_traffic_free(segmsg_traffic_t *traffic)
{
    free(traffic->message);
    memset(traffic, 0, sizeof(*traffic));
}

bool segmsg_traffic_waits(const segmsg_snapshot_t *snapshot, const segmsg_group_entry_t *group,
                          uint32_t *line)
{
    uint32_t segment;
    segmsg_segment_entry_t lobby;
    uint64_t returned, claimed;
    if (group->group != 0 || segmsg_common_read(&snapshot->export, 0, &segment, &lobby) != SEGMSG_OK
        || !read_control(snapshot, &lobby, &returned, &claimed)) {
        return false;
    }
    *line = (uint32_t) (group->after % lobby.partition_count);
    return (int64_t) (group->after - returned) > 0;
}

bool segmsg_delivered_read(const segmsg_snapshot_t *snapshot, const segmsg_segment_entry_t *segment,
                           segmsg_delivered_t *delivered)
{
    segmsg_control_t control;
    if (!segmsg_snapshot_read(snapshot, &control, sizeof(control), segment->offset)) {
        return false;
    }
    delivered->messages = atomic_load_explicit(&control.messages, memory_order_relaxed);
    delivered->bytes = atomic_load_explicit(&control.bytes, memory_order_relaxed);
    delivered->partitions = atomic_load_explicit(&control.partitions, memory_order_relaxed);
    return true;
}
