/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "transfer/helper.h"

#include "base/clock.h"

static bool wants_chunks(const segmsg_transfer_request_t *request)
{
    return request->at_initiator == 0;
}

/* The record of the transfer, in the initiator's region. */
static segmsg_joint_t *record_of(const segmsg_transfer_help_t *help)
{
    return segmsg_export_joint(help->peer->region, help->request.record);
}

static bool has_left(const segmsg_transfers_t *transfers, const segmsg_transfer_help_t *help)
{
    return help->peer == NULL || transfers->ops->has_left(transfers->context, help->peer->user);
}

/* True if nothing is left of a transfer. */
static bool is_claimed(const segmsg_transfers_t *transfers, const segmsg_transfer_help_t *help)
{
    return has_left(transfers, help)
           || segmsg_joint_is_claimed(record_of(help), help->request.generation);
}

static segmsg_transfer_help_t *help_at(segmsg_transfers_t *transfers, unsigned position)
{
    return &transfers->help[(transfers->first_help + position) % SEGMSG_TRANSFER_HELPS];
}

static void drop_first(segmsg_transfers_t *transfers)
{
    segmsg_transfers_add_work(transfers, -1);
    transfers->first_help = (transfers->first_help + 1) % SEGMSG_TRANSFER_HELPS;
    --transfers->help_count;
}

/* Takes the first request to the end. */
static void postpone_first(segmsg_transfers_t *transfers)
{
    *help_at(transfers, transfers->help_count) = *help_at(transfers, 0);
    transfers->first_help = (transfers->first_help + 1) % SEGMSG_TRANSFER_HELPS;
}

/* Drops the requests of which nothing is left. */
static void drop_claimed(segmsg_transfers_t *transfers)
{
    for (unsigned left = transfers->help_count; left != 0; --left) {
        if (is_claimed(transfers, help_at(transfers, 0))) {
            drop_first(transfers);
        } else {
            postpone_first(transfers);
        }
    }
}

/* True if a correct process may ask for that. */
static bool is_sane(const segmsg_transfers_t *transfers, const segmsg_transfer_request_t *request)
{
    return request->record < SEGMSG_JOINTS && request->bytes != 0 && request->unit_bytes != 0
           && (request->bytes - 1) / request->unit_bytes < SEGMSG_JOINT_UNITS_MAX
           && (!wants_chunks(request)
               || (!request->is_put && request->unit_bytes <= transfers->config.chunk_most));
}

bool segmsg_helper_asked(segmsg_transfers_t *transfers, segmsg_transfer_peer_t *peer,
                         const segmsg_transfer_request_t *request, bool can_copy)
{
    if (!is_sane(transfers, request)) {
        return false;
    }
    if (transfers->help_count == SEGMSG_TRANSFER_HELPS) {
        drop_claimed(transfers);
    }
    if (transfers->help_count < SEGMSG_TRANSFER_HELPS && (wants_chunks(request) || can_copy)) {
        *help_at(transfers, transfers->help_count) = (segmsg_transfer_help_t){
            .peer = peer,
            .request = *request,
            .cut = {.bytes = request->bytes, .unit_bytes = request->unit_bytes},
            .verified = segmsg_clock_ticks(),
        };
        ++transfers->help_count;
        segmsg_transfers_add_work(transfers, 1);
    }
    return true;
}

/* True if the initiator is no more, and its process number perhaps another process's. */
static bool initiator_is_gone(const segmsg_transfers_t *transfers, segmsg_transfer_help_t *help)
{
    if (has_left(transfers, help)) {
        return true;
    }
    uint64_t now = segmsg_clock_ticks();
    if (now - help->verified < transfers->verify_every) {
        return false;
    }
    help->verified = now;
    return !transfers->ops->is_alive(transfers->context, help->peer->user);
}

/* Copies some units; no more, so that a program that calls MPI_Test between computations loses little time. */
static segmsg_help_outcome_t copy_units(const segmsg_transfers_t *transfers,
                                        const segmsg_transfer_help_t *help)
{
    const segmsg_transfer_request_t *request = &help->request;
    segmsg_joint_t *record = record_of(help);
    uint64_t most = transfers->config.help_bytes / help->cut.unit_bytes;
    segmsg_joint_piece_t piece =
        segmsg_joint_claim(record, request->generation, &help->cut, most == 0 ? 1 : (uint32_t) most,
                           SEGMSG_JOINT_BACK);
    if (piece.units == 0) {
        return SEGMSG_HELP_OVER;
    }
    bool copied = transfers->ops->copy(transfers->context, help->peer->user, !request->is_put,
                                       (char *) (uintptr_t) request->at_helper + piece.offset,
                                       request->at_initiator + piece.offset, piece.bytes);
    segmsg_joint_report(record, piece.units, copied);
    return __builtin_expect(copied, 1) ? SEGMSG_HELP_GIVEN : SEGMSG_HELP_OVER;
}

segmsg_transfer_chunk_t segmsg_helper_claim(const segmsg_transfer_help_t *help)
{
    const segmsg_transfer_request_t *request = &help->request;
    segmsg_joint_piece_t piece =
        segmsg_joint_claim(record_of(help), request->generation, &help->cut, 1, SEGMSG_JOINT_BACK);
    return (segmsg_transfer_chunk_t){
        .record = request->record,
        .generation = request->generation,
        .offset = piece.offset,
        .bytes = piece.bytes,
        .data = (const char *) (uintptr_t) request->at_helper + piece.offset,
    };
}

void segmsg_helper_wrote(const segmsg_transfer_help_t *help, const segmsg_transfer_chunk_t *chunk,
                         uint64_t begun)
{
    uint64_t now = segmsg_clock_ticks();
    segmsg_choice_note_in(&help->peer->choice, chunk->bytes, now - begun);
    help->peer->chunk_sent = now;
}

/* Sends as many chunks as may go out at a time. */
static segmsg_help_outcome_t send_chunks(const segmsg_transfers_t *transfers,
                                         const segmsg_transfer_help_t *help)
{
    for (unsigned sent = 0; sent < transfers->config.chunk_budget; ++sent) {
        segmsg_help_outcome_t outcome =
            transfers->ops->send_chunk(transfers->context, help->peer->user, help);
        if (outcome != SEGMSG_HELP_GIVEN) {
            return sent != 0 ? SEGMSG_HELP_GIVEN : outcome;
        }
    }
    return SEGMSG_HELP_GIVEN;
}

static segmsg_help_outcome_t help_first(segmsg_transfers_t *transfers, bool copies)
{
    segmsg_transfer_help_t *help = help_at(transfers, 0);
    if (initiator_is_gone(transfers, help) || is_claimed(transfers, help)) {
        return SEGMSG_HELP_OVER;
    }
    if (wants_chunks(&help->request)) {
        return send_chunks(transfers, help);
    }
    return copies ? SEGMSG_HELP_NO_ROOM : copy_units(transfers, help);
}

bool segmsg_helper_progress(segmsg_transfers_t *transfers, bool copies)
{
    for (unsigned tries = transfers->help_count; tries != 0 && transfers->help_count != 0;
         --tries) {
        switch (help_first(transfers, copies)) {
        case SEGMSG_HELP_GIVEN:
            return true;
        case SEGMSG_HELP_NO_ROOM:
            postpone_first(transfers);
            break;
        case SEGMSG_HELP_OVER:
            drop_first(transfers);
            break;
        }
    }
    return false;
}

bool segmsg_helper_streams(const segmsg_transfers_t *transfers, const segmsg_transfer_peer_t *peer,
                           unsigned count)
{
    unsigned streams = 0;
    if (__builtin_expect(transfers->help_count <= count, 1)) {
        return false;
    }
    for (unsigned h = 0; h < transfers->help_count && streams <= count; ++h) {
        const segmsg_transfer_help_t *help =
            &transfers->help[(transfers->first_help + h) % SEGMSG_TRANSFER_HELPS];
        streams +=
            help->peer == peer && wants_chunks(&help->request) && !is_claimed(transfers, help);
    }
    return streams > count;
}

void segmsg_helper_drop(segmsg_transfers_t *transfers, const segmsg_transfer_peer_t *peer,
                        const void *data)
{
    for (unsigned h = 0; h < transfers->help_count; ++h) {
        segmsg_transfer_help_t *help = help_at(transfers, h);
        if (help->peer == peer && (data == NULL || help->request.at_helper == (uintptr_t) data)) {
            help->peer = NULL;
        }
    }
}
