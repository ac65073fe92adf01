/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A transfer that two processes copy together, in every order in which they can take their steps, on
 * one record that is used for several transfers. Each state that can be reached is visited once: no
 * unit is copied twice, nobody writes to a transfer that has ended, all is copied when it ends, and
 * the owner can come to an end from everywhere, unless its partner died holding units.
 */
#include "joint_steps.h"

enum {
    STATES_MOST = 1 << 17,
    SLOTS = 2 * STATES_MOST /* of the table that finds states */
};

typedef struct {
    uint32_t from;
    uint8_t who, choice;
} origin_t;

typedef struct {
    uint32_t from, to;
} edge_t;

static state_t *states;
static origin_t *origins; /* of each state, the step that first led there */
static uint32_t *slots;
static uint32_t state_count;
static edge_t *edges;
static size_t edge_count, edge_room;

static uint64_t hash_of(const state_t *state)
{
    const unsigned char *at = (const void *) state;
    uint64_t hash = 0;
    for (size_t b = 0; b < sizeof(*state); b += 8) {
        uint64_t word;
        memcpy(&word, at + b, 8);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return hash;
}
_Static_assert(sizeof(state_t) % 8 == 0, "hashed by words");

/* The number of a state, which is new if it is the last. */
static uint32_t number_of(const state_t *state, origin_t origin)
{
    uint64_t slot = hash_of(state) % SLOTS;
    for (; slots[slot] != 0; slot = (slot + 1) % SLOTS) {
        if (memcmp(&states[slots[slot] - 1], state, sizeof(*state)) == 0) {
            return slots[slot] - 1;
        }
    }
    if (state_count == STATES_MOST) {
        violated = "the states can be counted";
        return 0;
    }
    memcpy(&states[state_count], state, sizeof(*state));
    origins[state_count] = origin;
    slots[slot] = ++state_count;
    return state_count - 1;
}

static void add_edge(uint32_t from, uint32_t to)
{
    if (edge_count == edge_room) {
        edge_room = edge_room == 0 ? 4096 : 2 * edge_room;
        edges = realloc(edges, edge_room * sizeof(*edges));
        if (edges == NULL) {
            perror("realloc");
            abort();
        }
    }
    edges[edge_count].from = from;
    edges[edge_count++].to = to;
}

static const char *place_of(uint32_t number, uint32_t who)
{
    static const char *const places[] = {"start",
                                         "ask",
                                         "claim",
                                         "copy",
                                         "look",
                                         "end",
                                         "over",
                                         "idle",
                                         "claim",
                                         "copy",
                                         "report",
                                         "dead",
                                         "dead, holding units"};
    return places[states[number].process[who].at];
}

/* Says how it came to a state. */
static void print_way(uint32_t number)
{
    enum { WAY_MOST = 400 };
    static origin_t way[WAY_MOST];
    uint32_t steps = 0;
    for (; number != 0 && steps < WAY_MOST; number = origins[number].from) {
        way[steps++] = origins[number];
    }
    for (; steps != 0; --steps) {
        const origin_t *origin = &way[steps - 1];
        const state_t *state = &states[origin->from];
        fprintf(stderr, "    process %u: %s, choice %u (claim 0x%llx, report 0x%llx)\n",
                origin->who, place_of(origin->from, origin->who), origin->choice,
                (unsigned long long) state->claim, (unsigned long long) state->report);
    }
}

static void expand(uint32_t number)
{
    for (uint32_t who = 0; who <= scene.partners; ++who) {
        for (uint32_t choice = 0; choice < CHOICES && violated == NULL; ++choice) {
            state_t next;
            memcpy(&next, &states[number], sizeof(next)); /* with what lies between the fields */
            if (step(&next, who, choice)) {
                origin_t origin = {number, (uint8_t) who, (uint8_t) choice};
                add_edge(number, number_of(&next, origin));
            }
            if (violated != NULL) {
                unit_fail(__FILE__, __LINE__, "not so: %s; process %u: %s, choice %u, after",
                          violated, who, place_of(number, who), choice);
                print_way(number);
            }
        }
    }
}

static bool somebody_died_holding(const state_t *state)
{
    bool any = false;
    for (uint32_t who = 1; who <= scene.partners; ++who) {
        any |= state->process[who].at == PARTNER_DEAD_HOLDING;
    }
    return any;
}

/* The owner can come to its end from everywhere, unless a partner died holding units; then nowhere. */
static void check_ends(void)
{
    bool *ends = calloc(state_count, sizeof(*ends));
    UNIT_REQUIRE(ends != NULL);
    for (uint32_t s = 0; s < state_count; ++s) {
        ends[s] = states[s].process[OWNER].at == OWNER_OVER;
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t e = edge_count; e-- != 0;) {
            if (ends[edges[e].to] && !ends[edges[e].from]) {
                changed = ends[edges[e].from] = true;
            }
        }
    }
    for (uint32_t s = 0; s < state_count && !unit_has_failed(); ++s) {
        if (ends[s] == somebody_died_holding(&states[s])) {
            unit_fail(__FILE__, __LINE__, "the owner %s end after",
                      ends[s] ? "must not" : "cannot");
            print_way(s);
        }
    }
    free(ends);
}

/* Visits all that can come of `what`. */
static void search(const scene_t *what)
{
    scene = *what;
    violated = NULL;
    memset(&seen, 0, sizeof(seen));
    states = malloc(STATES_MOST * sizeof(*states));
    origins = malloc(STATES_MOST * sizeof(*origins));
    slots = calloc(SLOTS, sizeof(*slots));
    UNIT_REQUIRE(states != NULL && origins != NULL && slots != NULL);
    state_count = 0;
    edge_count = 0;
    state_t first;
    memset(&first, 0, sizeof(first));
    for (uint32_t who = 1; who <= scene.partners; ++who) {
        first.process[who].at = PARTNER_IDLE;
    }
    (void) number_of(&first, (origin_t){0});
    for (uint32_t s = 0; s < state_count && !unit_has_failed(); ++s) {
        expand(s);
    }
    if (!unit_has_failed()) {
        check_ends();
        UNIT_CHECK(seen.helped != 0 && seen.awaited != 0);
        UNIT_CHECK(seen.late != 0 || scene.transfers == 1);
        UNIT_CHECK((seen.undone != 0 && seen.misses != 0 && seen.refused != 0) == scene.mishaps);
    }
    free(states);
    free(origins);
    free(slots);
    free(edges);
    edges = NULL;
    edge_room = 0;
}

static void one_transfer_in_every_order(void)
{
    for (uint32_t most = 1; most <= 3; ++most) {
        for (uint32_t units = 1; units <= UNITS_MOST && !unit_has_failed(); ++units) {
            search(&(scene_t){1, 1, {units}, most, false});
        }
    }
}

/* A partner is still at the last transfer, or at the one before, when the record is used again. */
static void transfers_through_one_record_in_every_order(void)
{
    for (uint32_t units = 1; units <= 4 && !unit_has_failed(); ++units) {
        search(&(scene_t){1, 2, {units, 3}, 1, false});
        search(&(scene_t){1, 2, {3, units}, 2, false});
    }
    search(&(scene_t){1, 3, {2, 3, 2}, 1, false});
}

/* Each transfer has a partner of its own, and the one of the last may be late. */
static void transfers_with_two_partners_in_every_order(void)
{
    search(&(scene_t){2, 2, {4, 4}, 2, false});
    search(&(scene_t){2, 3, {3, 2, 3}, 1, false});
}

/* Units that cannot be copied, swaps that fail for no reason, and partners that die anywhere. */
static void mishaps_in_every_order(void)
{
    for (uint32_t units = 1; units <= 4 && !unit_has_failed(); ++units) {
        search(&(scene_t){1, 1, {units}, 1, true});
        search(&(scene_t){1, 1, {units}, 2, true});
    }
    search(&(scene_t){1, 2, {3, 3}, 1, true});
    search(&(scene_t){1, 3, {2, 2, 2}, 1, true});
    search(&(scene_t){2, 2, {3, 2}, 2, true});
}

static const unit_case_t cases[] = {
    UNIT_CASE(one_transfer_in_every_order),
    UNIT_CASE(transfers_through_one_record_in_every_order),
    UNIT_CASE(transfers_with_two_partners_in_every_order),
    UNIT_CASE(mishaps_in_every_order),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
