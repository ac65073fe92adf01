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
    uint32_t entries = snapshot->segment_count > snapshot->group_count ? snapshot->segment_count
                                                                       : snapshot->group_count;
    if (!read_at(snapshot->fd, base + shape->segment_table, (size_t) entries * SEGMSG_TABLE_STRIDE,
                 shape->segment_table)) {
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

bool segmsg_snapshot_read(const segmsg_snapshot_t *snapshot, void *to, size_t length,
                          uint64_t offset)
{
    return read_at(snapshot->fd, to, length, offset);
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

segmsg_error_t segmsg_snapshot_group(const segmsg_snapshot_t *snapshot, uint32_t group_index,
                                     uint32_t *segment, segmsg_segment_entry_t *checked)
{
    segmsg_error_t error = segmsg_group_read(&snapshot->export, group_index, segment, checked);
    if (error == SEGMSG_OK && segmsg_snapshot_is_common(checked)
        && (checked->group != 0 || *segment + 1 != snapshot->export.shape.common[0])) {
        error = SEGMSG_ERR_CORRUPT;
    }
    return error;
}

const segmsg_identity_t *segmsg_snapshot_guest(const segmsg_snapshot_t *snapshot, uint32_t guest)
{
    if (guest >= snapshot->group_count) {
        return NULL;
    }
    const segmsg_group_entry_t *entry = segmsg_export_group(&snapshot->export, guest);
    uint32_t segment;
    segmsg_segment_entry_t checked;
    bool is_guest = atomic_load_explicit(&entry->state, memory_order_relaxed) == SEGMSG_GROUP_FORMED
                    && segmsg_snapshot_group(snapshot, guest, &segment, &checked) == SEGMSG_OK
                    && segmsg_snapshot_is_common(&checked);
    return is_guest ? &entry->sender : NULL;
}
