/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The lobby, as the receiver keeps it: the common segment of group 0, in which all senders that talk little
 * stand in one queue (queue/mpsc_ring.h). engine/lobby_poll.h polls it.
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

/*
 * True if a guest has claimed the next line and put nothing there, or the message there is of a guest that the
 * receiver cannot admit yet, since its earlier session is not closed. That takes a moment; a line that stays so
 * for seconds was overwritten, or its guest has died at the wrong time, and nobody's messages come past it.
 */
bool segmsg_lobby_is_stuck(const segmsg_receiver_t *receiver);

/* The sender of `reader` is no guest any more: its entry in the table goes to another. */
void segmsg_lobby_forget(segmsg_receiver_t *receiver, segmsg_reader_t *reader);

#endif
