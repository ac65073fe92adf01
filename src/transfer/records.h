/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The transfers that this process has begun: a free one is had, it is begun, it ends.
 */
#ifndef SEGMSG_RECORDS_H
#define SEGMSG_RECORDS_H

#include "transfer/transfer.h"

/* No transfer is under way. */
void segmsg_records_init(segmsg_transfers_t *transfers);

/*
 * Begins a transfer that is divided as `cut` says, and opens its record; its state is `state`. Returns its
 * index, or -1 if SEGMSG_JOINTS of them are under way or there is no memory for the records.
 */
int segmsg_records_begin(segmsg_transfers_t *transfers, const segmsg_transfer_want_t *want,
                         const segmsg_joint_cut_t *cut, segmsg_transfer_state_t state);

/* What the helper sees of a transfer of this process. */
static inline segmsg_joint_t *segmsg_records_shared(const segmsg_transfers_t *transfers, int index)
{
    return segmsg_export_joint(transfers->region, (uint32_t) index);
}

/* Asks the helper. A transfer that progress looks after may be over by now, and the next one's: hence a copy.
 * False: there is no room for the request now. */
bool segmsg_records_ask(const segmsg_transfers_t *transfers, int index,
                        const segmsg_transfer_t *transfer);

/* Claims and copies until nothing is left to claim. What cannot be copied is claimed all the same. */
void segmsg_records_copy(segmsg_transfers_t *transfers, int index);

/* True if progress looks after the transfer. */
static inline bool segmsg_records_is_waiting(segmsg_transfers_t *transfers, int index)
{
    /* Acquire: what the thread that started it has written. */
    return (atomic_load_explicit(&transfers->waiting, memory_order_acquire) >> index & 1) != 0;
}

/* From now on the transfer belongs to whoever holds the progress lock. */
void segmsg_records_start_waiting(segmsg_transfers_t *transfers, int index);
void segmsg_records_stop_waiting(segmsg_transfers_t *transfers, int index);

/* True if the record can be what both have made of it; nothing is left to claim. */
bool segmsg_records_are_sound(const segmsg_transfers_t *transfers, int index);

/* True if the peer that a transfer waits for is gone; looks every verify_every ticks, and then also whether
 * the record is sound. */
bool segmsg_records_peer_is_gone(segmsg_transfers_t *transfers, int index);

/*
 * Ends a transfer that nobody else touches any more. `copied`: all of it is in its place. The record is free
 * again.
 */
void segmsg_records_end(segmsg_transfers_t *transfers, int index, bool copied);

/* Ends a transfer whose peer is gone. What it has claimed will not be reported, or nobody knows when: the
 * record is not used again. */
void segmsg_records_give_up(segmsg_transfers_t *transfers, int index);

#endif
