/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The common segments above group 0, and what is short: their room, the entries for guests, and
 * groups that can carry a message.
 */
#include "hall.h"

/* Group 0: full 64 lines, starter 8. Group 1: up to 1 KB. Group 2: up to 8 KB. Group 3: up to 64 KB. */
static const char *const GROUPS = "64:64:20,128:8:8,1K:8:8,8K:8:8";

/* A guest for ever. */
static const segmsg_growth_t GUEST = {.own_after = UINT32_MAX,
                                      .own_crowd = 0,
                                      .grow_after = UINT32_MAX,
                                      .long_after = UINT32_MAX};

static void full_common_segments_are_waited_for(void)
{
    segmsg_export_config_t config = hall_config(GROUPS, 8, 64);
    hall_t *hall = hall_open(&config, 3, &GUEST);
    for (uint32_t round = 0; round < 5 && !unit_has_failed(); ++round) {
        uint32_t sent = 0;
        while (hall_send(hall, sent % 3, 2000 + 1000 * round) == SEGMSG_OK) {
            ++sent;
            UNIT_CHECK(hall_poll(hall, true));
            UNIT_REQUIRE(sent < HALL_OUTS);
        }
        UNIT_CHECK(sent >= 1 && hall_claimed(hall, 2) != 0);
        UNIT_EQUAL(hall_send(hall, 0, 100), SEGMSG_OK); /* short ones go on */
        UNIT_CHECK(hall_poll(hall, false));
        hall_return(hall, 0);
        UNIT_EQUAL(hall_send(hall, 1, 1500), SEGMSG_OK);
        hall_drain(hall);
        for (uint32_t g = 1; g < 4; ++g) {
            UNIT_EQUAL(hall_claimed(hall, g), 0);
        }
    }
    hall_empty(hall);
    hall_close(hall);
}

static void places_given_back_are_free_again(void)
{
    segmsg_export_config_t config = hall_config(GROUPS, 8, 64);
    hall_t *hall = hall_open(&config, 2, &GUEST);
    segmsg_place_t place[2][8];
    for (uint32_t round = 0; round < 10; ++round) {
        uint32_t count[2] = {0};
        for (uint32_t p = 0; p < 8; ++p) {
            hall_guest_t *guest = &hall->guest[p % 2];
            if (segmsg_sender_take_lasting(&guest->sender, 1000 * (p + 1), &place[p % 2][p / 2])
                == SEGMSG_OK) {
                UNIT_CHECK((place[p % 2][p / 2].group & SEGMSG_PLACE_COMMON) != 0);
                ++count[p % 2];
            } else {
                break;
            }
        }
        UNIT_CHECK(count[0] > 1);
        for (uint32_t g = 0; g < 2; ++g) {
            for (uint32_t p = 0; p < count[g]; ++p) {
                segmsg_sender_give_back(&hall->guest[g].sender, &place[g][p]);
            }
        }
        UNIT_EQUAL(hall_claimed(hall, 1), 0);
        UNIT_EQUAL(hall_claimed(hall, 2), 0);
    }
    hall_empty(hall);
    hall_close(hall);
}

static void one_guest_too_many_is_refused_until_another_leaves(void)
{
    segmsg_export_config_t config = hall_config(GROUPS, 8, 64);
    config.groups_max = 9;
    hall_t *hall = hall_open(&config, 10, &GUEST);
    for (uint32_t round = 0; round < 20 && !unit_has_failed(); ++round) {
        for (uint32_t g = 0; g < 9; ++g) {
            UNIT_EQUAL(hall_send(hall, (g + round) % 10, 10 * g), SEGMSG_OK);
        }
        uint32_t late = (9 + round) % 10;
        UNIT_EQUAL(hall_send(hall, late, 10), SEGMSG_ERR_TABLE_FULL);
        UNIT_EQUAL(hall_send(hall, late, 3000), SEGMSG_ERR_TABLE_FULL);
        UNIT_EQUAL(segmsg_sender_sure_capacity(&hall->guest[late].sender), 0);
        hall_drain(hall);
        UNIT_CHECK(hall_leave(hall, round % 10));
        UNIT_EQUAL(hall_send(hall, late, 10), SEGMSG_ERR_TABLE_FULL); /* not read yet */
        hall_drain(hall);
    }
    hall_empty(hall);
    hall_close(hall);
}

/* A message that only a full segment of group 0 can carry. */
static void a_message_that_only_group_0_can_carry_is_carried(void)
{
    for (uint32_t lobby = 0; lobby <= 64; lobby += 64) {
        segmsg_growth_t growth = {.own_after = 16,
                                  .own_crowd = 8,
                                  .grow_after = 1000,
                                  .long_after = 16};
        segmsg_export_config_t config = hall_config("64:255:120,128:8:8", 8, lobby);
        hall_t *hall = hall_open(&config, 1, &growth);
        for (uint32_t m = 0; m < 4; ++m) {
            UNIT_EQUAL(hall_send(hall, 0, 5000), SEGMSG_OK);
            hall_drain(hall);
        }
        hall_empty(hall);
        hall_close(hall);
    }
}

/* Messages of `length` bytes through the common segment before their sender has one of its own. */
static uint64_t before_own(size_t length, uint32_t long_after)
{
    const segmsg_growth_t growth = {.own_crowd = 8,
                                    .grow_after = UINT32_MAX,
                                    .long_after = long_after};
    segmsg_export_config_t config = hall_config("64:64:8,8K:64:9", 8, 64);
    hall_t *hall = hall_open(&config, 1, &growth);
    for (uint32_t m = 0; m < 1000 && hall->through_own == 0 && !unit_has_failed(); ++m) {
        UNIT_EQUAL(hall_send(hall, 0, length), SEGMSG_OK);
        hall_drain(hall);
    }
    UNIT_EQUAL(hall->through_own, 1);
    uint64_t through_common = hall->through_common;
    hall_empty(hall);
    hall_close(hall);
    return through_common;
}

/* A segment of the sender's own costs the pages that are touched first, of which a long message has many. */
static void a_long_message_counts_for_less_than_a_short_one(void)
{
    UNIT_EQUAL(before_own(4096, 0), 0);
    UNIT_EQUAL(before_own(4096, 10), 10);
    UNIT_EQUAL(before_own(4097, 10), 20);
    UNIT_EQUAL(before_own(16384, 10), 40);
    UNIT_EQUAL(before_own(60000, 10), 160);
    UNIT_EQUAL(before_own(65536, 10), 160);
}

static const unit_case_t cases[] = {
    UNIT_CASE(full_common_segments_are_waited_for),
    UNIT_CASE(places_given_back_are_free_again),
    UNIT_CASE(one_guest_too_many_is_refused_until_another_leaves),
    UNIT_CASE(a_message_that_only_group_0_can_carry_is_carried),
    UNIT_CASE(a_long_message_counts_for_less_than_a_short_one),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
