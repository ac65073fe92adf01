/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The library's matching, beside a model that searches two lists: what is found is always the oldest entry
 * that matches, and finding it takes a number of comparisons that does not grow with the entries.
 */
#include <stdint.h>

static uint64_t steps; /* entries and queues that were looked at */
#define SEGMSG_MATCH_STEP() ((void) ++steps)
#include "library/match.c"

#include "unit.h"

#include <string.h>

enum {
    MANY = 100000,
    STEPS_EACH = 24 /* most comparisons of an operation, on average: four keys and short chains */
};

static unit_random_t chance;

static unsigned pick(unsigned below)
{
    return (unsigned) unit_below(&chance, below);
}

/* ---- Random operations beside a model ---- */

enum { ENTRIES = 400 };

typedef struct {
    union {
        segmsg_match_posted_t posted[ENTRIES];
        segmsg_match_unexpected_t unexpected[ENTRIES];
    } entry;
    segmsg_match_key_t key[ENTRIES];
    uint64_t age[ENTRIES]; /* 0: not in the list */
    uint64_t ages;
} model_t;

static bool agree(int wanted, int found)
{
    return wanted < 0 || wanted == found;
}

/* The oldest entry that matches; -1: none. */
static int model_find(const model_t *model, segmsg_match_key_t key, bool is_posted)
{
    int best = -1;
    for (int i = 0; i < ENTRIES; ++i) {
        segmsg_match_key_t receive = is_posted ? model->key[i] : key;
        segmsg_match_key_t message = is_posted ? key : model->key[i];
        if (model->age[i] != 0 && agree(receive.source, message.source)
            && agree(receive.tag, message.tag) && (best < 0 || model->age[i] < model->age[best])) {
            best = i;
        }
    }
    return best;
}

static int any_or(unsigned below, unsigned any_in)
{
    return pick(any_in) == 0 ? SEGMSG_MATCH_ANY : (int) pick(below);
}

static void add(segmsg_match_t *match, model_t *model, int i, segmsg_match_key_t key,
                bool is_posted)
{
    model->key[i] = key;
    model->age[i] = ++model->ages;
    if (is_posted) {
        segmsg_match_post(match, &model->entry.posted[i], key.source, key.tag);
    } else {
        segmsg_match_keep(match, &model->entry.unexpected[i], key.source, key.tag);
    }
}

static void take(segmsg_match_t *match, model_t *model, int i, bool is_posted)
{
    model->age[i] = 0;
    if (is_posted) {
        segmsg_match_unpost(match, &model->entry.posted[i]);
        memset(&model->entry.posted[i], 0xee, sizeof(model->entry.posted[i]));
    } else {
        segmsg_match_unkeep(match, &model->entry.unexpected[i]);
        memset(&model->entry.unexpected[i], 0xee, sizeof(model->entry.unexpected[i]));
    }
}

static int find(segmsg_match_t *match, const model_t *model, segmsg_match_key_t key, bool is_posted)
{
    if (is_posted) {
        segmsg_match_posted_t *found = segmsg_match_find_posted(match, key.source, key.tag);
        return found == NULL ? -1 : (int) (found - model->entry.posted);
    }
    segmsg_match_unexpected_t *found = segmsg_match_find_kept(match, key.source, key.tag);
    return found == NULL ? -1 : (int) (found - model->entry.unexpected);
}

/* Adds, finds, and takes out what was found or anything else, so that the list grows and empties in turns. */
static void compare(bool is_posted, unsigned sources, unsigned tags, unsigned any_in)
{
    static model_t model;
    segmsg_match_t match = {0};
    memset(&model, 0, sizeof(model));
    chance = unit_random(tags);
    for (int step = 0; step < 60000 && !unit_has_failed(); ++step) {
        bool grows = step / 1500 % 2 == 0;
        int i = (int) pick(ENTRIES);
        segmsg_match_key_t concrete = {(int) pick(sources), (int) pick(tags)};
        segmsg_match_key_t wild = {any_or(sources, any_in), any_or(tags, any_in)};
        if (model.age[i] == 0 && (grows || pick(4) == 0)) {
            add(&match, &model, i, is_posted ? wild : concrete, is_posted);
        } else if (model.age[i] != 0 && pick(8) == 0) {
            take(&match, &model, i, is_posted); /* withdrawn */
        }
        segmsg_match_key_t wanted = is_posted ? concrete : wild;
        int found = find(&match, &model, wanted, is_posted);
        UNIT_EQUAL(found, model_find(&model, wanted, is_posted));
        if (found >= 0 && (!grows || pick(4) == 0)) {
            take(&match, &model, found, is_posted);
        }
    }
    segmsg_match_destroy(&match);
}

static void the_oldest_posted_receive_that_matches_is_found(void)
{
    compare(true, 4, 50, 3);
    compare(true, 2, 2, 2);
    compare(true, 64, 1000, 10);
    compare(true, 1, 1, 1000000);
}

static void the_oldest_unexpected_message_that_matches_is_found(void)
{
    compare(false, 4, 50, 3);
    compare(false, 2, 2, 2);
    compare(false, 64, 1000, 10);
    compare(false, 1, 1, 1000000);
}

/* ---- Comparisons ---- */

static segmsg_match_posted_t posted[MANY];
static segmsg_match_unexpected_t unexpected[MANY];
static int order[MANY];

typedef enum { REVERSE, FORWARD, SHUFFLED } order_t;

static void make_order(order_t which)
{
    chance = unit_random(0);
    for (int i = 0; i < MANY; ++i) {
        order[i] = which == REVERSE ? MANY - 1 - i : i;
    }
    for (int i = MANY - 1; i > 0 && which == SHUFFLED; --i) {
        int j = (int) pick((unsigned) i + 1);
        int other = order[i];
        order[i] = order[j];
        order[j] = other;
    }
}

/* Receives with tags in order, of which every so many-th has a wildcard; messages in another order. */
static void post_and_match(order_t which, int wild_every)
{
    segmsg_match_t match = {0};
    make_order(which);
    steps = 0;
    for (int i = 0; i < MANY; ++i) {
        bool is_wild = wild_every != 0 && i % wild_every == 0;
        segmsg_match_post(&match, &posted[i], is_wild ? SEGMSG_MATCH_ANY : i % 7, i);
    }
    for (int i = 0; i < MANY; ++i) {
        segmsg_match_posted_t *found = segmsg_match_find_posted(&match, order[i] % 7, order[i]);
        UNIT_REQUIRE(found == &posted[order[i]]);
        segmsg_match_unpost(&match, found);
    }
    UNIT_CHECK(steps < (uint64_t) STEPS_EACH * MANY);
    UNIT_CHECK(match.posted.count == 0 && match.posted.first == NULL);
    segmsg_match_destroy(&match);
}

static void posted_receives_are_found_in_constant_time_in_any_order(void)
{
    post_and_match(REVERSE, 0);
    post_and_match(SHUFFLED, 0);
    post_and_match(FORWARD, 0);
}

static void wildcards_among_posted_receives_cost_no_search(void)
{
    post_and_match(REVERSE, 3);
    post_and_match(SHUFFLED, 2);
}

/* Messages with tags in order, received in another: by both, by tag, by source. */
static void keep_and_match(order_t which, bool by_source, bool by_tag)
{
    segmsg_match_t match = {0};
    make_order(which);
    steps = 0;
    for (int i = 0; i < MANY; ++i) {
        /* So that either alone names one message. */
        segmsg_match_keep(&match, &unexpected[i], i, i);
    }
    for (int i = 0; i < MANY; ++i) {
        segmsg_match_unexpected_t *found =
            segmsg_match_find_kept(&match, by_source ? order[i] : SEGMSG_MATCH_ANY,
                                   by_tag ? order[i] : SEGMSG_MATCH_ANY);
        UNIT_REQUIRE(found == (by_source || by_tag ? &unexpected[order[i]] : &unexpected[i]));
        segmsg_match_unkeep(&match, found);
    }
    UNIT_CHECK(steps < (uint64_t) STEPS_EACH * MANY);
    UNIT_CHECK(match.unexpected.count == 0 && match.unexpected.first == NULL);
    segmsg_match_destroy(&match);
}

static void unexpected_messages_are_found_in_constant_time_in_any_order(void)
{
    keep_and_match(REVERSE, true, true);
    keep_and_match(SHUFFLED, true, true);
}

static void receives_with_wildcards_find_unexpected_messages_without_a_search(void)
{
    keep_and_match(REVERSE, false, true);
    keep_and_match(SHUFFLED, true, false);
    keep_and_match(SHUFFLED, false, false);
}

/* All of one key: the queue is long, and its ends are what counts. */
static void receives_are_withdrawn_in_constant_time(void)
{
    segmsg_match_t match = {0};
    make_order(SHUFFLED);
    steps = 0;
    for (int i = 0; i < MANY; ++i) {
        segmsg_match_post(&match, &posted[i], 3, 5);
    }
    for (int i = 0; i < MANY; ++i) {
        segmsg_match_unpost(&match, &posted[order[i]]);
    }
    UNIT_CHECK(steps < (uint64_t) STEPS_EACH * MANY);
    UNIT_CHECK(segmsg_match_find_posted(&match, 3, 5) == NULL);
    segmsg_match_destroy(&match);
}

static void a_few_receives_take_no_memory(void)
{
    segmsg_match_t match = {0};
    for (int round = 0; round < 100; ++round) {
        for (int i = 0; i < SEGMSG_MATCH_SHORT; ++i) {
            segmsg_match_post(&match, &posted[i], i, i);
        }
        for (int i = 0; i < SEGMSG_MATCH_SHORT; ++i) {
            segmsg_match_unpost(&match, &posted[i]);
        }
    }
    UNIT_CHECK(match.posted.bucket == NULL);
}

int main(int argc, char **argv)
{
    static const unit_case_t cases[] = {
        UNIT_CASE(the_oldest_posted_receive_that_matches_is_found),
        UNIT_CASE(the_oldest_unexpected_message_that_matches_is_found),
        UNIT_CASE(posted_receives_are_found_in_constant_time_in_any_order),
        UNIT_CASE(wildcards_among_posted_receives_cost_no_search),
        UNIT_CASE(unexpected_messages_are_found_in_constant_time_in_any_order),
        UNIT_CASE(receives_with_wildcards_find_unexpected_messages_without_a_search),
        UNIT_CASE(receives_are_withdrawn_in_constant_time),
        UNIT_CASE(a_few_receives_take_no_memory),
    };
    return UNIT_MAIN(argc, argv, cases);
}
