/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The initiator's side of the chunked rendezvous: see transfer.h. The helper may be slow to begin, as it
 * computes, or lose its processor in between. Neither holds the transfer up: after chunk_timeout microseconds
 * the initiator claims what is left and copies it by itself, and after as many more what the helper has claimed
 * and not sent. Chunks that come later belong to no transfer: the record has another generation.
 */
#ifndef SEGMSG_CHUNKED_H
#define SEGMSG_CHUNKED_H

#include "transfer/transfer.h"

/* Starts one. False, and nothing is done: no record is free. By any thread. */
bool segmsg_chunked_start(segmsg_transfers_t *transfers, const segmsg_transfer_want_t *want);

/* A chunk has come from `peer`. False: no correct process sends it. With the progress lock held, as below. */
bool segmsg_chunked_came(segmsg_transfers_t *transfers, const segmsg_transfer_peer_t *peer,
                         const segmsg_transfer_chunk_t *chunk);

/* Goes on with transfer `index`; true if it has ended. `waits`: the caller of progress waits. *late counts the
 * transfers that are taken over in this call: one, since chunks of the others may have come meanwhile. */
bool segmsg_chunked_progress(segmsg_transfers_t *transfers, int index, bool waits, unsigned *late);

/* Ends a transfer whose peer is gone. */
void segmsg_chunked_give_up(segmsg_transfers_t *transfers, int index);

#endif
