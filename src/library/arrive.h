/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What becomes of a message that comes.
 */
#ifndef SEGMSG_LIBRARY_ARRIVE_H
#define SEGMSG_LIBRARY_ARRIVE_H

#include "library/library.h"

/* What segmsg_look does with a message, and with what else it finds. */
extern const segmsg_look_ops_t segmsg_lib_look_ops;

/* A message has come from `peer`: gives it to whoever asked for it, or keeps it. False if there is no
 * memory to keep it in. */
bool segmsg_lib_arrive(segmsg_t *handle, segmsg_lib_peer_t *peer, int tag, const void *data,
                       size_t bytes);
/* Does what a message of the engine says; false if no correct peer has sent it. */
bool segmsg_lib_dispatch(segmsg_t *handle, segmsg_lib_peer_t *peer,
                         const segmsg_message_t *message);
/* Shows the handler what is kept. */
void segmsg_lib_show_kept(segmsg_t *handle);

#endif
