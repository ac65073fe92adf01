/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "tools/segmsg_inspect_text.h"

#include "tools/segmsg_transfers.h"
#include "tools/segmsg_words.h"

#include <inttypes.h>
#include <stdio.h>

/* A process's name as "job.rank", in a buffer of the caller's. */
typedef struct {
    char text[32];
} name_text_t;

static const char *name_of(const segmsg_identity_t *identity, name_text_t *buffer)
{
    snprintf(buffer->text, sizeof(buffer->text), "%" PRIu32 ".%" PRIu32,
             (uint32_t) (identity->name >> 32), (uint32_t) identity->name);
    return buffer->text;
}

static void show_head(const segmsg_snapshot_t *snapshot)
{
    const segmsg_head_t *head = segmsg_export_head(&snapshot->export);
    const segmsg_export_shape_t *shape = &snapshot->export.shape;
    name_text_t owner;
    printf("%s\n", snapshot->path);
    printf("  owner     %s, pid %" PRIu32 "\n", name_of(&head->owner, &owner), head->owner.pid);
    printf("  export    %" PRIu64 " bytes; arena: %" PRIu64 " of %" PRIu64 " bytes in use\n",
           shape->export_bytes, snapshot->arena_used, shape->export_bytes - shape->arena);
    printf("  geometry ");
    for (uint32_t g = 0; g < shape->geometry.group_count; ++g) {
        const segmsg_group_geometry_t *group = &shape->geometry.group[g];
        printf(" %" PRIu32 ":%" PRIu32 ":%" PRIu32, group->partition_size, group->partition_count,
               group->span_factor);
    }
    printf(", first ring %" PRIu32 "\n", shape->ring_starter);
}

static void show_segments(const segmsg_snapshot_t *snapshot)
{
    printf("  segments  %" PRIu32 " of %" PRIu32 "\n", snapshot->segment_count,
           snapshot->export.shape.segments_max);
    if (snapshot->segment_count != 0) {
        printf("    %5s  %-10s %5s %9s %6s %6s %6s %12s %10s\n", "#", "state", "kind", "partition",
               "count", "span", "group", "offset", "bytes");
    }
    for (uint32_t s = 0; s < snapshot->segment_count; ++s) {
        segmsg_segment_entry_t entry;
        segmsg_error_t error = segmsg_segment_read(&snapshot->export, s, &entry);
        uint32_t state = atomic_load_explicit(&entry.state, memory_order_relaxed);
        printf("    %5" PRIu32 "  %-10s ", s, segmsg_inspect_segment_state(state));
        if (state == SEGMSG_SEGMENT_EMPTY) {
            printf("\n");
        } else if (error != SEGMSG_OK) {
            printf("(%s)\n", segmsg_error_text(error));
        } else {
            printf("%5" PRIu32 " %9" PRIu32 " %6" PRIu32 " %6" PRIu32, entry.group,
                   entry.partition_size, entry.partition_count, entry.span_factor);
            if (state == SEGMSG_SEGMENT_PAIRED) {
                printf(" %6" PRIu32, entry.group_entry);
            } else {
                printf(" %6s", "-");
            }
            printf(" %12" PRIu64 " %10" PRIu64 "\n", entry.offset, entry.bytes);
        }
    }
}

/* What a RUN announces; its segment may be a common one, for whoever announces it. */
static void show_announced(const segmsg_snapshot_t *snapshot,
                           const segmsg_traffic_message_t *message)
{
    segmsg_segment_entry_t entry;
    bool is_common =
        segmsg_segment_read(&snapshot->export, message->run_segment, &entry) == SEGMSG_OK
        && segmsg_snapshot_is_common(&entry);
    printf("  tag %3" PRIu32 "  %8" PRIu32 " bytes in %ssegment %" PRIu32 ", partitions %" PRIu32
           " to %" PRIu64 "\n",
           message->tag, message->length, is_common ? "common " : "", message->run_segment,
           message->run_first, (uint64_t) message->run_first + message->run_partitions - 1);
}

static void show_guest(const segmsg_snapshot_t *snapshot, uint32_t guest)
{
    const segmsg_identity_t *sender = segmsg_snapshot_guest(snapshot, guest);
    name_text_t name;
    if (sender == NULL) {
        printf("  from unknown group %" PRIu32, guest);
    } else {
        printf("  from %s", name_of(sender, &name));
    }
}

static void show_lines(const segmsg_snapshot_t *snapshot, const segmsg_traffic_t *traffic,
                       bool is_lobby)
{
    for (uint32_t m = 0; m < traffic->message_count; ++m) {
        const segmsg_traffic_message_t *message = &traffic->message[m];
        printf("           line %5" PRIu32 "  %-7s", message->first,
               segmsg_inspect_kind(message->kind));
        if (is_lobby && message->kind != SEGMSG_KIND_NONE) {
            show_guest(snapshot, message->guest);
        }
        switch (message->kind) {
        case SEGMSG_KIND_NONE:
            printf("  claimed and not published; what stands behind it, %" PRIu32
                   " lines with it, waits\n",
                   message->partitions);
            break;
        case SEGMSG_KIND_MESSAGE:
            printf("  tag %3" PRIu32 "  %8" PRIu32 " bytes in %" PRIu32 " partitions\n",
                   message->tag, message->length, message->partitions);
            break;
        case SEGMSG_KIND_RUN:
            show_announced(snapshot, message);
            break;
        case SEGMSG_KIND_SWITCH:
            printf("  goes on in segment %" PRIu32 "\n", message->length);
            break;
        default:
            printf("\n");
            break;
        }
    }
}

static void show_runs(const segmsg_traffic_t *traffic, uint32_t count)
{
    printf("           [");
    for (uint32_t p = 0; p < count; ++p) {
        bool is_marked = (traffic->marked >> p & 1) != 0;
        bool is_taken = (traffic->taken >> p & 1) != 0;
        putchar(is_marked ? '#' : is_taken ? '+' : '.');
    }
    printf("]\n");
    for (uint32_t m = 0; m < traffic->message_count; ++m) {
        const segmsg_traffic_message_t *message = &traffic->message[m];
        printf("           partitions %" PRIu32 " to %" PRIu32 "\n", message->first,
               message->first + message->partitions - 1);
    }
}

static void show_traffic(const segmsg_snapshot_t *snapshot, const segmsg_segment_entry_t *segment)
{
    segmsg_traffic_t traffic;
    if (!segmsg_traffic_read(snapshot, segment, &traffic)) {
        printf("           (cannot be read: the file ends before it)\n");
        return;
    }
    printf("           %" PRIu32 " of %" PRIu32 " partitions in use\n", traffic.used,
           segment->partition_count);
    if (segment->group == 0) {
        show_lines(snapshot, &traffic, segmsg_snapshot_is_common(segment));
    } else {
        show_runs(&traffic, segment->partition_count);
    }
    if (traffic.is_torn) {
        printf("           (changed while it was read, or it is corrupt)\n");
    }
    segmsg_traffic_free(&traffic);
}

/* The rest of the line of a segment, and what is on its way there. */
static void show_use(const segmsg_snapshot_t *snapshot, uint32_t segment,
                     const segmsg_segment_entry_t *entry, bool with_messages)
{
    printf("segment %" PRIu32 ", %" PRIu32 " partitions of %" PRIu32 " bytes: ", segment,
           entry->partition_count, entry->partition_size);
    segmsg_delivered_t delivered;
    if (segmsg_delivered_read(snapshot, entry, &delivered)) {
        printf("%" PRIu64 " messages, %" PRIu64 " bytes, %" PRIu64 " partitions\n",
               delivered.messages, delivered.bytes, delivered.partitions);
    } else {
        printf("(cannot be read: the file ends before it)\n");
    }
    if (with_messages) {
        show_traffic(snapshot, entry);
    }
}

static void show_common(const segmsg_snapshot_t *snapshot, bool with_messages)
{
    const segmsg_export_shape_t *shape = &snapshot->export.shape;
    bool is_first = true;
    for (uint32_t g = 0; g < shape->geometry.group_count; ++g) {
        if (shape->common[g] == 0) {
            continue;
        }
        printf("%s    %5" PRIu32 "  %s", is_first ? "  common    (kind: what was delivered)\n" : "",
               g, g == 0 ? "lobby, " : "");
        is_first = false;
        uint32_t segment;
        segmsg_segment_entry_t entry;
        segmsg_error_t error = segmsg_common_read(&snapshot->export, g, &segment, &entry);
        if (error != SEGMSG_OK) {
            printf("segment %" PRIu32 " (%s)\n", segment, segmsg_error_text(error));
        } else {
            show_use(snapshot, segment, &entry, with_messages);
        }
    }
}

static void show_group(const segmsg_snapshot_t *snapshot, uint32_t index, bool with_messages)
{
    const segmsg_group_entry_t *entry = segmsg_export_group(&snapshot->export, index);
    uint32_t state = atomic_load_explicit(&entry->state, memory_order_relaxed);
    printf("    %5" PRIu32 "  ", index);
    if (state != SEGMSG_GROUP_FORMED) {
        printf("(%s)\n", segmsg_inspect_group_state(state));
        return;
    }
    name_text_t sender, owner;
    uint32_t segment;
    segmsg_segment_entry_t checked;
    segmsg_error_t error = segmsg_snapshot_group(snapshot, index, &segment, &checked);
    printf("%s -> %s  ", name_of(&entry->sender, &sender),
           name_of(&segmsg_export_head(&snapshot->export)->owner, &owner));
    if (error != SEGMSG_OK) {
        printf("(%s)\n", segmsg_error_text(error));
    } else if (segmsg_snapshot_is_common(&checked)) {
        printf("guest in the lobby, segment %" PRIu32 "\n", segment);
    } else {
        show_use(snapshot, segment, &checked, with_messages);
        uint32_t line;
        if (with_messages && segmsg_traffic_waits(snapshot, entry, &line)) {
            printf("           begins when the lobby was read up to line %" PRIu32 "\n", line);
        }
    }
}

/* Large transfers that the owner does at this moment. */
static void show_transfers(const segmsg_snapshot_t *snapshot)
{
    name_text_t partner, owner;
    bool is_first = true;
    for (uint32_t index = 0; index < SEGMSG_JOINTS; ++index) {
        segmsg_transfer_view_t view;
        if (!segmsg_transfer_read(snapshot, index, &view)) {
            continue;
        }
        printf("%s    %5" PRIu32 "  %s %s %s  %" PRIu64 " bytes: %" PRIu64 " by the owner, %" PRIu64
               " by its partner (%" PRIu64 " done), %" PRIu64 " by nobody yet\n",
               is_first ? "  transfers (by two processes: what either has taken on)\n" : "", index,
               name_of(&segmsg_export_head(&snapshot->export)->owner, &owner),
               view.is_put ? "->" : "<-", name_of(&view.partner, &partner), view.bytes,
               view.owner_bytes, view.partner_bytes, view.reported_bytes,
               view.bytes - view.owner_bytes - view.partner_bytes);
        is_first = false;
    }
}

void segmsg_inspect_text(const segmsg_snapshot_t *snapshot, bool with_messages)
{
    show_head(snapshot);
    show_segments(snapshot);
    show_common(snapshot, with_messages);
    printf("  groups    %" PRIu32 " of %" PRIu32 " (sender -> receiver: what was delivered)\n",
           snapshot->group_count, snapshot->export.shape.groups_max);
    for (uint32_t g = 0; g < snapshot->group_count; ++g) {
        show_group(snapshot, g, with_messages);
    }
    if (with_messages) {
        show_transfers(snapshot);
    }
}
