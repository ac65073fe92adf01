/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Which senders are looked at, and when. Those that sent something lately are awake: they stand in
 * front of the list, and each is looked at every time. The others are quiet and are looked at in
 * turn, a few at a time: to look at a hundred quiet senders at once takes no less time until the last
 * of them is seen, and all others would wait for that. Nothing of this is in shared memory: a sender
 * does not know whether it is awake.
 *
 *   reader[]:  0 ......... awake | awake .................. reader_count
 *              every time        | SEGMSG_TURNS_QUIET or more at a time
 */
#ifndef SEGMSG_TURNS_H
#define SEGMSG_TURNS_H

#include "engine/receiver_types.h"

enum {
    SEGMSG_TURNS_AWAKE = 8,   /* as many stay awake, whatever they do */
    SEGMSG_TURNS_QUIET = 24,  /* quiet senders looked at, at a time */
    SEGMSG_TURNS_IDLE = 256,  /* looks in vain after which a sender is quiet */
    SEGMSG_TURNS_SETTLE = 128 /* times between two searches for such senders */
};

/* Puts those of the awake that sent nothing for long among the quiet ones. */
void segmsg_turns_settle(segmsg_receiver_t *receiver);

/* Wakes the reader at index `r`. */
void segmsg_turns_wake(segmsg_receiver_t *receiver, uint32_t r);

/* The next quiet reader if it has something, awake from now on; NULL if it has nothing. There must
 * be quiet readers. */
static inline segmsg_reader_t *segmsg_turns_next(segmsg_receiver_t *receiver)
{
    uint32_t r = receiver->turn;
    if (r < receiver->awake || r >= receiver->reader_count) {
        r = receiver->awake;
    }
    receiver->turn = r + 1;
    segmsg_reader_t *reader = receiver->reader[r];
    if (__builtin_expect(!segmsg_ring_has_something(&reader->ring), 1)) {
        return NULL;
    }
    segmsg_turns_wake(receiver, r);
    return reader;
}

/* To be called now and then: every SEGMSG_TURNS_SETTLE-th call settles. */
static inline void segmsg_turns_count(segmsg_receiver_t *receiver)
{
    if (__builtin_expect(++receiver->turns % SEGMSG_TURNS_SETTLE == 0, 0)) {
        segmsg_turns_settle(receiver);
    }
}

#endif
