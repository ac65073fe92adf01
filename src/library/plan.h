/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * How much shared memory a process sets aside, and how it is divided.
 */
#ifndef SEGMSG_LIBRARY_PLAN_H
#define SEGMSG_LIBRARY_PLAN_H

#include "library/library.h"
#include "library/options.h"

/* What each process of the node may have of shared memory: the same for all, whatever they see.
 * Collective over the node. */
segmsg_result_t segmsg_lib_find_room(const segmsg_t *handle, uint64_t *room);
/*
 * The export's size in bytes and its shape, with `room` bytes of shared memory. Where there is little, as in
 * many containers, the largest of the default groups are done without; those that the user has named are
 * not. Returns SEGMSG_SUCCESS, or SEGMSG_E_MEMORY and explains.
 */
segmsg_result_t segmsg_lib_plan(const segmsg_t *handle, segmsg_lib_config_t *config, uint64_t room,
                                segmsg_export_config_t *export, uint64_t *bytes);

#endif
