/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A partner that is killed while it helps. What it had claimed is never taken for copied, and what it
 * had reported is.
 */
#include "joint_pair.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process that does this in its life; it ends with the test in any case. */
static pid_t fork_partner(void (*life)(shared_t *, uint32_t, const segmsg_joint_cut_t *),
                          shared_t *shared, uint32_t generation, const segmsg_joint_cut_t *cut)
{
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        random_now = unit_random(generation);
        while (getppid() == parent) {
            life(shared, generation, cut);
        }
        _exit(1);
    }
    return child;
}

/* Copies a piece. */
static void help(shared_t *shared, uint32_t generation, const segmsg_joint_cut_t *cut)
{
    segmsg_joint_piece_t piece =
        segmsg_joint_claim(&shared->record, generation, cut, 1, SEGMSG_JOINT_BACK);
    if (piece.units != 0) {
        copy_piece(shared, &piece);
        segmsg_joint_report(&shared->record, piece.units, true);
    }
}

/* Claims some units, copies some of these, and stays there. */
static void hold(shared_t *shared, uint32_t generation, const segmsg_joint_cut_t *cut)
{
    segmsg_joint_piece_t piece =
        segmsg_joint_claim(&shared->record, generation, cut, 4, SEGMSG_JOINT_BACK);
    segmsg_joint_piece_t half = segmsg_joint_piece(cut, (uint32_t) (piece.offset / UNIT), 2);
    copy_piece(shared, &half);
    atomic_store(&shared->holds, piece.units);
    pause();
}

/* As the component tells whether a partner lives: its memory can be read. */
static bool can_read(pid_t child)
{
    static uint64_t probe;
    uint64_t value;
    struct iovec here = {&value, sizeof(value)}, there = {&probe, sizeof(probe)};
    return process_vm_readv(child, &here, 1, &there, 1, 0) == sizeof(value);
}

static void kill_and_wait(pid_t child)
{
    siginfo_t info;
    int status;
    UNIT_CHECK(kill(child, SIGKILL) == 0);
    UNIT_CHECK(waitid(P_PID, (id_t) child, &info, WEXITED | WNOWAIT) == 0);
    /* Nobody has asked how it ended, so that signals still reach it; but it has no memory. */
    UNIT_CHECK(kill(child, 0) == 0 && !can_read(child));
    UNIT_CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    UNIT_CHECK(kill(child, 0) == -1 && errno == ESRCH);
}

/* The owner never takes for copied what a dead partner has claimed, and can tell that it is dead. */
static void a_partner_killed_in_a_piece_is_awaited_and_seen_to_be_dead(void)
{
    shared_t *shared = open_shared();
    segmsg_joint_cut_t cut = segmsg_joint_cut(BYTES_MOST, UNIT);
    segmsg_joint_start(&shared->record, 7, UNITS_MOST);
    pid_t child = fork_partner(hold, shared, 7, &cut);
    while (atomic_load(&shared->holds) == 0) {
        sched_yield();
    }
    uint32_t own = copy_own(shared, 7, &cut);
    UNIT_EQUAL(own + atomic_load(&shared->holds), UNITS_MOST);
    UNIT_EQUAL(segmsg_joint_state(&shared->record, UNITS_MOST - own), SEGMSG_JOINT_AWAITED);
    kill_and_wait(child);
    for (uint32_t looks = 0; looks < 1000; ++looks) {
        UNIT_EQUAL(segmsg_joint_state(&shared->record, UNITS_MOST - own), SEGMSG_JOINT_AWAITED);
    }
    close_shared(shared);
}

/* Wherever it is killed: either all is copied, or the owner is told that something is missing. */
static void a_partner_killed_anywhere_leaves_no_unit_in_doubt(void)
{
    shared_t *shared = open_shared();
    unit_random_t random = unit_random(0);
    random_now = unit_random(1);
    segmsg_joint_cut_t cut = segmsg_joint_cut(BYTES_MOST, UNIT);
    uint64_t awaited = 0, done = 0;
    for (uint32_t g = 1; g <= unit_repetitions(100) || awaited == 0 || done == 0; ++g) {
        memory_fill(shared->from, BYTES_MOST, g);
        memset(shared->to, 0, sizeof(shared->to));
        memset(shared->copies, 0, sizeof(shared->copies));
        segmsg_joint_start(&shared->record, g, UNITS_MOST);
        pid_t child = fork_partner(help, shared, g, &cut);
        /* Some are killed at work, some have nothing left to do by then. */
        uint32_t enough = (uint32_t) unit_below(&random, 2 * UNITS_MOST);
        for (uint32_t left = UNITS_MOST; left != 0 && left + enough > UNITS_MOST; sched_yield()) {
            left = (uint32_t) atomic_load(&shared->record.claim) & 0xffff;
        }
        kill_and_wait(child);
        uint32_t own = copy_own(shared, g, &cut);
        segmsg_joint_state_t state = segmsg_joint_state(&shared->record, UNITS_MOST - own);
        if (state == SEGMSG_JOINT_DONE) {
            UNIT_CHECK(all_is_copied(shared, BYTES_MOST, g));
            ++done;
        } else {
            UNIT_EQUAL(state, SEGMSG_JOINT_AWAITED);
            uint64_t reported = atomic_load(&shared->record.report) - segmsg_joint_report_base(g);
            UNIT_EQUAL(reported + own + 1, UNITS_MOST); /* the one in which it died */
            ++awaited;
        }
        if (unit_has_failed()) {
            break;
        }
    }
    close_shared(shared);
}

static const unit_case_t cases[] = {
    UNIT_CASE(a_partner_killed_in_a_piece_is_awaited_and_seen_to_be_dead),
    UNIT_CASE(a_partner_killed_anywhere_leaves_no_unit_in_doubt),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
