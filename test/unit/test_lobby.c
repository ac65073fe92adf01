/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Guests, one step at a time: the ends of the lobby and of the common segments, what is out while
 * its sender moves on, and sessions that end.
 */
#include "hall.h"

#include <unistd.h>

/* Group 0: full 64 lines, starter 8. Group 1: up to 1 KB. Group 2: up to 8 KB. Group 3: up to 64 KB. */
static const char *const GROUPS = "64:64:20,128:8:8,1K:8:8,8K:8:8";

/* A guest for ever. */
static const segmsg_growth_t GUEST = {.own_after = UINT32_MAX,
                                      .own_crowd = 0,
                                      .grow_after = UINT32_MAX,
                                      .long_after = UINT32_MAX};

/* ---- the lobby itself ---- */

/* Sends the shortest messages until the next one begins at line `at`. */
static void go_to_line(hall_t *hall, uint32_t at)
{
    while (hall_claimed(hall, 0) % hall->receiver.lobby.ring.count != at && !unit_has_failed()) {
        UNIT_EQUAL(hall_send(hall, 0, 0), SEGMSG_OK);
        UNIT_CHECK(hall_poll_lobby(hall, false));
    }
}

/* Whatever lobby is accepted carries what its guests put there, wherever it stands. */
static void an_empty_lobby_takes_any_message_at_any_line(void)
{
    for (uint32_t lines = SEGMSG_RING_MIN; lines <= 48 && !unit_has_failed(); ++lines) {
        segmsg_export_config_t config = hall_config(GROUPS, 8, lines);
        memory_t memory;
        memory_open(&memory, segmsg_export_bytes_for(&config, 1));
        segmsg_error_t accepted = segmsg_export_init(&memory.export, &config);
        memory_close(&memory);
        UNIT_CHECK(accepted == SEGMSG_OK || accepted == SEGMSG_ERR_PARTITION_COUNT);
        if (accepted != SEGMSG_OK) {
            continue;
        }
        hall_t *hall = hall_open(&config, 1, &GUEST);
        UNIT_EQUAL(hall_send(hall, 0, 0), SEGMSG_OK);
        UNIT_CHECK(hall_poll(hall, false));
        size_t most = segmsg_sender_sure_capacity(&hall->guest[0].sender);
        UNIT_CHECK(most >= SEGMSG_LINE - SEGMSG_LOBBY_BYTES);
        for (uint32_t at = 0; at < lines && !unit_has_failed(); ++at) {
            for (size_t length = 0; length <= most && !unit_has_failed(); length += 16) {
                go_to_line(hall, at);
                segmsg_error_t error = hall_send(hall, 0, length);
                if (error != SEGMSG_OK) {
                    unit_fail(__FILE__, __LINE__, "%u lines, %zu bytes at line %u: %s", lines,
                              length, at, segmsg_error_text(error));
                    break;
                }
                UNIT_CHECK(hall_poll(hall, false));
            }
        }
        hall_close(hall);
    }
}

/* The whole lobby is out at one time: nothing comes twice, and nothing goes where something is. */
static void a_full_lobby_delivers_each_message_once(void)
{
    enum { LINES = 64 };
    for (uint32_t hold = 1; hold <= LINES; hold = hold < 4 ? hold + 1 : hold * 2) {
        segmsg_export_config_t config = hall_config(GROUPS, 8, LINES);
        hall_t *hall = hall_open(&config, 2, &GUEST);
        for (uint32_t round = 0; round < 3 * LINES && !unit_has_failed(); ++round) {
            uint32_t sent = 0;
            while (hall_send(hall, sent % 2, round % 3 * 50) == SEGMSG_OK) {
                ++sent;
            }
            UNIT_CHECK(sent >= LINES / 3 - 2);
            uint64_t before = hall->messages;
            for (uint32_t m = 0; m < 2 * LINES && !unit_has_failed(); ++m) {
                (void) hall_poll(hall, hall->outs < hold);
                UNIT_CHECK(hall_send(hall, 0, 0) == SEGMSG_ERR_FULL || hall->outs == 0);
            }
            UNIT_EQUAL(hall->messages - before, sent);
            hall_drain(hall);
        }
        hall_empty(hall);
        hall_close(hall);
    }
}

static void every_length_finds_its_way(void)
{
    segmsg_export_config_t config = hall_config(GROUPS, 8, 64);
    hall_t *hall = hall_open(&config, 1, &GUEST);
    for (size_t length = 0; length <= 65536; length += length < 1100 ? 1 : 97) {
        UNIT_EQUAL(hall_send(hall, 0, length), SEGMSG_OK);
        UNIT_CHECK(hall_poll(hall, false));
        if (unit_has_failed()) {
            break;
        }
    }
    UNIT_EQUAL(hall->through_lobby, HALL_LOBBY_CAPACITY + 1);
    UNIT_EQUAL(hall->through_lobby + hall->through_common, hall->messages);
    UNIT_EQUAL(hall_send(hall, 0, 65537), SEGMSG_ERR_TOO_LARGE);
    const segmsg_sender_t *sender = &hall->guest[0].sender;
    uint64_t sum = 0;
    for (uint32_t g = 0; g < 4; ++g) {
        sum += sender->messages[g];
        UNIT_EQUAL(segmsg_receiver_messages(&hall->receiver, g), sender->messages[g]);
    }
    UNIT_EQUAL(sum, hall->messages);
    hall_empty(hall);
    hall_close(hall);
}

/* Asking is no use: what was never used has no memory, and gets none by being asked for. */
static void counting_messages_touches_only_what_is_there(void)
{
    segmsg_export_config_t config = hall_config(GROUPS, 8, 64);
    hall_t *hall = hall_open(&config, 1, &GUEST);
    fflush(NULL);
    int child = fork();
    if (child == 0) {
        for (uint32_t g = 0; g < 4; ++g) {
            UNIT_EQUAL(segmsg_receiver_messages(&hall->receiver, g), 0);
        }
        unit_child_exit();
    }
    unit_child_wait(child);
    hall_close(hall);
}

/* ---- leaving the lobby ---- */

static void a_guest_that_gets_its_own_ring_stays_in_order(void)
{
    for (uint32_t own_after = 0; own_after < 20; ++own_after) {
        segmsg_growth_t growth = {.own_after = own_after,
                                  .own_crowd = 8,
                                  .grow_after = 20,
                                  .long_after = 3};
        segmsg_export_config_t config = hall_config(GROUPS, 8, 64);
        hall_t *hall = hall_open(&config, 2, &growth);
        for (uint32_t m = 0; m < 200 && !unit_has_failed(); ++m) {
            segmsg_error_t error = hall_send(hall, m % 2, m * 37 % 3000);
            UNIT_CHECK(error == SEGMSG_OK || error == SEGMSG_ERR_FULL);
            if (m % 16 == 15) {
                hall_drain(hall);
            }
        }
        UNIT_CHECK(own_after == 0 || hall->through_lobby != 0);
        UNIT_CHECK(hall->through_ring != 0 && hall->through_common != 0 && hall->through_own != 0);
        UNIT_CHECK(segmsg_sender_has_ring(&hall->guest[0].sender));
        UNIT_EQUAL(hall->guest[0].sender.ring.count, 64);
        hall_empty(hall);
        hall_close(hall);
    }
}

/* As long as a sender has a group 0 of its own, short or full, it is counted. */
static void own_rings_are_counted(void)
{
    segmsg_growth_t growth = {.own_after = 1, .own_crowd = 8, .grow_after = 20, .long_after = 3};
    segmsg_export_config_t config = hall_config(GROUPS, 8, 64);
    hall_t *hall = hall_open(&config, 1, &growth);
    for (uint32_t round = 0; round < 20; ++round) {
        while (hall_send(hall, 0, 10) == SEGMSG_OK) {
            UNIT_EQUAL(atomic_load(&segmsg_export_head(&hall->memory.export)->rings),
                       segmsg_sender_has_ring(&hall->guest[0].sender) ? 1 : 0);
        }
        hall_drain(hall);
    }
    UNIT_EQUAL(hall->guest[0].sender.ring.count, 64);
    hall_empty(hall);
    hall_close(hall);
}

/* Rings are for few: the others need 64 times as many messages. */
static void in_a_crowd_guests_stay_longer(void)
{
    segmsg_growth_t growth = {.own_after = 2, .own_crowd = 1, .grow_after = 20, .long_after = 3};
    segmsg_export_config_t config = hall_config(GROUPS, 8, 64);
    hall_t *hall = hall_open(&config, 2, &growth);
    for (uint32_t m = 0; m < 10; ++m) {
        UNIT_EQUAL(hall_send(hall, 0, 10), SEGMSG_OK);
        hall_drain(hall);
    }
    UNIT_CHECK(segmsg_sender_has_ring(&hall->guest[0].sender));
    for (uint32_t m = 0; m < 2 * 64 + 1; ++m) {
        UNIT_CHECK(!segmsg_sender_has_ring(&hall->guest[1].sender));
        UNIT_EQUAL(hall_send(hall, 1, 10), SEGMSG_OK);
        hall_drain(hall);
    }
    UNIT_CHECK(segmsg_sender_has_ring(&hall->guest[1].sender));
    hall_empty(hall);
    hall_close(hall);
}

/* A message is out that came, or was announced, in the lobby; its sender gets a ring and leaves. The
 * sender is not seen off, and no group of it goes to another, before the message is returned. */
static void a_sender_is_kept_while_a_message_of_it_is_out(void)
{
    segmsg_growth_t growth = {.own_after = 3, .own_crowd = 8, .grow_after = 5, .long_after = 0};
    for (size_t length = 100; length <= 5000; length += 4900) {
        for (uint32_t more = 0; more < 12; ++more) {
            segmsg_export_config_t config = hall_config(GROUPS, 8, 64);
            hall_t *hall = hall_open(&config, 2, &growth);
            UNIT_EQUAL(hall_send(hall, 0, length), SEGMSG_OK);
            UNIT_CHECK(hall_poll(hall, true));
            UNIT_EQUAL(hall->outs, 1);
            for (uint32_t m = 0; m < more; ++m) {
                (void) hall_send(hall, 0, 10);
                (void) hall_poll(hall, false);
            }
            UNIT_CHECK(hall_leave(hall, 0));
            for (uint32_t again = 0; again < 20; ++again) {
                (void) hall_poll(hall, false);
                UNIT_CHECK(hall_send(hall, 1, length) == SEGMSG_OK || again > 4);
            }
            UNIT_EQUAL(hall->closed, 0);
            UNIT_EQUAL(hall->outs, 1);
            if (unit_has_failed()) {
                hall_close(hall);
                return;
            }
            hall_empty(hall);
            hall_close(hall);
        }
    }
}

/* Messages of a session that has ended are unread, or out, while the next one begins. */
static void sessions_follow_each_other(void)
{
    for (uint32_t own_after = 0; own_after < 6; ++own_after) {
        segmsg_growth_t growth = {.own_after = own_after,
                                  .own_crowd = 8,
                                  .grow_after = 5,
                                  .long_after = own_after % 2};
        for (uint32_t read = 0; read < 5; ++read) {
            segmsg_export_config_t config = hall_config(GROUPS, 8, 64);
            hall_t *hall = hall_open(&config, 3, &growth);
            for (uint32_t session = 0; session < 6 && !unit_has_failed(); ++session) {
                for (uint32_t m = 0; m < 4; ++m) {
                    segmsg_error_t error = hall_send(hall, 0, m * 700);
                    UNIT_CHECK(error == SEGMSG_OK || (error == SEGMSG_ERR_FULL && session > 0));
                    (void) hall_send(hall, 1 + m % 2, m);
                }
                for (uint32_t p = 0; p < read; ++p) {
                    (void) hall_poll_lobby(hall, p % 2 == 0);
                }
                while (!hall_leave(hall, 0) && !unit_has_failed()) {
                    UNIT_CHECK(hall_poll(hall, false));
                }
                (void) hall_poll(hall, true);
                if (session % 3 == 2) {
                    hall_drain(hall);
                }
            }
            hall_empty(hall);
            hall_close(hall);
        }
    }
}

/* A group that the receiver has not found when its sender leaves goes with the others. */
static void groups_formed_just_before_a_goodbye_are_given_back(void)
{
    segmsg_growth_t growth = GUEST;
    growth.long_after = 0;
    segmsg_export_config_t config = hall_config(GROUPS, 8, 64);
    hall_t *hall = hall_open(&config, 1, &growth);
    hall_guest_t *guest = &hall->guest[0];
    UNIT_EQUAL(hall_send(hall, 0, 10), SEGMSG_OK);
    UNIT_CHECK(hall_poll(hall, false));
    segmsg_place_t place;
    UNIT_EQUAL(segmsg_sender_take_lasting(&guest->sender, 2000, &place), SEGMSG_OK);
    segmsg_sender_give_back(&guest->sender, &place);
    UNIT_CHECK(hall_leave(hall, 0));
    segmsg_reader_t *reader;
    segmsg_message_t message;
    void *user = NULL;
    UNIT_EQUAL(segmsg_lobby_poll(&hall->receiver, &reader, &message, &user), SEGMSG_POLL_CLOSED);
    hall_see_off(hall, user);
    UNIT_EQUAL(hall_send(hall, 0, 10), SEGMSG_OK); /* in the next session */
    hall_empty(hall);
    hall_close(hall);
}

static const unit_case_t cases[] = {
    UNIT_CASE(an_empty_lobby_takes_any_message_at_any_line),
    UNIT_CASE(a_full_lobby_delivers_each_message_once),
    UNIT_CASE(every_length_finds_its_way),
    UNIT_CASE(counting_messages_touches_only_what_is_there),
    UNIT_CASE(a_guest_that_gets_its_own_ring_stays_in_order),
    UNIT_CASE(own_rings_are_counted),
    UNIT_CASE(in_a_crowd_guests_stay_longer),
    UNIT_CASE(a_sender_is_kept_while_a_message_of_it_is_out),
    UNIT_CASE(sessions_follow_each_other),
    UNIT_CASE(groups_formed_just_before_a_goodbye_are_given_back),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
