/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The helper's side of the transfers of other processes. With the progress lock held.
 */
#ifndef SEGMSG_HELPER_H
#define SEGMSG_HELPER_H

#include "transfer/transfer.h"

/*
 * `peer` asks for help. Kept until there is time for it; dropped if it asks for a copy and `can_copy` is
 * false, or if too many wait. False: no correct process asks for that.
 */
bool segmsg_helper_asked(segmsg_transfers_t *transfers, segmsg_transfer_peer_t *peer,
                         const segmsg_transfer_request_t *request, bool can_copy);

/* Helps the first of those that asked who can be helped now. A process that has transfers of its own to copy
 * (`copies`) sends chunks only. False: there was nothing to do. */
bool segmsg_helper_progress(segmsg_transfers_t *transfers, bool copies);

/* True if `peer` has asked for the chunks of more than `count` transfers that are not claimed yet. */
bool segmsg_helper_streams(const segmsg_transfers_t *transfers, const segmsg_transfer_peer_t *peer,
                           unsigned count);

/* Longest chunk for a request, bytes of data. */
static inline uint64_t segmsg_helper_chunk_most(const segmsg_transfer_help_t *help)
{
    return help->cut.bytes < help->cut.unit_bytes ? help->cut.bytes : help->cut.unit_bytes;
}

/* Claims a chunk; its `bytes` are 0 if nothing is left. By the operation send_chunk, when there is room for
 * one: the initiator then waits for it. */
segmsg_transfer_chunk_t segmsg_helper_claim(const segmsg_transfer_help_t *help);

/* The data of a chunk were copied into partitions, from `begun` on, ticks. */
void segmsg_helper_wrote(const segmsg_transfer_help_t *help, const segmsg_transfer_chunk_t *chunk,
                         uint64_t begun);

/* Drops the requests of `peer` for `data`, memory of this process that is no longer the transfer's; or, as the
 * peer goes, with NULL all of its requests. */
void segmsg_helper_drop(segmsg_transfers_t *transfers, const segmsg_transfer_peer_t *peer,
                        const void *data);

#endif
