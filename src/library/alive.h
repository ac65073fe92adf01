/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Whether the other processes are still there.
 */
#ifndef SEGMSG_LIBRARY_ALIVE_H
#define SEGMSG_LIBRARY_ALIVE_H

#include "library/library.h"

/* What tells this process from others. */
segmsg_lib_life_t segmsg_lib_own_life(void);
/* The process of a peer has ended: breaks the handle. */
void segmsg_lib_is_gone(segmsg_t *handle, const segmsg_lib_peer_t *peer);
/* False if the process of a peer is known to have ended. */
bool segmsg_lib_is_alive(const segmsg_lib_peer_t *peer);
/* Looks a few times a second whether the process of any peer has ended, and if so breaks the handle. */
void segmsg_lib_look_for_gone(segmsg_t *handle);

#endif
