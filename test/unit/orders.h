/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Processes in every order in which they can take their steps: each state that can be reached is visited
 * once. Included after state_t is defined, all of it data and its size a multiple of 8 (steps.h).
 */
#ifndef SEGMSG_TEST_ORDERS_H
#define SEGMSG_TEST_ORDERS_H

#include "steps.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    STATES_MOST = 1 << 17,
    SLOTS = 2 * STATES_MOST /* of the table that finds states */
};

/* What is searched. A process makes a step by one of its choices, if it has that one. */
typedef struct {
    uint32_t processes, choices;
    bool (*step)(state_t *state, uint32_t who, uint32_t choice); /* false: no such choice now */
    const char *(*place)(const state_t *state, uint32_t who);
    bool (*is_over)(const state_t *state);
    bool (*is_lost)(
        const state_t *state); /* no end can be reached; else one must be. NULL: never */
} orders_t;

typedef struct {
    uint32_t from;
    uint8_t who, choice;
} origin_t;

typedef struct {
    uint32_t from, to;
} edge_t;

static const orders_t *orders;
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
    return orders->place(&states[number], who);
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
        fprintf(stderr, "    process %u: %s, choice %u\n", origin->who,
                place_of(origin->from, origin->who), origin->choice);
    }
}

static void expand(uint32_t number)
{
    for (uint32_t who = 0; who < orders->processes; ++who) {
        for (uint32_t choice = 0; choice < orders->choices && violated == NULL; ++choice) {
            state_t next;
            memcpy(&next, &states[number], sizeof(next)); /* with what lies between the fields */
            if (orders->step(&next, who, choice)) {
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

/* An end can be reached from everywhere but from where it is lost; from there none. */
static void check_ends(void)
{
    bool *ends = calloc(state_count, sizeof(*ends));
    UNIT_REQUIRE(ends != NULL);
    for (uint32_t s = 0; s < state_count; ++s) {
        ends[s] = orders->is_over(&states[s]);
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
        if (ends[s] == (orders->is_lost != NULL && orders->is_lost(&states[s]))) {
            unit_fail(__FILE__, __LINE__, "it %s end after", ends[s] ? "must not" : "cannot");
            print_way(s);
        }
    }
    free(ends);
}

/* Visits all that can come of `first`. */
static void search_orders(const orders_t *what, const state_t *first)
{
    orders = what;
    violated = NULL;
    states = malloc(STATES_MOST * sizeof(*states));
    origins = malloc(STATES_MOST * sizeof(*origins));
    slots = calloc(SLOTS, sizeof(*slots));
    UNIT_REQUIRE(states != NULL && origins != NULL && slots != NULL);
    state_count = 0;
    edge_count = 0;
    (void) number_of(first, (origin_t){0});
    for (uint32_t s = 0; s < state_count && !unit_has_failed(); ++s) {
        expand(s);
    }
    if (!unit_has_failed()) {
        check_ends();
    }
    free(states);
    free(origins);
    free(slots);
    free(edges);
    edges = NULL;
    edge_room = 0;
}

#endif
