/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The segment-group table of an export (row G4): a sender forms a group with a segment that is registered
 * (queue/segments.h), or that it registers, so that no message waits for an owner that is busy computing. All
 * steps are lock-free.
 */
#ifndef SEGMSG_TABLE_H
#define SEGMSG_TABLE_H

#include "queue/segments.h"

/*
 * Pairs `sender` with the common segment of group 0: enters it into the segment-group table and
 * tells the owner. Returns as segmsg_group_form; SEGMSG_ERR_TABLE_FULL also if there is none.
 */
segmsg_error_t segmsg_group_join(segmsg_export_t *export, const segmsg_identity_t *sender,
                                 uint32_t *group_index);

/*
 * Forms a group: claims a registered segment of that shape, or registers one, maps it, commits its
 * memory (in group 0 all of it, above that the control block and the directory: its partitions are
 * committed by whoever takes them, segmsg_partitions_commit), enters the pairing with `sender` into the
 * segment-group table and tells the owner.
 * *group_index receives the index in the segment-group table.
 * Returns SEGMSG_OK, SEGMSG_ERR_TABLE_FULL or SEGMSG_ERR_NO_SPACE, after which nothing is held; or
 * SEGMSG_ERR_CORRUPT if the segment is somebody else's, lies over another one, or the tables say what nobody
 * writes there.
 */
segmsg_error_t segmsg_group_form(segmsg_export_t *export, const segmsg_identity_t *sender,
                                 uint32_t group, uint32_t partition_count, uint32_t *group_index);

/* The same for the first group 0 of a guest, whose messages come after those that it has put before
 * partition `after` of the lobby. */
segmsg_error_t segmsg_group_form_after(segmsg_export_t *export, const segmsg_identity_t *sender,
                                       uint32_t group, uint32_t partition_count, uint64_t after,
                                       uint32_t *group_index);

/* Takes a group apart: its segment is registered again, free for the next sender. Called by the
 * owner, once nothing of the group is in use any more. */
void segmsg_group_dissolve(segmsg_export_t *export, uint32_t group_index);

/* True if group `group_index` stands in the table as `sender` has formed it. */
bool segmsg_group_stands(const segmsg_export_t *export, uint32_t group_index,
                         const segmsg_identity_t *sender);

/* Likewise for the segment of a formed group, whose index goes to *segment: each must name the
 * other. `group_index` must be less than the export's groups_max. */
segmsg_error_t segmsg_group_read(const segmsg_export_t *export, uint32_t group_index,
                                 uint32_t *segment, segmsg_segment_entry_t *checked);

#endif
