/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The initiator's side of cooperative copies: see transfer.h.
 */
#ifndef SEGMSG_COOPERATIVE_H
#define SEGMSG_COOPERATIVE_H

#include "transfer/transfer.h"

/* Starts one. False, and nothing is done: no record is free. By any thread. */
bool segmsg_cooperative_start(segmsg_transfers_t *transfers, const segmsg_transfer_want_t *want);

/* Ends transfer `index`, which is AWAITED, if the helper has reported or is gone. With the progress lock held. */
bool segmsg_cooperative_progress(segmsg_transfers_t *transfers, int index);

/* True while the helper of transfer `index` may write to this process's memory. */
bool segmsg_cooperative_is_written(segmsg_transfers_t *transfers, int index);

#endif
