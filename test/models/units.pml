/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A large message that comes by units, as in src/queue/split_work.h and src/btl/btl_segmsg_joint.c: the
 * owner opens a record for one transfer after the other, each with a generation of its own, and asks a
 * partner for units. The partner claims a unit at a time from the back and sends it, in the order of
 * claiming; the owner copies what comes to its place. At any time the owner may find that nothing has
 * come for long enough: then it claims what is left, from the front, and copies that itself. And what the
 * partner has claimed and not sent it may copy as well: the partner has lost its processor, and what it
 * sends later is dropped. Requests get lost, are taken late, or are left alone by a partner that turns to
 * something else.
 *
 * Memory is sequentially consistent here. What is added to the code are variables that only the
 * assertions read: they are written in one step with what they are about.
 *
 * BROKEN takes something away that the protocol needs, to see that its loss is found:
 *   1  the generation in the claim word
 *   2  that the owner takes over
 *   3  that it waits for what the partner has claimed, or copies that
 *   4  that a unit is claimed only when there is room for it: the partner forgets one that finds none
 *   5  that units of an earlier transfer are dropped
 */
#ifndef BROKEN
#define BROKEN 0
#endif
#ifndef UNITS
#define UNITS 3 /* of a transfer, up to 7 */
#endif
#ifndef TRANSFERS
#define TRANSFERS 3
#endif
#ifndef PLACES
#define PLACES 2 /* units under way */
#endif
#define REQUESTS 2 /* that a partner keeps */

/* The record. */
#if BROKEN == 1
#define WORD(generation, front, back) ((front) << 3 | (back))
#define IS_OF(word, generation) true
#else
#define WORD(generation, front, back) ((generation) << 6 | (front) << 3 | (back))
#define IS_OF(word, generation) ((word) >> 6 == (generation))
#endif
#define FRONT(word) ((word) >> 3 & 7)
#define BACK(word) ((word) & 7)
short claim;

chan requests = [REQUESTS] of { byte }; /* generations */
chan ring = [PLACES] of { byte, byte }; /* generation, unit */

/* The memory that is copied to. */
bool is_there[UNITS];

/* For the assertions. */
byte open;    /* the transfer under way, 0 if none */
bool is_over; /* the owner has nothing more to do */

/* The compare and swap is one step; the load before it another one. `got`: it succeeded, in which case
 * the transfer of that generation is still under way. */
inline swap(next, whose)
{
    d_step {
        got = (claim == word);
        if
        :: got ->
            assert(open == whose);
            claim = next
        :: else -> word = claim
        fi
    }
}

/* A unit comes to its place. */
inline copy(unit)
{
    d_step {
        assert(!is_there[unit]);
        is_there[unit] = true
    }
}

active proctype owner()
{
    byte generation = 1, own, arrived, units, first, from, unit;
    short word;
    bool got, taken_over;

    do
    :: generation > TRANSFERS ->
        break
    :: else ->
        d_step {
            open = generation;
            own = 0;
            arrived = 0;
            taken_over = false;
            claim = WORD(generation, 0, UNITS)
        };
        if
        :: nfull(requests) ->
            requests ! generation
        :: true /* no room for the message, or for one more request */
        fi;

        do
        /* joint_came */
        :: ring ? from, unit ->
#if BROKEN != 5
            if
            :: from == generation ->
#endif
                assert(unit == UNITS - 1 - arrived); /* so it is known which are missing */
                copy(unit);
                arrived++
#if BROKEN != 5
            :: else /* of a transfer that ended without it */
            fi
#endif

        /* is_late, take_over */
#if BROKEN != 2
        :: !taken_over && own + arrived < UNITS ->
            taken_over = true;
            word = claim;
            do
            :: FRONT(word) < BACK(word) ->
                d_step {
                    units = (BACK(word) - FRONT(word) + 1) / 2;
                    first = FRONT(word)
                };
                swap(WORD(generation, first + units, BACK(word)), generation);
                if
                :: got ->
                    own = own + units;
                    do
                    :: units > 0 ->
                        copy(first);
                        d_step {
                            first++;
                            units--
                        }
                    :: else ->
                        break
                    od;
                    word = claim
                :: else
                fi
            :: else ->
                break
            od
#endif

        /* copy_claimed */
#if BROKEN != 2 && BROKEN != 3
        :: taken_over && own + arrived < UNITS ->
            first = own;
            do
            :: first < UNITS - arrived ->
                copy(first);
                first++
            :: else ->
                break
            od;
            own = UNITS - arrived;
            break /* it ends at once */
#endif

        /* end */
#if BROKEN == 3
        :: own + arrived == UNITS || taken_over ->
#else
        :: own + arrived == UNITS ->
#endif
            break
        od;

        skip;
        d_step {
            first = 0;
            do
            :: first == UNITS ->
                break
            :: else ->
                assert(is_there[first]);
                is_there[first] = false;
                first++
            od;
            first = 0;
            unit = 0;
            from = 0;
            open = 0;
            generation++
        }
    od;
    is_over = true
}

/* Helps whoever asked last or first, or turns to something else for a while, or for ever. */
active proctype partner()
{
    byte generation, unit;
    short word;
    bool got;

end_idle:
    do
    :: requests ? generation ->
        do
        :: true ->
            if
#if BROKEN == 4
            :: true
#else
            :: nfull(ring) /* a place, and a line to announce it */
#endif
            :: true -> /* it computes, and comes back or not */
                break
            fi;
            word = claim;
            do
            :: !IS_OF(word, generation) || FRONT(word) >= BACK(word) ->
                goto nothing_left
            :: else ->
                unit = BACK(word) - 1;
                swap(WORD(generation, FRONT(word), unit), generation);
                if
                :: got ->
                    break
                :: else
                fi
            od;
            if
            :: nfull(ring) ->
                ring ! generation, unit
            :: full(ring) /* only where it was claimed without room: it is lost */
            fi
        od;
nothing_left:
        skip;
        d_step {
            generation = 0;
            unit = 0;
            word = 0;
            got = false
        }
    :: true -> /* it comes back no more */
        break
    od
}

/* The owner comes to an end, whatever its partner does. */
ltl ends { <> is_over }
