/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Handles that can do nothing more.
 */
#ifndef SEGMSG_LIBRARY_BROKEN_H
#define SEGMSG_LIBRARY_BROKEN_H

#include "library/library.h"

/* The handle can do nothing more, for this reason; the other processes learn of it. */
void segmsg_lib_break(segmsg_t *handle, segmsg_result_t result);
/* The same, and this process takes no part in anything collective any more. */
void segmsg_lib_leave(segmsg_t *handle, segmsg_result_t result);
/* Looks whether another process can do nothing more, and if so breaks the handle. */
void segmsg_lib_look_for_broken(segmsg_t *handle);
/* Breaks the handle, since there is nonsense in shared memory; of `reader`'s sender, if that is known. */
void segmsg_lib_corrupt(void *handle, segmsg_reader_t *reader);
/* Nothing more can be sent to a peer whose memory holds what no correct process writes: says so. */
void segmsg_lib_check_sender(segmsg_t *handle, const segmsg_lib_peer_t *peer);

#endif
