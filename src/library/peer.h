/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * One peer as this process sends to it, and the messages of the library's own.
 */
#ifndef SEGMSG_LIBRARY_PEER_H
#define SEGMSG_LIBRARY_PEER_H

#include "library/library.h"

/* Gets ready to send to a peer: checks the head of its export. */
segmsg_result_t segmsg_lib_attach(segmsg_t *handle, segmsg_lib_peer_t *peer);
/* Something waits for room at the peer: progress goes on with it. */
void segmsg_lib_set_busy(segmsg_t *handle, segmsg_lib_peer_t *peer);

/* Publishes what was copied into `place`, or gives that back. */
SEGMSG_INLINE bool segmsg_lib_publish(segmsg_sender_t *sender, const segmsg_place_t *place,
                                      segmsg_lib_kind_t kind, size_t bytes)
{
    bool sent = segmsg_sender_publish(sender, place, (uint8_t) kind, (uint32_t) bytes);
    if (__builtin_expect(!sent, 0)) {
        segmsg_sender_give_back(sender, place);
    }
    return sent;
}

/* Puts `header` and `data` into one message. Returns as segmsg_sender_take. */
SEGMSG_INLINE segmsg_error_t segmsg_lib_put(segmsg_sender_t *sender, segmsg_lib_kind_t kind,
                                            const void *header, size_t header_bytes,
                                            const void *data, size_t bytes)
{
    segmsg_place_t place;
    segmsg_error_t error = segmsg_sender_take(sender, header_bytes + bytes, &place);
    if (__builtin_expect(error != SEGMSG_OK, 0)) {
        return error;
    }
    segmsg_copy_in(place.data, header, header_bytes, data, bytes,
                   segmsg_sender_has_lines(sender, &place));
    return segmsg_lib_publish(sender, &place, kind, header_bytes + bytes) ? SEGMSG_OK
                                                                          : SEGMSG_ERR_FULL;
}

SEGMSG_INLINE segmsg_error_t segmsg_lib_put_eager(segmsg_lib_peer_t *peer, int tag,
                                                  const void *data, size_t bytes)
{
    const segmsg_lib_eager_t header = {.tag = (uint32_t) tag};
    return segmsg_lib_put(&peer->sender, SEGMSG_LIB_EAGER, &header, sizeof(header), data, bytes);
}

/* True if a copier works on the peer; it is tried when it is first wanted. */
bool segmsg_lib_can_copy(const segmsg_t *handle, segmsg_lib_peer_t *peer);

/* Sends a message of the library's own, now or when there is room. */
void segmsg_lib_note(segmsg_t *handle, segmsg_lib_peer_t *peer, segmsg_lib_kind_t kind,
                     const void *data, uint32_t bytes);
/* The same, but now or never. */
bool segmsg_lib_note_now(segmsg_lib_peer_t *peer, segmsg_lib_kind_t kind, const void *data,
                         uint32_t bytes);
/* Sends those that wait, as far as there is room. Returns how many. */
int segmsg_lib_serve_notes(segmsg_lib_peer_t *peer);

#endif
