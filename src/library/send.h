/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Sending.
 */
#ifndef SEGMSG_LIBRARY_SEND_H
#define SEGMSG_LIBRARY_SEND_H

#include "library/library.h"
#include "library/text.h"

/* Gets ready to send to a peer: checks the head of its export. */
segmsg_result_t segmsg_lib_attach(segmsg_t *handle, segmsg_lib_peer_t *peer);
void segmsg_lib_count_sent(segmsg_t *handle, size_t bytes);
/* Sends a message to another process, and waits until it is gone. */
segmsg_result_t segmsg_lib_send_and_wait(segmsg_t *handle, segmsg_lib_peer_t *peer, int tag,
                                         const void *data, size_t bytes);
/* What is wrong with the arguments of a send; *peer receives whom they name. */
SEGMSG_INLINE segmsg_result_t segmsg_lib_check_send(segmsg_t *handle, int to, int tag,
                                                    const void *data, size_t bytes,
                                                    segmsg_lib_peer_t **peer)
{
    if (__builtin_expect(handle == NULL || tag < 0 || !segmsg_lib_is_memory(data, bytes), 0)) {
        return segmsg_lib_plain(SEGMSG_E_ARGUMENT);
    }
    if (__builtin_expect(handle->broken != SEGMSG_SUCCESS || handle->reserved != NULL, 0)) {
        return handle->broken != SEGMSG_SUCCESS ? handle->broken : segmsg_lib_plain(SEGMSG_E_BUSY);
    }
    *peer = segmsg_lib_peer_of(handle, to);
    return *peer == NULL ? segmsg_lib_plain(SEGMSG_E_UNREACHABLE)
                         : segmsg_lib_attach(handle, *peer);
}

/* Sends a message of the library's own, now or when there is room. */
void segmsg_lib_note(segmsg_t *handle, segmsg_lib_peer_t *peer, segmsg_lib_kind_t kind,
                     const void *data, uint32_t bytes);
/* The same, but now or never. */
bool segmsg_lib_note_now(segmsg_lib_peer_t *peer, segmsg_lib_kind_t kind, const void *data,
                         uint32_t bytes);
/* Goes on with what waits for room. Returns how many messages went out. */
int segmsg_lib_serve_busy(segmsg_t *handle);
void segmsg_lib_set_busy(segmsg_t *handle, segmsg_lib_peer_t *peer);
/* True if anything waits for room, of any peer. */
bool segmsg_lib_has_unsent(const segmsg_t *handle);
void segmsg_lib_peer_destroy(segmsg_lib_peer_t *peer);

#endif
