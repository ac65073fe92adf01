/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Long messages that receiver and sender carry out together.
 */
#ifndef SEGMSG_LIBRARY_TRANSFERS_H
#define SEGMSG_LIBRARY_TRANSFERS_H

#include "library/library.h"

#include "base/clock.h"

/* No transfer is under way. `start`: a moment at least 100 us ago, to tell how fast the clock ticks; `copied`:
 * called when one has ended. */
void segmsg_lib_transfers_init(segmsg_t *handle, const segmsg_clock_moment_t *start,
                               segmsg_lib_copied_fn_t copied);

/* The program has called again, for the first time perhaps since a transfer ended. */
void segmsg_lib_is_back(segmsg_t *handle);

/* Receives the first `bytes` bytes of a long message with the help of its sender. False, and nothing is done: it
 * is to be copied without. */
bool segmsg_lib_transfer_start(segmsg_t *handle, segmsg_request_t *request,
                               const segmsg_lib_long_t *header, uint64_t bytes);

/* Messages of the library's own. False if they are nonsense. `data`: of the send that JOIN names. */
bool segmsg_lib_transfer_asked(segmsg_t *handle, segmsg_lib_peer_t *peer, const unsigned char *data,
                               const segmsg_lib_join_t *join);
bool segmsg_lib_chunk_came(segmsg_t *handle, segmsg_lib_peer_t *peer, const unsigned char *message,
                           uint32_t bytes);

#endif
