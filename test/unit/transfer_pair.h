/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Two processes, made up in one, that carry out large transfers together (transfer/transfer.h): an initiator
 * and a helper, with regions, messages and single copies as the test wants them. Nothing happens by itself: the
 * helper runs when the test, or the initiator's copy of the given number, calls it.
 */
#ifndef TRANSFER_PAIR_H
#define TRANSFER_PAIR_H

#include "transfer/chunked.h"
#include "transfer/helper.h"
#include "transfer/initiator.h"
#include "unit.h"

#include <string.h>

enum { PAIR_BYTES = 64 << 10, PAIR_UNIT = 4 << 10, PAIR_MESSAGES = 64, PAIR_NEVER = 1 << 30 };

/* One of the two. Its peer's `user` is the other one. */
typedef struct pair_process {
    segmsg_transfers_t transfers;
    segmsg_transfer_peer_t peer;
    segmsg_export_t region;
    _Alignas(SEGMSG_LINE) segmsg_joint_t record[SEGMSG_JOINTS];
    unsigned char data[PAIR_BYTES];
    struct pair_process *other;
    bool is_dead, has_left, waits, has_processor;
    int copies;      /* so far, */
    int fails_at;    /* of which this one and later ones fail, */
    int calls_at;    /* and in which the other one runs: in this one, and later ones */
    int room;        /* messages that it may send */
    int corruptions; /* that it was told of */
    int ended[3];    /* transfers, by segmsg_transfer_end_t */
    int streams;
    segmsg_transfer_chunk_t chunk[PAIR_MESSAGES]; /* sent and not received, in order */
    unsigned char chunk_data[PAIR_MESSAGES][PAIR_UNIT];
    int chunks;
} pair_process_t;

typedef struct {
    pair_process_t initiator, helper;
} pair_t;

static inline int pair_commit(void *context, size_t offset, size_t length)
{
    (void) context, (void) offset, (void) length;
    return 0;
}

static inline void pair_run_helper(pair_process_t *helper)
{
    while (!helper->is_dead && segmsg_helper_progress(&helper->transfers, false)) {
    }
}

static inline bool pair_copy(void *context, void *user, bool to_peer, void *local, uint64_t remote,
                             uint64_t bytes)
{
    pair_process_t *self = context;
    (void) user;
    int number = self->copies++;
    if (number == self->calls_at) {
        pair_run_helper(self->other);
    }
    if (number >= self->fails_at) {
        return false;
    }
    void *there = (void *) (uintptr_t) remote;
    memcpy(to_peer ? there : local, to_peer ? local : there, bytes);
    return true;
}

static inline bool pair_ask(void *context, void *user, const segmsg_transfer_want_t *want,
                            const segmsg_transfer_request_t *request)
{
    pair_process_t *self = context;
    (void) user, (void) want;
    if (self->room == 0) {
        return false;
    }
    --self->room;
    UNIT_CHECK(segmsg_helper_asked(&self->other->transfers, &self->other->peer, request, true));
    return true;
}

static inline segmsg_help_outcome_t pair_send_chunk(void *context, void *user,
                                                    const segmsg_transfer_help_t *help)
{
    pair_process_t *self = context;
    (void) user;
    if (self->room == 0 || self->chunks == PAIR_MESSAGES) {
        return SEGMSG_HELP_NO_ROOM;
    }
    segmsg_transfer_chunk_t chunk = segmsg_helper_claim(help);
    if (chunk.bytes == 0) {
        return SEGMSG_HELP_OVER;
    }
    --self->room;
    memcpy(self->chunk_data[self->chunks], chunk.data, chunk.bytes);
    segmsg_helper_wrote(help, &chunk, 0);
    chunk.data = self->chunk_data[self->chunks];
    self->chunk[self->chunks++] = chunk;
    return SEGMSG_HELP_GIVEN;
}

static inline bool pair_is_alive(void *context, void *user)
{
    (void) context;
    return !((const pair_process_t *) user)->is_dead;
}

static inline bool pair_has_left(void *context, void *user)
{
    (void) context;
    return ((const pair_process_t *) user)->has_left;
}

static inline bool pair_has_processor(void *context, void *user)
{
    (void) context;
    return ((const pair_process_t *) user)->has_processor;
}

static inline bool pair_waits(void *context)
{
    return ((const pair_process_t *) context)->waits;
}

static inline void pair_expects_wait(void *context)
{
    (void) context;
}

static inline void pair_streams(void *context, int change)
{
    ((pair_process_t *) context)->streams += change;
}

static inline void pair_copied_until(void *context, uint64_t now)
{
    ((pair_process_t *) context)->transfers.copied_until = now;
}

static inline void pair_done(void *context, const segmsg_transfer_want_t *want,
                             segmsg_transfer_end_t end)
{
    pair_process_t *self = context;
    UNIT_CHECK(want->asker.argument[0] == self->data);
    ++self->ended[end];
}

static inline void pair_corrupt(void *context, void *user)
{
    (void) user;
    ++((pair_process_t *) context)->corruptions;
}

static inline void pair_init_process(pair_process_t *self, pair_process_t *other,
                                     const segmsg_transfer_config_t *config)
{
    static const segmsg_transfer_ops_t ops = {
        .copy = pair_copy,
        .ask = pair_ask,
        .send_chunk = pair_send_chunk,
        .is_alive = pair_is_alive,
        .has_left = pair_has_left,
        .has_processor = pair_has_processor,
        .waits = pair_waits,
        .expects_wait = pair_expects_wait,
        .streams = pair_streams,
        .copied_until = pair_copied_until,
        .done = pair_done,
        .corrupt = pair_corrupt,
    };
    memset(self, 0, sizeof(*self));
    self->other = other;
    self->waits = self->has_processor = true;
    self->fails_at = self->calls_at = self->room = PAIR_NEVER;
    self->region = (segmsg_export_t){.base = (unsigned char *) self->record, .commit = pair_commit};
    segmsg_transfers_init(&self->transfers, &ops, self, &self->region, config);
    self->transfers.microsecond = 1000;
    segmsg_transfer_peer_init(&self->peer, other, 1, &other->region);
}

/* Transfers that are short enough for a test. Chunks are chosen always, or never. */
static inline void pair_init(pair_t *pair, bool by_chunks)
{
    const segmsg_transfer_config_t config = {
        .cooperative_from = PAIR_UNIT,
        .used_from = PAIR_BYTES,
        .unit_bytes = PAIR_UNIT,
        .help_bytes = 2 * PAIR_UNIT,
        .unhelped_bytes = UINT64_MAX,
        .chunks_from = by_chunks ? 1 : 0,
        .chunks_to = PAIR_BYTES,
        .chunk_bytes = PAIR_UNIT,
        .chunk_most = PAIR_UNIT,
        .chunk_timeout = PAIR_NEVER,
        .chunk_budget = 1,
        .chunks_always = by_chunks,
    };
    pair_init_process(&pair->initiator, &pair->helper, &config);
    pair_init_process(&pair->helper, &pair->initiator, &config);
    for (size_t b = 0; b < PAIR_BYTES; ++b) {
        pair->helper.data[b] = (unsigned char) (b * 7 + b / 251);
    }
}

static inline bool pair_start_bytes(pair_t *pair, bool is_put, uint64_t bytes)
{
    pair_process_t *self = &pair->initiator;
    const segmsg_transfer_want_t want = {
        .peer = &self->peer,
        .local = self->data,
        .remote = (uintptr_t) pair->helper.data,
        .bytes = bytes,
        .is_put = is_put,
        .asker = {.argument = {self->data}},
    };
    return segmsg_transfers_start(&self->transfers, &want);
}

static inline bool pair_start(pair_t *pair)
{
    return pair_start_bytes(pair, false, PAIR_BYTES);
}

static inline void pair_progress(pair_t *pair)
{
    (void) segmsg_transfers_progress(&pair->initiator.transfers, pair->initiator.waits, false);
}

/* The same until nothing is left: what is late is judged by the clock, which may stand still for some calls. */
static inline void pair_progress_to_the_end(pair_t *pair)
{
    enum { CALLS_MOST = 1000000 };
    for (int call = 0; call < CALLS_MOST && pair->initiator.transfers.work != 0; ++call) {
        pair_progress(pair);
    }
}

/* The initiator receives the chunk at `index` of those that were sent. */
static inline bool pair_receive(pair_t *pair, int index)
{
    return segmsg_chunked_came(&pair->initiator.transfers, &pair->initiator.peer,
                               &pair->helper.chunk[index]);
}

static inline bool pair_is_same(const pair_t *pair)
{
    return memcmp(pair->initiator.data, pair->helper.data, PAIR_BYTES) == 0;
}

/* Nothing of a transfer is left on either side, and it ended so, once. */
static inline void pair_check_over(const pair_t *pair, segmsg_transfer_end_t end)
{
    const pair_process_t *self = &pair->initiator;
    UNIT_EQUAL(self->ended[end], 1);
    UNIT_EQUAL(self->ended[0] + self->ended[1] + self->ended[2], 1);
    UNIT_EQUAL(self->transfers.work, 0);
    UNIT_EQUAL(self->streams, 0);
    UNIT_EQUAL(self->corruptions, 0);
}

#endif
