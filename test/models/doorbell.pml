/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The doorbell of a region, as in src/queue/doorbell.h and src/engine/sleep.c: senders publish messages and ring,
 * the receiver takes them, and sleeps when there are none. It has no time limit here: if a wake-up is lost, it sleeps
 * for ever, and spin finds an end that is none.
 *
 * A sender's stores wait in a buffer, as those of x86-64 do, until some time later; a read-modify-write and a barrier
 * wait for them. The receiver's own order is that of its program: all it does before it looks are read-modify-writes.
 *
 * BROKEN takes something away that the protocol needs, to see that its loss is found:
 *   1  the barrier everywhere, where the word was 0
 *   2  the second look
 *   3  that a sender rings after it has published
 *   4  that who falls asleep compares the word
 *   5  that a sender that finds the word OFFERED rings, by a read-modify-write
 *   6  that the receiver sees by the word whether there must be a barrier: it believes that one is enough for ever
 */
#ifndef BROKEN
#define BROKEN 0
#endif
#ifndef SENDERS
#define SENDERS 2
#endif
#ifndef MESSAGES
#define MESSAGES 2 /* of each sender */
#endif

#define OFFERED 1
#define ARMED 2
#define SLEEPS 3
byte bell;
bool sleeps; /* in the kernel */

byte buffered[SENDERS]; /* messages published that nobody else sees yet */
byte seen[SENDERS];     /* those that are seen */

/* The buffer of a sender becomes empty. */
inline drain(who)
{
    seen[who] = seen[who] + buffered[who];
    buffered[who] = 0
}

inline publish()
{
    buffered[me]++
}

/* segmsg_sender_wake: now and then for the last time. */
inline ring()
{
    was = bell;
    if
    :: was == 0
#if BROKEN == 5
    :: was == OFFERED
    :: was >= ARMED ->
#else
    :: was != 0 ->
#endif
        if
        :: d_step {
               drain(me);
               was = bell;
               bell = bell & OFFERED
           }
        :: d_step { /* segmsg_doorbell_withdraw */
               drain(me);
               was = bell;
               bell = 0
           }
        fi;
        if
        :: was >= ARMED ->
            sleeps = false /* segmsg_futex_wake */
        :: else
        fi
    fi;
    was = 0
}

proctype sender(byte me)
{
    byte sent, was;
    do
    :: sent == MESSAGES ->
        break
    :: else ->
#if BROKEN == 3
        ring();
        publish();
#else
        publish();
        ring();
#endif
        sent++
    od
}

/* What is buffered is seen in the end. */
active proctype memory()
{
    do
    :: buffered[0] != 0 ->
        d_step {
            drain(0)
        }
#if SENDERS > 1
    :: buffered[1] != 0 ->
        d_step {
            drain(1)
        }
    :: seen[0] + seen[1] == 2 * MESSAGES ->
        break
#else
    :: seen[0] == MESSAGES ->
        break
#endif
    od
}

#if SENDERS > 1
#define TAKEN (taken[0] + taken[1])
#define IS_ANY (seen[0] != taken[0] || seen[1] != taken[1])
#else
#define TAKEN (taken[0])
#define IS_ANY (seen[0] != taken[0])
#endif

/* All senders' buffers, one after the other. */
inline barrier()
{
    d_step {
        drain(0)
    }
#if SENDERS > 1
    ;
    d_step {
        drain(1)
    }
#endif
}

active proctype receiver()
{
    byte taken[SENDERS], was;
    bool any;
#if BROKEN == 6
    bool offered;
#endif
    atomic {
        run sender(0);
#if SENDERS > 1
        run sender(1)
#endif
    };
    do
    :: TAKEN == SENDERS * MESSAGES ->
        break
    :: TAKEN != SENDERS * MESSAGES && IS_ANY ->
        d_step {
            taken[0] = seen[0];
#if SENDERS > 1
            taken[1] = seen[1]
#endif
        }
    :: TAKEN != SENDERS * MESSAGES && !IS_ANY ->
        /* segmsg_sleep */
        d_step {
            was = bell;
            bell = SLEEPS
        };
        if
#if BROKEN == 6
        :: !offered ->
            offered = true;
            barrier()
#elif BROKEN != 1
        :: was == 0 ->
            barrier()
#endif
        :: else
        fi;
        was = 0;
#if BROKEN == 2
        any = false;
#else
        any = IS_ANY;
#endif
        if
        :: any
        :: !any ->
            d_step {
#if BROKEN == 4
                sleeps = true
#else
                sleeps = (bell == SLEEPS)
#endif
            };
            !sleeps
        fi;
        bell = bell & OFFERED; /* segmsg_doorbell_disarm */
        any = false
    od
}
