/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Waiting outside of progress: deadlines, and rests that grow.
 */
#include "base/wait.h"
#include "unit.h"

#include <sys/resource.h>

static void a_deadline_is_over_after_its_time_and_not_before(void)
{
    enum { LENGTH = 3 * 1000 * 1000 /* ns */ };
    int64_t before = segmsg_nanoseconds();
    segmsg_deadline_t deadline = segmsg_deadline_in(LENGTH);
    int64_t begun = segmsg_nanoseconds();
    bool is_over;
    int64_t looked;
    do {
        looked = segmsg_nanoseconds();
        is_over = segmsg_deadline_is_over(&deadline);
        if (is_over) {
            UNIT_CHECK(segmsg_nanoseconds() - before >= LENGTH);
        } else {
            UNIT_CHECK(looked - begun < LENGTH);
        }
    } while (!is_over && !unit_has_failed());
    segmsg_deadline_t at_once = segmsg_deadline_in(0);
    UNIT_CHECK(segmsg_deadline_is_over(&at_once));
    segmsg_deadline_t passed = segmsg_deadline_in(-1);
    UNIT_CHECK(segmsg_deadline_is_over(&passed));
}

static void minutes_fit(void)
{
    segmsg_deadline_t deadline = segmsg_deadline_in(INT64_C(3600) * 1000000000);
    UNIT_CHECK(!segmsg_deadline_is_over(&deadline));
    UNIT_CHECK(deadline.end - segmsg_nanoseconds() > INT64_C(3500) * 1000000000);
}

/* Times that this thread slept, as far as the system counts them. */
static long sleeps(void)
{
    struct rusage usage;
    UNIT_EQUAL(getrusage(RUSAGE_THREAD, &usage), 0);
    return usage.ru_nvcsw;
}

/* A yield may count as a sleep or not; that many sleeps, and at least as long as they must be, are no yields. */
static void rests_become_sleeps_and_longer_ones(void)
{
    enum { YIELDS = 16, SLEEPS = 30 };
    segmsg_deadline_t deadline = segmsg_deadline_in(INT64_C(3600) * 1000000000);
    for (unsigned r = 0; r < YIELDS; ++r) {
        segmsg_deadline_rest(&deadline);
    }
    long slept = sleeps();
    int64_t begun = segmsg_nanoseconds();
    int64_t least = 0; /* ns: 50 us, then as much more each time, up to a millisecond */
    for (int64_t r = 1; r <= SLEEPS; ++r) {
        segmsg_deadline_rest(&deadline);
        least += r < 20 ? r * 50000 : 1000000;
    }
    UNIT_CHECK(segmsg_nanoseconds() - begun >= least);
    UNIT_CHECK(sleeps() - slept >= SLEEPS);
}

static const unit_case_t cases[] = {
    UNIT_CASE(a_deadline_is_over_after_its_time_and_not_before),
    UNIT_CASE(minutes_fit),
    UNIT_CASE(rests_become_sleeps_and_longer_ones),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
