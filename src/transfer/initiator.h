/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * All transfers of a process: what the BTL and the library call. See transfer.h.
 */
#ifndef SEGMSG_INITIATOR_H
#define SEGMSG_INITIATOR_H

#include "transfer/transfer.h"

/* No transfer is under way, and no request. Also for whoever begins anew with another region. */
void segmsg_transfers_init(segmsg_transfers_t *transfers, const segmsg_transfer_ops_t *ops,
                           void *context, const segmsg_export_t *region,
                           const segmsg_transfer_config_t *config);

/* Starts a transfer with the help of the peer, if that is the best way; the operation `done` tells of its end,
 * perhaps before this returns. False, and nothing is done: the caller is to copy by itself. By any thread. */
bool segmsg_transfers_start(segmsg_transfers_t *transfers, const segmsg_transfer_want_t *want);

/* Goes on with the transfers of this process and, if it `waits`, helps peers with theirs; a process that has
 * large transfers of its own to copy (`copies`) sends chunks only. Returns how much was done. With the progress
 * lock held, as the next. */
int segmsg_transfers_progress(segmsg_transfers_t *transfers, bool waits, bool copies);

/* A peer goes: its transfers end, its requests are dropped. */
void segmsg_transfers_forget(segmsg_transfers_t *transfers, const segmsg_transfer_peer_t *peer);

/* Ends the transfer that was asked for with `argument` as the first of the asker's, if it is under way, or
 * with NULL all there are; without a call of `done`. Returns when the helper can write to its memory no more. With the progress lock held. */
void segmsg_transfers_abandon(segmsg_transfers_t *transfers, const void *argument);

#endif
