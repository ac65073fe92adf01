/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "transfer/plan.h"

#include "transfer/helper.h"

/* Relaxed, all: hints and statistics, which may be lost. */
#define get(from)       atomic_load_explicit(from, memory_order_relaxed)
#define set(to, number) atomic_store_explicit(to, number, memory_order_relaxed)
#define add(to, number) atomic_fetch_add_explicit(to, number, memory_order_relaxed)

static bool may_be_chunks(const segmsg_transfers_t *transfers, const segmsg_transfer_want_t *want)
{
    const segmsg_transfer_config_t *config = &transfers->config;
    return config->chunks_from != 0 && want->bytes >= config->chunks_from
           && want->bytes <= config->chunks_to && !want->is_put
           && want->bytes / config->chunk_bytes < SEGMSG_JOINT_UNITS_MAX
           && transfers->microsecond != 0
           && transfers->ops->has_processor(transfers->context, want->peer->user);
}

/* Chunks are for a caller that waits, as the helper is to do its part at once. */
static bool is_by_chunks(segmsg_transfers_t *transfers, const segmsg_transfer_want_t *want)
{
    enum { WINDOW = 8 /* messages */ };
    const segmsg_transfer_config_t *config = &transfers->config;
    segmsg_transfer_peer_t *peer = want->peer;
    if (!may_be_chunks(transfers, want) || config->chunks_always) {
        return may_be_chunks(transfers, want);
    }
    if (!transfers->ops->waits(transfers->context)) {
        return false;
    }
    /* The progress lock is held, since the caller waits. */
    if (__builtin_expect(peer->large_seen < config->chunks_after, 0)) {
        ++peer->large_seen;
        return false;
    }
    bool peer_asks = (int64_t) (peer->chunk_sent - peer->large_began) > 0;
    peer->large_began = segmsg_clock_ticks();
    /* Where both stream, two processors would have four copies to make of what the kernel makes two of. */
    return !segmsg_helper_streams(transfers, peer, WINDOW)
           && segmsg_choice_units(&peer->choice, want->bytes, peer_asks);
}

/*
 * True if there is hope of help. Where both processes have transfers of their own to do, some of a stream are
 * helped with and some not; to divide them all costs more than that gives, also because cache lines then wander
 * between the cores. So a peer that has not helped for a while is not asked for a while.
 */
static bool is_worth_asking(segmsg_transfers_t *transfers, const segmsg_transfer_want_t *want)
{
    segmsg_transfer_peer_t *peer = want->peer;
    if (!transfers->ops->has_processor(transfers->context, peer->user)
        || !segmsg_help_is_worth(&peer->help, segmsg_clock_ticks())) {
        return false;
    }
    if (get(&peer->unhelped) < transfers->config.unhelped_bytes) {
        return true;
    }
    if (add(&peer->unasked, want->bytes) + want->bytes <= transfers->config.unasked_bytes) {
        return false;
    }
    set(&peer->unasked, 0);
    return true;
}

segmsg_way_t segmsg_plan(segmsg_transfers_t *transfers, const segmsg_transfer_want_t *want)
{
    const segmsg_transfer_config_t *config = &transfers->config;
    bool by_chunks = is_by_chunks(transfers, want);
    if (!by_chunks && (config->cooperative_from == 0 || want->bytes < config->cooperative_from)) {
        return SEGMSG_BY_COPY;
    }
    (void) add(&transfers->started, 1);
    bool may_be_used = want->bytes < config->used_from && segmsg_use_is_likely(&transfers->use);
    return by_chunks                                          ? SEGMSG_BY_CHUNKS
           : !may_be_used && is_worth_asking(transfers, want) ? SEGMSG_BY_COOPERATIVE_COPY
                                                              : SEGMSG_BY_COPY;
}

void segmsg_plan_note_copy(segmsg_transfers_t *transfers, segmsg_transfer_peer_t *peer, bool is_put,
                           uint64_t bytes, uint64_t begun)
{
    const segmsg_transfer_config_t *config = &transfers->config;
    if (!segmsg_plan_is_measured(transfers, bytes)) {
        return;
    }
    uint64_t now = segmsg_clock_ticks();
    transfers->ops->copied_until(transfers->context, now);
    if (config->chunks_from != 0 && !is_put && bytes >= config->chunks_from) {
        segmsg_choice_note_copy(&peer->choice, bytes, now - begun);
    }
}

void segmsg_plan_note_help(segmsg_transfers_t *transfers, const segmsg_transfer_t *transfer,
                           uint64_t bytes)
{
    segmsg_transfer_peer_t *peer = transfer->want.peer;
    uint64_t all = transfer->want.bytes;
    segmsg_help_note_rate(&peer->help, all - bytes, transfer->own_done - transfer->begun);
    if (bytes != 0 && transfers->microsecond != 0) {
        uint64_t now = segmsg_clock_ticks();
        segmsg_help_note(&peer->help, bytes, now - transfer->own_done, now, transfers->microsecond);
    }
    uint64_t most = transfers->config.unhelped_bytes;
    uint64_t unhelped = get(&peer->unhelped);
    enum { LATE = 4 /* who copies less than one in so many bytes came late: it is busy */ };
    if (bytes < all / LATE) {
        unhelped += all;
    } else {
        unhelped -= all < unhelped ? all : unhelped;
    }
    (void) add(&transfers->helped_bytes, bytes);
    set(&peer->unhelped, unhelped < most ? unhelped : most);
}
