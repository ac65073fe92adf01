/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The receiving side of the lobby: the common segment of group 0, in which all senders that talk
 * little stand in one queue. One line is polled for all of them.
 *
 *     segmsg_reader_t *reader;
 *     while (segmsg_lobby_poll(receiver, &reader, &message, &user) == SEGMSG_POLL_MESSAGE) {
 *         ... a message of reader->sender, as with segmsg_reader_poll ...
 *         segmsg_message_return(receiver, reader, &message);
 *     }
 */
#ifndef SEGMSG_LOBBY_H
#define SEGMSG_LOBBY_H

#include "engine/receiver.h"

/* Finds the lobby of the receiver's own export, if it has one. False if there is no memory or the export is
 * not what it should be. */
bool segmsg_lobby_open(segmsg_receiver_t *receiver);

/* True if all senders share `segment`. */
bool segmsg_lobby_has_common(const segmsg_receiver_t *receiver, uint32_t segment);

/*
 * Maps a segment that all senders share, when the first message has come through it. Returns SEGMSG_OK,
 * SEGMSG_ERR_UNMAPPED, or SEGMSG_ERR_CORRUPT if its entry in the table is not what was written there.
 */
segmsg_error_t segmsg_lobby_open_common(segmsg_receiver_t *receiver, uint32_t segment);

/* The rest of segmsg_lobby_poll, for a header word that is not 0. */
segmsg_poll_t segmsg_lobby_poll_slow(segmsg_receiver_t *receiver, segmsg_reader_t **reader,
                                     segmsg_message_t *message, void **user);

/* True if something stands in the next line of the lobby. */
static inline bool segmsg_lobby_has_something(const segmsg_lobby_t *lobby)
{
    /* Relaxed: read again, with acquire, by whoever uses it. */
    return atomic_load_explicit(&lobby->line[lobby->at].header, memory_order_relaxed) != 0;
}

/* Looks for the next message in the lobby; *reader receives whose it is. With SEGMSG_POLL_CLOSED the
 * reader is gone, and *user receives what was its `user`. */
static inline segmsg_poll_t segmsg_lobby_poll(segmsg_receiver_t *receiver, segmsg_reader_t **reader,
                                              segmsg_message_t *message, void **user)
{
    segmsg_lobby_t *lobby = &receiver->lobby;
    if (__builtin_expect(!segmsg_lobby_has_something(lobby), 1)) {
        ++lobby->idle;
        return SEGMSG_POLL_NONE;
    }
    return segmsg_lobby_poll_slow(receiver, reader, message, user);
}

/* True if guests have claimed everything before partition `position`, and no more than there is. */
static inline bool segmsg_lobby_is_claimed(const segmsg_lobby_t *lobby, uint64_t position)
{
    /* Relaxed: whoever published an entry claimed it before; else only compared. */
    uint64_t claimed = atomic_load_explicit(&lobby->control->claimed, memory_order_relaxed);
    return claimed - lobby->returned <= lobby->count && (int64_t) (claimed - position) >= 0;
}

/*
 * True if a guest has claimed the next line and put nothing there, or the message there is of a guest that the
 * receiver cannot admit yet, since its earlier session is not closed. That takes a moment; a line that stays so
 * for seconds was overwritten, or its guest has died at the wrong time, and nobody's messages come past it.
 */
bool segmsg_lobby_is_stuck(const segmsg_receiver_t *receiver);

/* True if everything before partition `position` was taken out. */
static inline bool segmsg_lobby_has_passed(const segmsg_lobby_t *lobby, uint64_t position)
{
    return (int64_t) (lobby->position - position) >= 0;
}

/* A message from the lobby is done with. */
void segmsg_lobby_return(segmsg_lobby_t *lobby);

/* The sender of `reader` is no guest any more: its entry in the table goes to another. */
void segmsg_lobby_forget(segmsg_receiver_t *receiver, segmsg_reader_t *reader);

#endif
