/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * An owner and its partners that copy transfers together, step by step: an access to the record, the
 * copying of a unit, the arrival or loss of a request. The functions of queue/split_work.h
 * themselves run (steps.h).
 *
 * The processes do what the component does: start, ask, claim and copy until nothing is left, look
 * until the partner has reported, copy again what it could not.
 */
#ifndef SEGMSG_TEST_JOINT_STEPS_H
#define SEGMSG_TEST_JOINT_STEPS_H

#include "joint_access.h"
#include "steps.h"

enum {
    UNITS_MOST = 6,
    TRANSFERS_MOST = 3,
    PARTNERS_MOST = 2,
    PROCESSES = 1 + PARTNERS_MOST,
    OWNER = 0, /* the others are partners */
    CHOICES = 3 + TRANSFERS_MOST
};
#define GENERATION UINT32_MAX /* of the first transfer: the next is 0 */

/* Where a process is. */
typedef enum {
    OWNER_START,
    OWNER_ASK,
    OWNER_CLAIM,
    OWNER_COPY,
    OWNER_LOOK,
    OWNER_END,
    OWNER_OVER, /* of all transfers */
    PARTNER_IDLE,
    PARTNER_CLAIM,
    PARTNER_COPY,
    PARTNER_REPORT,
    PARTNER_DEAD,
    PARTNER_DEAD_HOLDING /* units that it has not reported */
} place_t;

typedef struct {
    uint8_t at;                   /* place_t */
    uint8_t transfer;             /* from 0 */
    uint8_t first, units, copied; /* of the piece that it holds */
    bool failed;                  /* to copy */
    step_call_t call;             /* the one under way */
} process_t;

typedef enum { UNIT_OLD, UNIT_COPIED, UNIT_TORN } unit_state_t;

typedef struct {
    uint64_t claim, report;   /* the record */
    uint8_t unit[UNITS_MOST]; /* unit_state_t: the memory that is copied to */
    uint8_t own;              /* units that the owner claimed */
    uint8_t ended;            /* transfers */
    bool undone;              /* says the record of the one that ends */
    /* Bit t: this partner is asked to help with transfer t. It takes them one by one, in any order. */
    uint8_t asked[PARTNERS_MOST];
    process_t process[PROCESSES];
} state_t;

typedef struct {
    uint32_t partners; /* transfer t is for partner t % partners */
    uint32_t transfers;
    uint32_t units[TRANSFERS_MOST];
    uint32_t most; /* units that a partner claims at a time */
    bool mishaps;  /* copies fail, partners die, swaps fail for no reason */
} scene_t;

static scene_t scene;
static segmsg_joint_t record;

/* What was found on the way. */
static struct {
    uint64_t late, helped, undone, misses, refused, awaited;
} seen;

/* ---- one step of a function that accesses the record ---- */

/* What the call under way has returned. */
static struct {
    segmsg_joint_piece_t piece;
    segmsg_joint_state_t state;
} result;

static inline uint64_t joint_access_load(joint_word_t *word, memory_order order)
{
    return step_load(word, order);
}

static inline void joint_access_store(joint_word_t *word, uint64_t value, memory_order order)
{
    step_store(word, value, order);
}

static inline uint64_t joint_access_add(joint_word_t *word, uint64_t value, memory_order order)
{
    return step_add(word, value, order);
}

static inline bool joint_access_swap(joint_word_t *word, uint64_t *expected, uint64_t next,
                                     memory_order success, memory_order failure)
{
    return step_swap(word, expected, next, success, failure);
}

static segmsg_joint_cut_t cut_of(uint32_t transfer)
{
    return segmsg_joint_cut(scene.units[transfer], 1);
}

typedef struct {
    const state_t *state;
    const process_t *process;
} caller_t;

static void call(void *context)
{
    const caller_t *caller = context;
    const state_t *state = caller->state;
    const process_t *process = caller->process;
    segmsg_joint_cut_t cut = cut_of(process->transfer);
    uint32_t generation = GENERATION + process->transfer;
    switch (process->at) {
    case OWNER_START:
        segmsg_joint_start(&record, generation, segmsg_joint_units(&cut));
        break;
    case OWNER_CLAIM:
        result.piece = segmsg_joint_claim(&record, generation, &cut, SEGMSG_JOINT_UNITS_MAX,
                                          SEGMSG_JOINT_FRONT);
        break;
    case OWNER_LOOK:
        result.state = segmsg_joint_state(&record, segmsg_joint_units(&cut) - state->own);
        break;
    case PARTNER_CLAIM:
        result.piece = segmsg_joint_claim(&record, generation, &cut, scene.most, SEGMSG_JOINT_BACK);
        break;
    default:
        segmsg_joint_report(&record, process->units, !process->failed);
        break;
    }
}

/* Makes the next access of the call that the process is in; true if that was the last. */
static bool process_call(state_t *state, process_t *process)
{
    caller_t caller = {state, process};
    atomic_store(&record.claim, state->claim);
    atomic_store(&record.report, state->report);
    bool returned = step_call(&process->call, call, &caller);
    state->claim = atomic_load(&record.claim);
    state->report = atomic_load(&record.report);
    return returned;
}

/* ---- what the processes do ---- */

static void hold_piece(process_t *process, place_t then)
{
    process->first = (uint8_t) result.piece.offset;
    process->units = (uint8_t) result.piece.units;
    process->copied = 0;
    process->at = (uint8_t) then;
    if (process->first + process->units > scene.units[process->transfer]
        || result.piece.bytes != process->units) {
        violated = "a piece lies in the transfer";
    }
}

/* Copies the next unit of the piece, or fails to. */
static void copy_unit(state_t *state, process_t *process, bool fails, place_t then)
{
    uint8_t *unit = &state->unit[process->first + process->copied];
    if (state->ended != process->transfer) {
        violated = "nobody writes to the memory of a transfer that has ended";
    } else if (*unit != UNIT_OLD) {
        violated = "no unit is copied twice";
    }
    *unit = fails ? UNIT_TORN : UNIT_COPIED;
    process->failed |= fails;
    if (fails || ++process->copied == process->units) {
        process->at = (uint8_t) then;
    }
}

/* Ends a transfer: what the partner could not copy is copied again. */
static void end_transfer(state_t *state, process_t *owner)
{
    uint32_t units = scene.units[owner->transfer];
    for (uint32_t u = 0; u < units; ++u) {
        bool again = owner->failed || (state->undone && u >= state->own);
        if (!again && state->unit[u] != UNIT_COPIED) {
            violated = "all units are copied when a transfer ends";
        }
        state->unit[u] = UNIT_OLD;
    }
    state->own = 0;
    state->undone = false;
    owner->failed = false;
    owner->first = owner->units = owner->copied = 0;
    ++owner->transfer;
    owner->at = owner->transfer == scene.transfers ? OWNER_OVER : OWNER_START;
}

static bool owner_step(state_t *state, process_t *owner, uint32_t choice)
{
    uint32_t partner = owner->transfer % scene.partners;
    switch (owner->at) {
    case OWNER_START:
        owner->at = process_call(state, owner) ? OWNER_ASK : OWNER_START;
        return choice == 0;
    case OWNER_ASK: /* or there is no room for the message */
        state->asked[partner] |= (uint8_t) (choice == 0 ? 1 << owner->transfer : 0);
        owner->at = OWNER_CLAIM;
        return choice <= 1;
    case OWNER_CLAIM:
        running.misses = choice == 1;
        if (process_call(state, owner)) {
            hold_piece(owner, OWNER_COPY);
            state->own = (uint8_t) (state->own + owner->units);
            /* What cannot be copied is only claimed. */
            owner->at = owner->units == 0 ? OWNER_LOOK : owner->failed ? OWNER_CLAIM : OWNER_COPY;
        }
        return choice == 0 || (choice == 1 && !running.misses);
    case OWNER_COPY:
        copy_unit(state, owner, choice == 1, OWNER_CLAIM);
        return choice <= 1;
    case OWNER_LOOK:
        if (process_call(state, owner)) {
            state->undone = result.state == SEGMSG_JOINT_UNDONE;
            state->ended = (uint8_t) (state->ended + (result.state != SEGMSG_JOINT_AWAITED));
            owner->at = result.state == SEGMSG_JOINT_AWAITED ? OWNER_LOOK : OWNER_END;
            seen.awaited += result.state == SEGMSG_JOINT_AWAITED;
            seen.undone += state->undone;
        }
        return choice == 0;
    case OWNER_END:
        end_transfer(state, owner);
        return choice == 0;
    default:
        return false;
    }
}

static void partner_dies(process_t *partner)
{
    bool holds = partner->at == PARTNER_COPY || partner->at == PARTNER_REPORT;
    memset(partner, 0, sizeof(*partner));
    partner->at = holds ? PARTNER_DEAD_HOLDING : PARTNER_DEAD;
}

/* `choice`: 0, it goes on; 1, something fails; 2, it dies; 3 and more, it is asked. */
static bool partner_step(state_t *state, process_t *partner, uint8_t *asked, uint32_t choice)
{
    if (choice == 2 && partner->at != PARTNER_DEAD && partner->at != PARTNER_DEAD_HOLDING) {
        partner_dies(partner);
        return true;
    }
    switch (partner->at) {
    case PARTNER_IDLE:
        if (choice < 3 || (*asked & 1 << (choice - 3)) == 0) {
            return false;
        }
        *asked ^= (uint8_t) (1 << (choice - 3));
        partner->transfer = (uint8_t) (choice - 3);
        partner->at = PARTNER_CLAIM;
        return true;
    case PARTNER_CLAIM:
        running.misses = choice == 1;
        if (process_call(state, partner)) {
            hold_piece(partner, PARTNER_COPY);
            seen.helped += partner->units != 0;
            seen.late += partner->units == 0 && state->ended > partner->transfer;
            if (partner->units == 0) {
                memset(partner, 0, sizeof(*partner));
                partner->at = PARTNER_IDLE;
            }
        }
        seen.misses += choice == 1 && !running.misses;
        return choice == 0 || (choice == 1 && !running.misses);
    case PARTNER_COPY:
        copy_unit(state, partner, choice == 1, PARTNER_REPORT);
        return choice <= 1;
    case PARTNER_REPORT:
        if (process_call(state, partner)) {
            seen.refused += partner->failed;
            partner->first = partner->units = partner->copied = 0;
            partner->at = partner->failed ? PARTNER_IDLE : PARTNER_CLAIM;
            partner->transfer = partner->failed ? 0 : partner->transfer;
            partner->failed = false;
        }
        return choice == 0;
    default:
        return false;
    }
}

/* Lets a process go a step; false if it has no such choice. */
static bool step(state_t *state, uint32_t who, uint32_t choice)
{
    process_t *process = &state->process[who];
    if (!scene.mishaps && (choice == 2 || (choice == 1 && process->at != OWNER_ASK))) {
        return false;
    }
    if (choice == 1 && process->call.misses != 0) { /* once a call is enough */
        return false;
    }
    return who == OWNER ? owner_step(state, process, choice)
                        : partner_step(state, process, &state->asked[who - 1], choice);
}

#endif
