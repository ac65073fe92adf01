/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Talkers and a listener for tests in which they run at the same time. Every byte of every message is
 * checked, and the order of every talker's.
 */
#ifndef SEGMSG_TEST_TALKERS_H
#define SEGMSG_TEST_TALKERS_H

#include "engine/lobby.h"
#include "engine/receiver.h"
#include "engine/sender.h"
#include "engine/groups.h"
#include "engine/lobby_poll.h"
#include "memory.h"
#include "unit.h"

#include <pthread.h>
#include <sched.h>

enum { HELD_MAX = 8, SENDERS_MAX = 8 };

/* The first bytes of every message that is long enough. */
typedef struct {
    uint32_t rank;
    uint32_t life;   /* which of the sender's sessions */
    uint64_t number; /* in that session */
} stamp_t;

static inline uint64_t content_of(const stamp_t *stamp)
{
    return (uint64_t) stamp->rank << 56 ^ (uint64_t) stamp->life << 40 ^ stamp->number;
}

/* ---- sending ---- */

typedef struct {
    segmsg_export_t image;
    segmsg_sender_t sender;
    unit_random_t random;
    stamp_t stamp;
    size_t small; /* most messages are shorter than that */
    uint64_t messages, lives;
    uint64_t kept; /* places taken for later */
} talker_t;

static inline size_t random_length(talker_t *talker)
{
    uint64_t dice = unit_below(&talker->random, 64);
    size_t most = dice == 0   ? segmsg_geometry_capacity(&talker->sender.geometry)
                  : dice < 4  ? segmsg_group_capacity(&talker->sender.geometry, 1)
                  : dice < 12 ? segmsg_group_capacity(&talker->sender.geometry, 0)
                              : talker->small;
    return sizeof(stamp_t) + unit_below(&talker->random, most - sizeof(stamp_t) + 1);
}

static inline void write_message(talker_t *talker, void *data, size_t length)
{
    memcpy(data, &talker->stamp, sizeof(stamp_t));
    memory_fill((char *) data + sizeof(stamp_t), length - sizeof(stamp_t),
                content_of(&talker->stamp));
    ++talker->stamp.number;
}

static inline void publish_in_the_end(talker_t *talker, const segmsg_place_t *place, size_t length)
{
    write_message(talker, place->data, length);
    while (!segmsg_sender_publish(&talker->sender, place, (uint8_t) talker->stamp.rank,
                                  (uint32_t) length)
           && !unit_has_failed()) {
        sched_yield();
    }
}

static inline void talk_once(talker_t *talker)
{
    segmsg_sender_t *sender = &talker->sender;
    segmsg_place_t kept = {0};
    size_t kept_length = 0;
    if (unit_below(&talker->random, 32) == 0) {
        kept_length = random_length(talker);
        if (segmsg_sender_take_lasting(sender, kept_length, &kept) != SEGMSG_OK) {
            kept_length = 0;
        }
    }
    size_t length = random_length(talker);
    segmsg_place_t place;
    segmsg_error_t error;
    while ((error = segmsg_sender_take(sender, length, &place)) == SEGMSG_ERR_FULL
           && !unit_has_failed()) {
        if (kept_length != 0) { /* or we might wait for ourselves */
            segmsg_sender_give_back(sender, &kept);
            kept_length = 0;
        }
        sched_yield();
    }
    UNIT_EQUAL(error, SEGMSG_OK);
    if (error != SEGMSG_OK) {
        return;
    }
    publish_in_the_end(talker, &place, length);
    if (kept_length != 0) {
        ++talker->kept;
        publish_in_the_end(talker, &kept, kept_length);
    }
}

/* Waits until the receiver has read all but the last of the sessions that this sender ended: there
 * is memory for two. A look at what others may be writing just now, which does no harm. */
__attribute__((no_sanitize("thread"))) static inline void
let_the_past_be_read(const segmsg_sender_t *sender)
{
    /* With the one that a guest has in the lobby. */
    uint32_t most = sender->geometry.group_count + 2;
    for (uint32_t own = most + 1; own > most && !unit_has_failed(); sched_yield()) {
        own = 0;
        uint32_t count = atomic_load(&segmsg_export_head(sender->target)->group_count);
        for (uint32_t g = 0; g < count; ++g) {
            const segmsg_group_entry_t *entry = segmsg_export_group(sender->target, g);
            own += atomic_load(&entry->state) == SEGMSG_GROUP_FORMED
                   && entry->sender.name == sender->self.name;
        }
    }
}

/* Lives through `lives` sessions of `messages` or a few more, saying goodbye after each. */
static inline void *talk(void *argument)
{
    talker_t *talker = argument;
    for (uint64_t life = 0; life < talker->lives && !unit_has_failed(); ++life) {
        talker->stamp.life = (uint32_t) life;
        talker->stamp.number = 0;
        let_the_past_be_read(&talker->sender);
        while (talker->stamp.number < talker->messages && !unit_has_failed()) {
            talk_once(talker);
        }
        while (!segmsg_sender_close(&talker->sender) && !unit_has_failed()) {
            sched_yield();
        }
    }
    return NULL;
}

static inline void open_talker(talker_t *talker, const memory_t *memory, uint32_t rank,
                               uint64_t messages, uint64_t lives, const segmsg_growth_t *growth)
{
    memset(talker, 0, sizeof(*talker));
    talker->image = memory_image(memory);
    talker->random = unit_random(rank + 1);
    talker->stamp.rank = rank;
    talker->small = 120;
    talker->messages = messages;
    talker->lives = lives;
    segmsg_identity_t self = memory_sender(rank);
    segmsg_sender_init(&talker->sender, &talker->image, &self, growth);
    /* On some processors lines are used in order, on others over and over. */
    static const segmsg_cache_policy_t reusing = {.lap = 24,
                                                  .reply_lines = 8,
                                                  .stream_lines = 12,
                                                  .piece_segment = 1024};
    if (rank % 2 == 1) {
        segmsg_sender_set_cache(&talker->sender, &reusing);
    }
}

/* ---- receiving ---- */

typedef struct {
    segmsg_reader_t *reader;
    segmsg_message_t message;
    stamp_t stamp;
} held_t;

typedef struct {
    segmsg_receiver_t receiver;
    unit_random_t random;
    held_t held[HELD_MAX];
    uint32_t held_count;
    stamp_t expected[SENDERS_MAX]; /* by rank */
    uint64_t closed, received;
    uint64_t mortal_closed, mortal_messages; /* of senders that get killed */
    uint64_t groups[SEGMSG_GROUPS_MAX];      /* messages by group */
    uint64_t through_lobby, through_common;
} listener_t;

static inline void let_go(listener_t *listener, uint32_t index)
{
    held_t *held = &listener->held[index];
    UNIT_CHECK(memory_holds((char *) held->message.data + sizeof(stamp_t),
                            held->message.length - sizeof(stamp_t), content_of(&held->stamp)));
    segmsg_message_return(&listener->receiver, held->reader, &held->message);
    *held = listener->held[--listener->held_count];
}

static inline void hear(listener_t *listener, segmsg_reader_t *reader,
                        const segmsg_message_t *message)
{
    if (message->length == 0) {
        ++listener->mortal_messages;
        segmsg_message_return(&listener->receiver, reader, message);
        return;
    }
    stamp_t stamp;
    memcpy(&stamp, message->data, sizeof(stamp));
    UNIT_REQUIRE(stamp.rank < SENDERS_MAX && stamp.rank == message->tag);
    UNIT_EQUAL(reader->sender.name, memory_sender(stamp.rank).name);
    stamp_t *expected = &listener->expected[stamp.rank];
    reader->user = expected;
    UNIT_EQUAL(stamp.life, expected->life);
    UNIT_EQUAL(stamp.number, expected->number);
    ++expected->number;
    ++listener->received;
    ++listener->groups[message->group];
    listener->through_lobby += message->in_lobby;
    listener->through_common +=
        message->group != 0 && listener->receiver.target[message->segment].reader == NULL;
    listener->held[listener->held_count++] = (held_t){reader, *message, stamp};
    /* Mostly at once, as a BTL does; sometimes late, and in any order. */
    if (unit_below(&listener->random, 4) != 0 || listener->held_count == HELD_MAX) {
        let_go(listener, (uint32_t) unit_below(&listener->random, listener->held_count));
    }
}

static inline void see_off(listener_t *listener, stamp_t *expected)
{
    if (expected == NULL) {
        ++listener->mortal_closed;
        return;
    }
    for (uint32_t h = 0; h < listener->held_count; ++h) { /* it would have been waited for */
        UNIT_CHECK(listener->held[h].stamp.rank != (uint32_t) (expected - listener->expected));
    }
    ++expected->life;
    expected->number = 0;
    ++listener->closed;
}

/* What a poll found; `expected` is the talker's whom it closed. */
static inline bool hear_poll(listener_t *listener, segmsg_poll_t found, segmsg_reader_t *reader,
                             const segmsg_message_t *message, stamp_t *expected)
{
    switch (found) {
    case SEGMSG_POLL_MESSAGE:
        hear(listener, reader, message);
        return true;
    case SEGMSG_POLL_CLOSED:
        see_off(listener, expected);
        return true;
    case SEGMSG_POLL_CORRUPT:
        unit_fail(__FILE__, __LINE__, "corrupt");
        return false;
    case SEGMSG_POLL_NONE:
    default:
        return false;
    }
}

static inline bool listen_in_lobby(listener_t *listener)
{
    segmsg_reader_t *reader = NULL;
    segmsg_message_t message;
    void *user = NULL;
    segmsg_poll_t found = segmsg_lobby_poll(&listener->receiver, &reader, &message, &user);
    return hear_poll(listener, found, reader, &message, user);
}

static inline bool listen_once(listener_t *listener)
{
    segmsg_receiver_t *receiver = &listener->receiver;
    bool any = false;
    if (segmsg_receiver_has_new_groups(receiver)) {
        UNIT_EQUAL(segmsg_receiver_find_groups(receiver), SEGMSG_OK);
    }
    any |= listen_in_lobby(listener);
    for (uint32_t r = 0; r < receiver->reader_count; ++r) {
        segmsg_reader_t *reader = receiver->reader[r];
        uint64_t rank = reader->sender.name & UINT32_MAX;
        segmsg_message_t message;
        segmsg_poll_t found = segmsg_reader_poll(receiver, reader, &message);
        any |= hear_poll(listener, found, reader, &message,
                         rank < SENDERS_MAX ? &listener->expected[rank] : NULL);
    }
    if (!any) {
        while (listener->held_count != 0) {
            let_go(listener, 0);
        }
    }
    return any;
}

static inline void listen_until_closed(listener_t *listener, uint64_t sessions)
{
    while (listener->closed < sessions && !unit_has_failed()) {
        if (!listen_once(listener)) {
            sched_yield();
        }
    }
}

static inline void open_listener(listener_t *listener, memory_t *memory)
{
    memset(listener, 0, sizeof(*listener));
    listener->random = unit_random(0);
    UNIT_CHECK(segmsg_receiver_init(&listener->receiver, &memory->export));
}

/* After everybody has left: nothing is held, and no more was ever made than was in use at once. */
static inline void check_tables(const memory_t *memory, uint32_t senders)
{
    const segmsg_export_t *export = &memory->export;
    segmsg_head_t *head = segmsg_export_head(export);
    uint32_t segments = atomic_load(&head->segment_count);
    uint32_t common = memory->config.lobby == 0 ? 0 : memory->config.geometry.group_count;
    UNIT_EQUAL(atomic_load(&head->registered), segments - common);
    for (uint32_t s = 0; s < segments; ++s) {
        UNIT_EQUAL(atomic_load(&segmsg_export_segment(export, s)->state),
                   s < common ? SEGMSG_SEGMENT_COMMON : SEGMSG_SEGMENT_REGISTERED);
    }
    uint32_t groups = atomic_load(&head->group_count);
    for (uint32_t g = 0; g < groups; ++g) {
        UNIT_EQUAL(atomic_load(&segmsg_export_group(export, g)->state), SEGMSG_GROUP_EMPTY);
    }
    /* A sender that is back early has more groups than one session has; see
     * let_the_past_be_read. */
    uint32_t shapes = memory->config.geometry.group_count + 1;
    uint32_t most = senders * shapes * (shapes + 1);
    UNIT_CHECK(segments - common <= most);
    UNIT_CHECK(groups <= most + senders);
}

#endif
