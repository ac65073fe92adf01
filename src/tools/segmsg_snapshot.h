/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A look at an export while its job runs. The file is read, never mapped: a file that shrinks or
 * has holes can then do no harm, and nothing is committed by looking. What was read may be torn,
 * since nobody stops for us, and is checked like everything that comes out of shared memory.
 */
#ifndef SEGMSG_SNAPSHOT_H
#define SEGMSG_SNAPSHOT_H

#include "queue/registry.h"

#include <stdbool.h>

enum { SEGMSG_SNAPSHOT_ERROR_BYTES = 160 };

typedef struct {
    const char *path;
    int fd;
    segmsg_export_t export; /* private copy of head and tables; nothing of the arena */
    uint32_t segment_count; /* entries in use, never more than there are */
    uint32_t group_count;
    uint64_t arena_used; /* bytes */
} segmsg_snapshot_t;

/* True if all senders share the segment whose checked entry is `segment`. */
static inline bool segmsg_snapshot_is_common(const segmsg_segment_entry_t *segment)
{
    return atomic_load_explicit(&segment->state, memory_order_relaxed) == SEGMSG_SEGMENT_COMMON;
}

/* Opens and reads an export. Returns true, or false with a text in `error`. */
bool segmsg_snapshot_open(segmsg_snapshot_t *snapshot, const char *path,
                          char error[SEGMSG_SNAPSHOT_ERROR_BYTES]);
void segmsg_snapshot_close(segmsg_snapshot_t *snapshot);

/* As segmsg_group_read for a formed group, which is that of a guest if the segment is common; then
 * the segment is the lobby. */
segmsg_error_t segmsg_snapshot_group(const segmsg_snapshot_t *snapshot, uint32_t group_index,
                                     uint32_t *segment, segmsg_segment_entry_t *checked);

/* The guest whose entry in the segment-group table has this index; NULL if there was none when the
 * table was read. */
const segmsg_identity_t *segmsg_snapshot_guest(const segmsg_snapshot_t *snapshot, uint32_t guest);

/* Reads `length` bytes of the export at `offset`. False if the file ends before. */
bool segmsg_snapshot_read(const segmsg_snapshot_t *snapshot, void *to, size_t length,
                          uint64_t offset);

#endif
