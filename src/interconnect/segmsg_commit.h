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
 * Commits the `length` bytes from `offset` on of the object that is mapped at `base` (page-aligned)
 * and, if `fd` is not negative, is the file behind that descriptor. Returns 0 or an errno value:
 * ENOSPC when the file system is full, ENOTSUP when neither the kernel nor the object offers a way.
 */
int segmsg_commit_pages(unsigned char *base, int fd, size_t offset, size_t length);

#endif
