/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What segmsg-inspect shows of an export, for people and for programs.
 */
#ifndef SEGMSG_INSPECT_H
#define SEGMSG_INSPECT_H

#include "tools/segmsg_traffic.h"

void segmsg_inspect_text(const segmsg_snapshot_t *snapshot, bool with_messages);

/* One JSON object, without a line end. */
void segmsg_inspect_json(const segmsg_snapshot_t *snapshot, bool with_messages);

/* One JSON object that says why `path` cannot be shown. */
void segmsg_inspect_json_error(const char *path, const char *error);

/* Words for states and kinds; never NULL. */
const char *segmsg_inspect_segment_state(uint32_t state);
const char *segmsg_inspect_group_state(uint32_t state);
const char *segmsg_inspect_kind(uint32_t kind);

#endif
