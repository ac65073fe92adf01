/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Places above group 0: in segments of this sender's own, or in those that all senders share.
 */
#ifndef SEGMSG_RUNS_H
#define SEGMSG_RUNS_H

#include "engine/sender_types.h"
#include "queue/message.h"

/* True if the receiver's export held something that no correct process writes: nothing more can be sent. */
static inline bool segmsg_sender_is_corrupt(const segmsg_sender_t *sender)
{
    return sender->is_corrupt || sender->ring.is_corrupt;
}

/* What becomes of an outcome: a sender that has seen what cannot be has no other any more. */
static inline segmsg_error_t segmsg_sender_outcome(segmsg_sender_t *sender, segmsg_error_t error)
{
    sender->is_corrupt = sender->is_corrupt || error == SEGMSG_ERR_CORRUPT;
    return error != SEGMSG_OK && segmsg_sender_is_corrupt(sender) ? SEGMSG_ERR_CORRUPT : error;
}

/* Takes a place in the groups from `from_group` on: the slow path of segmsg_sender_take. Returns SEGMSG_OK,
 * SEGMSG_ERR_FULL if there is no room now, or why there never is. */
segmsg_error_t segmsg_sender_take_larger(segmsg_sender_t *sender, size_t length,
                                         uint32_t from_group, segmsg_place_t *place);

/*
 * Takes a place above group 0 whatever the length, for messages that are published later, and for the
 * pieces of long ones. Where cache.piece_segment says so, that is in the first group whose segment is so
 * large, unless the message would leave half of a partition empty or there is no memory for that group.
 */
segmsg_error_t segmsg_sender_take_lasting(segmsg_sender_t *sender, size_t length,
                                          segmsg_place_t *place);

/* Frees what the receiver has returned since the last look; only what is in use can come back. */
void segmsg_runs_reclaim(segmsg_sender_t *sender, segmsg_run_image_t *run);

/*
 * The groups from `from_group` on, by rising partition size: passes over those whose span does not
 * hold the message, that are full at this moment, or that the receiver has no memory for.
 */
segmsg_error_t segmsg_runs_take_larger(segmsg_sender_t *sender, size_t length, uint32_t from_group,
                                       segmsg_place_t *place);

#endif
