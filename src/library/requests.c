/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Requests: each has an index, by which a peer names it, and a generation, which tells it from others that
 * had the same index.
 */
#include "library/requests.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static bool has_room(segmsg_t *handle)
{
    if (handle->requests.count < handle->requests.room) {
        return true;
    }
    uint32_t room = handle->requests.room == 0 ? 16 : 2 * handle->requests.room;
    segmsg_request_t **more = realloc(handle->requests.request, room * sizeof(segmsg_request_t *));
    if (more == NULL) {
        return false;
    }
    handle->requests.request = more;
    handle->requests.room = room;
    return true;
}

segmsg_request_t *segmsg_lib_request_new(segmsg_t *handle, bool is_detached)
{
    segmsg_request_t *request = handle->requests.free;
    uint32_t index;
    if (request != NULL) {
        handle->requests.free = request->next;
        index = request->name.index;
    } else {
        request = has_room(handle) ? malloc(sizeof(*request)) : NULL;
        if (request == NULL) {
            return NULL;
        }
        index = handle->requests.count++;
        handle->requests.request[index] = request;
    }
    memset(request, 0, offsetof(segmsg_request_t, match));
    request->name =
        (segmsg_lib_name_t){.index = index, .generation = ++handle->requests.generation};
    request->is_detached = is_detached;
    ++*(is_detached ? &handle->requests.detached : &handle->requests.pending);
    return request;
}

void segmsg_lib_request_free(segmsg_t *handle, segmsg_request_t *request)
{
    request->state = SEGMSG_LIB_FREE;
    request->next = handle->requests.free;
    handle->requests.free = request;
    --*(request->is_detached ? &handle->requests.detached : &handle->requests.pending);
}

/* Requests live as long as the handle, so one that was ended may be looked at. */
bool segmsg_lib_request_is_valid(const segmsg_t *handle, const segmsg_request_t *request)
{
    return request->name.index < handle->requests.count
           && handle->requests.request[request->name.index] == request
           && request->state != SEGMSG_LIB_FREE;
}

segmsg_request_t *segmsg_lib_request_find(const segmsg_t *handle, segmsg_lib_name_t name)
{
    if (name.index >= handle->requests.count) {
        return NULL;
    }
    segmsg_request_t *request = handle->requests.request[name.index];
    return request->state != SEGMSG_LIB_FREE && request->name.generation == name.generation
               ? request
               : NULL;
}

void segmsg_lib_requests_destroy(segmsg_t *handle)
{
    for (uint32_t i = 0; i < handle->requests.count; ++i) {
        free(handle->requests.request[i]);
    }
    free(handle->requests.request);
}

void segmsg_lib_list_append(segmsg_lib_list_t *list, segmsg_request_t *request)
{
    request->next = NULL;
    request->previous = list->last;
    *(list->last == NULL ? &list->first : &list->last->next) = request;
    list->last = request;
}

void segmsg_lib_list_remove(segmsg_lib_list_t *list, segmsg_request_t *request)
{
    *(request->previous == NULL ? &list->first : &request->previous->next) = request->next;
    *(request->next == NULL ? &list->last : &request->next->previous) = request->previous;
}

void segmsg_lib_complete(segmsg_t *handle, segmsg_request_t *request, segmsg_result_t result)
{
    request->is_complete = true;
    request->result = result;
    ++handle->requests.unended;
}
