/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "transfer/records.h"

#include "base/clock.h"

enum { RECORDS_NONE = 0, RECORDS_UNDER_WAY, RECORDS_COMMITTED }; /* segmsg_transfers_t.records */

void segmsg_records_init(segmsg_transfers_t *transfers)
{
    /* Relaxed, all: no other thread uses it yet. */
    atomic_store_explicit(&transfers->free, 0, memory_order_relaxed);
    atomic_store_explicit(&transfers->waiting, 0, memory_order_relaxed);
    atomic_store_explicit(&transfers->records, RECORDS_NONE, memory_order_relaxed);
    /* Not begun anew: a request of an earlier transfer must not fit a later one. */
    atomic_fetch_add_explicit(&transfers->generations, 1, memory_order_relaxed);
}

/* Commits the records when the first is needed. A thread that comes meanwhile does without; and without
 * memory for them there are none. */
static void commit_records(segmsg_transfers_t *transfers)
{
    _Static_assert(SEGMSG_JOINTS == 64, "a bit a record");
    const segmsg_export_t *region = transfers->region;
    uint32_t none = RECORDS_NONE;
    /* Relaxed: the thread that succeeds says by the release below that it is done. */
    if (!atomic_compare_exchange_strong_explicit(&transfers->records, &none, RECORDS_UNDER_WAY,
                                                 memory_order_relaxed, memory_order_relaxed)) {
        return;
    }
    if (region->commit(region->commit_context, region->shape.joints,
                       SEGMSG_JOINTS * sizeof(segmsg_joint_t))
        == 0) {
        /* Release: the memory is there. */
        atomic_store_explicit(&transfers->free, UINT64_MAX, memory_order_release);
    }
    atomic_store_explicit(&transfers->records, RECORDS_COMMITTED, memory_order_relaxed);
}

/* Takes a record; -1 if all are in use. */
static int take(segmsg_transfers_t *transfers)
{
    /* Relaxed: only a free record, below, says that there is memory. */
    if (__builtin_expect(atomic_load_explicit(&transfers->records, memory_order_relaxed)
                             == RECORDS_NONE,
                         0)) {
        commit_records(transfers);
    }
    /* Relaxed: the compare and swap makes sure. */
    uint64_t free = atomic_load_explicit(&transfers->free, memory_order_relaxed);
    while (free != 0) {
        int index = __builtin_ctzll(free);
        /* Acquire: whoever had it is done with it, and it is committed. */
        if (atomic_compare_exchange_weak_explicit(&transfers->free, &free, free & (free - 1),
                                                  memory_order_acquire, memory_order_relaxed)) {
            return index;
        }
    }
    return -1;
}

int segmsg_records_begin(segmsg_transfers_t *transfers, const segmsg_transfer_want_t *want,
                         const segmsg_joint_cut_t *cut, segmsg_transfer_state_t state)
{
    int index = take(transfers);
    if (__builtin_expect(index < 0, 0)) {
        return index;
    }
    uint64_t now = segmsg_clock_ticks();
    segmsg_joint_t *shared = segmsg_records_shared(transfers, index);
    transfers->transfer[index] = (segmsg_transfer_t){
        .want = *want,
        .cut = *cut,
        .state = state,
        /* Relaxed: a number that differs from those before. */
        .generation = atomic_fetch_add_explicit(&transfers->generations, 1, memory_order_relaxed),
        .begun = now,
        .chunk_came = now,
        .copied = true,
    };
    segmsg_joint_describe(shared, cut, want->peer->name, want->is_put);
    segmsg_joint_start(shared, transfers->transfer[index].generation, segmsg_joint_units(cut));
    /* Relaxed: a statistic. */
    atomic_fetch_add_explicit(&transfers->asked, 1, memory_order_relaxed);
    return index;
}

bool segmsg_records_ask(const segmsg_transfers_t *transfers, int index,
                        const segmsg_transfer_t *transfer)
{
    const segmsg_transfer_want_t *want = &transfer->want;
    const segmsg_transfer_request_t request = {
        .record = (uint32_t) index,
        .generation = transfer->generation,
        .is_put = want->is_put,
        .bytes = want->bytes,
        .unit_bytes = transfer->cut.unit_bytes,
        .at_helper = want->remote,
        .at_initiator = transfer->state == SEGMSG_TRANSFER_CHUNKS ? 0 : (uintptr_t) want->local,
    };
    return transfers->ops->ask(transfers->context, want->peer->user, want, &request);
}

void segmsg_records_copy(segmsg_transfers_t *transfers, int index)
{
    segmsg_transfer_t *transfer = &transfers->transfer[index];
    for (;;) {
        segmsg_joint_piece_t piece =
            segmsg_joint_claim(segmsg_records_shared(transfers, index), transfer->generation,
                               &transfer->cut, SEGMSG_JOINT_UNITS_MAX, SEGMSG_JOINT_FRONT);
        if (piece.units == 0) {
            return;
        }
        if (__builtin_expect(piece.units > segmsg_joint_units(&transfer->cut) - transfer->own, 0)) {
            transfers->ops->corrupt(transfers->context, transfer->want.peer->user);
            return;
        }
        transfer->own += piece.units;
        transfer->copied =
            transfer->copied
            && segmsg_transfer_copy(transfers, &transfer->want, piece.offset, piece.bytes);
    }
}

void segmsg_records_start_waiting(segmsg_transfers_t *transfers, int index)
{
    segmsg_transfers_add_work(transfers, 1);
    /* Release: what the thread that holds the progress lock will need. */
    atomic_fetch_or_explicit(&transfers->waiting, UINT64_C(1) << index, memory_order_release);
}

void segmsg_records_stop_waiting(segmsg_transfers_t *transfers, int index)
{
    /* Relaxed: the record is given back afterwards, with a release. */
    atomic_fetch_and_explicit(&transfers->waiting, ~(UINT64_C(1) << index), memory_order_relaxed);
    segmsg_transfers_add_work(transfers, -1);
}

bool segmsg_records_are_sound(const segmsg_transfers_t *transfers, int index)
{
    const segmsg_transfer_t *transfer = &transfers->transfer[index];
    return segmsg_joint_is_sound(segmsg_records_shared(transfers, index), transfer->generation,
                                 segmsg_joint_units(&transfer->cut), transfer->own);
}

bool segmsg_records_peer_is_gone(segmsg_transfers_t *transfers, int index)
{
    segmsg_transfer_t *transfer = &transfers->transfer[index];
    void *user = transfer->want.peer->user;
    uint64_t now = segmsg_clock_ticks();
    if (now - transfer->verified < transfers->verify_every) {
        return false;
    }
    transfer->verified = now;
    if (__builtin_expect(!segmsg_records_are_sound(transfers, index), 0)) {
        transfers->ops->corrupt(transfers->context, user); /* it would be waited for without end */
    }
    return !transfers->ops->is_alive(transfers->context, user);
}

void segmsg_records_end(segmsg_transfers_t *transfers, int index, bool copied)
{
    const segmsg_transfer_want_t want = transfers->transfer[index].want;
    transfers->transfer[index].state = SEGMSG_TRANSFER_FREE;
    segmsg_joint_describe(segmsg_records_shared(transfers, index), &(segmsg_joint_cut_t){0}, 0,
                          false);
    /* Release: what this process did with it comes before what others do. Before the callback, which may
     * start the next transfer. */
    atomic_fetch_or_explicit(&transfers->free, UINT64_C(1) << index, memory_order_release);
    transfers->ops->done(transfers->context, &want,
                         copied ? SEGMSG_TRANSFER_DONE : SEGMSG_TRANSFER_FAILED);
}

void segmsg_records_give_up(segmsg_transfers_t *transfers, int index)
{
    segmsg_records_stop_waiting(transfers, index);
    transfers->ops->done(transfers->context, &transfers->transfer[index].want,
                         SEGMSG_TRANSFER_PEER_GONE);
}
