/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Cooperative copies.
 */
#ifndef SEGMSG_LIBRARY_JOINT_H
#define SEGMSG_LIBRARY_JOINT_H

#include "library/library.h"

typedef enum {
    SEGMSG_LIB_COPY_DONE,
    SEGMSG_LIB_COPY_FAILED, /* the kernel refused */
    SEGMSG_LIB_COPY_WAITS   /* for the sender; segmsg_lib_long_look ends it */
} segmsg_lib_copied_t;
/* True if the sender is to be asked to copy a part of so many bytes. */
bool segmsg_lib_joint_may_begin(const segmsg_t *handle, segmsg_lib_peer_t *peer, uint64_t bytes);
/* Copies the first `bytes` bytes of a message together with its sender. */
segmsg_lib_copied_t segmsg_lib_joint_copy(segmsg_t *handle, segmsg_request_t *request,
                                          const segmsg_lib_long_t *header, uint64_t bytes);
/* True if the transfer that waits for its sender has ended; *copied: all of it is here. */
bool segmsg_lib_joint_is_over(segmsg_t *handle, bool *copied);
/* Gives that transfer up. Returns when its sender writes no more, since the buffer is the caller's then. */
void segmsg_lib_joint_abandon(segmsg_t *handle);

#endif
