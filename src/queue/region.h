/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * An export as this process maps it: its own (the receiver's view) or the image of a peer's (the
 * sender's view). How the memory got here is the interconnect's business.
 */
#ifndef SEGMSG_EXPORT_H
#define SEGMSG_EXPORT_H

#include "queue/layout.h"

/*
 * Makes sure that `length` bytes from `offset` on can be touched. Called before anything of a
 * sparse export is touched for the first time; may be called again for the same range. Returns 0,
 * or an errno value when the memory cannot be had.
 */
typedef int (*segmsg_commit_fn_t)(void *context, size_t offset, size_t length);

/*
 * Maps the segment of `length` bytes at `offset`, which lies in the arena; called again, it returns the
 * same address. NULL if there is no address space for it. A segment stays mapped as long as the object.
 */
typedef unsigned char *(*segmsg_map_fn_t)(void *context, size_t offset, size_t length);

/* The constant part of a head, copied here and then checked: whatever is written over it in shared
 * memory afterwards misleads nobody. */
typedef struct {
    segmsg_geometry_t geometry;
    uint32_t ring_starter; /* these as in segmsg_head_t */
    uint32_t segments_max;
    uint32_t groups_max;
    uint64_t export_bytes;
    uint64_t segment_table;
    uint64_t group_table;
    uint64_t joints;
    uint64_t arena;
    uint64_t at_once;
    uint32_t common[SEGMSG_GROUPS_MAX];
} segmsg_export_shape_t;

typedef struct {
    unsigned char *base; /* where the object is mapped here, at least shape.at_once bytes of it */
    size_t bytes;        /* of the object */
    segmsg_commit_fn_t commit;
    segmsg_map_fn_t map;         /* maps segments; NULL: all of the object is mapped at `base` */
    void *commit_context;        /* of both */
    segmsg_export_shape_t shape; /* filled by segmsg_export_init or segmsg_export_check */
} segmsg_export_t;

/* What the owner decides about its export. */
typedef struct {
    segmsg_geometry_t geometry;
    uint32_t ring_starter; /* partitions of a first segment of group 0; SEGMSG_RING_MIN or more */
    uint32_t groups_max;   /* most groups at one time; the segment table holds as many segments */
    uint32_t lobby;        /* partitions of the common segment of group 0; 0: no common segments */
    uint32_t openers;      /* as in segmsg_head_t */
    segmsg_identity_t owner;
} segmsg_export_config_t;

static inline segmsg_head_t *segmsg_export_head(const segmsg_export_t *export)
{
    return (segmsg_head_t *) (void *) (export->base + SEGMSG_HEAD_OFFSET);
}

static inline segmsg_segment_entry_t *segmsg_export_segment(const segmsg_export_t *export,
                                                            uint32_t index)
{
    return (segmsg_segment_entry_t *) (void *) (export->base + export->shape.segment_table
                                                + (size_t) index * SEGMSG_TABLE_STRIDE);
}

static inline segmsg_group_entry_t *segmsg_export_group(const segmsg_export_t *export,
                                                        uint32_t index)
{
    return (segmsg_group_entry_t *) (void *) (export->base + export->shape.group_table
                                              + (size_t) index * SEGMSG_TABLE_STRIDE);
}

/* Record `index` (below SEGMSG_JOINTS) of a transfer of the export's owner. The owner commits them
 * before it touches the first. */
static inline segmsg_joint_t *segmsg_export_joint(const segmsg_export_t *export, uint32_t index)
{
    return (segmsg_joint_t *) (void *) (export->base + export->shape.joints) + index;
}

/* Bytes of an export that can hold, for `peers` senders, every group once and each segment of group 0. */
size_t segmsg_export_bytes_for(const segmsg_export_config_t *config, uint32_t peers);

/* Bytes that segmsg_export_init commits. */
size_t segmsg_export_bytes_at_start(const segmsg_export_config_t *config);

/* Bytes from the start of an export that every process maps as one: segmsg_head_t.at_once. */
size_t segmsg_export_bytes_at_once(const segmsg_export_config_t *config);

/* Bytes of the smallest export that segmsg_export_init accepts: one sender and all its groups, without a wide
 * segment of group 0. */
size_t segmsg_export_bytes_min(const segmsg_export_config_t *config);

/*
 * Writes the head of the owner's export in zero-filled memory of export->bytes bytes; segmsg_export_init
 * (queue/segments.h) does that and what follows. Returns as that.
 */
segmsg_error_t segmsg_export_begin(segmsg_export_t *export, const segmsg_export_config_t *config);

/*
 * Checks the head of an export that came from elsewhere: made by the same layout, of the size that
 * is mapped, with tables and arena inside it. Returns SEGMSG_OK, with export->shape filled in, or
 * SEGMSG_ERR_LAYOUT.
 */
segmsg_error_t segmsg_export_check(segmsg_export_t *export);

#endif
