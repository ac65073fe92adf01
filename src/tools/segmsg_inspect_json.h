/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What segmsg-inspect shows of an export for programs.
 */
#ifndef SEGMSG_INSPECT_JSON_H
#define SEGMSG_INSPECT_JSON_H

#include "tools/segmsg_traffic.h"

/* One JSON object, without a line end. */
void segmsg_inspect_json(const segmsg_snapshot_t *snapshot, bool with_messages);

/* One JSON object that says why `path` cannot be shown. */
void segmsg_inspect_json_error(const char *path, const char *error);

#endif
