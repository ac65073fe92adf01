/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What segmsg-inspect shows of an export for people.
 */
#ifndef SEGMSG_INSPECT_TEXT_H
#define SEGMSG_INSPECT_TEXT_H

#include "tools/segmsg_traffic.h"

void segmsg_inspect_text(const segmsg_snapshot_t *snapshot, bool with_messages);

#endif
