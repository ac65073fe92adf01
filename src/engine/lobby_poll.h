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
#ifndef SEGMSG_LOBBY_POLL_H
#define SEGMSG_LOBBY_POLL_H

#include "engine/lobby.h"
#include "queue/message.h"

/* The rest of segmsg_lobby_poll, for a header word that is not 0. */
segmsg_poll_t segmsg_lobby_poll_slow(segmsg_receiver_t *receiver, segmsg_reader_t **reader,
                                     segmsg_message_t *message, void **user);

/* Looks for the next message in the lobby; *reader receives whose it is. With SEGMSG_POLL_CLOSED the
 * reader is gone, and *user receives what was its `user`. */
static inline segmsg_poll_t segmsg_lobby_poll(segmsg_receiver_t *receiver, segmsg_reader_t **reader,
                                              segmsg_message_t *message, void **user)
{
    segmsg_lobby_t *lobby = &receiver->lobby;
    if (__builtin_expect(!segmsg_mpsc_has_something(&lobby->ring), 1)) {
        ++lobby->idle;
        return SEGMSG_POLL_NONE;
    }
    return segmsg_lobby_poll_slow(receiver, reader, message, user);
}

#endif
