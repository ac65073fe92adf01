/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The sending side of a pair that talks little: the sender is a guest in the receiver's common
 * segments, which it shares with other senders. In the lobby, group 0's common segment, it claims as
 * many lines as its message takes (queue/mpsc_ring.h); above, it claims a run of partitions by setting
 * their bits.
 */
#ifndef SEGMSG_GUEST_H
#define SEGMSG_GUEST_H

#include "engine/sender_types.h"
#include "queue/message.h"

/* Most lines of a message that goes through the lobby itself; longer ones are announced there. */
enum { SEGMSG_LOBBY_LINES = 16 };

/*
 * Makes the sender a guest. Returns SEGMSG_OK, or SEGMSG_ERR_TABLE_FULL if the receiver has no lobby
 * or no entry for one more guest.
 */
segmsg_error_t segmsg_guest_enter(segmsg_sender_t *sender);

/* Takes lines in the lobby for a message of `length` bytes, at most sender->lobby.capacity. They must
 * be published soon: what others put behind them is not seen before. Returns SEGMSG_OK,
 * SEGMSG_ERR_FULL or SEGMSG_ERR_CORRUPT. */
segmsg_error_t segmsg_guest_take(segmsg_sender_t *sender, size_t length, segmsg_place_t *place);

/* Publishes a message in the lobby, or the announcement of one that lies in `segment`; false if the
 * lobby has no line for the announcement now. */
bool segmsg_guest_publish(segmsg_sender_t *sender, const segmsg_place_t *place, uint8_t tag,
                          uint32_t length, uint32_t segment);

/*
 * Takes a run in the common segment of `group`, which is above group 0 and carries a message of `length`
 * bytes. Returns SEGMSG_OK, SEGMSG_ERR_FULL, SEGMSG_ERR_NO_SPACE, SEGMSG_ERR_TABLE_FULL if there is no such
 * segment, or SEGMSG_ERR_CORRUPT.
 */
segmsg_error_t segmsg_common_take(segmsg_sender_t *sender, size_t length, uint32_t group,
                                  segmsg_place_t *place);

/* Gives such a run back unpublished. */
void segmsg_common_give_back(segmsg_sender_t *sender, const segmsg_place_t *place);

/* Compares what is said of the lobby with what the sender knows; notes in the sender if it is corrupt. */
void segmsg_guest_verify(segmsg_sender_t *sender);

/* Says in the lobby that the guest leaves for good. False if there is no line now. */
bool segmsg_guest_close(segmsg_sender_t *sender);

#endif
