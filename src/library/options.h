/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What a handle is opened with.
 */
#ifndef SEGMSG_LIBRARY_OPTIONS_H
#define SEGMSG_LIBRARY_OPTIONS_H

#include "library/library.h"

typedef struct {
    segmsg_geometry_t geometry;
    bool groups_are_given;
    size_t eager_limit;
    uint64_t memory;
    bool single_copy;
    segmsg_how_to_wait_t wait; /* never DEFAULT */
} segmsg_lib_config_t;

/* Reads options and environment. Returns SEGMSG_SUCCESS, or SEGMSG_E_OPTIONS or SEGMSG_E_ARGUMENT, and
 * explains. */
segmsg_result_t segmsg_lib_configure(const segmsg_options_t *options, segmsg_lib_config_t *config);

#endif
