/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Whether a peer is asked to help with cooperative copies: machines are made up on which helpers are at
 * work, lose their processor now and then, or all the time, and it is seen how often they are asked and
 * what waiting for them costs.
 */
#include "transfer/help.h"
#include "unit.h"

enum { KB = 1 << 10, US = 2000 /* ticks in a microsecond */ };
static const uint64_t MS = (uint64_t) 1000 * US;
static const uint64_t SLICE = (uint64_t) 4000 * US;

/* A machine on which this process copies 64 KB in 4 us, half of them with a helper. */
typedef struct {
    uint64_t now;       /* ticks */
    uint64_t stolen_at; /* when the helper loses its processor next, ticks; for a slice */
    uint64_t every;     /* ticks from one loss to the next; 0: it keeps it */
    uint64_t slow;      /* ticks that it takes besides, every time */
} machine_t;

typedef struct {
    unsigned asked, alone;
    uint64_t waited; /* ticks beyond the end of the own part */
} outcome_t;

enum { BYTES = 64 * KB, ALONE = 4 * US };

/* One transfer after the other for `ticks`. */
static outcome_t copy(segmsg_help_t *help, machine_t *machine, uint64_t ticks)
{
    outcome_t outcome = {0};
    for (uint64_t end = machine->now + ticks; machine->now < end;) {
        if (!segmsg_help_is_worth(help, machine->now)) {
            ++outcome.alone;
            segmsg_help_note_rate(help, BYTES, ALONE);
            machine->now += ALONE;
            continue;
        }
        ++outcome.asked;
        machine->now += ALONE / 2;
        segmsg_help_note_rate(help, BYTES / 2, ALONE / 2);
        uint64_t waited = machine->slow;
        if (machine->every != 0 && machine->now >= machine->stolen_at) {
            waited += SLICE;
            machine->stolen_at = machine->now + SLICE + machine->every;
        }
        machine->now += waited;
        outcome.waited += waited;
        segmsg_help_note(help, BYTES / 2, waited, machine->now, US);
    }
    return outcome;
}

static void begin(segmsg_help_t *help, machine_t *machine, uint64_t every)
{
    segmsg_help_init(help);
    *machine = (machine_t){.now = 12345, .every = every, .stolen_at = 12345 + every};
}

static void a_helper_that_is_there_is_always_asked(void)
{
    segmsg_help_t help;
    machine_t machine;
    begin(&help, &machine, 0);
    UNIT_CHECK(copy(&help, &machine, 1000 * MS).alone == 0);
}

/* A neighbour on its core, which it loses every other time slice. */
static void a_helper_beside_busy_loops_costs_little(void)
{
    segmsg_help_t help;
    machine_t machine;
    begin(&help, &machine, SLICE);
    (void) copy(&help, &machine, 2000 * MS);
    outcome_t now = copy(&help, &machine, 20000 * MS);
    UNIT_CHECK(now.waited <= 20000 * MS / 50);
    UNIT_CHECK(now.asked != 0); /* it is tried now and then */
}

/* It is asked again when the neighbour has gone. */
static void a_machine_that_calms_down_is_noticed(void)
{
    segmsg_help_t help;
    machine_t machine;
    begin(&help, &machine, SLICE);
    (void) copy(&help, &machine, 5000 * MS);
    machine.every = 0;
    (void) copy(&help, &machine, 1001 * MS);
    UNIT_CHECK(copy(&help, &machine, 1000 * MS).alone == 0);
}

/* An interrupt now and then is part of any machine. */
static void a_rare_loss_is_soon_forgotten(void)
{
    segmsg_help_t help;
    machine_t machine;
    begin(&help, &machine, 500 * MS);
    outcome_t now = copy(&help, &machine, 20000 * MS);
    UNIT_CHECK(now.alone * (uint64_t) ALONE <= 20000 * MS / 20);
}

/* A processor that is throttled. What its part takes beyond some time is loss. */
static void a_helper_that_is_slow_is_not_asked(void)
{
    segmsg_help_t help;
    machine_t machine;
    begin(&help, &machine, 0);
    machine.slow = 30 * US;
    (void) copy(&help, &machine, 2000 * MS);
    outcome_t now = copy(&help, &machine, 10000 * MS);
    UNIT_CHECK(now.waited <= 10000 * MS / 1000);
}

/* A caller that computes while its helper is away is not charged for its own time. */
static void a_wait_counts_as_a_time_slice_at_most(void)
{
    segmsg_help_t help;
    segmsg_help_init(&help);
    segmsg_help_note_rate(&help, BYTES, ALONE);
    segmsg_help_note(&help, BYTES / 2, 3600000 * MS, 3600000 * MS, US);
    UNIT_CHECK(!segmsg_help_is_worth(&help, 3600000 * MS));
    UNIT_CHECK(segmsg_help_is_worth(&help, 3600010 * MS));
}

/* Ticks wrap, and may mean nothing at all. */
static void any_times_are_survived(void)
{
    segmsg_help_t help;
    segmsg_help_init(&help);
    unit_random_t random = unit_random(1);
    for (int i = 0; i < 200000; ++i) {
        uint64_t now = unit_next(&random) >> unit_below(&random, 64);
        uint64_t bytes = unit_next(&random) >> unit_below(&random, 64);
        uint64_t ticks = unit_next(&random) >> unit_below(&random, 64);
        segmsg_help_note_rate(&help, bytes, ticks);
        segmsg_help_note(&help, ticks, bytes, now, unit_below(&random, 5000));
        (void) segmsg_help_is_worth(&help, now);
    }
    /* And then the peer is asked again: no pause is longer than a second. */
    segmsg_help_init(&help);
    uint64_t now = UINT64_MAX - 5 * MS;
    segmsg_help_note(&help, BYTES, SLICE, now, US);
    UNIT_CHECK(!segmsg_help_is_worth(&help, now + 9 * MS));
    UNIT_CHECK(segmsg_help_is_worth(&help, now + 11 * MS));
}

static const unit_case_t cases[] = {
    UNIT_CASE(a_helper_that_is_there_is_always_asked),
    UNIT_CASE(a_helper_beside_busy_loops_costs_little),
    UNIT_CASE(a_machine_that_calms_down_is_noticed),
    UNIT_CASE(a_rare_loss_is_soon_forgotten),
    UNIT_CASE(a_helper_that_is_slow_is_not_asked),
    UNIT_CASE(a_wait_counts_as_a_time_slice_at_most),
    UNIT_CASE(any_times_are_survived),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
