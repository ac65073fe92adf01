/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Words for what shared memory holds as numbers; never NULL.
 */
#ifndef SEGMSG_WORDS_H
#define SEGMSG_WORDS_H

#include <stdint.h>

const char *segmsg_inspect_segment_state(uint32_t state);
const char *segmsg_inspect_group_state(uint32_t state);
const char *segmsg_inspect_kind(uint32_t kind);

#endif
