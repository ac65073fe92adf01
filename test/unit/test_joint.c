/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A transfer that two processes copy together: how it is cut, who gets which units, what is left for
 * whoever comes late, and how the partner's share is accounted for. One step after the other; both
 * at the same time are in test_joint_orders and test_joint_concurrent.
 */
#include "queue/split_work.h"
#include "memory.h"
#include "unit.h"

/* The largest transfer whose units a partner accepts: 2^48 bytes a unit. */
#define LARGEST (UINT64_C(0xffff) << 48)

static void check_pieces(const segmsg_joint_cut_t *cut, uint32_t units, unit_random_t *random)
{
    uint64_t at = 0;
    for (uint32_t first = 0; first < units && !unit_has_failed();) {
        uint32_t count = 1 + (uint32_t) unit_below(random, units - first);
        segmsg_joint_piece_t piece = segmsg_joint_piece(cut, first, count);
        UNIT_EQUAL(piece.units, count);
        UNIT_EQUAL(piece.offset, at);
        UNIT_EQUAL(piece.offset, first * cut->unit_bytes);
        UNIT_CHECK(piece.bytes != 0);
        at += piece.bytes;
        first += count;
    }
    UNIT_EQUAL(at, cut->bytes);
}

static void check_cut(uint64_t bytes, uint64_t unit_bytes, unit_random_t *random)
{
    segmsg_joint_cut_t cut = segmsg_joint_cut(bytes, unit_bytes);
    uint32_t units = segmsg_joint_units(&cut);
    UNIT_EQUAL(cut.bytes, bytes);
    UNIT_CHECK((cut.unit_bytes & (cut.unit_bytes - 1)) == 0);
    UNIT_EQUAL(units, bytes / cut.unit_bytes + (bytes % cut.unit_bytes != 0));
    UNIT_CHECK(units != 0 && units <= SEGMSG_JOINT_UNITS_MAX);
    /* Of the size asked for, or of the smallest of which there are not too many. */
    UNIT_CHECK(cut.unit_bytes == unit_bytes
               || (cut.unit_bytes > unit_bytes
                   && (bytes - 1) / (cut.unit_bytes / 2) >= SEGMSG_JOINT_UNITS_MAX));
    segmsg_joint_piece_t last = segmsg_joint_piece(&cut, units - 1, 1);
    UNIT_EQUAL(last.bytes, bytes - (units - 1) * cut.unit_bytes);
    UNIT_CHECK(last.bytes != 0 && last.bytes <= cut.unit_bytes);
    for (uint32_t laps = 0; laps < 4; ++laps) {
        check_pieces(&cut, units, random);
    }
}

static void every_byte_is_in_one_unit(void)
{
    unit_random_t random = unit_random(0);
    for (uint32_t log = 0; log <= 24; ++log) {
        uint64_t unit_bytes = UINT64_C(1) << log;
        for (uint64_t units = 1; units <= 6; ++units) {
            check_cut(units * unit_bytes, unit_bytes, &random);
            check_cut(units * unit_bytes + 1, unit_bytes, &random);
            check_cut((units + 1) * unit_bytes - 1, unit_bytes, &random);
        }
    }
    for (uint64_t n = 0; n < unit_repetitions(20000) && !unit_has_failed(); ++n) {
        uint64_t bytes = 1 + (unit_next(&random) >> (1 + unit_below(&random, 63)));
        check_cut(bytes, UINT64_C(1) << unit_below(&random, 25), &random);
    }
}

/* No more of them than a claim can count, and no sum or product overflows. */
static void huge_transfers_have_larger_units(void)
{
    unit_random_t random = unit_random(0);
    for (uint64_t unit_bytes = 1; 2 * SEGMSG_JOINT_UNITS_MAX * unit_bytes < LARGEST;
         unit_bytes *= 2) {
        uint64_t most = SEGMSG_JOINT_UNITS_MAX * unit_bytes;
        UNIT_EQUAL(segmsg_joint_cut(most, unit_bytes).unit_bytes, unit_bytes);
        UNIT_EQUAL(segmsg_joint_cut(most + 1, unit_bytes).unit_bytes, 2 * unit_bytes);
        check_cut(most, unit_bytes, &random);
        check_cut(most + 1, unit_bytes, &random);
        check_cut(2 * most + 1, unit_bytes, &random);
    }
    for (uint32_t log = 30; log < 64; ++log) {
        uint64_t bytes = UINT64_C(1) << log;
        check_cut(bytes - 1, 4096, &random);
        check_cut(bytes, 4096, &random);
        check_cut(bytes + 1, 4096, &random);
    }
    check_cut(LARGEST, 1, &random);
    check_cut(LARGEST, UINT64_C(1) << 48, &random);
}

/* What should be claimed, by counting. */
typedef struct {
    uint32_t front, back; /* units [front, back) are nobody's */
    uint32_t claimed[2];  /* by segmsg_joint_end_t */
} model_t;

static void check_claim(segmsg_joint_t *joint, uint32_t generation, const segmsg_joint_cut_t *cut,
                        model_t *model, uint32_t most, segmsg_joint_end_t end)
{
    uint32_t left = model->back - model->front;
    uint32_t share = end == SEGMSG_JOINT_FRONT ? left / 2 + left % 2 : left;
    uint32_t units = share > most ? most : share;
    uint32_t first = end == SEGMSG_JOINT_FRONT ? model->front : model->back - units;
    segmsg_joint_piece_t piece = segmsg_joint_claim(joint, generation, cut, most, end);
    UNIT_EQUAL(piece.units, units);
    if (units != 0) {
        UNIT_EQUAL(piece.offset, first * cut->unit_bytes);
        UNIT_EQUAL(piece.bytes, first + units == segmsg_joint_units(cut)
                                    ? cut->bytes - first * cut->unit_bytes
                                    : units * cut->unit_bytes);
    } else {
        UNIT_EQUAL(piece.bytes, 0);
    }
    if (end == SEGMSG_JOINT_FRONT) {
        model->front += units;
    } else {
        model->back -= units;
    }
    model->claimed[end] += units;
}

/* Opens the record for a random transfer. */
static segmsg_joint_cut_t start_some(segmsg_joint_t *joint, uint32_t generation,
                                     unit_random_t *random)
{
    uint64_t unit_bytes = UINT64_C(1) << unit_below(random, 20);
    uint32_t units_most = unit_below(random, 8) == 0 ? SEGMSG_JOINT_UNITS_MAX : 40;
    segmsg_joint_cut_t cut =
        segmsg_joint_cut(1 + unit_below(random, units_most * unit_bytes), unit_bytes);
    segmsg_joint_start(joint, generation, segmsg_joint_units(&cut));
    return cut;
}

/* The owner takes half of what is left, its partner what it wants, from the other end, until all is
 * somebody's; after that nobody gets anything. */
static void claims_from_both_ends_meet(void)
{
    unit_random_t random = unit_random(0);
    segmsg_joint_t joint = {0};
    for (uint64_t n = 0; n < unit_repetitions(20000) && !unit_has_failed(); ++n) {
        uint32_t generation = (uint32_t) unit_next(&random);
        segmsg_joint_cut_t cut = start_some(&joint, generation, &random);
        model_t model = {.back = segmsg_joint_units(&cut)};
        uint32_t of_owner = (uint32_t) unit_below(&random, 9); /* of 8 claims */
        for (uint32_t steps = 0; model.front != model.back && !unit_has_failed(); ++steps) {
            bool by_owner = unit_below(&random, 8) < of_owner;
            uint32_t most = unit_below(&random, 2) == 0 ? SEGMSG_JOINT_UNITS_MAX
                                                        : 1 + (uint32_t) unit_below(&random, 300);
            check_claim(&joint, generation, &cut, &model, most,
                        by_owner ? SEGMSG_JOINT_FRONT : SEGMSG_JOINT_BACK);
        }
        UNIT_EQUAL(model.claimed[SEGMSG_JOINT_FRONT] + model.claimed[SEGMSG_JOINT_BACK],
                   segmsg_joint_units(&cut));
        check_claim(&joint, generation, &cut, &model, 1, SEGMSG_JOINT_FRONT);
        check_claim(&joint, generation, &cut, &model, 1, SEGMSG_JOINT_BACK);
    }
}

/* Whoever was asked to help with a transfer that has ended finds another one, at most: it gets none
 * of its units, and the owner does not notice. */
static void a_late_partner_gets_nothing(void)
{
    unit_random_t random = unit_random(0);
    segmsg_joint_t joint = {0};
    uint32_t now = UINT32_MAX - 5; /* the numbers begin anew on the way */
    for (uint32_t n = 0; n < 12; ++n, ++now) {
        segmsg_joint_cut_t cut = start_some(&joint, now, &random);
        uint64_t word = atomic_load(&joint.claim);
        for (uint32_t bit = 0; bit < 32; ++bit) {
            const uint32_t others[] = {now - 1 - bit, now + 1 + bit, now ^ UINT32_C(1) << bit};
            for (uint32_t o = 0; o < 3; ++o) {
                segmsg_joint_piece_t piece =
                    segmsg_joint_claim(&joint, others[o], &cut, 1, SEGMSG_JOINT_BACK);
                UNIT_CHECK(piece.units == 0 && piece.bytes == 0);
                UNIT_EQUAL(atomic_load(&joint.claim), word);
            }
        }
        while (
            segmsg_joint_claim(&joint, now, &cut, SEGMSG_JOINT_UNITS_MAX, SEGMSG_JOINT_FRONT).units
            != 0) {
        }
        UNIT_EQUAL(segmsg_joint_claim(&joint, now, &cut, 1, SEGMSG_JOINT_BACK).units, 0);
    }
}

/* The owner waits for exactly what its partner has claimed, and hears if any of it failed, but not
 * before all of it is reported. */
static void the_state_follows_the_reports(void)
{
    unit_random_t random = unit_random(0);
    segmsg_joint_t joint = {0};
    uint64_t done = 0, undone = 0;
    for (uint32_t n = 0; n < unit_repetitions(20000) && !unit_has_failed(); ++n) {
        segmsg_joint_cut_t cut = start_some(&joint, n, &random);
        uint32_t units = segmsg_joint_units(&cut);
        uint32_t own = (uint32_t) unit_below(&random, units + 1);
        bool failed = false;
        for (uint32_t left = units - own; left != 0;) {
            UNIT_EQUAL(segmsg_joint_state(&joint, units - own), SEGMSG_JOINT_AWAITED);
            uint32_t piece = 1 + (uint32_t) unit_below(&random, left);
            bool copied = unit_below(&random, 16) != 0;
            segmsg_joint_report(&joint, piece, copied);
            left -= piece;
            failed |= !copied;
        }
        UNIT_EQUAL(segmsg_joint_state(&joint, units - own),
                   failed ? SEGMSG_JOINT_UNDONE : SEGMSG_JOINT_DONE);
        undone += failed;
        done += !failed;
    }
    UNIT_CHECK(done != 0 && undone != 0);
}

/* As many failures as there can be do not look like units, nor as many units like failures. */
static void every_unit_may_fail(void)
{
    segmsg_joint_t joint = {0};
    segmsg_joint_start(&joint, 1, SEGMSG_JOINT_UNITS_MAX);
    for (uint32_t u = 0; u < SEGMSG_JOINT_UNITS_MAX; ++u) {
        UNIT_EQUAL(segmsg_joint_state(&joint, SEGMSG_JOINT_UNITS_MAX), SEGMSG_JOINT_AWAITED);
        segmsg_joint_report(&joint, 1, false);
    }
    UNIT_EQUAL(segmsg_joint_state(&joint, SEGMSG_JOINT_UNITS_MAX), SEGMSG_JOINT_UNDONE);
    segmsg_joint_start(&joint, 2, SEGMSG_JOINT_UNITS_MAX);
    UNIT_EQUAL(segmsg_joint_state(&joint, 0), SEGMSG_JOINT_DONE);
    segmsg_joint_report(&joint, SEGMSG_JOINT_UNITS_MAX, true);
    UNIT_EQUAL(segmsg_joint_state(&joint, SEGMSG_JOINT_UNITS_MAX), SEGMSG_JOINT_DONE);
}

/* A word that might get through a check: of this generation or not, with ends that may be anything. */
static uint64_t evil_word(unit_random_t *random, uint32_t generation, uint32_t units)
{
    uint32_t ends[2];
    for (uint32_t e = 0; e < 2; ++e) {
        ends[e] = (uint32_t) (unit_below(random, 2) == 0 ? unit_below(random, units + 3)
                                                         : unit_next(random))
                  & 0xffff;
    }
    if (unit_below(random, 4) == 0) {
        generation = (uint32_t) unit_next(random);
    }
    return (uint64_t) generation << 32 | (uint64_t) ends[0] << 16 | ends[1];
}

/* Whatever stands in the record, a piece lies in the transfer, and of nonsense there is none. The
 * record lies at the end of a page: nothing behind it is touched. */
static void any_words_give_pieces_of_the_transfer_or_none(void)
{
    unit_random_t random = unit_random(0);
    unsigned char *page = memory_map(2 * SEGMSG_PAGE, PROT_READ | PROT_WRITE);
    UNIT_REQUIRE(mprotect(page + SEGMSG_PAGE, SEGMSG_PAGE, PROT_NONE) == 0);
    segmsg_joint_t *joint = (void *) (page + SEGMSG_PAGE - sizeof(segmsg_joint_t));
    uint64_t pieces = 0, nonsense = 0;
    for (uint64_t n = 0; n < unit_repetitions(500000) && !unit_has_failed(); ++n) {
        uint32_t generation = (uint32_t) unit_next(&random);
        segmsg_joint_cut_t cut = start_some(joint, generation, &random);
        uint32_t units = segmsg_joint_units(&cut);
        uint64_t word = evil_word(&random, generation, units);
        uint32_t front = (uint32_t) (word >> 16) & 0xffff, back = (uint32_t) word & 0xffff;
        bool is_sense = word >> 32 == generation && front < back && back <= units;
        atomic_store(&joint->claim, word);
        uint32_t most = 1 + (uint32_t) unit_below(&random, SEGMSG_JOINT_UNITS_MAX);
        segmsg_joint_piece_t piece =
            segmsg_joint_claim(joint, generation, &cut, most,
                               unit_below(&random, 2) == 0 ? SEGMSG_JOINT_FRONT
                                                           : SEGMSG_JOINT_BACK);
        UNIT_CHECK((piece.units != 0) == is_sense);
        UNIT_CHECK((piece.bytes != 0) == is_sense);
        UNIT_CHECK(piece.units <= units && piece.offset <= cut.bytes
                   && piece.bytes <= cut.bytes - piece.offset);
        if (is_sense) {
            ++pieces;
            word = atomic_load(&joint->claim);
            front = (uint32_t) (word >> 16) & 0xffff;
            back = (uint32_t) word & 0xffff;
            UNIT_CHECK(word >> 32 == generation && front <= back && back <= units);
        } else {
            ++nonsense;
            UNIT_EQUAL(atomic_load(&joint->claim), word);
        }
    }
    UNIT_CHECK(pieces != 0 && nonsense != 0);
    munmap(page, 2 * SEGMSG_PAGE);
}

/* More or other units than the partner can have claimed are not the end of a transfer. */
static void wrong_reports_end_nothing(void)
{
    unit_random_t random = unit_random(0);
    segmsg_joint_t joint = {0};
    for (uint64_t n = 0; n < unit_repetitions(100000) && !unit_has_failed(); ++n) {
        uint32_t units = (uint32_t) unit_below(&random, 50);
        uint64_t report = unit_next(&random) >> unit_below(&random, 64);
        if ((uint32_t) report != units) {
            atomic_store(&joint.report, report + segmsg_joint_report_base(0));
            UNIT_EQUAL(segmsg_joint_state(&joint, units), SEGMSG_JOINT_AWAITED);
        }
    }
}

static void who_comes_late_sees_that_nothing_is_left(void)
{
    segmsg_joint_t joint = {0};
    UNIT_CHECK(segmsg_joint_is_claimed(&joint, 0));
    const segmsg_joint_cut_t cut = {.bytes = 40, .unit_bytes = 10};
    segmsg_joint_start(&joint, 7, segmsg_joint_units(&cut));
    UNIT_CHECK(!segmsg_joint_is_claimed(&joint, 7));
    UNIT_CHECK(segmsg_joint_is_claimed(&joint, 6));
    UNIT_CHECK(segmsg_joint_is_claimed(&joint, 8));
    UNIT_EQUAL(segmsg_joint_claim(&joint, 7, &cut, 3, SEGMSG_JOINT_BACK).units, 3);
    UNIT_CHECK(!segmsg_joint_is_claimed(&joint, 7));
    UNIT_EQUAL(segmsg_joint_claim(&joint, 7, &cut, 3, SEGMSG_JOINT_FRONT).units, 1);
    UNIT_CHECK(segmsg_joint_is_claimed(&joint, 7));
}

/* Whatever is written over a record whose units are all claimed: it is as it was, it ends nothing, or it is
 * told. */
static void a_record_that_was_overwritten_is_told(void)
{
    unit_random_t random = unit_random(0);
    enum { UNITS = 16, OWN = 5, REPORTED = 3 };
    uint32_t told = 0;
    for (uint64_t round = 0; round < unit_repetitions(100000); ++round) {
        segmsg_joint_t joint;
        memset(&joint, 0, sizeof(joint));
        uint32_t generation = (uint32_t) round;
        segmsg_joint_start(&joint, generation, UNITS);
        atomic_store(&joint.claim, segmsg_joint_word(generation, OWN, OWN));
        segmsg_joint_report(&joint, REPORTED, true);
        UNIT_CHECK(segmsg_joint_is_sound(&joint, generation, UNITS, OWN));
        bool is_claim = unit_below(&random, 2) == 0;
        uint64_t before = atomic_load(is_claim ? &joint.claim : &joint.report);
        uint64_t value = unit_below(&random, 2) == 0
                             ? before ^ UINT64_C(1) << unit_below(&random, 64)
                             : unit_next(&random) >> unit_below(&random, 64);
        atomic_store(is_claim ? &joint.claim : &joint.report, value);
        bool is_sound = segmsg_joint_is_sound(&joint, generation, UNITS, OWN);
        told += !is_sound;
        /* A few other numbers of units cannot be told from a report. */
        uint64_t units = value - segmsg_joint_report_base(generation);
        UNIT_CHECK(!is_sound || value == before
                   || (!is_claim && (uint32_t) units <= UNITS - OWN && units >> 32 <= UNITS));
        UNIT_CHECK(is_claim || units <= UNITS - OWN
                   || segmsg_joint_state(&joint, UNITS - OWN) != SEGMSG_JOINT_DONE);
    }
    UNIT_CHECK(told != 0);
}

static const unit_case_t cases[] = {
    UNIT_CASE(who_comes_late_sees_that_nothing_is_left),
    UNIT_CASE(every_byte_is_in_one_unit),
    UNIT_CASE(huge_transfers_have_larger_units),
    UNIT_CASE(claims_from_both_ends_meet),
    UNIT_CASE(a_late_partner_gets_nothing),
    UNIT_CASE(the_state_follows_the_reports),
    UNIT_CASE(every_unit_may_fail),
    UNIT_CASE(any_words_give_pieces_of_the_transfer_or_none),
    UNIT_CASE(wrong_reports_end_nothing),
    UNIT_CASE(a_record_that_was_overwritten_is_told),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
