/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The kinds of memory that there are, by name.
 */
#ifndef SEGMSG_KINDS_H
#define SEGMSG_KINDS_H

#include "memory/memory.h"

/* The kind whose name are the `length` characters at `name`; NULL if there is none. */
const segmsg_memory_kind_t *segmsg_memory_kind(const char *name, size_t length);

/* Why there is no region, in a few words. */
const char *segmsg_memory_status_text(segmsg_memory_status_t status,
                                      const segmsg_memory_shortage_t *shortage);

#endif
