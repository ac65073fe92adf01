/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "engine/turns.h"

static void swap(segmsg_receiver_t *receiver, uint32_t a, uint32_t b)
{
    segmsg_reader_t *reader = receiver->reader[a];
    receiver->reader[a] = receiver->reader[b];
    receiver->reader[b] = reader;
}

void segmsg_turns_wake(segmsg_receiver_t *receiver, uint32_t r)
{
    receiver->reader[r]->idle = 0;
    swap(receiver, r, receiver->awake++);
}

void segmsg_turns_settle(segmsg_receiver_t *receiver)
{
    for (uint32_t r = receiver->awake; r-- != 0 && receiver->awake > SEGMSG_TURNS_AWAKE;) {
        if (receiver->reader[r]->idle >= SEGMSG_TURNS_IDLE) {
            swap(receiver, r, --receiver->awake);
        }
    }
}
