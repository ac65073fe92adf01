/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "tools/segmsg_snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Head and tables of an export of many thousand groups are far below that. */
#define TABLES_MAX ((uint64_t) 256 << 20)

__attribute__((format(printf, 2, 3))) static bool fail(char *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, SEGMSG_SNAPSHOT_ERROR_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

static bool read_at(int fd, void *to, size_t length, uint64_t offset)
{
    unsigned char *at = to;
    while (length != 0) {
        ssize_t got = pread(fd, at, length, (off_t) offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        at += got;
        offset += (uint64_t) got;
        length -= (size_t) got;
    }
    return true;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Reads the entries in use of both tables behind the head, which was checked. */
static bool read_tables(segmsg_snapshot_t *snapshot, char *error)
{
    const segmsg_export_shape_t *shape = &snapshot->export.shape;
    if (shape->arena > TABLES_MAX) {
        return fail(error, "tables of %" PRIu64 " bytes are not believed", shape->arena);
    }
    unsigned char *base = realloc(snapshot->export.base, shape->arena);
    if (base == NULL) {
        return fail(error, "no memory for tables of %" PRIu64 " bytes", shape->arena);
    }
    snapshot->export.base = base;
    memset(base + SEGMSG_PAGE, 0, shape->arena - SEGMSG_PAGE);
    const segmsg_head_t *head = segmsg_export_head(&snapshot->export);
    snapshot->segment_count =
        least(atomic_load_explicit(&head->segment_count, memory_order_relaxed),
              shape->segments_max);
    snapshot->group_count =
        least(atomic_load_explicit(&head->group_count, memory_order_relaxed), shape->groups_max);
    snapshot->arena_used = atomic_load_explicit(&head->arena_used, memory_order_relaxed);
    if (!read_at(snapshot->fd, base + shape->segment_table,
                 snapshot->segment_count * sizeof(segmsg_segment_entry_t), shape->segment_table)
        || !read_at(snapshot->fd, base + shape->group_table,
                    snapshot->group_count * sizeof(segmsg_group_entry_t), shape->group_table)) {
        return fail(error, "the file ends within its tables");
    }
    return true;
}

static bool read_export(segmsg_snapshot_t *snapshot, char *error)
{
    struct stat st;
    if (fstat(snapshot->fd, &st) != 0) {
        return fail(error, "%s", strerror(errno));
    }
    if (!S_ISREG(st.st_mode)) {
        return fail(error, "not a regular file");
    }
    if (st.st_size < SEGMSG_PAGE) {
        return fail(error, "no export of segmsg: only %" PRIu64 " bytes", (uint64_t) st.st_size);
    }
    snapshot->export.base = malloc(SEGMSG_PAGE);
    if (snapshot->export.base == NULL) {
        return fail(error, "no memory");
    }
    snapshot->export.bytes = (size_t) st.st_size;
    if (!read_at(snapshot->fd, snapshot->export.base, SEGMSG_PAGE, 0)) {
        return fail(error, "cannot be read: %s", errno == 0 ? "it has shrunk" : strerror(errno));
    }
    const segmsg_head_t *head = segmsg_export_head(&snapshot->export);
    if (head->magic == 0) {
        return fail(error, "not laid out, or not yet");
    }
    if (head->magic != SEGMSG_MAGIC) {
        return fail(error, "no export of segmsg");
    }
    if (head->layout_version != SEGMSG_LAYOUT_VERSION) {
        return fail(error, "layout version %" PRIu32 ", and this program reads version %d",
                    head->layout_version, SEGMSG_LAYOUT_VERSION);
    }
    if (segmsg_export_check(&snapshot->export) != SEGMSG_OK) {
        return fail(error, "its head contradicts itself, or the file is too short");
    }
    return read_tables(snapshot, error);
}

bool segmsg_snapshot_open(segmsg_snapshot_t *snapshot, const char *path,
                          char error[SEGMSG_SNAPSHOT_ERROR_BYTES])
{
    memset(snapshot, 0, sizeof(*snapshot));
    snapshot->path = path;
    /* Not blocking: it might be a pipe. */
    snapshot->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (snapshot->fd < 0) {
        return fail(error, "%s", strerror(errno));
    }
    errno = 0;
    if (!read_export(snapshot, error)) {
        segmsg_snapshot_close(snapshot);
        return false;
    }
    return true;
}

void segmsg_snapshot_close(segmsg_snapshot_t *snapshot)
{
    free(snapshot->export.base);
    snapshot->export.base = NULL;
    if (snapshot->fd >= 0) {
        close(snapshot->fd);
    }
    snapshot->fd = -1;
}

/* From the line that the sender knows to be consumed, header by header, to the one that is not yet
 * written. */
static bool read_ring(const segmsg_snapshot_t *snapshot, const segmsg_segment_entry_t *segment,
                      uint64_t returned, segmsg_snapshot_traffic_t *traffic)
{
    uint32_t count = segment->partition_count;
    uint64_t lines = segment->offset + segmsg_partitions_offset(0, count);
    uint32_t at = (uint32_t) (returned % count);
    while (traffic->used < count) {
        segmsg_announcement_t entry;
        if (!read_at(snapshot->fd, &entry, sizeof(entry), lines + at * (uint64_t) SEGMSG_LINE)) {
            return false;
        }
        uint64_t header = atomic_load_explicit(&entry.header, memory_order_relaxed);
        segmsg_snapshot_message_t message = {
            .kind = segmsg_header_kind(header),
            .first = at,
            .partitions = segmsg_header_span(header),
            .tag = segmsg_header_tag(header),
            .length = segmsg_header_length(header),
        };
        if (header == 0) {
            return true;
        }
        if (message.kind < SEGMSG_KIND_MESSAGE || message.kind > SEGMSG_KIND_CLOSE
            || message.partitions == 0 || message.partitions > count - at) {
            break;
        }
        if (message.kind == SEGMSG_KIND_RUN) {
            message.run_segment = entry.segment;
            message.run_first = entry.first;
            message.run_partitions = entry.partitions;
        }
        traffic->message[traffic->message_count++] = message;
        traffic->used += message.partitions;
        at = (at + message.partitions) % count;
    }
    traffic->is_torn = true;
    return true;
}

/* From each first mark along the chain of next partitions. */
static bool read_directory(const segmsg_snapshot_t *snapshot, const segmsg_segment_entry_t *segment,
                           segmsg_snapshot_traffic_t *traffic)
{
    uint32_t count = segment->partition_count;
    uint16_t directory[SEGMSG_RUN_BITS] = {0};
    if (!read_at(snapshot->fd, directory, count * sizeof(directory[0]),
                 segment->offset + sizeof(segmsg_control_t))) {
        return false;
    }
    for (uint32_t p = 0; p < count; ++p) {
        if ((directory[p] & SEGMSG_DIRECTORY_USED) != 0) {
            traffic->occupied |= UINT64_C(1) << p;
            ++traffic->used;
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
            (segmsg_snapshot_message_t){.kind = SEGMSG_KIND_RUN,
                                        .first = p,
                                        .partitions = last - p + 1};
    }
    return true;
}

bool segmsg_snapshot_delivered(const segmsg_snapshot_t *snapshot,
                               const segmsg_segment_entry_t *segment,
                               segmsg_snapshot_delivered_t *delivered)
{
    segmsg_control_t control;
    if (!read_at(snapshot->fd, &control, sizeof(control), segment->offset)) {
        return false;
    }
    delivered->messages = atomic_load_explicit(&control.messages, memory_order_relaxed);
    delivered->bytes = atomic_load_explicit(&control.bytes, memory_order_relaxed);
    delivered->partitions = atomic_load_explicit(&control.partitions, memory_order_relaxed);
    return true;
}

bool segmsg_snapshot_traffic(const segmsg_snapshot_t *snapshot,
                             const segmsg_segment_entry_t *segment,
                             segmsg_snapshot_traffic_t *traffic)
{
    memset(traffic, 0, sizeof(*traffic));
    uint64_t returned;
    if (!read_at(snapshot->fd, &returned, sizeof(returned), segment->offset)) {
        return false;
    }
    /* Every message takes at least one partition. */
    traffic->message = calloc(segment->partition_count, sizeof(*traffic->message));
    if (traffic->message == NULL) {
        return false;
    }
    bool was_read = segment->group == 0 ? read_ring(snapshot, segment, returned, traffic)
                                        : read_directory(snapshot, segment, traffic);
    if (!was_read) {
        segmsg_snapshot_traffic_free(traffic);
    }
    return was_read;
}

void segmsg_snapshot_traffic_free(segmsg_snapshot_traffic_t *traffic)
{
    free(traffic->message);
    memset(traffic, 0, sizeof(*traffic));
}
