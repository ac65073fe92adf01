/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What waits for room.
 */
#ifndef SEGMSG_LIBRARY_BUSY_H
#define SEGMSG_LIBRARY_BUSY_H

#include "library/library.h"

/*
 * Sends a message that has no other of its peer before it; false if there is no room. A short one for which
 * no memory can be had goes like a long one, in pieces as short as they must be; but the receiver fetches it
 * without having been asked, since its sender may not wait for a receive.
 */
bool segmsg_lib_send_first(segmsg_t *handle, segmsg_request_t *request);
/* Goes on with what waits for room. Returns how many messages went out. */
int segmsg_lib_serve_busy(segmsg_t *handle);
/* True if anything waits for room, of any peer. */
bool segmsg_lib_has_unsent(const segmsg_t *handle);

#endif
