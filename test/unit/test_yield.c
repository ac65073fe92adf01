/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What a process learns from yielding its processor: to nobody, to processes that wait as it does, to programs that
 * compute, in every order.
 */
#include "engine/yield.h"
#include "unit.h"

enum { NOBODY = 400, WAITER = 8000, COMPUTES = 4000000 /* ns */ };

static void where_nobody_takes_it_nothing_changes(void)
{
    segmsg_yield_t yield = {0};
    int64_t since = 0;
    for (int time = 0; time < 1000; ++time) {
        UNIT_CHECK(!segmsg_yield_is_held(&yield, &since, time));
        UNIT_CHECK(!segmsg_yield_learn(&yield, &since, NOBODY));
        UNIT_CHECK(!segmsg_yield_begins(&yield));
    }
    UNIT_EQUAL(since, 0);
}

static void where_another_waits_the_next_waits_yield_soon(void)
{
    segmsg_yield_t yield = {0};
    int64_t since = 0;
    UNIT_CHECK(segmsg_yield_learn(&yield, &since, WAITER));
    unsigned soon = 0;
    while (segmsg_yield_begins(&yield)) {
        ++soon;
    }
    UNIT_CHECK(soon >= 100 && soon <= 1000);
    UNIT_CHECK(!segmsg_yield_begins(&yield));
}

static void one_that_is_crowded_stays_so(void)
{
    segmsg_yield_t yield = {.is_crowded = true};
    int64_t since = 0;
    for (int time = 0; time < 1000; ++time) {
        UNIT_CHECK(segmsg_yield_begins(&yield));
        UNIT_CHECK(segmsg_yield_processor(&yield, &since));
    }
}

/* Each time that it costs a slice, twice as long a wait goes before the next; there is a longest. */
static void who_computes_is_yielded_to_less_and_less(void)
{
    segmsg_yield_t yield = {0};
    int64_t since = 0, now = 1000, longest = 0;
    for (int time = 0; time < 20; ++time) {
        UNIT_CHECK(!segmsg_yield_learn(&yield, &since, COMPUTES));
        int64_t begun = now;
        while (segmsg_yield_is_held(&yield, &since, now)) {
            now += 1000;
        }
        UNIT_CHECK(now - begun >= 200000 && now - begun >= longest);
        longest = now - begun;
    }
    UNIT_CHECK(longest >= 10 * 1000000 && longest <= 20 * 1000000);
    UNIT_CHECK(!segmsg_yield_begins(&yield));
    for (int time = 0; time < 20; ++time) { /* and he has gone */
        (void) segmsg_yield_learn(&yield, &since, NOBODY);
    }
    since = 0;
    UNIT_CHECK(!segmsg_yield_is_held(&yield, &since, now));
}

/* It is waiting that is counted, of one wait: a found message begins another. */
static void what_is_held_back_is_counted_anew_in_each_wait(void)
{
    segmsg_yield_t yield = {0};
    int64_t since = 0, now = 5;
    (void) segmsg_yield_learn(&yield, &since, COMPUTES);
    for (int wait = 0; wait < 100; ++wait) {
        since = 0;
        for (int look = 0; look < 100; ++look) {
            now += 1000;
            UNIT_CHECK(segmsg_yield_is_held(&yield, &since, now));
        }
    }
}

static const unit_case_t cases[] = {
    UNIT_CASE(where_nobody_takes_it_nothing_changes),
    UNIT_CASE(where_another_waits_the_next_waits_yield_soon),
    UNIT_CASE(one_that_is_crowded_stays_so),
    UNIT_CASE(who_computes_is_yielded_to_less_and_less),
    UNIT_CASE(what_is_held_back_is_counted_anew_in_each_wait),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
