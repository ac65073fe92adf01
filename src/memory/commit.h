/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Commits pages of a sparse shared-memory object before they are touched, so that a full file
 * system is an error that somebody can handle, and not a SIGBUS in the middle of a message.
 */
#ifndef SEGMSG_COMMIT_H
#define SEGMSG_COMMIT_H

#include <stddef.h>

/*
 * Commits the `length` bytes from `offset` on of a shared-memory object: by their address `at`, NULL if
 * they are not mapped here, or by the descriptor `fd` of the object's file, -1 if it has none. Returns 0
 * or an errno value: ENOSPC when the file system is full, ENOTSUP when neither the kernel nor the object
 * offers a way.
 */
int segmsg_commit_pages(unsigned char *at, int fd, size_t offset, size_t length);

#endif
