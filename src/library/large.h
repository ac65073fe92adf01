/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Long messages.
 */
#ifndef SEGMSG_LIBRARY_LARGE_H
#define SEGMSG_LIBRARY_LARGE_H

#include "library/library.h"

/* Receives a long message whose announcement is `header` into `request`, which has its buffer. */
void segmsg_lib_long_receive(segmsg_t *handle, segmsg_lib_peer_t *peer,
                             const segmsg_lib_long_t *header, segmsg_request_t *request);
/* Messages of the library's own. False if they are nonsense. */
bool segmsg_lib_join_asked(segmsg_t *handle, segmsg_lib_peer_t *peer,
                           const segmsg_lib_join_t *join);
bool segmsg_lib_answered(segmsg_t *handle, segmsg_lib_peer_t *peer, segmsg_lib_kind_t kind,
                         const segmsg_lib_answer_t *answer);
bool segmsg_lib_data_came(segmsg_t *handle, segmsg_lib_peer_t *peer, const unsigned char *message,
                          uint32_t bytes);
/* True if a stream or an answer to a peer waits for shared memory that it never had. */
bool segmsg_lib_is_short_of_memory(const segmsg_lib_peer_t *peer);
/* Sends what there is room for of a peer's streams. */
int segmsg_lib_serve_streams(segmsg_t *handle, segmsg_lib_peer_t *peer);
/* Lets a long message come that nobody has asked for. */
void segmsg_lib_fetch(segmsg_t *handle, segmsg_lib_arrival_t *arrival);
/* Ends the receive of a long message that was copied by the kernel; or lets it be streamed, if it could not
 * be. A segmsg_lib_copied_fn_t. */
void segmsg_lib_long_copied(segmsg_t *handle, segmsg_request_t *request, segmsg_lib_name_t send,
                            bool copied);

#endif
