/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Common segments with any values in them, as a broken or hostile process could leave them: nothing
 * outside the export is touched, nothing that was freed, and no poll goes on for ever.
 */
#include "engine/guest.h"
#include "engine/lobby.h"
#include "engine/receiver.h"
#include "engine/groups.h"
#include "engine/lobby_poll.h"
#include "hostile.h"
#include "memory.h"
#include "unit.h"

enum { SENDERS = 4, LOBBY = 40, HELD_MAX = 4 };

typedef struct {
    memory_t memory;
    segmsg_receiver_t receiver;
    segmsg_export_t image[SENDERS];
    segmsg_sender_t sender[SENDERS];
    segmsg_reader_t *reader[HELD_MAX]; /* of the messages that are out */
    segmsg_message_t held[HELD_MAX];
    uint32_t held_count;
    unit_random_t random;
    uint64_t corrupt, messages, closed;
} scene_t;

static void open_scene(scene_t *scene, uint64_t stream)
{
    memset(scene, 0, sizeof(*scene));
    segmsg_export_config_t config = memory_config("64:64:20,128:8:8,1K:4:4", 8, 24);
    config.lobby = LOBBY;
    memory_open_config(&scene->memory, &config, 4);
    memory_unlock(&scene->memory);
    UNIT_CHECK(segmsg_receiver_init(&scene->receiver, &scene->memory.export));
    scene->random = unit_random(stream);
    for (uint32_t s = 0; s < SENDERS; ++s) {
        scene->image[s] = memory_image(&scene->memory);
        segmsg_identity_t self = memory_sender(s);
        segmsg_growth_t growth = {.own_after = 20 * s,
                                  .own_crowd = 3,
                                  .grow_after = 5,
                                  .long_after = 2 * s};
        segmsg_sender_init(&scene->sender[s], &scene->image[s], &self, &growth);
    }
}

static void close_scene(scene_t *scene)
{
    for (uint32_t s = 0; s < SENDERS; ++s) {
        segmsg_sender_destroy(&scene->sender[s]);
    }
    segmsg_receiver_destroy(&scene->receiver);
    memory_close(&scene->memory);
}

/* Sends as a sender does that believes what it reads. */
static void send_something(scene_t *scene)
{
    segmsg_sender_t *sender = &scene->sender[unit_below(&scene->random, SENDERS)];
    static const size_t lengths[] = {0, 30, 300, 900, 1008, 1200, 2500, 4096};
    size_t length = lengths[unit_below(&scene->random, 8)];
    hostile_send(&scene->memory.export, sender, &scene->random, length);
}

static void let_go(scene_t *scene, uint32_t h)
{
    segmsg_message_t message = scene->held[h];
    segmsg_reader_t *reader = scene->reader[h];
    --scene->held_count;
    scene->held[h] = scene->held[scene->held_count];
    scene->reader[h] = scene->reader[scene->held_count];
    segmsg_message_return(&scene->receiver, reader, &message);
}

static void found(scene_t *scene, segmsg_poll_t poll, segmsg_reader_t *reader,
                  const segmsg_message_t *message)
{
    scene->corrupt += poll == SEGMSG_POLL_CORRUPT;
    scene->closed += poll == SEGMSG_POLL_CLOSED;
    if (poll != SEGMSG_POLL_MESSAGE) {
        return;
    }
    ++scene->messages;
    hostile_read(&scene->memory.export, message);
    scene->held[scene->held_count] = *message;
    scene->reader[scene->held_count++] = reader;
    if (scene->held_count == HELD_MAX || unit_below(&scene->random, 2) == 0) {
        let_go(scene, (uint32_t) unit_below(&scene->random, scene->held_count));
    }
}

static void receive_something(scene_t *scene)
{
    segmsg_receiver_t *receiver = &scene->receiver;
    if (segmsg_receiver_has_new_groups(receiver)) {
        (void) segmsg_receiver_find_groups(receiver);
    }
    segmsg_message_t message;
    segmsg_reader_t *reader = NULL;
    void *user = NULL;
    segmsg_poll_t poll = segmsg_lobby_poll(receiver, &reader, &message, &user);
    found(scene, poll, reader, &message);
    for (uint32_t r = 0; r < receiver->reader_count; ++r) {
        reader = receiver->reader[r];
        poll = segmsg_reader_poll(receiver, reader, &message);
        found(scene, poll, reader, &message);
    }
    if (unit_below(&scene->random, 4) == 0 && scene->held_count != 0) {
        let_go(scene, 0);
    }
}

/* A value that might get through a check. */
static uint64_t evil_value(scene_t *scene)
{
    unit_random_t *random = &scene->random;
    switch (unit_below(random, 8)) {
    case 0:
    case 1:
        return unit_below(random, 24);
    case 2:
        return UINT64_MAX - unit_below(random, 64);
    case 3:
        return UINT64_C(1) << unit_below(random, 64);
    case 4:
    case 5:
    case 6:
        return segmsg_header_make((uint32_t) unit_below(random, 7), 1,
                                  (uint32_t) unit_below(random, 18),
                                  (uint32_t) unit_below(random, 1300));
    default:
        return unit_next(random);
    }
}

static void scribble(scene_t *scene)
{
    unit_random_t *random = &scene->random;
    const segmsg_export_t *export = &scene->memory.export;
    const segmsg_lobby_t *lobby = &scene->receiver.lobby;
    const unsigned char *at;
    switch (unit_below(random, 5)) {
    case 0: /* in the lobby, near what is polled: header, guest, segment, first and partitions */
        at = lobby->ring.line[(lobby->ring.at + unit_below(random, 4)) % lobby->ring.count].bytes
             + unit_below(random, 6) * 4;
        break;
    case 1: /* how much was claimed and returned, of any common segment */
        at = export->base
             + segmsg_export_segment(export, (uint32_t) unit_below(random, 3))->offset
                   % export->bytes
             + unit_below(random, 2) * 8;
        break;
    case 2: /* who are guests */
        at = export->base + export->shape.group_table + unit_below(random, 8 * SEGMSG_TABLE_STRIDE);
        break;
    case 3:
        at = export->base + export->shape.segment_table
             + unit_below(random, 8 * SEGMSG_TABLE_STRIDE);
        break;
    default:
        at = export->base + export->shape.arena
             + unit_below(random, export->bytes - export->shape.arena - 8);
        break;
    }
    uint64_t value = evil_value(scene);
    size_t width = (size_t) 1 << unit_below(random, 4);
    uint64_t offset = (uint64_t) (at - export->base) / width * width;
    if (offset + width <= export->bytes) {
        memcpy(export->base + offset, &value, width);
    }
}

static void any_values_are_survived(void)
{
    uint64_t corrupt = 0, messages = 0, closed = 0;
    for (uint64_t round = 0; round < unit_repetitions(3000) && !unit_has_failed(); ++round) {
        scene_t scene;
        open_scene(&scene, round);
        for (uint32_t step = 0; step < 60; ++step) {
            send_something(&scene);
            receive_something(&scene);
        }
        for (uint32_t step = 0; step < 150; ++step) {
            scribble(&scene);
            if (unit_below(&scene.random, 2) == 0) {
                send_something(&scene);
            }
            receive_something(&scene);
        }
        while (scene.held_count != 0) {
            let_go(&scene, 0);
        }
        corrupt += scene.corrupt;
        messages += scene.messages;
        closed += scene.closed;
        close_scene(&scene);
    }
    UNIT_CHECK(corrupt != 0 && messages != 0 && closed != 0);
}

/* One wrong field of an otherwise good entry. The guest is entry 0; segments 0 to 2 are common: the
 * lobby, 8 partitions of 128 bytes, 4 of 1 KB; segment 3 is another sender's ring. */
static void wrong_entries_of_the_lobby_are_corrupt(void)
{
    static const struct {
        uint32_t kind, span, length;
        uint32_t guest, segment;
        uint16_t first, partitions;
    } wrong[] = {
        {SEGMSG_KIND_RUN, 1, 100, 0, 0, 0, 1},
        {SEGMSG_KIND_RUN, 1, 100, 0, 3, 0, 1},
        {SEGMSG_KIND_RUN, 1, 100, 0, 4, 0, 1},
        {SEGMSG_KIND_RUN, 1, 100, 0, 24, 0, 1},
        {SEGMSG_KIND_RUN, 1, 100, 0, UINT32_MAX, 0, 1},
        {SEGMSG_KIND_RUN, 1, 100, 0, 1, 0, 0},
        {SEGMSG_KIND_RUN, 1, 100, 0, 1, 8, 1},
        {SEGMSG_KIND_RUN, 1, 100, 0, 1, 7, 2},
        {SEGMSG_KIND_RUN, 1, 100, 0, 1, 0, 9},
        {SEGMSG_KIND_RUN, 1, 100, 0, 1, 65535, 65535},
        {SEGMSG_KIND_RUN, 1, 129, 0, 1, 0, 1},
        {SEGMSG_KIND_RUN, 1, UINT32_MAX, 0, 2, 0, 4},
        {SEGMSG_KIND_RUN, 2, 100, 0, 1, 0, 1},
        {SEGMSG_KIND_RUN, 0, 100, 0, 1, 0, 1},
        {SEGMSG_KIND_RUN, 1, 100, 23, 1, 0, 1},
        {SEGMSG_KIND_RUN, 1, 100, UINT32_MAX, 1, 0, 1},
        {SEGMSG_KIND_MESSAGE, 1, 49, 0, 0, 0, 0},
        {SEGMSG_KIND_MESSAGE, 0, 0, 0, 0, 0, 0},
        {SEGMSG_KIND_MESSAGE, 1, 10, 23, 0, 0, 0},
        {SEGMSG_KIND_MESSAGE, 1, 10, 24, 0, 0, 0},
        {SEGMSG_KIND_MESSAGE, LOBBY, 9, 0, 0, 0, 0},
        {SEGMSG_KIND_MESSAGE, 65535, 9, 0, 0, 0, 0},
        {SEGMSG_KIND_MESSAGE, 2, UINT32_MAX, 0, 0, 0, 0},
        {SEGMSG_KIND_WRAP, LOBBY, 0, 0, 0, 0, 0},
        {SEGMSG_KIND_WRAP, 0, 0, 0, 0, 0, 0},
        {SEGMSG_KIND_SWITCH, 1, 3, 0, 0, 0, 0},
        {SEGMSG_KIND_CLOSE, 2, 0, 0, 0, 0, 0},
        {SEGMSG_KIND_CLOSE, 1, 0, 22, 0, 0, 0},
        {6, 1, 0, 0, 0, 0, 0},
        {255, 1, 0, 0, 0, 0, 0},
    };
    for (size_t w = 0; w < sizeof(wrong) / sizeof(wrong[0]); ++w) {
        scene_t scene;
        open_scene(&scene, w);
        segmsg_receiver_t *receiver = &scene.receiver;
        segmsg_place_t place;
        scene.sender[0].growth.own_after = UINT32_MAX;
        UNIT_EQUAL(segmsg_sender_take(&scene.sender[0], 0, &place), SEGMSG_OK);
        UNIT_CHECK(segmsg_sender_publish(&scene.sender[0], &place, 1, 0));
        scene.sender[1].growth.own_after = 0;
        UNIT_EQUAL(segmsg_sender_take(&scene.sender[1], 0, &place), SEGMSG_OK);
        UNIT_EQUAL(place.group, 0);
        segmsg_reader_t *reader;
        segmsg_message_t message;
        void *user;
        UNIT_EQUAL(segmsg_lobby_poll(receiver, &reader, &message, &user), SEGMSG_POLL_MESSAGE);
        UNIT_EQUAL(reader->guest_entry, 0);
        segmsg_message_return(receiver, reader, &message);
        segmsg_lobby_entry_t *entry = &receiver->lobby.ring.line[receiver->lobby.ring.at].lobby;
        entry->guest = wrong[w].guest;
        entry->segment = wrong[w].segment;
        entry->first = wrong[w].first;
        entry->partitions = wrong[w].partitions;
        atomic_store(&entry->header,
                     segmsg_header_make(wrong[w].kind, 1, wrong[w].span, wrong[w].length));
        segmsg_poll_t poll = segmsg_lobby_poll(receiver, &reader, &message, &user);
        if (poll != SEGMSG_POLL_CORRUPT) {
            unit_fail(__FILE__, __LINE__, "case %zu: poll says %d", w, (int) poll);
        }
        close_scene(&scene);
    }
}

/* The first sender becomes a guest for good, and sends a message. */
static segmsg_sender_t *open_guest(scene_t *scene)
{
    segmsg_sender_t *sender = &scene->sender[0];
    sender->growth.own_after = UINT32_MAX;
    segmsg_place_t place;
    UNIT_EQUAL(segmsg_sender_take(sender, 10, &place), SEGMSG_OK);
    UNIT_CHECK(segmsg_sender_publish(sender, &place, 1, 10));
    return sender;
}

/* A guest that stands in the table twice: what is left of it names nobody when it has gone. */
static void a_guest_that_stands_twice_in_the_table_leaves_nothing_behind(void)
{
    scene_t scene;
    open_scene(&scene, 0);
    segmsg_receiver_t *receiver = &scene.receiver;
    segmsg_sender_t *sender = open_guest(&scene);
    uint32_t again;
    UNIT_EQUAL(segmsg_group_join(&scene.image[0], &sender->self, &again), SEGMSG_OK);
    (void) segmsg_receiver_find_groups(receiver);
    segmsg_reader_t *reader;
    segmsg_message_t message;
    void *user;
    UNIT_CHECK(segmsg_sender_close(sender));
    for (uint32_t m = 0; m < 4; ++m) {
        if (m >= 2) { /* as if either were still there */
            segmsg_lobby_entry_t *entry = &receiver->lobby.ring.line[receiver->lobby.ring.at].lobby;
            entry->guest = m - 2;
            atomic_store(&entry->header, segmsg_header_make(SEGMSG_KIND_MESSAGE, 1, 1, 10));
        }
        if (segmsg_lobby_poll(receiver, &reader, &message, &user) == SEGMSG_POLL_MESSAGE) {
            UNIT_CHECK(reader == receiver->reader[0]);
            segmsg_message_return(receiver, reader, &message);
        }
    }
    close_scene(&scene);
}

/* While a message is out nothing is given back: a poll must end all the same. */
static void a_lobby_full_of_nothing_is_gone_through_once(void)
{
    scene_t scene;
    open_scene(&scene, 0);
    segmsg_receiver_t *receiver = &scene.receiver;
    (void) open_guest(&scene);
    segmsg_reader_t *reader;
    segmsg_message_t out, message;
    void *user;
    UNIT_EQUAL(segmsg_lobby_poll(receiver, &reader, &out, &user), SEGMSG_POLL_MESSAGE);
    for (uint32_t l = 0; l < LOBBY; ++l) {
        atomic_store(&receiver->lobby.ring.line[l].header,
                     segmsg_header_make(SEGMSG_KIND_WRAP, 0, 1, 0));
    }
    segmsg_poll_t poll = segmsg_lobby_poll(receiver, &reader, &message, &user);
    UNIT_CHECK(poll == SEGMSG_POLL_NONE || poll == SEGMSG_POLL_CORRUPT);
    segmsg_message_return(receiver, receiver->reader[0], &out);
    close_scene(&scene);
}

static const unit_case_t cases[] = {
    UNIT_CASE(any_values_are_survived),
    UNIT_CASE(wrong_entries_of_the_lobby_are_corrupt),
    UNIT_CASE(a_guest_that_stands_twice_in_the_table_leaves_nothing_behind),
    UNIT_CASE(a_lobby_full_of_nothing_is_gone_through_once),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
