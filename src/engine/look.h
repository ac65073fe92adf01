/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * One look at all senders: at those who are awake every time, at the lobby, at the quiet and the new
 * ones now and then (engine/turns.h). Whoever receives says what is to be done with a message; that
 * is known where this is compiled, so nothing is called through a pointer.
 */
#ifndef SEGMSG_LOOK_H
#define SEGMSG_LOOK_H

#include "engine/lobby_poll.h"
#include "engine/receiver.h"
#include "engine/turns.h"
#include "engine/groups.h"

enum {
    SEGMSG_LOOK_VERIFY = 1 << 14
}; /* empty polls of the lobby from one comparison to the next */

typedef struct {
    int burst; /* most messages taken from one sender before the next is looked at */
    int calls; /* looks since quiet senders and guests were looked at */
    int taken; /* messages that these looks brought */
} segmsg_look_t;

/* What the receiver does with what is found; the functions are constants wherever this is used. */
typedef struct {
    /* Uses a message and returns its partitions. */
    void (*take)(void *context, segmsg_reader_t *reader, const segmsg_message_t *message);
    /* A sender has left; `user` is what its reader had there. */
    void (*closed)(void *context, void *user);
    /* A sender wrote what no correct one writes. Does not return, or sees to it that it is not looked at
     * again. `reader` is NULL if it cannot be told whose the nonsense in the lobby is. */
    void (*corrupt)(void *context, segmsg_reader_t *reader);
    /* Senders formed groups, or receiver->has_newcomers is set: finds them, and clears that. */
    void (*welcome)(void *context);
    /* Nothing has come for a while: compares what lies in shared memory with what this process knows. */
    void (*verify)(void *context);
} segmsg_look_ops_t;

/*
 * Takes what one sender has. To look again after a message takes the next line away from a sender that is
 * about to write it; it is done only if messages come faster than we look: a burst at most.
 */
SEGMSG_INLINE int segmsg_look_at_reader(segmsg_receiver_t *receiver, int burst,
                                        const segmsg_look_ops_t *ops, void *context,
                                        segmsg_reader_t *reader)
{
    segmsg_message_t message;
    int limit = reader->idle == 0 ? burst : 1;
    for (int taken = 0;; ++taken) {
        if (taken == limit) {
            return taken;
        }
        void *user = reader->user; /* the reader goes when it is closed */
        switch (segmsg_reader_poll(receiver, reader, &message)) {
        case SEGMSG_POLL_MESSAGE:
            ops->take(context, reader, &message);
            break;
        case SEGMSG_POLL_CORRUPT:
            ops->corrupt(context, reader);
            return taken;
        case SEGMSG_POLL_CLOSED:
            ops->closed(context, user);
            return taken;
        case SEGMSG_POLL_NONE:
        default:
            return taken;
        }
    }
}

/* Looks at some of those who have been quiet; at more, the longer the others have kept us. */
SEGMSG_INLINE int segmsg_look_at_quiet(segmsg_receiver_t *receiver, const segmsg_look_t *look,
                                       const segmsg_look_ops_t *ops, void *context)
{
    int count = 0;
    for (int looks = SEGMSG_TURNS_QUIET + 2 * look->taken;
         looks != 0 && receiver->awake != receiver->reader_count; --looks) {
        segmsg_reader_t *reader = segmsg_turns_next(receiver);
        if (reader != NULL) {
            count += segmsg_look_at_reader(receiver, look->burst, ops, context, reader);
        }
    }
    return count;
}

/* Takes what stands in the lobby, where all that talk little are, a burst at most. */
SEGMSG_INLINE int segmsg_look_at_lobby(segmsg_receiver_t *receiver, int burst,
                                       const segmsg_look_ops_t *ops, void *context)
{
    int limit = receiver->lobby.idle == 0 ? burst : 1;
    for (int taken = 0; taken != limit; ++taken) {
        segmsg_reader_t *reader = NULL;
        segmsg_message_t message;
        void *user = NULL;
        switch (segmsg_lobby_poll(receiver, &reader, &message, &user)) {
        case SEGMSG_POLL_MESSAGE:
            ops->take(context, reader, &message);
            break;
        case SEGMSG_POLL_CORRUPT:
            ops->corrupt(context, reader);
            return taken;
        case SEGMSG_POLL_CLOSED:
            ops->closed(context, user);
            break;
        case SEGMSG_POLL_NONE:
        default:
            return taken;
        }
    }
    return limit;
}

/* Finds who has come, and what they have sent already: whoever tests between computations may not look again for long. */
__attribute__((noinline, unused)) static int segmsg_look_at_newcomers(segmsg_receiver_t *receiver,
                                                                      int burst,
                                                                      const segmsg_look_ops_t *ops,
                                                                      void *context)
{
    int count = 0;
    ops->welcome(context);
    for (uint32_t r = 0; r < receiver->awake; ++r) {
        count += segmsg_look_at_reader(receiver, burst, ops, context, receiver->reader[r]);
    }
    return count;
}

/* Looks at those who are not looked at every time: guests, quiet and new senders. */
SEGMSG_INLINE int segmsg_look_at_others(segmsg_receiver_t *receiver, const segmsg_look_t *look,
                                        const segmsg_look_ops_t *ops, void *context)
{
    int count = 0;
    if (__builtin_expect(segmsg_receiver_has_new_groups(receiver) || receiver->has_newcomers, 0)) {
        count += segmsg_look_at_newcomers(receiver, look->burst, ops, context);
    }
    count += segmsg_look_at_lobby(receiver, look->burst, ops, context);
    if (__builtin_expect(receiver->lobby.idle % SEGMSG_LOOK_VERIFY == SEGMSG_LOOK_VERIFY - 1, 0)) {
        ops->verify(context);
    }
    if (receiver->awake != receiver->reader_count || receiver->awake > SEGMSG_TURNS_AWAKE) {
        segmsg_turns_count(receiver);
        count += segmsg_look_at_quiet(receiver, look, ops, context);
    }
    return count;
}

/*
 * Where the next thing to be found will show, as it stood after a look in vain: a line for all of it, for a process
 * that looks between its own computations, whose data leaves a longer look nothing in the caches.
 *
 * What was found since is at worst looked for where it has been: so a whole look is due every now and then,
 * which also counts idle looks. What is pointed to stays mapped as long as the receiver.
 */
enum { SEGMSG_WATCH_MAX = 4 };
typedef struct {
    const _Atomic uint64_t *header[SEGMSG_WATCH_MAX]; /* 0 as long as nothing has come there */
    const _Atomic uint32_t *formed_count;
    uint32_t formed_seen;
    uint32_t headers; /* 0: nothing is watched */
} segmsg_watch_t;

/* Sets what is to be watched; nothing, if there are too many senders or a look would do more than look. */
static inline void segmsg_watch_set(segmsg_watch_t *watch, const segmsg_receiver_t *receiver)
{
    watch->headers = 0;
    if (receiver->awake != receiver->reader_count || receiver->has_newcomers
        || receiver->reader_count >= SEGMSG_WATCH_MAX) {
        return;
    }
    watch->formed_count = &segmsg_export_head(receiver->own)->formed_count;
    watch->formed_seen = receiver->formed_seen;
    watch->header[0] = &receiver->lobby.ring.line[receiver->lobby.ring.at].header;
    for (uint32_t r = 0; r < receiver->reader_count; ++r) {
        const segmsg_ring_reader_t *ring = &receiver->reader[r]->ring;
        watch->header[1 + r] = &ring->line[ring->at].header;
    }
    watch->headers = 1 + receiver->reader_count;
}

/* True if nothing shows of what is watched. */
SEGMSG_INLINE bool segmsg_watch_is_vain(const segmsg_watch_t *watch)
{
    /* Relaxed, all: read again, with acquire, by whoever uses it. */
    uint64_t found =
        atomic_load_explicit(watch->formed_count, memory_order_relaxed) ^ watch->formed_seen;
    for (uint32_t h = 0; h < watch->headers; ++h) {
        found |= atomic_load_explicit(watch->header[h], memory_order_relaxed);
    }
    return found == 0;
}

/* One look; returns how many messages it brought. What is done with a message may look again. */
SEGMSG_INLINE int segmsg_look(segmsg_receiver_t *receiver, segmsg_look_t *look,
                              const segmsg_look_ops_t *ops, void *context)
{
    enum { OTHERS_EVERY = 4 }; /* looks that find something, for one look at the others */
    int count = 0;
    /* The list may change under way: it is read anew at every step. */
    for (uint32_t r = 0; r < receiver->awake; ++r) {
        count += segmsg_look_at_reader(receiver, look->burst, ops, context, receiver->reader[r]);
    }
    look->taken += count;
    if (count == 0 || ++look->calls == OTHERS_EVERY) {
        const segmsg_look_t now = *look;
        look->calls = 0;
        look->taken = 0;
        count += segmsg_look_at_others(receiver, &now, ops, context);
    }
    return count;
}

#endif
