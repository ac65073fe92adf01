/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The segment table and the segment-group table of an export (row G4). The owner registers the
 * descriptors of the segments that it offers; a sender obtains one and forms a group with it. When
 * none that fits is registered, the sender registers one in the owner's arena itself, so that no
 * message waits for an owner that is busy computing. All steps are lock-free.
 */
#ifndef SEGMSG_TABLE_H
#define SEGMSG_TABLE_H

#include "queue/region.h"

#include <stdbool.h>

/*
 * Lays out the owner's export in zero-filled memory of export->bytes bytes: head, tables, and a segment of
 * every group for all senders, if the export has a lobby.
 * Returns SEGMSG_ERR_TOO_SMALL, SEGMSG_ERR_NO_SPACE, a geometry error, or SEGMSG_OK.
 */
segmsg_error_t segmsg_export_init(segmsg_export_t *export, const segmsg_export_config_t *config);

/*
 * Registers the descriptor of a segment of `partition_count` partitions for group `group`. Its
 * memory stays uncommitted until a group is formed with it. *segment receives its index.
 * Returns SEGMSG_OK, SEGMSG_ERR_TABLE_FULL (table or arena is used up), SEGMSG_ERR_NO_SPACE or
 * SEGMSG_ERR_CORRUPT.
 */
segmsg_error_t segmsg_segment_register(segmsg_export_t *export, uint32_t group,
                                       uint32_t partition_count, uint32_t *segment);

/* Registers a segment that all senders may use without forming a group of their own with it. */
segmsg_error_t segmsg_segment_share(segmsg_export_t *export, uint32_t group,
                                    uint32_t partition_count, uint32_t *segment);

/*
 * Reads and checks the descriptor of the common segment of `group`. *segment receives its index.
 * Returns SEGMSG_OK, SEGMSG_ERR_TABLE_FULL if there is none, or SEGMSG_ERR_CORRUPT.
 */
segmsg_error_t segmsg_common_read(const segmsg_export_t *export, uint32_t group, uint32_t *segment,
                                  segmsg_segment_entry_t *checked);

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

/*
 * The sums by which a reader of the tables tells an entry that was overwritten: of the descriptor of segment
 * `index` (all that stands from its registration on), and of the pairing of group `index`. Never 0.
 */
uint64_t segmsg_segment_sum(const segmsg_segment_entry_t *entry, uint32_t index);
uint64_t segmsg_group_sum(const segmsg_group_entry_t *entry, uint32_t index);

/* True if group `group_index` stands in the table as `sender` has formed it. */
bool segmsg_group_stands(const segmsg_export_t *export, uint32_t group_index,
                         const segmsg_identity_t *sender);

/*
 * Copies a segment entry and checks the copy against the geometry and the bounds of the export, as
 * everything that is read from shared memory must be before it is used. Returns SEGMSG_OK or
 * SEGMSG_ERR_CORRUPT.
 */
segmsg_error_t segmsg_segment_read(const segmsg_export_t *export, uint32_t segment,
                                   segmsg_segment_entry_t *checked);

/* Likewise for the segment of a formed group, whose index goes to *segment: each must name the
 * other. `group_index` must be less than the export's groups_max. */
segmsg_error_t segmsg_group_read(const segmsg_export_t *export, uint32_t group_index,
                                 uint32_t *segment, segmsg_segment_entry_t *checked);

/* Commits partitions `first` to `first + count - 1` of a segment above group 0. False if the memory
 * cannot be had. */
bool segmsg_partitions_commit(segmsg_export_t *export, const segmsg_segment_entry_t *checked,
                              uint32_t first, uint32_t count);

/* Where the parts of a segment are in this process. */
typedef struct {
    segmsg_control_t *control;
    segmsg_directory_entry_t *directory; /* NULL in group 0 */
    unsigned char *partition;            /* partition 0 */
} segmsg_segment_view_t;

/* Maps a segment, by the checked copy of its entry, if it is not mapped yet. False if there is no address
 * space for it. */
bool segmsg_segment_view(const segmsg_export_t *export, const segmsg_segment_entry_t *checked,
                         segmsg_segment_view_t *view);

#endif
