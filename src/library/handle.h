/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The end of a handle.
 */
#ifndef SEGMSG_LIBRARY_HANDLE_H
#define SEGMSG_LIBRARY_HANDLE_H

#include "library/library.h"

/* Frees all that a handle has. */
void segmsg_lib_destroy(segmsg_t *handle);

#endif
