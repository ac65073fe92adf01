/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The choice between the kernel's copy and segments: a machine is made up on which either takes so long,
 * and it is seen how messages come.
 */
#include "transfer/choice.h"
#include "unit.h"

enum { KB = 1 << 10, MB = 1 << 20, UNIT = 32 * KB };

/* What a machine takes for 32 KB, in ticks, and what its sender does. */
typedef struct {
    uint64_t copy;
    uint64_t unit;
    segmsg_traffic_t traffic;
    uint64_t in;    /* where both send */
    uint64_t whole; /* of messages that come alone */
    bool peer_asks; /* it is sent units as well */
    bool computes;  /* nothing comes of it */
} machine_t;

typedef struct {
    uint64_t by_copy, by_units; /* bytes that came so */
} outcome_t;

/* One message after the other, of `size` bytes, of `bytes` bytes in all. */
static outcome_t receive(segmsg_choice_t *choice, const machine_t *machine, uint64_t size,
                         uint64_t bytes)
{
    outcome_t outcome = {0};
    for (uint64_t done = 0; done < bytes; done += size) {
        if (!segmsg_choice_units(choice, size, machine->peer_asks)) {
            segmsg_choice_note_copy(choice, size, machine->copy * size / UNIT);
            outcome.by_copy += size;
            continue;
        }
        outcome.by_units += size;
        for (uint64_t unit = 0; unit < size && !machine->computes; unit += UNIT) {
            uint64_t length = size - unit < UNIT ? size - unit : UNIT;
            if (machine->traffic == SEGMSG_TRAFFIC_BOTH_WAYS) {
                segmsg_choice_note_in(choice, length, machine->in * length / UNIT);
            }
            segmsg_choice_note_unit(choice, length, machine->unit * length / UNIT,
                                    machine->traffic);
        }
        if (machine->traffic == SEGMSG_TRAFFIC_ALONE && !machine->computes) {
            segmsg_choice_note_whole(choice, size, machine->whole * size / UNIT);
        }
        segmsg_choice_note_message(choice, !machine->computes);
    }
    return outcome;
}

static const machine_t near = {.copy = 4000, .unit = 2000, .traffic = SEGMSG_TRAFFIC_STREAM};
static const machine_t far = {.copy = 6000, .unit = 12000, .traffic = SEGMSG_TRAFFIC_STREAM};
static const machine_t level = {.copy = 4000, .unit = 3500, .traffic = SEGMSG_TRAFFIC_STREAM};
/* Where both send, each unit is copied in as well; and alone it is the whole that counts. */
static const machine_t both_slow = {.copy = 4000,
                                    .unit = 2000,
                                    .in = 1500,
                                    .traffic = SEGMSG_TRAFFIC_BOTH_WAYS};
static const machine_t both_fast = {.copy = 4000,
                                    .unit = 2000,
                                    .in = 500,
                                    .traffic = SEGMSG_TRAFFIC_BOTH_WAYS};
static const machine_t alone_fast = {.copy = 4000, .unit = 3500, .whole = 3600};
static const machine_t alone_slow = {.copy = 4000, .unit = 1000, .whole = 4400};
static const machine_t computing = {.copy = 4000,
                                    .unit = 2000,
                                    .traffic = SEGMSG_TRAFFIC_STREAM,
                                    .computes = true};

static const uint64_t sizes[] = {8 * KB, 16 * KB, 40000, 64 * KB, MB, 2 * MB};
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

/* At least 15 of 16 bytes, when it is known how the machine is. */
static void check_mostly(uint64_t these, uint64_t others)
{
    UNIT_CHECK(these >= 15 * others);
}

static void the_faster_way_is_taken(void)
{
    for (int s = 0; s < SIZES; ++s) {
        segmsg_choice_t choice;
        segmsg_choice_init(&choice);
        (void) receive(&choice, &near, sizes[s], 64 * MB);
        outcome_t now = receive(&choice, &near, sizes[s], (uint64_t) 4000 * MB);
        check_mostly(now.by_units, now.by_copy);
        UNIT_CHECK(now.by_copy != 0); /* it is tried now and then */

        segmsg_choice_init(&choice);
        (void) receive(&choice, &far, sizes[s], 64 * MB);
        now = receive(&choice, &far, sizes[s], (uint64_t) 4000 * MB);
        check_mostly(now.by_copy, now.by_units);
        UNIT_CHECK(now.by_units != 0);
    }
}

static outcome_t settled(const machine_t *machine)
{
    segmsg_choice_t choice;
    segmsg_choice_init(&choice);
    (void) receive(&choice, machine, 64 * KB, 64 * MB);
    return receive(&choice, machine, 64 * KB, (uint64_t) 4000 * MB);
}

static void what_else_there_is_counts(void)
{
    outcome_t outcome = settled(&both_slow);
    check_mostly(outcome.by_copy, outcome.by_units);
    outcome = settled(&both_fast);
    check_mostly(outcome.by_units, outcome.by_copy);
    outcome = settled(&alone_slow);
    check_mostly(outcome.by_copy, outcome.by_units);
    outcome = settled(&alone_fast);
    check_mostly(outcome.by_units, outcome.by_copy);
}

/* Two that send to each other do it alike, unless that is known to be slower or is in vain. */
static void one_that_asks_for_units_is_asked_for_units(void)
{
    machine_t late = alone_fast, asking = alone_fast, vain = alone_fast, slow = alone_slow;
    segmsg_choice_t choice;
    late.computes = true;
    asking.peer_asks = true;
    vain.computes = vain.peer_asks = true;
    slow.peer_asks = true;

    segmsg_choice_init(&choice);
    (void) receive(&choice, &late, 64 * KB, 4 * MB); /* the kernel copies from now on */
    outcome_t outcome = receive(&choice, &late, 64 * KB, MB);
    UNIT_EQUAL(outcome.by_units, 0);
    outcome = receive(&choice, &asking, 64 * KB, MB);
    UNIT_EQUAL(outcome.by_copy, 0);
    outcome = receive(&choice, &asking, 64 * KB, (uint64_t) 4000 * MB);
    check_mostly(outcome.by_units, outcome.by_copy);
    UNIT_CHECK(outcome.by_copy != 0); /* it is tried now and then */

    outcome = settled(&vain);
    check_mostly(outcome.by_copy, outcome.by_units);
    outcome = settled(&slow);
    check_mostly(outcome.by_copy, outcome.by_units);
}

/* What must get into the segment first has to be much faster out of it. */
static void a_little_faster_is_not_enough(void)
{
    segmsg_choice_t choice;
    segmsg_choice_init(&choice);
    outcome_t now = receive(&choice, &level, 64 * KB, (uint64_t) 4000 * MB);
    check_mostly(now.by_copy, now.by_units);
}

static void processes_that_move_are_followed(void)
{
    for (int s = 0; s < SIZES; ++s) {
        segmsg_choice_t choice;
        segmsg_choice_init(&choice);
        (void) receive(&choice, &near, sizes[s], (uint64_t) 4000 * MB);
        /* It is noticed at once that units have become slow. */
        outcome_t now = receive(&choice, &far, sizes[s], 64 * MB);
        UNIT_CHECK(now.by_units <= 24 * MB); /* with the first trials */
        now = receive(&choice, &far, sizes[s], (uint64_t) 4000 * MB);
        check_mostly(now.by_copy, now.by_units);
        /* And at the next trial that they have become fast. */
        now = receive(&choice, &near, sizes[s], (uint64_t) 520 * MB);
        UNIT_CHECK(now.by_units != 0);
        now = receive(&choice, &near, sizes[s], (uint64_t) 4000 * MB);
        check_mostly(now.by_units, now.by_copy);
    }
}

static void a_sender_that_computes_is_left_alone(void)
{
    for (int s = 0; s < SIZES; ++s) {
        segmsg_choice_t choice;
        segmsg_choice_init(&choice);
        outcome_t now = receive(&choice, &computing, sizes[s], 64 * MB);
        UNIT_CHECK(now.by_units <= 9 * sizes[s]);
        now = receive(&choice, &computing, sizes[s], (uint64_t) 4000 * MB);
        UNIT_CHECK(now.by_units <= 12 * 9 * sizes[s]);
        /* It has to have computed several times in a row. */
        segmsg_choice_init(&choice);
        (void) receive(&choice, &near, sizes[s], 64 * MB);
        for (int time = 0; time < 7; ++time) {
            segmsg_choice_note_message(&choice, false);
        }
        now = receive(&choice, &near, sizes[s], 64 * MB);
        UNIT_CHECK(now.by_units > 8 * now.by_copy);
    }
}

/* Times in which the process had no core, or touched its memory for the first time, do not count. */
static void outliers_do_not_count(void)
{
    segmsg_choice_t choice;
    segmsg_choice_init(&choice);
    (void) receive(&choice, &near, 64 * KB, 64 * MB);
    unit_random_t random = unit_random(1);
    outcome_t all = {0};
    for (int message = 0; message < 40000; ++message) {
        machine_t machine = near;
        machine.copy *= unit_below(&random, 4) == 0 ? 50 : 1;
        machine.unit *= unit_below(&random, 4) == 0 ? 50 : 1;
        outcome_t now = receive(&choice, &machine, 64 * KB, 64 * KB);
        all.by_copy += now.by_copy;
        all.by_units += now.by_units;
    }
    check_mostly(all.by_units, all.by_copy);
}

static void the_kernels_time_is_known_when_it_was_noted(void)
{
    segmsg_choice_t choice;
    segmsg_choice_init(&choice);
    UNIT_EQUAL(segmsg_choice_copy_ticks(&choice, MB), 0);
    segmsg_choice_note_copy(&choice, 64 * KB, 8000);
    UNIT_CHECK(segmsg_choice_copy_ticks(&choice, MB) >= 128000);
    UNIT_CHECK(segmsg_choice_copy_ticks(&choice, MB) < 129000);
    segmsg_choice_note_copy(&choice, 1, UINT64_MAX / (64 * KB)); /* no number is too large */
    UNIT_CHECK(segmsg_choice_copy_ticks(&choice, MB) < 129000);
}

static const unit_case_t cases[] = {
    UNIT_CASE(the_faster_way_is_taken),
    UNIT_CASE(what_else_there_is_counts),
    UNIT_CASE(one_that_asks_for_units_is_asked_for_units),
    UNIT_CASE(a_little_faster_is_not_enough),
    UNIT_CASE(processes_that_move_are_followed),
    UNIT_CASE(a_sender_that_computes_is_left_alone),
    UNIT_CASE(outliers_do_not_count),
    UNIT_CASE(the_kernels_time_is_known_when_it_was_noted),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
