/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Messages that have come before anybody asked for them, until somebody does.
 */
#include "library/keep.h"

#include "library/requests.h"
#include "library/text.h"

#include <stdlib.h>
#include <string.h>

void segmsg_lib_receive_end(segmsg_t *handle, segmsg_request_t *request, segmsg_result_t result)
{
    bool is_truncated = request->info.bytes > request->bytes;
    if (request->is_detached) {
        segmsg_lib_arrival_t *arrival = request->arrival;
        segmsg_lib_request_free(handle, request);
        segmsg_lib_arrival_whole(handle, arrival);
    } else {
        segmsg_lib_complete(handle, request,
                            result == SEGMSG_SUCCESS && is_truncated ? SEGMSG_E_TRUNCATED : result);
        ++handle->statistics.messages_received;
        handle->statistics.bytes_received += request->info.bytes;
    }
}

void segmsg_lib_receive_copy(segmsg_t *handle, segmsg_request_t *request, const segmsg_info_t *info,
                             const void *data)
{
    size_t bytes = info->bytes < request->bytes ? info->bytes : request->bytes;
    request->info = *info;
    segmsg_lib_copy_out(request->buffer, data, bytes);
    segmsg_lib_receive_end(handle, request, SEGMSG_SUCCESS);
}

segmsg_info_t segmsg_lib_arrival_info(const segmsg_lib_arrival_t *arrival)
{
    return (segmsg_info_t){
        .source = arrival->peer->rank,
        .tag = (int) arrival->header.tag,
        .bytes = (size_t) arrival->header.bytes,
    };
}

segmsg_lib_arrival_t *segmsg_lib_keep(segmsg_t *handle, segmsg_lib_peer_t *peer,
                                      const segmsg_lib_long_t *header, const void *data)
{
    bool is_possible = header->bytes < SIZE_MAX / 2;
    segmsg_lib_arrival_t *arrival = is_possible ? malloc(sizeof(*arrival)) : NULL;
    unsigned char *copy = arrival == NULL || data == NULL ? NULL : malloc(header->bytes + 1);
    if (arrival == NULL || (data != NULL && copy == NULL)) {
        free(arrival);
        segmsg_lib_explain(
            "No memory for a message of %zu bytes from rank %d, which nobody has asked "
            "for yet",
            (size_t) header->bytes, peer->rank);
        return NULL;
    }
    arrival->next = NULL;
    arrival->previous = peer->last_arrival;
    arrival->peer = peer;
    arrival->header = *header;
    arrival->state = data == NULL ? SEGMSG_LIB_ANNOUNCED : SEGMSG_LIB_WHOLE;
    arrival->data = copy;
    arrival->claimant = NULL;
    if (data != NULL) {
        memcpy(copy, data, header->bytes);
    }
    *(peer->last_arrival == NULL ? &peer->first_arrival : &peer->last_arrival->next) = arrival;
    peer->last_arrival = arrival;
    segmsg_match_keep(&handle->match, &arrival->match, peer->rank, (int) header->tag);
    ++handle->kept;
    ++handle->statistics.kept;
    return arrival;
}

void segmsg_lib_unkeep(segmsg_t *handle, segmsg_lib_arrival_t *arrival)
{
    segmsg_lib_peer_t *peer = arrival->peer;
    *(arrival->previous == NULL ? &peer->first_arrival : &arrival->previous->next) = arrival->next;
    *(arrival->next == NULL ? &peer->last_arrival : &arrival->next->previous) = arrival->previous;
    if (arrival->claimant == NULL) {
        segmsg_match_unkeep(&handle->match, &arrival->match);
    }
    --handle->kept;
}

void segmsg_lib_drop(segmsg_t *handle, segmsg_lib_arrival_t *arrival)
{
    segmsg_lib_unkeep(handle, arrival);
    free(arrival->data);
    free(arrival);
}

void segmsg_lib_arrival_whole(segmsg_t *handle, segmsg_lib_arrival_t *arrival)
{
    arrival->state = SEGMSG_LIB_WHOLE;
    if (arrival->claimant != NULL) {
        const segmsg_info_t info = segmsg_lib_arrival_info(arrival);
        segmsg_lib_receive_copy(handle, arrival->claimant, &info, arrival->data);
        segmsg_lib_drop(handle, arrival);
    }
}

segmsg_lib_arrival_t *segmsg_lib_find_kept(segmsg_t *handle, const segmsg_lib_peer_t *peer, int tag)
{
    if (__builtin_expect(handle->kept == 0, 1)) {
        return NULL;
    }
    int source = peer == NULL ? SEGMSG_MATCH_ANY : peer->rank;
    return (segmsg_lib_arrival_t *) segmsg_match_find_kept(&handle->match, source, tag);
}
