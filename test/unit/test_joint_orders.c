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
#include "orders.h"

static const char *place_of_process(const state_t *state, uint32_t who)
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
    return places[state->process[who].at];
}

static bool owner_is_over(const state_t *state)
{
    return state->process[OWNER].at == OWNER_OVER;
}

/* The owner can come to its end from everywhere, unless a partner died holding units; then nowhere. */
static bool somebody_died_holding(const state_t *state)
{
    bool any = false;
    for (uint32_t who = 1; who <= scene.partners; ++who) {
        any |= state->process[who].at == PARTNER_DEAD_HOLDING;
    }
    return any;
}

/* Visits all that can come of `what`. */
static void search(const scene_t *what)
{
    scene = *what;
    memset(&seen, 0, sizeof(seen));
    state_t first;
    memset(&first, 0, sizeof(first));
    for (uint32_t who = 1; who <= scene.partners; ++who) {
        first.process[who].at = PARTNER_IDLE;
    }
    const orders_t all = {1 + scene.partners, CHOICES,       step,
                          place_of_process,   owner_is_over, somebody_died_holding};
    search_orders(&all, &first);
    if (!unit_has_failed()) {
        UNIT_CHECK(seen.helped != 0 && seen.awaited != 0);
        UNIT_CHECK(seen.late != 0 || scene.transfers == 1);
        UNIT_CHECK((seen.undone != 0 && seen.misses != 0 && seen.refused != 0) == scene.mishaps);
    }
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
