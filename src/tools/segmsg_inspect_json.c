/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "tools/segmsg_inspect_json.h"

#include "tools/segmsg_transfers.h"
#include "tools/segmsg_words.h"

#include <inttypes.h>
#include <stdio.h>

static void put_string(const char *text)
{
    putchar('"');
    for (const unsigned char *c = (const unsigned char *) text; *c != '\0'; ++c) {
        if (*c == '"' || *c == '\\') {
            printf("\\%c", *c);
        } else if (*c < 0x20 || *c >= 0x7f) {
            printf("\\u%04x", *c);
        } else {
            putchar(*c);
        }
    }
    putchar('"');
}

/* `,"key":number`; 64-bit numbers too, which JSON can carry and most readers can read. */
static void put_number(const char *key, uint64_t number)
{
    printf(",\"%s\":%" PRIu64, key, number);
}

static void put_word(const char *key, const char *word)
{
    printf(",\"%s\":\"%s\"", key, word);
}

static void put_truth(const char *key, bool truth)
{
    printf(",\"%s\":%s", key, truth ? "true" : "false");
}

static void put_identity(const char *key, const segmsg_identity_t *identity)
{
    printf(",\"%s\":{\"job\":%" PRIu32 ",\"rank\":%" PRIu32 ",\"pid\":%" PRIu32 "}", key,
           (uint32_t) (identity->name >> 32), (uint32_t) identity->name, identity->pid);
}

static void put_head(const segmsg_snapshot_t *snapshot)
{
    const segmsg_export_shape_t *shape = &snapshot->export.shape;
    put_identity("owner", &segmsg_export_head(&snapshot->export)->owner);
    put_number("bytes", shape->export_bytes);
    put_number("arena_bytes", shape->export_bytes - shape->arena);
    put_number("arena_used", snapshot->arena_used);
    put_number("segments_max", shape->segments_max);
    put_number("groups_max", shape->groups_max);
    put_number("ring_starter", shape->ring_starter);
    printf(",\"geometry\":[");
    for (uint32_t g = 0; g < shape->geometry.group_count; ++g) {
        const segmsg_group_geometry_t *group = &shape->geometry.group[g];
        printf("%s{\"partition_size\":%" PRIu32 ",\"partition_count\":%" PRIu32
               ",\"span_factor\":%" PRIu32 "}",
               g == 0 ? "" : ",", group->partition_size, group->partition_count,
               group->span_factor);
    }
    printf("]");
}

static void put_shape(const segmsg_segment_entry_t *entry)
{
    put_number("group", entry->group);
    put_number("partition_size", entry->partition_size);
    put_number("partition_count", entry->partition_count);
    put_number("span_factor", entry->span_factor);
}

static void put_segment(const segmsg_snapshot_t *snapshot, uint32_t index)
{
    segmsg_segment_entry_t entry;
    segmsg_error_t error = segmsg_segment_read(&snapshot->export, index, &entry);
    uint32_t state = atomic_load_explicit(&entry.state, memory_order_relaxed);
    printf("%s{\"index\":%" PRIu32, index == 0 ? "" : ",", index);
    put_word("state", segmsg_inspect_segment_state(state));
    if (state != SEGMSG_SEGMENT_EMPTY && error != SEGMSG_OK) {
        put_word("error", segmsg_error_text(error));
    } else if (state != SEGMSG_SEGMENT_EMPTY) {
        put_shape(&entry);
        put_number("offset", entry.offset);
        put_number("bytes", entry.bytes);
        if (state == SEGMSG_SEGMENT_PAIRED) {
            put_number("group_entry", entry.group_entry);
        }
    }
    printf("}");
}

/* What a RUN announces; its segment may be a common one, for whoever announces it. */
static void put_announced(const segmsg_snapshot_t *snapshot,
                          const segmsg_traffic_message_t *message)
{
    segmsg_segment_entry_t entry;
    put_number("run_segment", message->run_segment);
    put_number("run_first", message->run_first);
    put_number("run_partitions", message->run_partitions);
    put_truth("run_common",
              segmsg_segment_read(&snapshot->export, message->run_segment, &entry) == SEGMSG_OK
                  && segmsg_snapshot_is_common(&entry));
}

static void put_guest(const segmsg_snapshot_t *snapshot, uint32_t guest)
{
    const segmsg_identity_t *sender = segmsg_snapshot_guest(snapshot, guest);
    put_number("group_entry", guest);
    if (sender != NULL) {
        put_identity("sender", sender);
    }
}

static void put_message(const segmsg_snapshot_t *snapshot, const segmsg_segment_entry_t *segment,
                        const segmsg_traffic_message_t *message)
{
    printf("{\"first\":%" PRIu32 ",\"partitions\":%" PRIu32, message->first, message->partitions);
    if (segment->group == 0) {
        put_word("kind", segmsg_inspect_kind(message->kind));
        switch (message->kind) {
        case SEGMSG_KIND_NONE:
            break;
        case SEGMSG_KIND_SWITCH:
            put_number("segment", message->length);
            break;
        default:
            put_number("tag", message->tag);
            put_number("length", message->length);
            break;
        }
        if (message->kind == SEGMSG_KIND_RUN) {
            put_announced(snapshot, message);
        }
        if (message->kind != SEGMSG_KIND_NONE && segmsg_snapshot_is_common(segment)) {
            put_guest(snapshot, message->guest);
        }
    }
    printf("}");
}

static void put_traffic(const segmsg_snapshot_t *snapshot, const segmsg_segment_entry_t *segment)
{
    segmsg_traffic_t traffic;
    if (!segmsg_traffic_read(snapshot, segment, &traffic)) {
        put_word("error", "the file ends before it");
        return;
    }
    put_number("partitions_used", traffic.used);
    if (segment->group == 0 && segmsg_snapshot_is_common(segment)) {
        put_number("consumed", traffic.returned);
        put_number("claimed", traffic.claimed);
    }
    put_truth("torn", traffic.is_torn);
    printf(",\"in_flight\":[");
    for (uint32_t m = 0; m < traffic.message_count; ++m) {
        printf("%s", m == 0 ? "" : ",");
        put_message(snapshot, segment, &traffic.message[m]);
    }
    printf("]");
    segmsg_traffic_free(&traffic);
}

/* Shape of a segment, what was delivered out of it, and what is on its way there. */
static void put_use(const segmsg_snapshot_t *snapshot, const segmsg_segment_entry_t *segment,
                    bool with_messages)
{
    segmsg_delivered_t delivered;
    if (segmsg_delivered_read(snapshot, segment, &delivered)) {
        put_number("messages", delivered.messages);
        put_number("bytes", delivered.bytes);
        put_number("partitions", delivered.partitions);
    }
    put_shape(segment);
    if (with_messages) {
        put_traffic(snapshot, segment);
    }
}

static void put_common(const segmsg_snapshot_t *snapshot, bool with_messages)
{
    const segmsg_export_shape_t *shape = &snapshot->export.shape;
    bool is_first = true;
    for (uint32_t g = 0; g < shape->geometry.group_count; ++g) {
        if (shape->common[g] == 0) {
            continue;
        }
        uint32_t segment;
        segmsg_segment_entry_t entry;
        segmsg_error_t error = segmsg_common_read(&snapshot->export, g, &segment, &entry);
        printf("%s{\"segment\":%" PRIu32, is_first ? "" : ",", segment);
        is_first = false;
        if (error != SEGMSG_OK) {
            put_number("group", g);
            put_word("error", segmsg_error_text(error));
        } else {
            put_use(snapshot, &entry, with_messages);
        }
        printf("}");
    }
}

static void put_group(const segmsg_snapshot_t *snapshot, uint32_t index, bool with_messages)
{
    const segmsg_group_entry_t *entry = segmsg_export_group(&snapshot->export, index);
    uint32_t state = atomic_load_explicit(&entry->state, memory_order_relaxed);
    printf("%s{\"index\":%" PRIu32, index == 0 ? "" : ",", index);
    put_word("state", segmsg_inspect_group_state(state));
    if (state == SEGMSG_GROUP_FORMED) {
        uint32_t segment;
        segmsg_segment_entry_t checked;
        segmsg_error_t error = segmsg_snapshot_group(snapshot, index, &segment, &checked);
        put_identity("sender", &entry->sender);
        put_number("segment", segment);
        if (error != SEGMSG_OK) {
            put_word("error", segmsg_error_text(error));
        } else {
            bool is_guest = segmsg_snapshot_is_common(&checked);
            put_truth("guest", is_guest);
            if (is_guest) {
                put_shape(&checked);
            } else {
                put_number("after", entry->after);
                put_use(snapshot, &checked, with_messages);
            }
        }
    }
    printf("}");
}

static void put_transfers(const segmsg_snapshot_t *snapshot)
{
    bool is_first = true;
    for (uint32_t index = 0; index < SEGMSG_JOINTS; ++index) {
        segmsg_transfer_view_t view;
        if (!segmsg_transfer_read(snapshot, index, &view)) {
            continue;
        }
        printf("%s{\"index\":%" PRIu32, is_first ? "" : ",", index);
        is_first = false;
        printf(",\"partner\":{\"job\":%" PRIu32 ",\"rank\":%" PRIu32 "}",
               (uint32_t) (view.partner.name >> 32), (uint32_t) view.partner.name);
        put_truth("put", view.is_put);
        put_number("bytes", view.bytes);
        put_number("by_owner", view.owner_bytes);
        put_number("by_partner", view.partner_bytes);
        put_number("by_partner_done", view.reported_bytes);
        printf("}");
    }
}

void segmsg_inspect_json(const segmsg_snapshot_t *snapshot, bool with_messages)
{
    printf("{\"file\":");
    put_string(snapshot->path);
    put_head(snapshot);
    printf(",\"segments\":[");
    for (uint32_t s = 0; s < snapshot->segment_count; ++s) {
        put_segment(snapshot, s);
    }
    printf("],\"common\":[");
    put_common(snapshot, with_messages);
    printf("],\"groups\":[");
    for (uint32_t g = 0; g < snapshot->group_count; ++g) {
        put_group(snapshot, g, with_messages);
    }
    if (with_messages) {
        printf("],\"transfers\":[");
        put_transfers(snapshot);
    }
    printf("]}");
}

void segmsg_inspect_json_error(const char *path, const char *error)
{
    printf("{\"file\":");
    put_string(path);
    printf(",\"error\":");
    put_string(error);
    printf("}");
}
