/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Which way a large transfer goes, where its initiator can copy it by itself.
 *
 *     long enough for chunks, a get, the caller waits, the peer has a processor,
 *     and chunks are the faster way (choice.h)                                     chunks
 *     else long enough for two, the peer has a processor and helps (help.h), and
 *     the program does not work on what it receives (use.h), or it is too long
 *     for a cache                                                                  cooperative copy
 *     else                                                                         copy
 */
#ifndef SEGMSG_PLAN_H
#define SEGMSG_PLAN_H

#include "transfer/transfer.h"

#include "base/clock.h"

typedef enum { SEGMSG_BY_COPY, SEGMSG_BY_COOPERATIVE_COPY, SEGMSG_BY_CHUNKS } segmsg_way_t;

segmsg_way_t segmsg_plan(segmsg_transfers_t *transfers, const segmsg_transfer_want_t *want);

/* True if what a transfer of `bytes` bytes takes is of interest. */
static inline bool segmsg_plan_is_measured(const segmsg_transfers_t *transfers, uint64_t bytes)
{
    const segmsg_transfer_config_t *config = &transfers->config;
    return (config->chunks_from != 0 && bytes >= config->chunks_from)
           || (config->cooperative_from != 0 && bytes >= config->cooperative_from);
}

/* When a copy of `bytes` bytes begins, in ticks, for segmsg_plan_note_copy. */
static inline uint64_t segmsg_plan_copy_begins(const segmsg_transfers_t *transfers, uint64_t bytes)
{
    return segmsg_plan_is_measured(transfers, bytes) ? segmsg_clock_ticks() : 0;
}

/* A transfer was copied by its initiator, perhaps with help, and began then. */
void segmsg_plan_note_copy(segmsg_transfers_t *transfers, segmsg_transfer_peer_t *peer, bool is_put,
                           uint64_t bytes, uint64_t begun);

/* The helper copied so many bytes (0: it did not help) of a cooperative copy whose own part took from `begun`
 * to `own_done`, ticks. */
void segmsg_plan_note_help(segmsg_transfers_t *transfers, const segmsg_transfer_t *transfer,
                           uint64_t bytes);

#endif
