/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Segment groups that senders form with this process's export: found, checked, and paired with who formed them.
 */
#ifndef SEGMSG_GROUPS_H
#define SEGMSG_GROUPS_H

#include "engine/receiver_types.h"

/* Looks through the segment-group table for groups formed since the last time.
 * Returns SEGMSG_OK or SEGMSG_ERR_CORRUPT. */
segmsg_error_t segmsg_receiver_find_groups(segmsg_receiver_t *receiver);

/* True if senders formed groups since segmsg_receiver_find_groups was last called. */
static inline bool segmsg_receiver_has_new_groups(const segmsg_receiver_t *receiver)
{
    /* Acquire: whoever sees the count sees the entries. */
    return atomic_load_explicit(&segmsg_export_head(receiver->own)->formed_count,
                                memory_order_acquire)
           != receiver->formed_seen;
}

/* The reader of the sender named `name`, or NULL. */
segmsg_reader_t *segmsg_receiver_reader_of(const segmsg_receiver_t *receiver, uint64_t name);

/* The sender of `reader` leaves the lobby for its own group 0. */
void segmsg_receiver_open_ring(segmsg_receiver_t *receiver, segmsg_reader_t *reader);

/* The ring of `reader` is `target` from now on, which is `segment` in the table. */
void segmsg_reader_open_ring(segmsg_reader_t *reader, const segmsg_target_t *target,
                             uint32_t segment);

/* Something in this process's export cannot be. Returns SEGMSG_ERR_CORRUPT. */
segmsg_error_t segmsg_receiver_corrupt(segmsg_receiver_t *receiver, segmsg_reader_t *suspect);

#endif
