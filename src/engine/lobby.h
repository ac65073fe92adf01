/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The lobby, as the receiver keeps it: the common segment of group 0, in which all senders that talk little
 * stand in one queue. engine/lobby_poll.h polls it.
 */
#ifndef SEGMSG_LOBBY_H
#define SEGMSG_LOBBY_H

#include "engine/receiver_types.h"

/* What a reader polls before group 0 of its sender is found; nobody writes it. */
extern segmsg_line_t segmsg_nothing_yet;

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

/* True if something stands in the next line of the lobby. */
static inline bool segmsg_lobby_has_something(const segmsg_lobby_t *lobby)
{
    /* Relaxed: read again, with acquire, by whoever uses it. */
    return atomic_load_explicit(&lobby->line[lobby->at].header, memory_order_relaxed) != 0;
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

/* `lines` lines were taken out. */
void segmsg_lobby_advance(segmsg_lobby_t *lobby, uint32_t lines);

/* Gives back all lines that were taken out, if no message lies in them any more. Whatever was written
 * there may lie where the next header will: all headers are cleared before. */
void segmsg_lobby_give_back(segmsg_lobby_t *lobby);

#endif
