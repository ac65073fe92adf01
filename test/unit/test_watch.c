/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A watch, by which a call that has nothing to do sees that: it shows whatever comes, wherever it comes.
 */
#include "engine/look.h"
#include "hall.h"

static const char *const GROUPS = "64:64:20,1K:8:8";
static const segmsg_growth_t FOR_EVER = {.own_after = UINT32_MAX, .long_after = UINT32_MAX};

/* Receives all there is, as a look in vain would come after, and sets a watch. */
static void set_watch(hall_t *hall, segmsg_watch_t *watch)
{
    hall_drain(hall);
    hall->receiver.has_newcomers = false;
    segmsg_watch_set(watch, &hall->receiver);
}

/* Sends one message after the other, each of which the watch shows, and nothing before. */
static void each_shows(hall_t *hall, uint32_t senders, uint32_t messages, size_t length)
{
    segmsg_watch_t watch = {.headers = 0};
    for (uint32_t m = 0; m < messages && !unit_has_failed(); ++m) {
        set_watch(hall, &watch);
        UNIT_CHECK(watch.headers != 0 && segmsg_watch_is_vain(&watch));
        UNIT_EQUAL(hall_send(hall, m % senders, length), SEGMSG_OK);
        UNIT_CHECK(!segmsg_watch_is_vain(&watch));
    }
    hall_empty(hall);
}

static void messages_in_the_lobby_show(void)
{
    segmsg_export_config_t config = hall_config(GROUPS, 8, 64);
    hall_t *hall = hall_open(&config, 3, &FOR_EVER);
    each_shows(hall, 3, 200, 100); /* once round the lobby, and from its end to its begin */
    each_shows(hall, 3, 50, 3000);
    hall_close(hall);
}

static void messages_in_rings_show(void)
{
    const segmsg_growth_t growth = {.own_crowd = 8, .grow_after = 50};
    segmsg_export_config_t config = hall_config(GROUPS, 16, 64);
    hall_t *hall = hall_open(&config, 3, &growth);
    each_shows(hall, 3, 300,
               100); /* the first ones form groups, and a full ring replaces the first */
    each_shows(hall, 3, 50, 3000);
    UNIT_CHECK(hall->through_ring != 0 && hall->through_own != 0);
    hall_close(hall);
}

static void a_sender_that_is_new_shows(void)
{
    segmsg_watch_t watch = {.headers = 0};
    segmsg_export_config_t config = hall_config(GROUPS, 16, 0); /* no lobby: a group is formed */
    hall_t *hall = hall_open(&config, 2, &FOR_EVER);
    set_watch(hall, &watch);
    for (uint32_t g = 0; g < 2; ++g) {
        UNIT_CHECK(watch.headers != 0 && segmsg_watch_is_vain(&watch));
        UNIT_EQUAL(hall_send(hall, g, 10), SEGMSG_OK);
        UNIT_CHECK(!segmsg_watch_is_vain(&watch));
        set_watch(hall, &watch);
    }
    hall_empty(hall);
    hall_close(hall);
}

static void more_senders_than_it_holds_are_not_watched(void)
{
    segmsg_watch_t watch = {.headers = 0};
    segmsg_export_config_t config = hall_config(GROUPS, 16, 64);
    hall_t *hall = hall_open(&config, SEGMSG_WATCH_MAX, &FOR_EVER);
    for (uint32_t g = 0; g < SEGMSG_WATCH_MAX; ++g) {
        set_watch(hall, &watch);
        UNIT_EQUAL(watch.headers, g + 1);
        UNIT_EQUAL(hall_send(hall, g, 10), SEGMSG_OK);
    }
    set_watch(hall, &watch);
    UNIT_EQUAL(watch.headers, 0);
    hall->receiver.has_newcomers = true; /* a look would do more than look */
    segmsg_watch_set(&watch, &hall->receiver);
    UNIT_EQUAL(watch.headers, 0);
    hall_empty(hall);
    hall_close(hall);
}

static const unit_case_t cases[] = {
    UNIT_CASE(messages_in_the_lobby_show),
    UNIT_CASE(messages_in_rings_show),
    UNIT_CASE(a_sender_that_is_new_shows),
    UNIT_CASE(more_senders_than_it_holds_are_not_watched),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
