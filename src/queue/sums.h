/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Sums of the entries of the segment table and the segment-group table.
 */
#ifndef SEGMSG_SUMS_H
#define SEGMSG_SUMS_H

#include "queue/layout.h"

/*
 * The sums by which a reader of the tables tells an entry that was overwritten: of the descriptor of segment
 * `index` (all that stands from its registration on), and of the pairing of group `index`. Never 0.
 */
uint64_t segmsg_segment_sum(const segmsg_segment_entry_t *entry, uint32_t index);
uint64_t segmsg_group_sum(const segmsg_group_entry_t *entry, uint32_t index);

#endif
