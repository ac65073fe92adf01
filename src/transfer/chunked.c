/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "transfer/chunked.h"

#include "base/clock.h"
#include "base/copy_long.h"
#include "transfer/records.h"

static uint64_t later(uint64_t a, uint64_t b)
{
    return (int64_t) (a - b) > 0 ? a : b;
}

static uint64_t timeout(const segmsg_transfers_t *transfers)
{
    return transfers->config.chunk_timeout * transfers->microsecond;
}

static bool has_all(const segmsg_transfer_t *transfer)
{
    return transfer->own + transfer->arrived == segmsg_joint_units(&transfer->cut);
}

/* Chunks of whole lines, alike in length, at most chunk_bytes long. */
static segmsg_joint_cut_t cut_for(const segmsg_transfers_t *transfers, uint64_t bytes)
{
    uint64_t count = (bytes - 1) / transfers->config.chunk_bytes + 1;
    uint64_t chunk = ((bytes - 1) / count / SEGMSG_LINE + 1) * SEGMSG_LINE;
    return (segmsg_joint_cut_t){.bytes = bytes, .unit_bytes = chunk};
}

bool segmsg_chunked_start(segmsg_transfers_t *transfers, const segmsg_transfer_want_t *want)
{
    const segmsg_joint_cut_t cut = cut_for(transfers, want->bytes);
    int index = segmsg_records_begin(transfers, want, &cut, SEGMSG_TRANSFER_CHUNKS);
    if (__builtin_expect(index < 0, 0)) {
        return false;
    }
    const segmsg_transfer_t transfer = transfers->transfer[index];
    transfers->ops->streams(transfers->context, 1);
    segmsg_records_start_waiting(transfers, index);
    transfers->ops->expects_wait(transfers->context);
    if (__builtin_expect(!segmsg_records_ask(transfers, index, &transfer), 0)) {
        /* Relaxed: a hint. It is taken over at once, if it is still the same transfer. */
        atomic_store_explicit(&transfers->unasked[index], transfer.generation,
                              memory_order_relaxed);
    }
    return true;
}

/* Ends a transfer, of which all has come or was copied. */
static void finish(segmsg_transfers_t *transfers, int index)
{
    const segmsg_transfer_t *transfer = &transfers->transfer[index];
    segmsg_choice_note_message(&transfer->want.peer->choice,
                               !transfer->is_slow && transfer->state == SEGMSG_TRANSFER_CHUNKS);
    transfers->ops->streams(transfers->context, -1);
    segmsg_records_stop_waiting(transfers, index);
    segmsg_records_end(transfers, index, transfer->copied);
}

void segmsg_chunked_give_up(segmsg_transfers_t *transfers, int index)
{
    transfers->ops->streams(transfers->context, -1);
    segmsg_records_give_up(transfers, index);
}

/* When a chunk came last, or could have: while this process copies it hears nothing. */
static uint64_t silent_since(const segmsg_transfers_t *transfers, const segmsg_transfer_t *transfer)
{
    return later(later(transfer->begun, transfer->want.peer->chunk_came), transfers->copied_until);
}

/* True if the helper should have sent something by now. A caller that does not wait, but tests now and then, is
 * not to be held up by what it does in between; nor is a transfer for ever by other copies. */
static bool is_late(segmsg_transfers_t *transfers, int index, bool waits)
{
    enum { MOST = 1000 /* times as long, whatever else is copied */ };
    const segmsg_transfer_t *transfer = &transfers->transfer[index];
    uint64_t now = segmsg_clock_ticks();
    /* Relaxed: a hint. */
    if (atomic_load_explicit(&transfers->unasked[index], memory_order_relaxed)
        == transfer->generation) {
        return true;
    }
    if (!waits) {
        return now - transfer->begun > timeout(transfers);
    }
    return now - silent_since(transfers, transfer) > timeout(transfers)
           || now - transfer->chunk_came > MOST * timeout(transfers);
}

/* Copies what the helper has not claimed. */
static void take_over(segmsg_transfers_t *transfers, int index)
{
    segmsg_transfer_t *transfer = &transfers->transfer[index];
    transfer->state = SEGMSG_TRANSFER_TAKEN_OVER;
    segmsg_records_copy(transfers, index);
    transfer->taken_over = segmsg_clock_ticks();
    transfer->verified = transfer->taken_over;
    transfers->ops->copied_until(transfers->context, transfer->taken_over);
}

/* Copies what the helper has claimed and not sent, if that is due. It does not write to this process's memory,
 * so what it sends when it is back does no harm. */
static void copy_claimed(segmsg_transfers_t *transfers, int index)
{
    segmsg_transfer_t *transfer = &transfers->transfer[index];
    uint32_t missing = segmsg_joint_units(&transfer->cut) - transfer->own - transfer->arrived;
    if (missing == 0 || transfer->is_out_of_order || !transfer->copied
        || segmsg_clock_ticks() - later(transfer->taken_over, transfer->chunk_came)
               <= timeout(transfers)) {
        return;
    }
    segmsg_joint_piece_t piece = segmsg_joint_piece(&transfer->cut, transfer->own, missing);
    if (segmsg_transfer_copy(transfers, &transfer->want, piece.offset, piece.bytes)) {
        transfer->own += missing;
    } else {
        transfer->is_out_of_order = true; /* what was claimed is waited for */
    }
    transfers->ops->copied_until(transfers->context, segmsg_clock_ticks());
}

bool segmsg_chunked_progress(segmsg_transfers_t *transfers, int index, bool waits, unsigned *late)
{
    const segmsg_transfer_t *transfer = &transfers->transfer[index];
    if (transfer->state == SEGMSG_TRANSFER_TAKEN_OVER) {
        copy_claimed(transfers, index);
    } else if (*late == 0 && is_late(transfers, index, waits)) {
        take_over(transfers, index);
        ++*late;
    }
    if (has_all(transfer)) {
        finish(transfers, index);
        return true;
    }
    if (transfer->state == SEGMSG_TRANSFER_TAKEN_OVER
        && __builtin_expect(segmsg_records_peer_is_gone(transfers, index), 0)) {
        segmsg_chunked_give_up(transfers, index);
        return true;
    }
    return false;
}

/* True if the kernel would have copied much of a transfer in so many ticks. */
static bool is_slow(const segmsg_transfers_t *transfers, const segmsg_transfer_t *transfer,
                    uint64_t ticks)
{
    enum { AT_LEAST = 4 /* microseconds */ };
    return ticks > AT_LEAST * transfers->microsecond
           && ticks
                  > segmsg_choice_copy_ticks(&transfer->want.peer->choice, transfer->cut.bytes) / 2;
}

/* What else there was while chunks of a transfer came, so far. */
static segmsg_traffic_t traffic_of(segmsg_transfers_t *transfers, segmsg_transfer_t *transfer)
{
    /* Relaxed: a hint. */
    uint64_t waiting = atomic_load_explicit(&transfers->waiting, memory_order_relaxed);
    transfer->has_company = transfer->has_company || (waiting & (waiting - 1)) != 0;
    return !transfer->has_company ? SEGMSG_TRAFFIC_ALONE
           : (int64_t) (transfer->want.peer->chunk_sent - transfer->begun) > 0
               ? SEGMSG_TRAFFIC_BOTH_WAYS
               : SEGMSG_TRAFFIC_STREAM;
}

/* True if the chunk is one of the transfer's that has not come yet. */
static bool is_of(const segmsg_transfer_t *transfer, const segmsg_transfer_peer_t *peer,
                  const segmsg_transfer_chunk_t *chunk)
{
    uint64_t unit = chunk->offset / transfer->cut.unit_bytes;
    return transfer->want.peer == peer && unit < segmsg_joint_units(&transfer->cut)
           && chunk->offset % transfer->cut.unit_bytes == 0
           && chunk->bytes == segmsg_joint_piece(&transfer->cut, (uint32_t) unit, 1).bytes
           && unit >= transfer->own && !has_all(transfer);
}

/* Copies a chunk to its place; the time of it is noted. Returns what else there was. */
static segmsg_traffic_t copy_chunk(segmsg_transfers_t *transfers, segmsg_transfer_t *transfer,
                                   const segmsg_transfer_chunk_t *chunk)
{
    uint64_t begun = segmsg_clock_ticks();
    uint64_t unit = chunk->offset / transfer->cut.unit_bytes;
    if (transfer->arrived == 0) {
        transfer->is_slow = is_slow(transfers, transfer, begun - silent_since(transfers, transfer));
    }
    transfer->is_out_of_order =
        transfer->is_out_of_order
        || unit != segmsg_joint_units(&transfer->cut) - 1 - transfer->arrived;
    segmsg_copy_long((char *) transfer->want.local + chunk->offset, chunk->data, chunk->bytes);
    uint64_t now = segmsg_clock_ticks();
    transfers->ops->copied_until(transfers->context, now);
    transfer->want.peer->chunk_came = now;
    transfer->chunk_came = now;
    segmsg_traffic_t traffic = traffic_of(transfers, transfer);
    segmsg_choice_note_unit(&transfer->want.peer->choice, chunk->bytes, now - begun, traffic);
    return traffic;
}

bool segmsg_chunked_came(segmsg_transfers_t *transfers, const segmsg_transfer_peer_t *peer,
                         const segmsg_transfer_chunk_t *chunk)
{
    if (chunk->record >= SEGMSG_JOINTS) {
        return false;
    }
    int index = (int) chunk->record;
    segmsg_transfer_t *transfer = &transfers->transfer[index];
    if (!segmsg_records_is_waiting(transfers, index) || transfer->generation != chunk->generation
        || transfer->state == SEGMSG_TRANSFER_AWAITED) {
        return true; /* of a transfer that was ended without it */
    }
    if (!is_of(transfer, peer, chunk)) {
        return false;
    }
    segmsg_traffic_t traffic = copy_chunk(transfers, transfer, chunk);
    /* Relaxed: a statistic. */
    atomic_fetch_add_explicit(&transfers->chunk_bytes, chunk->bytes, memory_order_relaxed);
    ++transfer->arrived;
    if (has_all(transfer)) {
        if (traffic == SEGMSG_TRAFFIC_ALONE && transfer->own == 0 && !transfer->is_slow) {
            segmsg_choice_note_whole(&transfer->want.peer->choice, transfer->cut.bytes,
                                     transfer->chunk_came - transfer->begun);
        }
        finish(transfers, index);
    }
    return true;
}
