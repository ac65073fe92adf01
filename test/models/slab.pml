/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Partitions of a segment above group 0, as in src/queue/slab.h: senders claim them, the receiver returns
 * them in any order. With SENDERS 1 the segment is the sender's own and they come back by flipped bits; with
 * more they share it, claim by compare and swap, and the receiver clears directory and bits. A message is one
 * partition, since an extent is claimed and returned at once.
 *
 * Memory is sequentially consistent here. What is added to the code are variables that only the assertions
 * read: they are written in one step with what they are about.
 *
 * BROKEN takes something away that the protocol needs, to see that its loss is found:
 *   1  the flip: bits of the credits are set
 *   2  that credits are noted when they are believed
 *   3  the comparison in the compare and swap
 *   4  that the directory is cleared before the bits
 */
#ifndef BROKEN
#define BROKEN 0
#endif
#ifndef SENDERS
#define SENDERS 1
#endif
#ifndef MESSAGES
#define MESSAGES 4 /* of each sender */
#endif
#define PARTITIONS 2
#define BIT(p) (1 << (p))

byte word;    /* the credits */
byte claimed; /* of a shared segment */
bool is_entered[PARTITIONS]; /* the directory */
bool is_published[PARTITIONS];

/* For the assertions. */
bool is_held[PARTITIONS]; /* by a sender, or by the receiver until it begins to return it */
byte returned;

inline hold(p)
{
    assert(!is_held[p]);
    is_held[p] = true
}

active [SENDERS] proctype sender()
{
    byte sent, taken, seen, now, p;

    do
    :: sent == MESSAGES ->
        break
    :: else ->
#if SENDERS == 1
        /* segmsg_extent_find, segmsg_slab_credit */
        do
        :: taken != 3 ->
            break
        :: else ->
            word != seen;
            d_step {
                now = word;
                assert(((now ^ seen) & ~taken) == 0);
                taken = taken & ~(now ^ seen);
                is_entered[0] = (taken & 1) != 0;
                is_entered[1] = (taken & 2) != 0
#if BROKEN != 2
                ;
                seen = now
#endif
            }
        od;
        atomic {
            p = ((taken & 1) != 0 -> 1 : 0);
            taken = taken | BIT(p);
            hold(p)
        };
#else
        /* segmsg_common_claim */
        do
        :: true ->
            claimed != 3;
            taken = claimed;
            p = ((taken & 1) != 0 -> 1 : 0);
            if
#if BROKEN == 3
            :: taken != 3 ->
                atomic {
                    claimed = taken | BIT(p);
                    hold(p)
                };
                break
#else
            :: atomic {
                   taken != 3 && claimed == taken ->
                   claimed = taken | BIT(p);
                   hold(p)
               };
               break
#endif
            :: taken == 3 || claimed != taken ->
                skip
            fi
        od;
        assert(!is_entered[p]);
#endif
        is_entered[p] = true;
        is_published[p] = true;
        sent++
    od
}

active proctype receiver()
{
    byte credits, p;

    do
    :: returned == SENDERS * MESSAGES ->
        break
    :: else ->
        if
        :: is_published[0] -> p = 0
        :: is_published[1] -> p = 1
        fi;
        assert(is_held[p] && is_entered[p]);
        d_step {
            is_published[p] = false;
            is_held[p] = false;
            returned++
        };
#if SENDERS == 1
        /* segmsg_credits_give */
#if BROKEN == 1
        credits = credits | BIT(p);
#else
        credits = credits ^ BIT(p);
#endif
        word = credits
#elif BROKEN == 4
        claimed = claimed & ~BIT(p);
        is_entered[p] = false
#else
        /* segmsg_common_return */
        is_entered[p] = false;
        claimed = claimed & ~BIT(p)
#endif
    od
}
