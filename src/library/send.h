/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Sending.
 */
#ifndef SEGMSG_LIBRARY_SEND_H
#define SEGMSG_LIBRARY_SEND_H

#include "library/library.h"
#include "library/peer.h"
#include "library/text.h"

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
    if (__builtin_expect(handle->broken != SEGMSG_SUCCESS || handle->reserved.peer != NULL, 0)) {
        return handle->broken != SEGMSG_SUCCESS ? handle->broken : segmsg_lib_plain(SEGMSG_E_BUSY);
    }
    *peer = segmsg_lib_peer_of(handle, to);
    return *peer == NULL ? segmsg_lib_plain(SEGMSG_E_UNREACHABLE)
                         : segmsg_lib_attach(handle, *peer);
}

#endif
