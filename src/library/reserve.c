/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Messages that are made where the receiver will read them.
 */
#include "library/arrive.h"
#include "library/library.h"
#include "library/send.h"
#include "library/text.h"
#include "library/wait.h"

#include <stdlib.h>

/* Room for a reservation in memory of this process. */
static bool reserve_own(segmsg_t *handle, size_t bytes)
{
    handle->reserved.place.data = malloc(bytes + SEGMSG_LIB_EAGER_BYTES);
    handle->reserved.is_own = handle->reserved.place.data != NULL;
    return handle->reserved.is_own;
}

segmsg_result_t segmsg_reserve(segmsg_t *handle, int to, size_t bytes, void **place)
{
    if (place == NULL) {
        return segmsg_lib_plain(SEGMSG_E_ARGUMENT);
    }
    *place = NULL;
    segmsg_lib_peer_t *peer;
    segmsg_result_t result = segmsg_lib_check_send(handle, to, 0, "", 0, &peer);
    if (result != SEGMSG_SUCCESS) {
        return result;
    }
    if (handle->handler.is_running || bytes > handle->eager_limit) {
        return segmsg_lib_plain(handle->handler.is_running ? SEGMSG_E_NESTED : SEGMSG_E_ARGUMENT);
    }
    segmsg_error_t error = SEGMSG_ERR_NO_SPACE;
    handle->reserved.is_own = false;
    if (!segmsg_lib_is_self(handle, peer)) {
        error = peer->sends.first != NULL
                    ? SEGMSG_ERR_FULL
                    : segmsg_sender_take(&peer->sender, bytes + SEGMSG_LIB_EAGER_BYTES,
                                         &handle->reserved.place);
    }
    if (error == SEGMSG_ERR_FULL) {
        ++handle->statistics.full;
        return segmsg_lib_plain(SEGMSG_E_BUSY);
    }
    if (error != SEGMSG_OK && !reserve_own(handle, bytes)) {
        return segmsg_lib_plain(SEGMSG_E_MEMORY);
    }
    handle->reserved.peer = peer;
    handle->reserved.bytes = bytes;
    *place = (unsigned char *) handle->reserved.place.data + SEGMSG_LIB_EAGER_BYTES;
    return SEGMSG_SUCCESS;
}

/* Publishes the reservation; room for the announcement of a place above group 0 will come. */
static void publish_reserved(segmsg_t *handle, segmsg_lib_peer_t *peer, segmsg_lib_kind_t kind,
                             size_t bytes)
{
    segmsg_patience_t patience = segmsg_lib_patience(handle);
    patience.is_alert = true;
    while (!segmsg_sender_publish(&peer->sender, &handle->reserved.place, (uint8_t) kind,
                                  (uint32_t) (bytes + SEGMSG_LIB_EAGER_BYTES))) {
        segmsg_lib_lose_patience(handle, &patience, segmsg_lib_progress(handle));
        if (handle->broken != SEGMSG_SUCCESS) {
            return;
        }
    }
}

/* Sends a message that was made in memory of this process. */
static segmsg_result_t send_reserved(segmsg_t *handle, segmsg_lib_peer_t *peer, int tag,
                                     size_t bytes)
{
    unsigned char *place = handle->reserved.place.data;
    const unsigned char *data = place + SEGMSG_LIB_EAGER_BYTES;
    segmsg_result_t result = SEGMSG_SUCCESS;
    if (segmsg_lib_is_self(handle, peer)) {
        result =
            segmsg_lib_arrive(handle, peer, tag, data, bytes) ? SEGMSG_SUCCESS : SEGMSG_E_MEMORY;
    } else {
        result = segmsg_lib_send_and_wait(handle, peer, tag, data, bytes);
    }
    free(place);
    return result;
}

/* What is wrong with publishing or cancelling now. */
static segmsg_result_t check_reserved(const segmsg_t *handle)
{
    return handle == NULL                  ? SEGMSG_E_ARGUMENT
           : handle->handler.is_running    ? SEGMSG_E_NESTED
           : handle->reserved.peer == NULL ? SEGMSG_E_ARGUMENT
                                           : SEGMSG_SUCCESS;
}

segmsg_result_t segmsg_publish(segmsg_t *handle, int tag, size_t bytes)
{
    segmsg_result_t result = check_reserved(handle);
    if (result == SEGMSG_SUCCESS && (tag < 0 || bytes > handle->reserved.bytes)) {
        result = SEGMSG_E_ARGUMENT;
    }
    if (result != SEGMSG_SUCCESS) {
        return segmsg_lib_plain(result);
    }
    segmsg_lib_peer_t *peer = handle->reserved.peer;
    handle->reserved.peer = NULL;
    if (handle->reserved.is_own) {
        result = send_reserved(handle, peer, tag, bytes);
    } else {
        *(segmsg_lib_eager_t *) handle->reserved.place.data =
            (segmsg_lib_eager_t){.tag = (uint32_t) tag};
        publish_reserved(handle, peer, SEGMSG_LIB_EAGER, bytes);
        result = handle->broken;
    }
    if (result == SEGMSG_SUCCESS) {
        segmsg_lib_count_sent(handle, bytes);
    }
    return result;
}

segmsg_result_t segmsg_cancel(segmsg_t *handle)
{
    segmsg_result_t result = check_reserved(handle);
    if (result != SEGMSG_SUCCESS) {
        return segmsg_lib_plain(result);
    }
    segmsg_lib_peer_t *peer = handle->reserved.peer;
    handle->reserved.peer = NULL;
    if (handle->reserved.is_own) {
        free(handle->reserved.place.data);
    } else if (handle->reserved.place.group == SEGMSG_PLACE_COMMON) {
        /* Others have put their messages behind it already. */
        publish_reserved(handle, peer, SEGMSG_LIB_NOTHING, 0);
    } else if (handle->reserved.place.group != 0) {
        segmsg_sender_give_back(&peer->sender, &handle->reserved.place);
    }
    return handle->broken;
}
