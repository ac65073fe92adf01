/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What is on its way in a segment of a running job, and what was delivered out of it.
 */
#ifndef SEGMSG_TRAFFIC_H
#define SEGMSG_TRAFFIC_H

#include "tools/segmsg_snapshot.h"

/* A message or other entry of a ring or of the lobby, or a message above group 0. */
typedef struct {
    uint32_t kind;       /* SEGMSG_KIND_*; above group 0 SEGMSG_KIND_RUN; in the lobby
                            SEGMSG_KIND_NONE: being written, and what follows cannot be read */
    uint32_t first;      /* partition at which it stands */
    uint32_t partitions; /* how many it takes there; SEGMSG_KIND_NONE: with what follows */
    uint32_t tag;        /* these two unknown (0) above group 0: they stand in its announcement */
    uint32_t length;     /* bytes; for SEGMSG_KIND_SWITCH the index of the next segment */
    uint32_t guest;      /* in the lobby, whose: see segmsg_snapshot_guest */
    uint32_t run_segment, run_first, run_partitions; /* what SEGMSG_KIND_RUN in group 0 announces */
} segmsg_traffic_message_t;

/* What is on its way in one segment. */
typedef struct {
    segmsg_traffic_message_t *message; /* message_count of them, by position */
    uint32_t message_count;
    uint32_t used;   /* partitions that are taken */
    uint64_t marked; /* above group 0: bit i is set if partition i is used by the directory */
    uint64_t taken;  /* above group 0: those, and in a common segment what a sender has claimed and
                        not yet entered into the directory */
    bool is_torn;    /* the rest could not be made sense of */

    /* Of the lobby: partitions in all, as in its control block. */
    uint64_t returned;
    uint64_t claimed;
} segmsg_traffic_t;

/* What was delivered out of a segment. */
typedef struct {
    uint64_t messages;
    uint64_t bytes;
    uint64_t partitions;
} segmsg_delivered_t;

/* Reads what is on its way in the segment whose checked entry is `segment`; to be freed with
 * segmsg_traffic_free. False if it cannot be read. */
bool segmsg_traffic_read(const segmsg_snapshot_t *snapshot, const segmsg_segment_entry_t *segment,
                         segmsg_traffic_t *traffic);
void segmsg_traffic_free(segmsg_traffic_t *traffic);

/* True if nothing is taken out of the ring of a formed group yet, since what its sender has put into
 * the lobby, before *line, comes first. */
bool segmsg_traffic_waits(const segmsg_snapshot_t *snapshot, const segmsg_group_entry_t *group,
                          uint32_t *line);

/* Reads what was delivered out of it. False if it cannot be read. */
bool segmsg_delivered_read(const segmsg_snapshot_t *snapshot, const segmsg_segment_entry_t *segment,
                           segmsg_delivered_t *delivered);

#endif
