/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Requests, and lists of them.
 */
#ifndef SEGMSG_LIBRARY_REQUESTS_H
#define SEGMSG_LIBRARY_REQUESTS_H

#include "library/library.h"

/* A request with a name; NULL if there is no memory. */
segmsg_request_t *segmsg_lib_request_new(segmsg_t *handle, bool is_detached);
/* True if `request` is one of the handle's that was not ended. */
bool segmsg_lib_request_is_valid(const segmsg_t *handle, const segmsg_request_t *request);
void segmsg_lib_request_free(segmsg_t *handle, segmsg_request_t *request);
/* The request of that name, or NULL. */
segmsg_request_t *segmsg_lib_request_find(const segmsg_t *handle, segmsg_lib_name_t name);
/* Frees all there are. */
void segmsg_lib_requests_destroy(segmsg_t *handle);
void segmsg_lib_list_append(segmsg_lib_list_t *list, segmsg_request_t *request);
void segmsg_lib_list_remove(segmsg_lib_list_t *list, segmsg_request_t *request);
/* A request has come to its end. */
void segmsg_lib_complete(segmsg_t *handle, segmsg_request_t *request, segmsg_result_t result);

#endif
