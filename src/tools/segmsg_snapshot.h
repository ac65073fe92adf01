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

#include "core/segmsg_table.h"

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

/* A message or other entry of a ring, or a message above group 0. */
typedef struct {
    uint32_t kind;       /* SEGMSG_KIND_*; above group 0 SEGMSG_KIND_RUN */
    uint32_t first;      /* partition at which it stands */
    uint32_t partitions; /* how many it takes there */
    uint32_t tag;        /* these two unknown (0) above group 0: they stand in its announcement */
    uint32_t length;     /* bytes; for SEGMSG_KIND_SWITCH the index of the next segment */
    uint32_t run_segment, run_first, run_partitions; /* what SEGMSG_KIND_RUN in a ring announces */
} segmsg_snapshot_message_t;

/* What is on its way in one segment. */
typedef struct {
    segmsg_snapshot_message_t *message; /* message_count of them, by position */
    uint32_t message_count;
    uint32_t used;     /* partitions that belong to a message */
    uint64_t occupied; /* above group 0: bit i is set if partition i does */
    bool is_torn;      /* the rest could not be made sense of */
} segmsg_snapshot_traffic_t;

/* What was delivered out of a segment. */
typedef struct {
    uint64_t messages;
    uint64_t bytes;
    uint64_t partitions;
} segmsg_snapshot_delivered_t;

/* Opens and reads an export. Returns true, or false with a text in `error`. */
bool segmsg_snapshot_open(segmsg_snapshot_t *snapshot, const char *path,
                          char error[SEGMSG_SNAPSHOT_ERROR_BYTES]);
void segmsg_snapshot_close(segmsg_snapshot_t *snapshot);

/* Reads what is on its way in the segment whose checked entry is `segment`; to be freed with
 * segmsg_snapshot_traffic_free. False if it cannot be read. */
bool segmsg_snapshot_traffic(const segmsg_snapshot_t *snapshot,
                             const segmsg_segment_entry_t *segment,
                             segmsg_snapshot_traffic_t *traffic);
/* Reads what was delivered out of it. False if it cannot be read. */
bool segmsg_snapshot_delivered(const segmsg_snapshot_t *snapshot,
                               const segmsg_segment_entry_t *segment,
                               segmsg_snapshot_delivered_t *delivered);

void segmsg_snapshot_traffic_free(segmsg_snapshot_traffic_t *traffic);

#endif
