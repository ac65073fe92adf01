/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Sending: a message up to the eager limit goes straight into the segments of its receiver. What finds no
 * room waits in the order in which it came; a longer one is announced, and goes when it is received.
 */
#include "library/send.h"

#include "library/arrive.h"
#include "library/busy.h"
#include "library/peer.h"
#include "library/requests.h"
#include "library/text.h"
#include "library/wait.h"

/* Sends now what can be sent now. */
SEGMSG_INLINE bool send_now(segmsg_t *handle, segmsg_lib_peer_t *peer, int tag, const void *data,
                            size_t bytes)
{
    return bytes <= handle->eager_limit && peer->sends.first == NULL
           && segmsg_lib_put_eager(peer, tag, data, bytes) == SEGMSG_OK;
}

void segmsg_lib_count_sent(segmsg_t *handle, size_t bytes)
{
    ++handle->statistics.messages_sent;
    handle->statistics.bytes_sent += bytes;
}

/* A message to the own process: it is there at once. */
static segmsg_result_t send_to_self(segmsg_t *handle, segmsg_lib_peer_t *self, int tag,
                                    const void *data, size_t bytes)
{
    if (!segmsg_lib_arrive(handle, self, tag, data, bytes)) {
        return SEGMSG_E_MEMORY;
    }
    segmsg_lib_count_sent(handle, bytes);
    return SEGMSG_SUCCESS;
}

/* A request to send, which waits for its turn. NULL if there is no memory. */
static segmsg_request_t *send_later(segmsg_t *handle, segmsg_lib_peer_t *peer, int tag,
                                    const void *data, size_t bytes)
{
    segmsg_request_t *request = segmsg_lib_request_new(handle, false);
    if (request == NULL) {
        return NULL;
    }
    request->state = SEGMSG_LIB_SEND;
    request->peer = peer;
    request->tag = tag;
    request->data = data;
    request->bytes = bytes;
    if (peer->sends.first != NULL || !segmsg_lib_send_first(handle, request)) {
        ++handle->statistics.full;
        segmsg_lib_list_append(&peer->sends, request);
        segmsg_lib_set_busy(handle, peer);
    }
    return request;
}

segmsg_result_t segmsg_lib_send_and_wait(segmsg_t *handle, segmsg_lib_peer_t *peer, int tag,
                                         const void *data, size_t bytes)
{
    segmsg_request_t *request = send_later(handle, peer, tag, data, bytes);
    if (request == NULL) {
        return segmsg_lib_plain(SEGMSG_E_MEMORY);
    }
    segmsg_lib_await(handle, request);
    return segmsg_lib_request_end(handle, request, NULL);
}

segmsg_result_t segmsg_isend(segmsg_t *handle, int to, int tag, const void *data, size_t bytes,
                             segmsg_request_t **request)
{
    if (request == NULL) {
        return segmsg_lib_plain(SEGMSG_E_ARGUMENT);
    }
    *request = NULL;
    segmsg_lib_peer_t *peer;
    segmsg_result_t result = segmsg_lib_check_send(handle, to, tag, data, bytes, &peer);
    if (result != SEGMSG_SUCCESS) {
        return result;
    }
    if (segmsg_lib_is_self(handle, peer)) {
        return send_to_self(handle, peer, tag, data, bytes);
    }
    if (!send_now(handle, peer, tag, data, bytes)) {
        *request = send_later(handle, peer, tag, data, bytes);
        if (*request == NULL) {
            return segmsg_lib_plain(SEGMSG_E_MEMORY);
        }
    }
    segmsg_lib_count_sent(handle, bytes);
    return SEGMSG_SUCCESS;
}

segmsg_result_t segmsg_send(segmsg_t *handle, int to, int tag, const void *data, size_t bytes)
{
    segmsg_lib_peer_t *peer;
    segmsg_result_t result = segmsg_lib_check_send(handle, to, tag, data, bytes, &peer);
    if (__builtin_expect(result != SEGMSG_SUCCESS, 0)) {
        return result;
    }
    if (__builtin_expect(handle->handler.is_running, 0)) {
        return segmsg_lib_plain(SEGMSG_E_NESTED);
    }
    if (__builtin_expect(segmsg_lib_is_self(handle, peer), 0)) {
        return send_to_self(handle, peer, tag, data, bytes);
    }
    if (__builtin_expect(!send_now(handle, peer, tag, data, bytes), 0)) {
        result = segmsg_lib_send_and_wait(handle, peer, tag, data, bytes);
    }
    if (result == SEGMSG_SUCCESS) {
        segmsg_lib_count_sent(handle, bytes);
    }
    return result;
}
