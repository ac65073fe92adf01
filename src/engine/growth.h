/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * How a pair of processes comes to its group 0, as states of the connection (segmsg_connection_t):
 *
 *            begin               leave_lobby                  replace_starter          stream
 *   NONE -------------> GUEST ------------------> STARTER ----------------------> FULL ------> WIDE
 *    |                    |                          ^ |                            ^
 *    |  begin: no lobby, or no entry for a guest     | |  a starter as long as      |
 *    +--------------------|--------------------------+ +- a full segment is full ---+
 *                         |
 *   end: every state ---> NONE
 *
 *   GUEST    sends through the lobby, which all senders share
 *   STARTER  has a segment of its own, a short one
 *   FULL     has SEGMSG_RING_FULL partitions, or all that the geometry tells if there are no more, or if its
 *            longest messages need them
 *   WIDE     has as many as the geometry tells, or the segment that it had before: there was no memory
 */
#ifndef SEGMSG_GROWTH_H
#define SEGMSG_GROWTH_H

#include "engine/sender_types.h"

/* Forms a group, checks what stands in the tables about its segment, and says where that is mapped. */
segmsg_error_t segmsg_growth_form(segmsg_sender_t *sender, uint32_t group, uint32_t partition_count,
                                  uint32_t *segment, segmsg_segment_entry_t *entry,
                                  segmsg_segment_view_t *view);

/*
 * The first thing that a sender does: becomes a guest, or where there is no lobby forms a group 0 of
 * its own.
 */
segmsg_error_t segmsg_growth_begin(segmsg_sender_t *sender);

/* The connection is over: what comes next begins anew. The receiver has been told. */
void segmsg_growth_end(segmsg_sender_t *sender);

/* True if a guest has sent enough for a group 0 of its own, or finds the lobby full, and the receiver
 * has not too many of them. */
bool segmsg_growth_is_due(const segmsg_sender_t *sender, bool lobby_is_full);

/* The guest forms a group 0 of its own; if there is no memory for it, it stays a guest. */
void segmsg_growth_leave_lobby(segmsg_sender_t *sender);

/*
 * Replaces the starter by a full segment of group 0: the last entry in the old one names the new
 * one. If there is no memory for it we stay with the starter, which carries everything that a ring
 * must, only less of it at a time.
 */
void segmsg_growth_replace_starter(segmsg_sender_t *sender);

/* A stream has gone round the full segment once more: if it goes on, replaces that by a wide one, unless the
 * receiver has too many senders. */
void segmsg_growth_stream(segmsg_sender_t *sender);

/* True if a message is too long for the starter, and would not be for a full segment of group 0. */
bool segmsg_growth_is_long(const segmsg_sender_t *sender, size_t length);

/* True if the starter should be replaced by a full segment of group 0 now. */
bool segmsg_growth_has_outgrown(const segmsg_sender_t *sender, size_t length);

#endif
