/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Whether a program works on what it receives: programs are made up that compute between transfers in one way or
 * another, and it is seen what is believed of them.
 */
#include "transfer/use.h"
#include "unit.h"

enum { TOOK = 10000 /* ticks */, MANY = 64 };

/* Transfers that take TOOK, each followed by so many ticks of the program. */
static void run(segmsg_use_t *use, uint64_t *now, unsigned transfers, uint64_t gap)
{
    for (unsigned t = 0; t < transfers; ++t) {
        *now += TOOK;
        UNIT_CHECK(segmsg_use_ended(use, TOOK, *now));
        UNIT_CHECK(segmsg_use_is_open(use));
        *now += gap;
        UNIT_CHECK(segmsg_use_called(use, *now));
        UNIT_CHECK(!segmsg_use_is_open(use));
        *now += 5 * TOOK; /* of waiting, which is nobody's */
    }
}

static void who_waits_between_transfers_works_on_nothing(void)
{
    segmsg_use_t use = {0};
    uint64_t now = 12345;
    UNIT_CHECK(!segmsg_use_is_likely(&use));
    for (unsigned t = 0; t < MANY; ++t) {
        run(&use, &now, 1, TOOK / 50);
        UNIT_CHECK(!segmsg_use_is_likely(&use));
    }
}

static void who_computes_as_long_works_on_what_came(void)
{
    segmsg_use_t use = {0};
    uint64_t now = 12345;
    run(&use, &now, MANY, TOOK / 2);
    UNIT_CHECK(segmsg_use_is_likely(&use));
    run(&use, &now, MANY, TOOK / 10);
    UNIT_CHECK(!segmsg_use_is_likely(&use));
}

/* A halo comes from six neighbours, one after the other, and is used when it is whole. */
static void what_is_used_as_a_whole_is_seen(void)
{
    segmsg_use_t use = {0};
    uint64_t now = 12345;
    for (unsigned iteration = 0; iteration < MANY; ++iteration) {
        run(&use, &now, 5, 0);
        UNIT_CHECK(iteration < 8 || segmsg_use_is_likely(&use));
        run(&use, &now, 1, 20 * TOOK);
    }
}

/* An interrupt, a page fault: an hour counts no more than eight transfers, and is forgotten. */
static void one_long_gap_is_forgotten(void)
{
    segmsg_use_t use = {0};
    uint64_t now = 12345;
    run(&use, &now, MANY, 0);
    run(&use, &now, 1, (uint64_t) 1 << 45);
    run(&use, &now, 16, 0);
    UNIT_CHECK(!segmsg_use_is_likely(&use));
}

/* Others may end and call meanwhile; times may be 0, and wrap. */
static void whoever_calls_first_is_counted(void)
{
    segmsg_use_t use = {0};
    UNIT_CHECK(!segmsg_use_called(&use, 1));
    UNIT_CHECK(segmsg_use_ended(&use, 0, 0));
    UNIT_CHECK(!segmsg_use_ended(&use, 0, 0));
    UNIT_CHECK(segmsg_use_called(&use, 0));
    UNIT_CHECK(!segmsg_use_called(&use, 0));
    /* One that ended after the clock was read for the call has left the program no time. */
    segmsg_use_t late = {0};
    for (unsigned t = 0; t < MANY; ++t) {
        UNIT_CHECK(segmsg_use_ended(&late, TOOK, 1000000));
        UNIT_CHECK(segmsg_use_called(&late, 1000000 - 5));
    }
    UNIT_CHECK(!segmsg_use_is_likely(&late));
    uint64_t now = UINT64_MAX - TOOK / 2;
    segmsg_use_t other = {0};
    run(&other, &now, MANY, 0);
    UNIT_CHECK(!segmsg_use_is_likely(&other));
}

static const unit_case_t cases[] = {
    UNIT_CASE(who_waits_between_transfers_works_on_nothing),
    UNIT_CASE(who_computes_as_long_works_on_what_came),
    UNIT_CASE(what_is_used_as_a_whole_is_seen),
    UNIT_CASE(one_long_gap_is_forgotten),
    UNIT_CASE(whoever_calls_first_is_counted),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
