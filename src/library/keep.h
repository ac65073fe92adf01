/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Messages that have come before anybody asked for them.
 */
#ifndef SEGMSG_LIBRARY_KEEP_H
#define SEGMSG_LIBRARY_KEEP_H

#include "library/library.h"

/* Keeps a message, or with `data` == NULL the announcement of one. NULL if there is no memory. */
segmsg_lib_arrival_t *segmsg_lib_keep(segmsg_t *handle, segmsg_lib_peer_t *peer,
                                      const segmsg_lib_long_t *header, const void *data);
segmsg_info_t segmsg_lib_arrival_info(const segmsg_lib_arrival_t *arrival);
/* Takes an arrival out of all lists; its data and itself are the caller's then. */
void segmsg_lib_unkeep(segmsg_t *handle, segmsg_lib_arrival_t *arrival);
/* Takes it out, and frees it. */
void segmsg_lib_drop(segmsg_t *handle, segmsg_lib_arrival_t *arrival);
/* It is there. */
void segmsg_lib_arrival_whole(segmsg_t *handle, segmsg_lib_arrival_t *arrival);
/* The first message that is kept and is nobody's, from `peer` or if that is NULL from anybody, with `tag` or
 * with any; NULL if there is none. */
segmsg_lib_arrival_t *segmsg_lib_find_kept(segmsg_t *handle, const segmsg_lib_peer_t *peer,
                                           int tag);
/* Copies a message to where it was asked for. */
void segmsg_lib_receive_copy(segmsg_t *handle, segmsg_request_t *request, const segmsg_info_t *info,
                             const void *data);
/* Ends a receive with what it has. */
void segmsg_lib_receive_end(segmsg_t *handle, segmsg_request_t *request, segmsg_result_t result);

/* Copies the data of a message. */
SEGMSG_INLINE void segmsg_lib_copy_out(void *to, const void *from, size_t bytes)
{
    if (bytes <= SEGMSG_LINE) {
        segmsg_copy_short(to, from, bytes);
    } else {
        memcpy(to, from, bytes);
    }
}

#endif
