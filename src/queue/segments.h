/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The segment table of an export (row G4): the owner registers the descriptors of the segments that it offers; a
 * sender that finds none that fits registers one in the owner's arena itself. All steps are lock-free.
 */
#ifndef SEGMSG_SEGMENTS_H
#define SEGMSG_SEGMENTS_H

#include "queue/region.h"

#include <stdbool.h>

/* Where the parts of a segment are in this process. */
typedef struct {
    segmsg_control_t *control;
    segmsg_directory_entry_t *directory; /* NULL in group 0 */
    unsigned char *partition;            /* partition 0 */
} segmsg_segment_view_t;

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
 * Copies a segment entry and checks the copy against the geometry and the bounds of the export, as
 * everything that is read from shared memory must be before it is used. Returns SEGMSG_OK or
 * SEGMSG_ERR_CORRUPT.
 */
segmsg_error_t segmsg_segment_read(const segmsg_export_t *export, uint32_t segment,
                                   segmsg_segment_entry_t *checked);

/* Commits partitions `first` to `first + count - 1` of a segment above group 0. False if the memory
 * cannot be had. */
bool segmsg_partitions_commit(segmsg_export_t *export, const segmsg_segment_entry_t *checked,
                              uint32_t first, uint32_t count);

/* Maps a segment, by the checked copy of its entry, if it is not mapped yet. False if there is no address
 * space for it. */
bool segmsg_segment_view(const segmsg_export_t *export, const segmsg_segment_entry_t *checked,
                         segmsg_segment_view_t *view);

/* ---- for the segment-group table ---- */

/*
 * Takes the next index of the table at `table`, which has `max` entries of `entry_bytes`. The entry
 * is committed before it is counted, so whatever is counted may be touched, and a failure spends
 * nothing. Returns SEGMSG_OK, SEGMSG_ERR_TABLE_FULL, SEGMSG_ERR_NO_SPACE or SEGMSG_ERR_CORRUPT.
 */
segmsg_error_t segmsg_table_take(segmsg_export_t *export, _Atomic uint32_t *count, uint32_t max,
                                 uint64_t table, size_t entry_bytes, uint32_t *index);

/*
 * Has the page on which an entry of the tables begins, if it is the first there: the counts may have been
 * overwritten, and say that entries are in use that nobody has committed.
 */
bool segmsg_table_reach(segmsg_export_t *export, uint32_t index);

/* True if a segment at `offset`, `bytes` long, lies over none of the others in the table. */
bool segmsg_segment_is_apart(segmsg_export_t *export, uint32_t segment, uint64_t offset,
                             uint64_t bytes);

/* As segmsg_segment_register, but leaves the segment in `state`. */
segmsg_error_t segmsg_segment_add(segmsg_export_t *export, uint32_t group, uint32_t partition_count,
                                  uint32_t state, uint32_t *segment);

/* Searches the table for a registered segment of that shape and claims it. */
bool segmsg_segment_claim(segmsg_export_t *export, uint32_t group, uint32_t partition_count,
                          uint32_t *segment);

/* Gives a claimed segment back to the table, free for the next sender. */
void segmsg_segment_unclaim(segmsg_export_t *export, uint32_t segment);

/* A fresh start for a segment that may have served another pair before. */
void segmsg_segment_reset(const segmsg_segment_entry_t *entry, const segmsg_segment_view_t *view);

#endif
