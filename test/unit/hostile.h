/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What the tests of overwritten shared memory have in common: a sender that believes what it reads,
 * and the check that whatever is handed out lies in the arena.
 */
#ifndef SEGMSG_TEST_HOSTILE_H
#define SEGMSG_TEST_HOSTILE_H

#include "engine/receiver.h"
#include "engine/sender.h"
#include "memory.h"
#include "unit.h"

/* True if all of it is arena: neither head nor tables, nor outside. */
static inline bool hostile_is_in_arena(const segmsg_export_t *export, const void *data,
                                       size_t length)
{
    uintptr_t from = (uintptr_t) export->base + export->shape.arena;
    uintptr_t to = (uintptr_t) export->base + export->bytes;
    uintptr_t at = (uintptr_t) data;
    return at >= from && at <= to && length <= to - at;
}

/* Sends `length` bytes as a sender does that believes what it reads, and that leaves now and then. */
static inline void hostile_send(const segmsg_export_t *export, segmsg_sender_t *sender,
                                unit_random_t *random, size_t length)
{
    segmsg_place_t place;
    segmsg_error_t error = unit_below(random, 4) == 0
                               ? segmsg_sender_take_lasting(sender, length, &place)
                               : segmsg_sender_take(sender, length, &place);
    if (error == SEGMSG_OK) {
        UNIT_CHECK(hostile_is_in_arena(export, place.data, length));
        memory_fill(place.data, length, length);
        if (!segmsg_sender_publish(sender, &place, 1, (uint32_t) length)) {
            segmsg_sender_give_back(sender, &place);
        }
    }
    if (unit_below(random, 20) == 0) {
        (void) segmsg_sender_close(sender);
    }
}

/* Reads a message that was handed out. */
static inline void hostile_read(const segmsg_export_t *export, const segmsg_message_t *message)
{
    UNIT_CHECK(hostile_is_in_arena(export, message->data, message->length));
    const volatile unsigned char *data = message->data; /* each byte named is read */
    for (uint32_t i = 0; i < message->length; i += 64) {
        (void) data[i];
    }
    if (message->length != 0) {
        (void) data[message->length - 1];
    }
}

#endif
