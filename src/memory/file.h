/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Files of any file system, which every process maps as a whole and by name. For tests of what is common to
 * all kinds of memory, and the shortest example of one; it takes the address space of whole regions, and a
 * process that is killed leaves its file to the next one's sweep.
 */
#ifndef SEGMSG_FILE_H
#define SEGMSG_FILE_H

#include "memory/memory.h"

extern const segmsg_memory_kind_t segmsg_file_kind;

#endif
