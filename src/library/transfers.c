/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What the engine of large transfers needs of the library. The receiver of a long message is the initiator, its
 * sender the helper, if it waits.
 */
#include "library/transfers.h"

#include "library/alive.h"
#include "library/broken.h"
#include "library/peer.h"

#include "base/clock.h"
#include "base/copy_long.h"
#include "transfer/chunked.h"
#include "transfer/defaults.h"
#include "transfer/helper.h"
#include "transfer/initiator.h"
#include "transfer/plan.h"

#include <string.h>

static bool copy(void *context, void *user, bool to_peer, void *local, uint64_t remote,
                 uint64_t bytes)
{
    (void) context;
    return segmsg_copier_copy(&((const segmsg_lib_peer_t *) user)->copier, to_peer, local, remote,
                              bytes);
}

/* The sender's request, as it was named in LONG. */
static segmsg_lib_name_t send_of(const segmsg_transfer_want_t *want)
{
    return (segmsg_lib_name_t){.index = (uint32_t) (uintptr_t) want->asker.argument[1],
                               .generation = (uint32_t) (uintptr_t) want->asker.argument[2]};
}

static bool ask(void *context, void *user, const segmsg_transfer_want_t *want,
                const segmsg_transfer_request_t *request)
{
    (void) context;
    const segmsg_lib_join_t join = {
        .send = send_of(want),
        .bytes = request->bytes,
        .unit_bytes = request->unit_bytes,
        .address = request->at_initiator,
        .generation = request->generation,
        .record = request->record,
    };
    return segmsg_lib_note_now(user, SEGMSG_LIB_JOIN, &join, sizeof(join));
}

/* Room is had before the chunk is claimed, as the receiver then waits for it. A sender without an ordered ring
 * of its own sends none, and the receiver copies by itself. */
static segmsg_help_outcome_t send_chunk(void *context, void *user,
                                        const segmsg_transfer_help_t *help)
{
    (void) context;
    segmsg_lib_peer_t *peer = user;
    segmsg_place_t place;
    if (peer->first_note != NULL || peer->sends.first != NULL) {
        return SEGMSG_HELP_NO_ROOM; /* these were first */
    }
    if (!segmsg_sender_has_ring(&peer->sender)) {
        return SEGMSG_HELP_OVER;
    }
    size_t most = SEGMSG_LIB_DATA_BYTES + (size_t) segmsg_helper_chunk_most(help);
    segmsg_error_t error = segmsg_sender_take_lasting(&peer->sender, most, &place);
    if (error != SEGMSG_OK) {
        return error == SEGMSG_ERR_FULL ? SEGMSG_HELP_NO_ROOM : SEGMSG_HELP_OVER;
    }
    bool has_room = segmsg_ring_has_room(&peer->sender.ring, 1);
    const segmsg_transfer_chunk_t chunk =
        has_room ? segmsg_helper_claim(help) : (segmsg_transfer_chunk_t){0};
    if (chunk.bytes == 0) {
        segmsg_sender_give_back(&peer->sender, &place);
        return has_room ? SEGMSG_HELP_OVER : SEGMSG_HELP_NO_ROOM;
    }
    const segmsg_lib_chunk_t header = {.record = chunk.record,
                                       .generation = chunk.generation,
                                       .offset = chunk.offset};
    uint64_t begun = segmsg_clock_ticks();
    memcpy(place.data, &header, sizeof(header));
    segmsg_copy_long((unsigned char *) place.data + SEGMSG_LIB_DATA_BYTES, chunk.data,
                     (size_t) chunk.bytes);
    segmsg_helper_wrote(help, &chunk, begun);
    (void) segmsg_sender_publish(&peer->sender, &place, SEGMSG_LIB_CHUNK,
                                 (uint32_t) (SEGMSG_LIB_DATA_BYTES + chunk.bytes));
    return SEGMSG_HELP_GIVEN;
}

static bool is_alive(void *context, void *user)
{
    (void) context;
    return segmsg_lib_is_alive(user);
}

static bool has_left(void *context, void *user)
{
    (void) context, (void) user;
    return false; /* peers do not leave before all close together */
}

static bool has_processor(void *context, void *user)
{
    (void) user;
    const segmsg_t *handle = context;
    return !handle->waits.yield.is_crowded && handle->waits.yield.contended == 0;
}

static bool waits(void *context)
{
    return ((const segmsg_t *) context)->waits.depth != 0;
}

static void nothing(void *context)
{
    (void) context;
}

static void streams(void *context, int change)
{
    (void) context, (void) change; /* the library polls at every call */
}

/* Until the next call the program is away. */
static void copied_until(void *context, uint64_t now)
{
    segmsg_t *handle = context;
    handle->transfers.copied_until = now;
    if (!handle->waits.is_away) {
        handle->waits.is_away = true;
        segmsg_transfers_add_work(&handle->transfers, 1); /* so that progress says */
    }
}

void segmsg_lib_is_back(segmsg_t *handle)
{
    if (handle->waits.is_away) {
        handle->waits.is_away = false;
        handle->waits.away += segmsg_clock_ticks() - handle->transfers.copied_until;
        segmsg_transfers_add_work(&handle->transfers, -1);
    }
}

static void done(void *context, const segmsg_transfer_want_t *want, segmsg_transfer_end_t end)
{
    segmsg_t *handle = context;
    segmsg_lib_peer_t *peer = want->peer->user;
    if (__builtin_expect(end == SEGMSG_TRANSFER_PEER_GONE, 0)) {
        segmsg_lib_is_gone(handle, peer);
        return;
    }
    handle->copied(handle, want->asker.argument[0], send_of(want), end == SEGMSG_TRANSFER_DONE);
}

static void corrupt(void *context, void *user)
{
    (void) user;
    segmsg_t *handle = context;
    if (handle->broken == SEGMSG_SUCCESS) {
        segmsg_lib_corrupt(handle, NULL);
    }
}

void segmsg_lib_transfers_init(segmsg_t *handle, const segmsg_clock_moment_t *start,
                               segmsg_lib_copied_fn_t copied)
{
    static const segmsg_transfer_ops_t ops = {
        .copy = copy,
        .ask = ask,
        .send_chunk = send_chunk,
        .is_alive = is_alive,
        .has_left = has_left,
        .has_processor = has_processor,
        .waits = waits,
        .expects_wait = nothing,
        .streams = streams,
        .copied_until = copied_until,
        .done = done,
        .corrupt = corrupt,
    };
    enum { MICROSECOND = 1000, VERIFY_EVERY = 250000000 }; /* nanoseconds */
    const segmsg_transfer_config_t config = segmsg_default_transfers();
    handle->copied = copied;
    segmsg_transfers_init(&handle->transfers, &ops, handle, &handle->win.own, &config);
    handle->transfers.microsecond = segmsg_clock_ticks_in(start, MICROSECOND);
    handle->transfers.verify_every = segmsg_clock_ticks_in(start, VERIFY_EVERY);
}

bool segmsg_lib_transfer_start(segmsg_t *handle, segmsg_request_t *request,
                               const segmsg_lib_long_t *header, uint64_t bytes)
{
    const segmsg_transfer_want_t want = {
        .peer = &request->peer->transfers,
        .local = request->buffer,
        .remote = header->address,
        .bytes = bytes,
        .asker = {.argument = {request, (void *) (uintptr_t) header->send.index,
                               (void *) (uintptr_t) header->send.generation}},
    };
    segmsg_lib_is_back(handle);
    if (bytes >= SEGMSG_USE_FROM && segmsg_plan_is_measured(&handle->transfers, bytes)) {
        segmsg_use_note(&handle->transfers.use, bytes, handle->waits.away,
                        handle->transfers.microsecond);
        handle->waits.away = 0;
    }
    return segmsg_transfers_start(&handle->transfers, &want);
}

bool segmsg_lib_transfer_asked(segmsg_t *handle, segmsg_lib_peer_t *peer, const unsigned char *data,
                               const segmsg_lib_join_t *join)
{
    const segmsg_transfer_request_t request = {
        .record = join->record,
        .generation = join->generation,
        .bytes = join->bytes,
        .unit_bytes = join->unit_bytes,
        .at_helper = (uintptr_t) data,
        .at_initiator = join->address,
    };
    return segmsg_helper_asked(&handle->transfers, &peer->transfers, &request,
                               segmsg_lib_can_copy(handle, peer));
}

bool segmsg_lib_chunk_came(segmsg_t *handle, segmsg_lib_peer_t *peer, const unsigned char *message,
                           uint32_t bytes)
{
    segmsg_lib_chunk_t header;
    if (bytes <= SEGMSG_LIB_DATA_BYTES) {
        return false;
    }
    memcpy(&header, message, sizeof(header));
    const segmsg_transfer_chunk_t chunk = {
        .record = header.record,
        .generation = header.generation,
        .offset = header.offset,
        .bytes = bytes - SEGMSG_LIB_DATA_BYTES,
        .data = message + SEGMSG_LIB_DATA_BYTES,
    };
    return segmsg_chunked_came(&handle->transfers, &peer->transfers, &chunk);
}
