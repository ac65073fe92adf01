/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Transfers that two processes copy at the same time through one record, in threads and in processes,
 * with a partner that is late, or fails. Every byte is checked, and that each unit was copied once.
 */
#include "joint_pair.h"

#include <pthread.h>
#include <unistd.h>

typedef enum { IN_TIME, OFTEN_LATE, ALWAYS_LATE } lateness_t;

typedef struct {
    shared_t *shared;
    lateness_t lateness;
    bool fails; /* now and then */
} partner_t;

/* ---- the partner ---- */

/* Copies a piece, or fails to, having written something. */
static bool help_with(partner_t *partner, const segmsg_joint_piece_t *piece)
{
    shared_t *shared = partner->shared;
    atomic_fetch_add(&shared->helped, 1);
    if (partner->fails && unit_below(&random_now, 8) == 0) {
        memset(shared->to + piece->offset, 0x55, piece->bytes / 2 + 1);
        atomic_fetch_add(&shared->failed, 1);
        return false;
    }
    copy_piece(shared, piece);
    return true;
}

static void help(partner_t *partner, uint64_t asked)
{
    shared_t *shared = partner->shared;
    uint32_t generation = (uint32_t) (asked >> 32);
    segmsg_joint_cut_t cut = segmsg_joint_cut((uint32_t) asked, UNIT);
    uint32_t most = 1 + (uint32_t) unit_below(&random_now, 6);
    bool copied = true;
    uint64_t pieces = 0;
    while (copied) {
        segmsg_joint_piece_t piece =
            segmsg_joint_claim(&shared->record, generation, &cut, most, SEGMSG_JOINT_BACK);
        if (piece.units == 0) {
            break;
        }
        UNIT_CHECK(partner->lateness != ALWAYS_LATE);
        ++pieces;
        window();
        copied = help_with(partner, &piece);
        segmsg_joint_report(&shared->record, piece.units, copied);
    }
    atomic_fetch_add(&shared->late, pieces == 0);
}

static void *be_partner(void *argument)
{
    partner_t *partner = argument;
    shared_t *shared = partner->shared;
    random_now = unit_random(1);
    uint64_t last = 0;
    while (!atomic_load(&shared->over) && !unit_has_failed()) {
        uint64_t asked = atomic_load(&shared->asked);
        if (asked == last) {
            sched_yield();
            continue;
        }
        last = asked;
        bool waits = partner->lateness == ALWAYS_LATE
                     || (partner->lateness == OFTEN_LATE && unit_below(&random_now, 2) == 0);
        while (waits && atomic_load(&shared->ended) < asked >> 32 && !unit_has_failed()) {
            sched_yield();
        }
        help(partner, asked);
    }
    return NULL;
}

/* ---- the owner ---- */

/* What the partner could not copy, the owner does, as the component does. */
static void copy_again(shared_t *shared, const segmsg_joint_cut_t *cut, uint32_t own)
{
    segmsg_joint_piece_t rest = segmsg_joint_piece(cut, own, segmsg_joint_units(cut) - own);
    memset(shared->copies + own, 0, rest.units);
    copy_piece(shared, &rest);
}

static void transfer(shared_t *shared, uint32_t generation)
{
    uint32_t bytes = 1 + (uint32_t) unit_below(&random_now, BYTES_MOST);
    segmsg_joint_cut_t cut = segmsg_joint_cut(bytes, UNIT);
    uint32_t units = segmsg_joint_units(&cut);
    memory_fill(shared->from, bytes, generation);
    memset(shared->to, 0, sizeof(shared->to));
    memset(shared->copies, 0, sizeof(shared->copies));
    segmsg_joint_start(&shared->record, generation, units);
    if (unit_below(&random_now, 16) != 0) { /* or there is no room for the message */
        atomic_store(&shared->asked, (uint64_t) generation << 32 | bytes);
    }
    uint32_t own = copy_own(shared, generation, &cut);
    segmsg_joint_state_t state;
    while ((state = segmsg_joint_state(&shared->record, units - own)) == SEGMSG_JOINT_AWAITED
           && !unit_has_failed()) {
        sched_yield();
    }
    if (state == SEGMSG_JOINT_UNDONE) {
        copy_again(shared, &cut, own);
    }
    UNIT_CHECK(unit_has_failed() || all_is_copied(shared, bytes, generation));
    atomic_store(&shared->ended, generation);
}

/* True if there was what this test is about. */
static bool is_enough(const shared_t *shared, lateness_t lateness, bool fails)
{
    return (lateness == ALWAYS_LATE || atomic_load(&shared->helped) != 0)
           && (lateness == IN_TIME || atomic_load(&shared->late) != 0)
           && (!fails || atomic_load(&shared->failed) != 0);
}

static void be_owner(shared_t *shared, uint64_t transfers, lateness_t lateness, bool fails)
{
    random_now = unit_random(0);
    uint32_t generation = 0;
    while ((generation < transfers || !is_enough(shared, lateness, fails)) && !unit_has_failed()) {
        transfer(shared, ++generation);
    }
    atomic_store(&shared->over, true);
}

/* ---- the promises ---- */

static void run_threads(lateness_t lateness, bool fails, uint64_t transfers)
{
    shared_t *shared = open_shared();
    partner_t partner = {shared, lateness, fails};
    pthread_t thread;
    UNIT_REQUIRE(pthread_create(&thread, NULL, be_partner, &partner) == 0);
    be_owner(shared, transfers, lateness, fails);
    pthread_join(thread, NULL);
    close_shared(shared);
}

static void two_threads_copy_each_unit_once(void)
{
    run_threads(IN_TIME, false, unit_repetitions(20000));
}

static void what_a_partner_cannot_copy_is_copied_again(void)
{
    run_threads(IN_TIME, true, unit_repetitions(20000));
}

/* It knows nothing of the transfers that go on while it is at one that has ended. */
static void a_partner_that_is_often_late_spoils_nothing(void)
{
    run_threads(OFTEN_LATE, true, unit_repetitions(20000));
}

static void a_partner_that_is_always_late_gets_nothing(void)
{
    run_threads(ALWAYS_LATE, false, unit_repetitions(20000));
}

static void two_processes_copy_each_unit_once(void)
{
    shared_t *shared = open_shared();
    pid_t child = fork();
    if (child == 0) {
        partner_t partner = {shared, OFTEN_LATE, true};
        be_partner(&partner);
        unit_child_exit();
    }
    be_owner(shared, unit_repetitions(20000), OFTEN_LATE, true);
    unit_child_wait(child);
    close_shared(shared);
}

/* ---- a record that is overwritten all the time ---- */

typedef struct {
    segmsg_joint_t joint;
    _Atomic bool over;
} scribbled_t;

static void *scribble(void *argument)
{
    scribbled_t *scribbled = argument;
    unit_random_t random = unit_random(5);
    while (!atomic_load(&scribbled->over)) {
        uint64_t front = unit_below(&random, 40), back = unit_below(&random, 40);
        uint64_t generation = 1 + (unit_below(&random, 4) == 0);
        atomic_store(&scribbled->joint.claim, generation << 32 | front << 16 | back);
        if (unit_below(&random, 64) == 0) {
            sched_yield();
        }
    }
    return NULL;
}

static void a_record_overwritten_all_the_time_gives_no_piece_outside(void)
{
    static scribbled_t scribbled;
    random_now = unit_random(0);
    atomic_store(&scribbled.over, false);
    pthread_t thread;
    UNIT_REQUIRE(pthread_create(&thread, NULL, scribble, &scribbled) == 0);
    segmsg_joint_cut_t cut = segmsg_joint_cut(30 * UNIT - 5, UNIT);
    uint64_t pieces = 0, nothing = 0;
    for (uint64_t n = 0; n < unit_repetitions(200000) || pieces == 0 || nothing == 0; ++n) {
        segmsg_joint_end_t end = n % 2 == 0 ? SEGMSG_JOINT_FRONT : SEGMSG_JOINT_BACK;
        segmsg_joint_piece_t piece = segmsg_joint_claim(&scribbled.joint, 1, &cut, 7, end);
        UNIT_CHECK(piece.units <= 7 && piece.offset < cut.bytes
                   && piece.bytes <= cut.bytes - piece.offset);
        UNIT_CHECK((piece.units == 0) == (piece.bytes == 0));
        pieces += piece.units != 0;
        nothing += piece.units == 0;
        if (unit_has_failed()) {
            break;
        }
    }
    atomic_store(&scribbled.over, true);
    pthread_join(thread, NULL);
}

static const unit_case_t cases[] = {
    UNIT_CASE(two_threads_copy_each_unit_once),
    UNIT_CASE(what_a_partner_cannot_copy_is_copied_again),
    UNIT_CASE(a_partner_that_is_often_late_spoils_nothing),
    UNIT_CASE(a_partner_that_is_always_late_gets_nothing),
    UNIT_CASE(two_processes_copy_each_unit_once),
    UNIT_CASE(a_record_overwritten_all_the_time_gives_no_piece_outside),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
