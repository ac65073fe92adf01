/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Partitions of a segment above group 0, in every order in which its ends can take their steps: each access
 * to credits, claims and directory, each message written and read. No partition is two messages' at a time, messages
 * stay as they are until they are returned in whatever order, and every partition comes back.
 */
#include "queue/layout.h"
#include "steps.h"

#include "steps_begin.h"
#include "queue/slab.h"
#include "steps_end.h"

enum {
    PARTITIONS = 4,
    SENDERS_MOST = 2,
    EACH_MOST = 4, /* messages of a sender */
    MESSAGES_MOST = SENDERS_MOST * EACH_MOST,
    CHOICES = MESSAGES_MOST
};

typedef enum { CLAIM, CHECK, ENTER, WRITE, ABORT, OVER, RECEIVE, RETURN } place_t;

/* What has become of a message. */
typedef enum { NOT_YET, HELD, PUBLISHED, IN_USE, RETURNED } fate_t;

typedef struct {
    uint64_t word, inverse, claimed;
    uint64_t credits; /* the receiver's own */
    segmsg_slab_t slab;
    step_call_t call[SENDERS_MOST + 1];
    uint16_t directory[PARTITIONS];
    uint8_t holder[PARTITIONS]; /* message + 1 */
    uint8_t stamp[PARTITIONS];  /* what was written there, likewise */
    uint8_t fate[MESSAGES_MOST], first[MESSAGES_MOST];
    uint8_t at[8];   /* place_t of the senders, then of the receiver */
    uint8_t sent[8]; /* messages of each sender that are done with */
    uint8_t returns; /* message that the receiver returns */
    uint8_t unused[7];
} state_t;

#include "orders.h"

typedef struct {
    uint32_t senders; /* 1: a segment of its own; more: one that they share */
    uint32_t each;
    uint32_t partitions[MESSAGES_MOST]; /* of each message: those of sender 0 first */
    bool mishaps; /* swaps that fail for no reason, messages that are aborted */
} scene_t;

static scene_t scene;
static struct {
    uint64_t full, credited, aborted, misses, together;
} seen;

static segmsg_control_t control;
static segmsg_directory_entry_t directory[PARTITIONS];
static segmsg_slab_t slab;
static uint64_t credits;
static struct {
    uint32_t first;
    bool yes;
} result;

static uint64_t mask_of(const state_t *state, uint32_t message)
{
    return segmsg_extent_mask(state->first[message], scene.partitions[message]);
}

/* The calls that consist of steps; what they are about. */
typedef struct {
    uint32_t first, partitions;
} about_t;

static void claim_own(void *context)
{
    const about_t *about = context;
    result.yes = true;
    result.first = segmsg_extent_find(slab.taken, about->partitions);
    if (result.first == SEGMSG_EXTENT_NONE) {
        uint64_t word;
        if (segmsg_credits_read(&control, &word)) {
            seen.credited += word != slab.returned;
            result.yes = segmsg_slab_credit(&slab, word, slab.taken & slab.exists);
        }
        result.first = segmsg_extent_find(slab.taken, about->partitions);
    }
    if (result.first != SEGMSG_EXTENT_NONE) {
        segmsg_slab_occupy(&slab, result.first, about->partitions);
    }
}
static void claim_common(void *context)
{
    const about_t *about = context;
    result.yes = true;
    result.first = segmsg_common_claim(&control, PARTITIONS, about->partitions);
}
static void check_free(void *context)
{
    const about_t *about = context;
    result.yes = segmsg_directory_is_free(directory, about->first, about->partitions);
}
static void enter(void *context)
{
    const about_t *about = context;
    segmsg_directory_enter(directory, about->first, about->partitions);
}
static void abort_own(void *context)
{
    const about_t *about = context;
    segmsg_slab_free(&slab, segmsg_extent_mask(about->first, about->partitions));
    result.yes = true;
}
static void return_common(void *context)
{
    const about_t *about = context;
    result.yes = segmsg_common_return(&control, directory,
                                      segmsg_extent_mask(about->first, about->partitions));
}
static void return_own(void *context)
{
    const about_t *about = context;
    segmsg_credits_give(&control, &credits, segmsg_extent_mask(about->first, about->partitions));
    result.yes = true;
}

/* Makes the next access of a call about a message; true if that was the last. */
static bool slab_call(state_t *state, uint32_t who, void (*function)(void *), uint32_t message)
{
    about_t about = {state->first[message], scene.partitions[message]};
    atomic_store(&control.word, state->word);
    atomic_store(&control.inverse, state->inverse);
    atomic_store(&control.claimed, state->claimed);
    for (uint32_t p = 0; p < PARTITIONS; ++p) {
        atomic_store(&directory[p], state->directory[p]);
    }
    memcpy(&slab, &state->slab, sizeof(slab));
    credits = state->credits;
    bool returned = step_call(&state->call[who], function, &about);
    state->word = atomic_load(&control.word);
    state->inverse = atomic_load(&control.inverse);
    state->claimed = atomic_load(&control.claimed);
    for (uint32_t p = 0; p < PARTITIONS; ++p) {
        state->directory[p] = atomic_load(&directory[p]);
    }
    if (returned && who == scene.senders) {
        state->credits = credits;
    } else if (returned) {
        memcpy(&state->slab, &slab, sizeof(slab));
    }
    if (returned && !result.yes) {
        violated = "credits, claims and directory say the same";
    }
    result.yes = true;
    return returned;
}

/* Partitions become a message's. */
static void hold(state_t *state, uint32_t message)
{
    state->first[message] = (uint8_t) result.first;
    state->fate[message] = HELD;
    for (uint32_t p = result.first; p < result.first + scene.partitions[message]; ++p) {
        if (p >= PARTITIONS || state->holder[p] != 0) {
            violated = "no partition is two messages' at a time";
            return;
        }
        state->holder[p] = (uint8_t) (message + 1);
    }
}

/* They are nobody's from now on, if it is known or not. */
static void let_go(state_t *state, uint32_t message)
{
    for (uint32_t p = 0; p < PARTITIONS; ++p) {
        if ((mask_of(state, message) >> p & 1) != 0) {
            state->holder[p] = 0;
            state->stamp[p] = 0;
        }
    }
    state->fate[message] = RETURNED;
}

static bool is_whole(const state_t *state, uint32_t message)
{
    bool is = true;
    for (uint32_t p = 0; p < PARTITIONS; ++p) {
        is &= (mask_of(state, message) >> p & 1) == 0 || state->stamp[p] == message + 1;
    }
    return is;
}

static void next_message(state_t *state, uint32_t who)
{
    state->at[who] = ++state->sent[who] == scene.each ? OVER : CLAIM;
}

static bool sender_step(state_t *state, uint32_t who, uint32_t choice)
{
    uint32_t message = who * scene.each + state->sent[who];
    bool shares = scene.senders != 1;
    uint8_t *at = &state->at[who];
    switch (*at) {
    case CLAIM:
        running.misses = choice == 1;
        if (slab_call(state, who, shares ? claim_common : claim_own, message)) {
            seen.full += result.first == SEGMSG_EXTENT_NONE;
            if (result.first != SEGMSG_EXTENT_NONE) {
                hold(state, message);
                *at = shares ? CHECK : WRITE;
            }
        }
        seen.misses += choice == 1 && !running.misses;
        return choice == 0
               || (choice == 1 && !running.misses && scene.mishaps && state->call[who].misses <= 1);
    case CHECK:
        *at = slab_call(state, who, check_free, message) ? ENTER : CHECK;
        return choice == 0;
    case ENTER:
        *at = slab_call(state, who, enter, message) ? WRITE : ENTER;
        return choice == 0;
    case WRITE:
        if (choice == 1 && scene.mishaps) {
            *at = ABORT;
            return true;
        }
        for (uint32_t p = 0; p < PARTITIONS; ++p) {
            if ((mask_of(state, message) >> p & 1) != 0) {
                state->stamp[p] = (uint8_t) (message + 1);
            }
        }
        state->fate[message] = PUBLISHED;
        next_message(state, who);
        return choice == 0;
    case ABORT:
        if (state->fate[message] == HELD) {
            ++seen.aborted;
            let_go(state, message);
        }
        if (slab_call(state, who, shares ? return_common : abort_own, message)) {
            next_message(state, who);
        }
        return choice == 0;
    default:
        return false;
    }
}

/* `choice`: the message that it begins to use, or to return. */
static bool receiver_step(state_t *state, uint32_t choice)
{
    uint8_t *at = &state->at[scene.senders];
    if (*at == RETURN) {
        if (slab_call(state, scene.senders, scene.senders != 1 ? return_common : return_own,
                      state->returns)) {
            state->returns = 0;
            *at = RECEIVE;
        }
        return choice == 0;
    }
    if (choice >= scene.senders * scene.each
        || (state->fate[choice] != PUBLISHED && state->fate[choice] != IN_USE)) {
        return false;
    }
    if (!is_whole(state, choice)) {
        violated = "a message stays as it is until it is returned";
    }
    if (state->fate[choice] == PUBLISHED) {
        state->fate[choice] = IN_USE;
        for (uint32_t m = 0; m < MESSAGES_MOST; ++m) {
            seen.together += m != choice && state->fate[m] == IN_USE;
        }
    } else {
        let_go(state, choice);
        state->returns = (uint8_t) choice;
        *at = RETURN;
    }
    return true;
}

static bool step(state_t *state, uint32_t who, uint32_t choice)
{
    return who == scene.senders ? receiver_step(state, choice) : sender_step(state, who, choice);
}

static const char *place_of_end(const state_t *state, uint32_t who)
{
    static const char *const places[] = {"claim", "check", "enter",   "write",
                                         "abort", "over",  "receive", "return"};
    return places[state->at[who]];
}

/* All was returned, and what stands in the segment says so. */
static bool is_over(const state_t *state)
{
    bool over = state->at[scene.senders] == RECEIVE && state->claimed == 0
                && state->word == ~state->inverse;
    for (uint32_t who = 0; who < scene.senders; ++who) {
        over &= state->at[who] == OVER;
    }
    for (uint32_t m = 0; m < scene.senders * scene.each; ++m) {
        over &= state->fate[m] == RETURNED;
    }
    for (uint32_t p = 0; p < PARTITIONS; ++p) {
        bool is_taken = scene.senders == 1 && (state->slab.taken >> p & 1) != 0;
        over &= (state->directory[p] != SEGMSG_DIRECTORY_FREE) == is_taken;
    }
    return over;
}

/* Visits all that can come of `what`, with an empty segment. */
static void search(const scene_t *what)
{
    scene = *what;
    memset(&seen, 0, sizeof(seen));
    state_t first;
    memset(&first, 0, sizeof(first));
    segmsg_slab_open(&first.slab, directory, PARTITIONS);
    first.inverse = UINT64_MAX;
    first.at[scene.senders] = RECEIVE;
    const orders_t all = {scene.senders + 1, CHOICES, step, place_of_end, is_over, NULL};
    search_orders(&all, &first);
    UNIT_CHECK(seen.full != 0 && seen.together != 0);
    UNIT_CHECK((seen.credited != 0) == (scene.senders == 1));
    UNIT_CHECK((seen.aborted != 0) == scene.mishaps);
    UNIT_CHECK((seen.misses != 0) || scene.senders == 1 || !scene.mishaps);
}

static void partitions_of_one_sender_come_back_in_every_order(void)
{
    search(&(scene_t){1, 4, {2, 1, 2, 1}, false});
    search(&(scene_t){1, 4, {1, 3, 1, 2}, false});
    search(&(scene_t){1, 4, {3, 1, 3, 3}, false});
    search(&(scene_t){1, 4, {2, 2, 3, 1}, true});
}

static void partitions_that_senders_share_come_back_in_every_order(void)
{
    search(&(scene_t){2, 2, {2, 1, 2, 1}, false});
    search(&(scene_t){2, 2, {1, 3, 2, 2}, false});
    search(&(scene_t){2, 2, {2, 3, 1, 2}, true});
}

static const unit_case_t cases[] = {
    UNIT_CASE(partitions_of_one_sender_come_back_in_every_order),
    UNIT_CASE(partitions_that_senders_share_come_back_in_every_order),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
