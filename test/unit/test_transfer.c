/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Large transfers of two processes, in every order of their steps that the engine of transfers can tell apart:
 * the helper comes at any of the initiator's copies or never, fails, dies, or is overtaken.
 */
#include "transfer_pair.h"

#include "base/clock.h"
#include "queue/split_work.h"

enum { UNITS = PAIR_BYTES / PAIR_UNIT };

static pair_t pair;

/* What is claimed and not reported; the test is a helper that lost its processor. */
static segmsg_joint_piece_t claim_for_helper(uint32_t units)
{
    const segmsg_transfer_help_t *help = &pair.helper.transfers.help[0];
    return segmsg_joint_claim(&pair.initiator.record[help->request.record],
                              help->request.generation, &help->cut, units, SEGMSG_JOINT_BACK);
}

static void a_transfer_is_whole_whenever_its_helper_comes(void)
{
    for (int at = 0; at < 2 * UNITS; ++at) {
        for (int is_put = 0; is_put < 2; ++is_put) {
            pair_init(&pair, false);
            pair.initiator.calls_at = at;
            if (is_put) {
                memcpy(pair.initiator.data, pair.helper.data, PAIR_BYTES);
                memset(pair.helper.data, 0, PAIR_BYTES);
            }
            UNIT_REQUIRE(pair_start_bytes(&pair, is_put != 0, PAIR_BYTES));
            pair_check_over(&pair, SEGMSG_TRANSFER_DONE);
            UNIT_CHECK(pair_is_same(&pair));
            UNIT_CHECK(is_put == 0 || pair.initiator.data[PAIR_BYTES - 1] != 0);
            UNIT_CHECK(at != 0 || pair.initiator.transfers.helped_bytes != 0);
        }
    }
}

static void bytes_beyond_the_transfer_stay_as_they_are(void)
{
    for (uint64_t bytes = PAIR_UNIT; bytes <= PAIR_BYTES; bytes += PAIR_UNIT / 3) {
        pair_init(&pair, false);
        pair.initiator.calls_at = 0;
        UNIT_REQUIRE(pair_start_bytes(&pair, false, bytes));
        pair_check_over(&pair, SEGMSG_TRANSFER_DONE);
        UNIT_CHECK(memcmp(pair.initiator.data, pair.helper.data, bytes) == 0);
        for (uint64_t b = bytes; b < PAIR_BYTES; ++b) {
            UNIT_CHECK(pair.initiator.data[b] == 0);
        }
    }
}

static void what_the_helper_cannot_copy_the_initiator_copies(void)
{
    for (int fails = 0; fails < 3; ++fails) {
        pair_init(&pair, false);
        pair.initiator.calls_at = 0;
        pair.helper.fails_at = fails;
        UNIT_REQUIRE(pair_start(&pair));
        pair_check_over(&pair, SEGMSG_TRANSFER_DONE);
        UNIT_CHECK(pair_is_same(&pair));
    }
}

static void what_nobody_can_copy_is_told(void)
{
    pair_init(&pair, false);
    pair.initiator.fails_at = 0;
    UNIT_REQUIRE(pair_start(&pair));
    pair_check_over(&pair, SEGMSG_TRANSFER_FAILED);
}

/* Called while the initiator copies its first part: claims two units and does not report them. */
static segmsg_joint_piece_t held;
static bool hold(void *context, void *user, bool to_peer, void *local, uint64_t remote,
                 uint64_t bytes)
{
    if (held.units == 0) {
        held = claim_for_helper(2);
    }
    return pair_copy(context, user, to_peer, local, remote, bytes);
}

static void start_held(void)
{
    static segmsg_transfer_ops_t ops;
    held = (segmsg_joint_piece_t){0};
    pair_init(&pair, false);
    ops = *pair.initiator.transfers.ops;
    ops.copy = hold;
    pair.initiator.transfers.ops = &ops;
    pair.initiator.transfers.microsecond = 1; /* the moment that it spins */
    UNIT_REQUIRE(pair_start(&pair));
    UNIT_EQUAL(held.units, 2);
    pair_progress(&pair);
    UNIT_EQUAL(pair.initiator.ended[SEGMSG_TRANSFER_DONE], 0);
}

static void what_a_helper_holds_is_waited_for(void)
{
    start_held();
    memcpy(pair.initiator.data + held.offset, pair.helper.data + held.offset, held.bytes);
    segmsg_joint_report(&pair.initiator.record[0], held.units, true);
    pair_progress(&pair);
    pair_check_over(&pair, SEGMSG_TRANSFER_DONE);
    UNIT_CHECK(pair_is_same(&pair));
}

static void a_helper_that_dies_ends_the_transfer(void)
{
    start_held();
    pair.helper.is_dead = true;
    pair_progress(&pair);
    pair_check_over(&pair, SEGMSG_TRANSFER_PEER_GONE);
    UNIT_CHECK((pair.initiator.transfers.free & 1)
               == 0); /* nobody knows what the helper still writes */
}

static void a_peer_that_goes_ends_its_transfers(void)
{
    start_held();
    segmsg_transfers_forget(&pair.initiator.transfers, &pair.initiator.peer);
    pair_check_over(&pair, SEGMSG_TRANSFER_PEER_GONE);
}

static void a_transfer_is_given_up_when_its_helper_writes_no_more(void)
{
    start_held();
    segmsg_joint_report(&pair.initiator.record[0], held.units, true);
    segmsg_transfers_abandon(&pair.initiator.transfers, pair.helper.data); /* another one's */
    UNIT_EQUAL(pair.initiator.transfers.work, 1);
    segmsg_transfers_abandon(&pair.initiator.transfers, pair.initiator.data);
    UNIT_EQUAL(pair.initiator.transfers.work, 0);
    UNIT_EQUAL(pair.initiator.ended[SEGMSG_TRANSFER_DONE], 0);
}

static void a_record_that_was_overwritten_is_told(void)
{
    start_held();
    const uint64_t claim = pair.initiator.record[0].claim;
    const uint64_t report = pair.initiator.record[0].report;
    for (int bit = 0; bit < 128; ++bit) {
        pair.initiator.record[0].claim = claim ^ (bit < 64 ? UINT64_C(1) << bit : 0);
        pair.initiator.record[0].report = report ^ (bit < 64 ? 0 : UINT64_C(1) << (bit - 64));
        int told = pair.initiator.corruptions;
        bool is_awaited =
            segmsg_joint_state(&pair.initiator.record[0], held.units) == SEGMSG_JOINT_AWAITED;
        if (is_awaited) {
            pair_progress(&pair);
            /* One or two units reported of two claimed are possible: then it is not told yet. */
            UNIT_CHECK(pair.initiator.corruptions > told || bit == 64 || bit == 65);
        }
    }
}

static void chunks_make_a_transfer(void)
{
    for (int budget = 1; budget <= UNITS + 1; ++budget) {
        pair_init(&pair, true);
        pair.helper.transfers.config.chunk_budget = (unsigned) budget;
        UNIT_REQUIRE(pair_start(&pair));
        UNIT_EQUAL(pair.initiator.streams, 1);
        UNIT_CHECK(segmsg_helper_progress(&pair.helper.transfers, true));
        UNIT_EQUAL(pair.helper.chunks, budget < UNITS ? budget : UNITS);
        pair_run_helper(&pair.helper);
        UNIT_EQUAL(pair.helper.chunks, UNITS);
        for (int c = 0; c < UNITS; ++c) {
            UNIT_CHECK(pair_receive(&pair, c));
            pair_progress(&pair);
        }
        pair_check_over(&pair, SEGMSG_TRANSFER_DONE);
        UNIT_CHECK(pair_is_same(&pair));
        UNIT_EQUAL(pair.initiator.transfers.chunk_bytes, PAIR_BYTES);
    }
}

/* Sent: chunks that have come before the initiator loses patience. Claimed: others that the helper holds then. */
static void a_late_helper_is_done_without(void)
{
    for (int sent = 0; sent < UNITS; ++sent) {
        for (int claimed = 0; claimed <= UNITS - sent; ++claimed) {
            pair_init(&pair, true);
            UNIT_REQUIRE(pair_start(&pair));
            pair.helper.room = sent;
            pair_run_helper(&pair.helper);
            for (int c = 0; c < sent; ++c) {
                UNIT_CHECK(pair_receive(&pair, c));
            }
            pair.helper.room = claimed; /* sent, and not received yet */
            pair_run_helper(&pair.helper);
            pair.initiator.transfers.config.chunk_timeout = 0;
            pair_progress_to_the_end(&pair);
            pair_check_over(&pair, SEGMSG_TRANSFER_DONE);
            UNIT_CHECK(pair_is_same(&pair));
            memset(pair.initiator.data, 0, PAIR_BYTES);
            for (int c = sent; c < sent + claimed; ++c) {
                UNIT_CHECK(pair_receive(&pair, c)); /* of a transfer that is over: */
            }
            UNIT_EQUAL(pair.initiator.data[PAIR_BYTES - 1], 0); /* not copied */
            pair.helper.room = PAIR_NEVER;
            pair_run_helper(&pair.helper);
            UNIT_EQUAL(pair.helper.transfers.work, 0);
        }
    }
}

static void chunks_of_the_transfer_before_are_not_taken(void)
{
    pair_init(&pair, true);
    UNIT_REQUIRE(pair_start(&pair));
    pair.helper.room = 1;
    pair_run_helper(&pair.helper);
    pair.initiator.transfers.config.chunk_timeout = 0;
    pair_progress_to_the_end(&pair);
    pair_check_over(&pair, SEGMSG_TRANSFER_DONE);
    pair.initiator.transfers.config.chunk_timeout = PAIR_NEVER;
    memset(pair.initiator.data, 0, PAIR_BYTES);
    UNIT_REQUIRE(pair_start(&pair)); /* the same record */
    UNIT_CHECK(pair_receive(&pair, 0));
    UNIT_EQUAL(pair.initiator.data[PAIR_BYTES - 1], 0);
}

static void a_request_without_room_is_done_without_help(void)
{
    for (int by_chunks = 0; by_chunks < 2; ++by_chunks) {
        pair_init(&pair, by_chunks != 0);
        pair.initiator.room = 0;
        UNIT_REQUIRE(pair_start(&pair));
        pair_progress(&pair);
        pair_check_over(&pair, SEGMSG_TRANSFER_DONE);
        UNIT_CHECK(pair_is_same(&pair));
    }
}

static void chunks_that_no_correct_process_sends_are_refused(void)
{
    pair_init(&pair, true);
    UNIT_REQUIRE(pair_start(&pair));
    pair.helper.room = 2;
    pair_run_helper(&pair.helper);
    const segmsg_transfer_chunk_t good = pair.helper.chunk[0];
    segmsg_transfer_chunk_t *bad = &pair.helper.chunk[0];
    bad->record = SEGMSG_JOINTS;
    UNIT_CHECK(!pair_receive(&pair, 0));
    *bad = good;
    bad->offset = PAIR_BYTES;
    UNIT_CHECK(!pair_receive(&pair, 0));
    bad->offset = 1;
    UNIT_CHECK(!pair_receive(&pair, 0));
    *bad = good;
    --bad->bytes;
    UNIT_CHECK(!pair_receive(&pair, 0));
    *bad = good;
    segmsg_transfer_peer_t stranger = pair.initiator.peer;
    UNIT_CHECK(!segmsg_chunked_came(&pair.initiator.transfers, &stranger, bad));
    UNIT_CHECK(pair_receive(&pair, 0));
    UNIT_EQUAL(pair.initiator.ended[SEGMSG_TRANSFER_DONE], 0);
}

static void requests_that_no_correct_process_makes_are_refused(void)
{
    pair_init(&pair, true);
    const segmsg_transfer_request_t good = {.bytes = PAIR_BYTES, .unit_bytes = PAIR_UNIT};
    segmsg_transfers_t *transfers = &pair.helper.transfers;
    segmsg_transfer_request_t bad = good;
    bad.record = SEGMSG_JOINTS;
    UNIT_CHECK(!segmsg_helper_asked(transfers, &pair.helper.peer, &bad, true));
    bad = good;
    bad.bytes = 0;
    UNIT_CHECK(!segmsg_helper_asked(transfers, &pair.helper.peer, &bad, true));
    bad = good;
    bad.unit_bytes = 0;
    UNIT_CHECK(!segmsg_helper_asked(transfers, &pair.helper.peer, &bad, true));
    bad = good;
    bad.bytes = UINT64_MAX;
    UNIT_CHECK(!segmsg_helper_asked(transfers, &pair.helper.peer, &bad, true));
    bad = good;
    bad.unit_bytes = PAIR_UNIT + 1; /* a longer chunk than may be sent */
    UNIT_CHECK(!segmsg_helper_asked(transfers, &pair.helper.peer, &bad, true));
    bad = good;
    bad.is_put = true; /* chunks of a put */
    UNIT_CHECK(!segmsg_helper_asked(transfers, &pair.helper.peer, &bad, true));
    UNIT_EQUAL(transfers->work, 0);
}

static void more_requests_than_are_kept_are_dropped(void)
{
    pair_init(&pair, true);
    segmsg_transfers_t *transfers = &pair.helper.transfers;
    segmsg_joint_start(&pair.initiator.record[0], 7, UNITS);
    const segmsg_transfer_request_t request = {.generation = 7,
                                               .bytes = PAIR_BYTES,
                                               .unit_bytes = PAIR_UNIT,
                                               .at_helper = (uintptr_t) pair.helper.data};
    for (int r = 0; r < SEGMSG_TRANSFER_HELPS + 10; ++r) {
        UNIT_CHECK(segmsg_helper_asked(transfers, &pair.helper.peer, &request, true));
        UNIT_CHECK(transfers->help_count <= SEGMSG_TRANSFER_HELPS);
    }
    UNIT_EQUAL(transfers->help_count, SEGMSG_TRANSFER_HELPS);
    pair_run_helper(&pair.helper); /* the first is served, and nothing is left for the others */
    UNIT_EQUAL(pair.helper.chunks, UNITS);
    UNIT_EQUAL(transfers->work, 0);
}

/* Memory that is its owner's again is not read for anybody. */
static void requests_for_memory_that_was_given_back_are_dropped(void)
{
    pair_init(&pair, true);
    UNIT_REQUIRE(pair_start(&pair));
    segmsg_helper_drop(&pair.helper.transfers, &pair.helper.peer, pair.initiator.data);
    pair.helper.room = 1;
    pair_run_helper(&pair.helper);
    UNIT_EQUAL(pair.helper.chunks, 1); /* other memory */
    segmsg_helper_drop(&pair.helper.transfers, &pair.helper.peer, pair.helper.data);
    pair.helper.room = PAIR_NEVER;
    pair_run_helper(&pair.helper);
    UNIT_EQUAL(pair.helper.chunks, 1);
    UNIT_EQUAL(pair.helper.transfers.work, 0);
}

static void transfers_beyond_the_records_are_left_to_the_caller(void)
{
    pair_init(&pair, true);
    for (int t = 0; t < SEGMSG_JOINTS; ++t) {
        UNIT_REQUIRE(pair_start(&pair));
    }
    UNIT_CHECK(!pair_start(&pair));
    segmsg_transfers_abandon(&pair.initiator.transfers, NULL);
    UNIT_EQUAL(pair.initiator.transfers.work, 0);
    UNIT_EQUAL(pair.initiator.streams, 0);
}

static uint32_t asked_for(uint64_t bytes)
{
    uint64_t asked = pair.initiator.transfers.asked;
    (void) pair_start_bytes(&pair, false, bytes);
    pair_run_helper(&pair.helper);
    pair_progress(&pair);
    return (uint32_t) (pair.initiator.transfers.asked - asked);
}

/* What comes to a program that computes for long after each transfer is copied by it alone, unless it is long. */
static void a_program_that_works_on_its_data_copies_them(void)
{
    enum { MICROSECOND = 1000, LONG = 100 * 1000 * MICROSECOND /* ticks */ };
    pair_init(&pair, false);
    pair.initiator.calls_at = 0;
    UNIT_EQUAL(asked_for(PAIR_BYTES / 2), 1);
    for (int transfer = 0; transfer < 8; ++transfer) {
        (void) asked_for(PAIR_BYTES / 2);
        segmsg_use_note(&pair.initiator.transfers.use, PAIR_BYTES / 2, LONG, MICROSECOND);
    }
    UNIT_EQUAL(pair.initiator.transfers.work, 0);
    UNIT_EQUAL(asked_for(PAIR_BYTES / 2), 0);
    UNIT_EQUAL(asked_for(PAIR_BYTES - 1), 0);
    UNIT_EQUAL(asked_for(PAIR_BYTES), 1);
}

/* A peer that copies a little of each transfer has its own to do; one that copies half of them is asked on. */
static void a_peer_that_comes_late_is_not_asked_for_a_while(void)
{
    for (int at = 0; at < UNITS / 4; ++at) {
        pair_init(&pair, false);
        pair.initiator.transfers.config.unhelped_bytes = 4 * PAIR_BYTES;
        pair.initiator.transfers.config.unasked_bytes = 4 * PAIR_BYTES;
        uint64_t asked = 0;
        uint64_t helped = 0;
        for (int transfer = 0; transfer < 64; ++transfer) {
            pair.initiator.copies = 0;
            pair.initiator.calls_at = at;
            UNIT_REQUIRE(pair_start(&pair) || pair.initiator.transfers.asked == asked);
            pair_run_helper(&pair.helper);
            pair_progress(&pair);
            asked = pair.initiator.transfers.asked;
            helped = pair.initiator.transfers.helped_bytes;
        }
        bool is_late = helped < asked * (PAIR_BYTES / 4);
        UNIT_CHECK(is_late ? asked < 32 : asked == 64);
    }
}

static const unit_case_t cases[] = {
    UNIT_CASE(a_transfer_is_whole_whenever_its_helper_comes),
    UNIT_CASE(bytes_beyond_the_transfer_stay_as_they_are),
    UNIT_CASE(what_the_helper_cannot_copy_the_initiator_copies),
    UNIT_CASE(what_nobody_can_copy_is_told),
    UNIT_CASE(what_a_helper_holds_is_waited_for),
    UNIT_CASE(a_helper_that_dies_ends_the_transfer),
    UNIT_CASE(a_peer_that_goes_ends_its_transfers),
    UNIT_CASE(a_transfer_is_given_up_when_its_helper_writes_no_more),
    UNIT_CASE(a_record_that_was_overwritten_is_told),
    UNIT_CASE(chunks_make_a_transfer),
    UNIT_CASE(a_late_helper_is_done_without),
    UNIT_CASE(chunks_of_the_transfer_before_are_not_taken),
    UNIT_CASE(a_request_without_room_is_done_without_help),
    UNIT_CASE(chunks_that_no_correct_process_sends_are_refused),
    UNIT_CASE(requests_that_no_correct_process_makes_are_refused),
    UNIT_CASE(more_requests_than_are_kept_are_dropped),
    UNIT_CASE(requests_for_memory_that_was_given_back_are_dropped),
    UNIT_CASE(transfers_beyond_the_records_are_left_to_the_caller),
    UNIT_CASE(a_program_that_works_on_its_data_copies_them),
    UNIT_CASE(a_peer_that_comes_late_is_not_asked_for_a_while),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
