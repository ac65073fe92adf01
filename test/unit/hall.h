/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A receiver with common segments and the senders that share them, in one thread, with what each of
 * them has on its way: every message that comes is compared with the one that must come next from its
 * sender, and goodbyes likewise.
 */
#ifndef SEGMSG_TEST_HALL_H
#define SEGMSG_TEST_HALL_H

#include "engine/guest.h"
#include "engine/lobby.h"
#include "engine/receiver.h"
#include "engine/groups.h"
#include "engine/lobby_poll.h"
#include "memory.h"
#include "unit.h"

enum {
    HALL_GUESTS = 10,
    HALL_QUEUE = 2048, /* messages of one sender on the way */
    HALL_OUTS = 64     /* messages out at one time */
};

/* Longest message in bytes that goes through a lobby that is long enough. */
#define HALL_LOBBY_CAPACITY ((size_t) SEGMSG_LOBBY_LINES * SEGMSG_LINE - SEGMSG_LOBBY_BYTES)

/* What a sender published: a message, or a goodbye. */
typedef struct {
    uint64_t number; /* tells its content */
    uint32_t length;
    bool is_close;
    const void *data; /* where it lies */
} hall_item_t;

typedef struct {
    segmsg_export_t image;
    segmsg_sender_t sender;
    uint32_t rank;
    uint64_t numbers; /* messages made */
    hall_item_t queue[HALL_QUEUE];
    uint32_t first, count;
} hall_guest_t;

typedef struct {
    segmsg_reader_t *reader;
    segmsg_message_t message;
    hall_guest_t *guest;
    uint64_t number;
} hall_out_t;

typedef struct {
    memory_t memory;
    segmsg_receiver_t receiver;
    hall_guest_t guest[HALL_GUESTS];
    uint32_t guests;
    hall_out_t out[HALL_OUTS]; /* delivered, not returned */
    uint32_t outs;
    uint64_t messages, closed;            /* received */
    uint64_t through_lobby, through_ring; /* these of group 0 */
    uint64_t through_common, through_own; /* and above it */
} hall_t;

static inline void hall_open_guest(hall_t *hall, uint32_t g, const segmsg_growth_t *growth)
{
    hall_guest_t *guest = &hall->guest[g];
    guest->image = memory_image(&hall->memory);
    guest->rank = g;
    segmsg_identity_t self = memory_sender(g);
    segmsg_sender_init(&guest->sender, &guest->image, &self, growth);
}

/* A hall for `guests` senders; on the heap, for it is large. */
static inline hall_t *hall_open(const segmsg_export_config_t *config, uint32_t guests,
                                const segmsg_growth_t *growth)
{
    hall_t *hall = calloc(1, sizeof(*hall));
    if (hall == NULL) {
        abort();
    }
    memory_open_config(&hall->memory, config, guests + 1);
    UNIT_CHECK(segmsg_receiver_init(&hall->receiver, &hall->memory.export));
    hall->guests = guests;
    for (uint32_t g = 0; g < guests; ++g) {
        hall_open_guest(hall, g, growth);
    }
    return hall;
}

static inline void hall_close(hall_t *hall)
{
    for (uint32_t g = 0; g < hall->guests; ++g) {
        segmsg_sender_destroy(&hall->guest[g].sender);
    }
    segmsg_receiver_destroy(&hall->receiver);
    memory_close(&hall->memory);
    free(hall);
}

static inline segmsg_export_config_t hall_config(const char *list, uint32_t starter, uint32_t lobby)
{
    segmsg_export_config_t config = memory_config(list, starter, 64);
    config.lobby = lobby;
    return config;
}

/* ---- sending ---- */

static inline void hall_push(hall_guest_t *guest, hall_item_t item)
{
    UNIT_REQUIRE(guest->count < HALL_QUEUE);
    guest->queue[(guest->first + guest->count++) % HALL_QUEUE] = item;
}

static inline void hall_fill(hall_guest_t *guest, const segmsg_place_t *place, size_t length)
{
    memory_fill(place->data, length, (uint64_t) guest->rank << 48 | ++guest->numbers);
}

/* Publishes the message that hall_fill has just made. False if it cannot be announced now. */
static inline bool hall_publish(hall_guest_t *guest, const segmsg_place_t *place, size_t length)
{
    if (!segmsg_sender_publish(&guest->sender, place, (uint8_t) guest->rank, (uint32_t) length)) {
        return false;
    }
    hall_push(guest, (hall_item_t){.number = (uint64_t) guest->rank << 48 | guest->numbers,
                                   .length = (uint32_t) length,
                                   .data = place->data});
    return true;
}

/* Sends a message of sender `g`, or gives its place back if it cannot be announced. */
static inline segmsg_error_t hall_send(hall_t *hall, uint32_t g, size_t length)
{
    hall_guest_t *guest = &hall->guest[g];
    if (guest->count >= HALL_QUEUE - 1) {
        return SEGMSG_ERR_FULL;
    }
    segmsg_place_t place;
    segmsg_error_t error = segmsg_sender_take(&guest->sender, length, &place);
    if (error != SEGMSG_OK) {
        return error;
    }
    hall_fill(guest, &place, length);
    if (!hall_publish(guest, &place, length)) {
        segmsg_sender_give_back(&guest->sender, &place);
        return SEGMSG_ERR_FULL;
    }
    return SEGMSG_OK;
}

/* Sender `g` says goodbye, if it has said anything. False if it cannot now. */
static inline bool hall_leave(hall_t *hall, uint32_t g)
{
    hall_guest_t *guest = &hall->guest[g];
    bool is_there = guest->sender.connection != SEGMSG_CONNECTION_NONE;
    if (!segmsg_sender_close(&guest->sender)) {
        return false;
    }
    if (is_there) {
        hall_push(guest, (hall_item_t){.is_close = true});
    }
    return true;
}

/* ---- receiving ---- */

static inline hall_item_t hall_expected(hall_guest_t *guest)
{
    hall_item_t item = {.number = UINT64_MAX};
    if (guest->count == 0) {
        unit_fail(__FILE__, __LINE__, "sender %u: more than was sent", guest->rank);
        return item;
    }
    item = guest->queue[guest->first];
    guest->first = (guest->first + 1) % HALL_QUEUE;
    --guest->count;
    return item;
}

/* Returns the message with index `o` of those that are out: its content must have stayed. */
static inline void hall_return(hall_t *hall, uint32_t o)
{
    hall_out_t out = hall->out[o];
    UNIT_CHECK(memory_holds(out.message.data, out.message.length, out.number));
    hall->out[o] = hall->out[--hall->outs];
    segmsg_message_return(&hall->receiver, out.reader, &out.message);
}

static inline void hall_take(hall_t *hall, segmsg_reader_t *reader, const segmsg_message_t *message,
                             bool hold)
{
    uint32_t rank = (uint32_t) reader->sender.name;
    UNIT_REQUIRE(rank < hall->guests && reader->sender.name == memory_sender(rank).name);
    hall_guest_t *guest = &hall->guest[rank];
    hall_item_t item = hall_expected(guest);
    UNIT_CHECK(!item.is_close);
    UNIT_EQUAL(message->length, item.length);
    UNIT_EQUAL(message->tag, rank);
    UNIT_CHECK(message->data == item.data);
    if (unit_has_failed()) {
        return;
    }
    UNIT_CHECK(memory_holds(message->data, message->length, item.number));
    reader->user = guest;
    ++hall->messages;
    if (message->group == 0) {
        ++*(message->in_lobby ? &hall->through_lobby : &hall->through_ring);
    } else {
        bool is_common = hall->receiver.target[message->segment].reader == NULL;
        ++*(is_common ? &hall->through_common : &hall->through_own);
    }
    hall->out[hall->outs++] = (hall_out_t){reader, *message, guest, item.number};
    if (!hold || hall->outs == HALL_OUTS) {
        hall_return(hall, hall->outs - 1);
    }
}

/* `user` has left: after all of its messages, and none of them is out. */
static inline void hall_see_off(hall_t *hall, void *user)
{
    hall_guest_t *guest = user;
    UNIT_REQUIRE(guest != NULL);
    UNIT_CHECK(hall_expected(guest).is_close);
    for (uint32_t o = 0; o < hall->outs; ++o) {
        UNIT_CHECK(hall->out[o].guest != guest);
    }
    ++hall->closed;
}

static inline void hall_welcome(hall_t *hall)
{
    segmsg_receiver_t *receiver = &hall->receiver;
    if (!segmsg_receiver_has_new_groups(receiver)) {
        return;
    }
    UNIT_EQUAL(segmsg_receiver_find_groups(receiver), SEGMSG_OK);
    for (uint32_t r = 0; r < receiver->reader_count; ++r) {
        segmsg_reader_t *reader = receiver->reader[r];
        uint32_t rank = (uint32_t) reader->sender.name;
        reader->user = rank < hall->guests ? &hall->guest[rank] : NULL;
    }
}

/* What one poll found; `reader` is gone if it has closed. */
static inline bool hall_found(hall_t *hall, segmsg_poll_t found, segmsg_reader_t *reader,
                              const segmsg_message_t *message, void *user, bool hold)
{
    switch (found) {
    case SEGMSG_POLL_MESSAGE:
        hall_take(hall, reader, message, hold);
        return true;
    case SEGMSG_POLL_CLOSED:
        hall_see_off(hall, user);
        return true;
    case SEGMSG_POLL_CORRUPT:
        unit_fail(__FILE__, __LINE__, "corrupt");
        return false;
    case SEGMSG_POLL_NONE:
    default:
        return false;
    }
}

static inline bool hall_poll_lobby(hall_t *hall, bool hold)
{
    segmsg_message_t message;
    segmsg_reader_t *reader = NULL;
    void *user = NULL;
    hall_welcome(hall);
    segmsg_poll_t found = segmsg_lobby_poll(&hall->receiver, &reader, &message, &user);
    return hall_found(hall, found, reader, &message, user, hold);
}

/* Looks once into the lobby and once at each reader; true if anything came. Holds what comes. */
static inline bool hall_poll(hall_t *hall, bool hold)
{
    bool any = hall_poll_lobby(hall, hold);
    for (uint32_t r = 0; r < hall->receiver.reader_count && !unit_has_failed(); ++r) {
        segmsg_message_t message;
        segmsg_reader_t *reader = hall->receiver.reader[r];
        void *user = reader->user;
        segmsg_poll_t found = segmsg_reader_poll(&hall->receiver, reader, &message);
        any |= hall_found(hall, found, reader, &message, user, hold);
    }
    return any;
}

/* Returns everything that is out and takes everything that is on the way. */
static inline void hall_drain(hall_t *hall)
{
    do {
        while (hall->outs != 0) {
            hall_return(hall, hall->outs - 1);
        }
    } while (hall_poll(hall, false) && !unit_has_failed());
    for (uint32_t g = 0; g < hall->guests; ++g) {
        UNIT_EQUAL(hall->guest[g].count, 0);
    }
}

/* What the control block of the common segment of `group` says is claimed; 0 if it is not there yet. */
static inline uint64_t hall_claimed(const hall_t *hall, uint32_t group)
{
    uint32_t segment;
    segmsg_segment_entry_t entry;
    UNIT_EQUAL(segmsg_common_read(&hall->memory.export, group, &segment, &entry), SEGMSG_OK);
    return hall->memory.is_committed[entry.offset / SEGMSG_PAGE] == 0
               ? 0
               : atomic_load(&memory_view(&hall->memory.export, &entry).control->claimed);
}

/* Everybody leaves, and nothing is left behind: no group, no claim, no bit. */
static inline void hall_empty(hall_t *hall)
{
    hall_drain(hall);
    for (uint32_t g = 0; g < hall->guests && !unit_has_failed(); ++g) {
        UNIT_CHECK(hall_leave(hall, g));
        hall_drain(hall);
    }
    if (unit_has_failed()) {
        return;
    }
    const segmsg_export_t *export = &hall->memory.export;
    segmsg_head_t *head = segmsg_export_head(export);
    UNIT_EQUAL(hall->receiver.reader_count, 0);
    UNIT_EQUAL(hall->receiver.awake, 0);
    for (uint32_t g = 0; g < atomic_load(&head->group_count); ++g) {
        UNIT_EQUAL(atomic_load(&segmsg_export_group(export, g)->state), SEGMSG_GROUP_EMPTY);
    }
    for (uint32_t s = 0; s < atomic_load(&head->segment_count); ++s) {
        const segmsg_segment_entry_t *entry = segmsg_export_segment(export, s);
        uint32_t state = atomic_load(&entry->state);
        UNIT_EQUAL(state, export->shape.common[entry->group] == s + 1 ? SEGMSG_SEGMENT_COMMON
                                                                      : SEGMSG_SEGMENT_REGISTERED);
        const segmsg_control_t *control = memory_view(export, entry).control;
        if (state == SEGMSG_SEGMENT_COMMON
            && hall->memory.is_committed[entry->offset / SEGMSG_PAGE] != 0) {
            UNIT_EQUAL(atomic_load(&control->claimed),
                       entry->group == 0 ? atomic_load(&control->word) : 0);
        }
    }
    UNIT_EQUAL(atomic_load(&head->rings), 0);
}

#endif
