/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Whether a program works on what it receives: programs are made up that compute between messages in one way or
 * another, and it is seen what is believed of them.
 */
#include "transfer/use.h"
#include "unit.h"

enum {
    MICROSECOND = 1000,     /* ticks */
    BYTES = 16 << 10,       /* of a message */
    TOOK = 2 * MICROSECOND, /* what it takes */
    OWN = 600,              /* time that is nobody's */
    MANY = 200
};

/* Messages, each of which comes when the program was away for so many ticks, besides what is MPI's own. */
static void run(segmsg_use_t *use, unsigned messages, uint64_t away)
{
    for (unsigned m = 0; m < messages; ++m) {
        segmsg_use_note(use, BYTES, away + OWN, MICROSECOND);
    }
}

static void who_waits_between_messages_works_on_nothing(void)
{
    segmsg_use_t use = {0};
    UNIT_CHECK(!segmsg_use_is_likely(&use));
    for (unsigned m = 0; m < MANY; ++m) {
        run(&use, 1, TOOK / 20);
        UNIT_CHECK(!segmsg_use_is_likely(&use));
    }
}

static void who_computes_for_long_is_believed_soon(void)
{
    segmsg_use_t use = {0};
    run(&use, 3, 2 * TOOK);
    UNIT_CHECK(!segmsg_use_is_likely(&use));
    run(&use, 1, 2 * TOOK); /* the third burst that ended */
    UNIT_CHECK(segmsg_use_is_likely(&use));
}

static void who_computes_for_a_part_of_the_time_is_believed(void)
{
    segmsg_use_t use = {0};
    run(&use, MANY, TOOK / 5);
    UNIT_CHECK(segmsg_use_is_likely(&use));
    run(&use, MANY, TOOK / 20);
    UNIT_CHECK(!segmsg_use_is_likely(&use));
}

/* A halo comes from six neighbours, the steps of an alltoall from more, and are used when they are whole. */
static void what_is_used_as_a_whole_is_seen(void)
{
    for (unsigned others = 1; others < 31; others += 4) {
        segmsg_use_t use = {0};
        for (unsigned burst = 0; burst < MANY; ++burst) {
            run(&use, others, 0);
            run(&use, 1, (uint64_t) 20 * TOOK);
        }
        UNIT_CHECK(segmsg_use_is_likely(&use) == (others < 15));
        for (unsigned burst = 0; burst < MANY; ++burst) {
            UNIT_CHECK(!segmsg_use_is_likely(&use) || others < 15);
            run(&use, others, 0);
            run(&use, 1, (uint64_t) 20 * TOOK);
        }
    }
}

/* Interrupts and page faults, now and then, say nothing, however long they are. */
static void pauses_are_not_the_program(void)
{
    segmsg_use_t use = {0};
    for (unsigned pause = 0; pause < MANY; ++pause) {
        run(&use, 1, (uint64_t) 1 << 45);
        UNIT_CHECK(!segmsg_use_is_likely(&use));
        run(&use, 2 * 16, 0);
        UNIT_CHECK(!segmsg_use_is_likely(&use));
    }
}

/* What has been believed is so until the others are more, so that the limits that follow do not go to and fro. */
static void what_is_believed_lasts(void)
{
    segmsg_use_t use = {0};
    run(&use, 8, 2 * TOOK);
    for (unsigned turn = 0; turn < MANY; ++turn) {
        run(&use, 16, 0);
        UNIT_CHECK(segmsg_use_is_likely(&use));
        run(&use, 2, 20 * TOOK);
        UNIT_CHECK(segmsg_use_is_likely(&use));
    }
}

static void without_a_clock_nothing_is_known(void)
{
    segmsg_use_t use = {0};
    for (unsigned m = 0; m < MANY; ++m) {
        segmsg_use_note(&use, BYTES, (uint64_t) 1 << 45, 0);
    }
    UNIT_CHECK(!segmsg_use_is_likely(&use));
}

static const unit_case_t cases[] = {
    UNIT_CASE(who_waits_between_messages_works_on_nothing),
    UNIT_CASE(who_computes_for_long_is_believed_soon),
    UNIT_CASE(who_computes_for_a_part_of_the_time_is_believed),
    UNIT_CASE(what_is_used_as_a_whole_is_seen),
    UNIT_CASE(pauses_are_not_the_program),
    UNIT_CASE(what_is_believed_lasts),
    UNIT_CASE(without_a_clock_nothing_is_known),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
