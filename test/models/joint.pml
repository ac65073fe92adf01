/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A large transfer that two processes copy together, as in src/queue/split_work.h and
 * src/btl/btl_segmsg_joint.c: the owner opens a record for one transfer after the other, each with
 * a generation of its own, and asks a partner for help, each time another one. Requests get lost or
 * are taken late. A partner may fail to copy something, and one may be killed at any point.
 *
 * Memory is sequentially consistent here. What is added to the code are variables that only the
 * assertions read: they are written in one step with what they are about.
 *
 * BROKEN takes something away that the protocol needs, to see that its loss is found:
 *   1  the generation in the claim word
 *   2  the owner's wait for the partner's report
 *   3  the second look at the report, when the partner was found dead
 *   4  the look whether the partner lives
 *   5  the comparison in the compare and swap
 *   6  the report of a failure
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
#ifndef MOST
#define MOST 1 /* units that a partner claims at a time */
#endif
#define PARTNERS 2
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
#define SWAPPED -1 /* no such word: the swap succeeded */
short claim;
#define FAILED 16
#define REPORTED(report) ((report) & 15)
byte report;

/* Requests to help: generations. */
chan requests[PARTNERS] = [REQUESTS] of { byte };
#define PARTNER_OF(generation) ((generation) % PARTNERS)

bool is_alive[PARTNERS] = true;
bool is_killed[PARTNERS]; /* the signal is on its way */

/* The memory that is copied to. */
mtype = { OLD, TORN, COPIED };
mtype unit[UNITS] = OLD;

/* For the assertions. */
byte open;            /* the transfer under way, 0 if none */
byte holds[PARTNERS]; /* units claimed and not reported */
bool is_over;         /* the owner has nothing more to do */
bool is_given_up;     /* because of a partner that died */

/* The compare and swap; where it fails, `word` is what stands there. */
inline swap(next, is_partner)
{
    if
#if BROKEN != 5
    :: d_step {
           claim != word;
           word = claim
       }
#endif
    :: d_step {
#if BROKEN != 5
           claim == word;
#endif
           claim = next;
           word = SWAPPED;
           if
           :: is_partner -> holds[me] = units
           :: else
           fi
       }
    fi
}

/* segmsg_joint_claim, by the owner and by a partner: `units` units from `first` on. */
inline claim_front(generation)
{
    word = claim;
    do
    :: word == SWAPPED ->
        break
    :: word != SWAPPED && (!IS_OF(word, generation) || FRONT(word) >= BACK(word)) ->
        units = 0;
        break
    :: else ->
        d_step {
            units = (BACK(word) - FRONT(word) + 1) / 2;
            first = FRONT(word)
        };
        swap(WORD(generation, first + units, BACK(word)), false)
    od
}

inline claim_back(generation)
{
    word = claim;
    do
    :: word == SWAPPED ->
        break
    :: word != SWAPPED && (!IS_OF(word, generation) || FRONT(word) >= BACK(word)) ->
        units = 0;
        break
    :: else ->
        d_step {
            units = (BACK(word) - FRONT(word) < MOST -> BACK(word) - FRONT(word) : MOST);
            first = BACK(word) - units
        };
        swap(WORD(generation, FRONT(word), first), true)
    od
}

/* Copying a unit takes time: until it is done, it is torn. */
inline begin_copy(generation)
{
    d_step {
        assert(open == generation);
        assert(unit[first + done] == OLD);
        unit[first + done] = TORN
    }
}

inline end_copy(generation)
{
    d_step {
        assert(open == generation);
        assert(unit[first + done] == TORN);
        unit[first + done] = COPIED;
        done++
    }
}

active proctype owner()
{
    byte generation = 1, own, units, first, done, seen;
    short word;
    byte me; /* no partner */

    do
    :: generation > TRANSFERS ->
        break
    :: else ->
        /* segmsg_joint_start */
        d_step {
            open = generation;
            report = 0
        };
        claim = WORD(generation, 0, UNITS);
        if
        :: nfull(requests[PARTNER_OF(generation)]) ->
            requests[PARTNER_OF(generation)] ! generation
        :: true /* no room for the message, or for one more request */
        fi;

        /* copy_own */
        own = 0;
        do
        :: claim_front(generation);
            if
            :: units == 0 ->
                break
            :: else ->
                own = own + units;
                done = 0;
                do
                :: done < units ->
                    begin_copy(generation);
                    end_copy(generation)
                :: else ->
                    break
                od
            fi
        od;

        /* end_if_done */
#if BROKEN != 2
        do
        :: seen = report;
            if
            :: REPORTED(seen) == UNITS - own ->
                break
            :: REPORTED(seen) != UNITS - own ->
#if BROKEN != 4
                if
                :: is_alive[PARTNER_OF(generation)]
                :: !is_alive[PARTNER_OF(generation)] ->
#if BROKEN != 3
                    seen = report;
                    if
                    :: REPORTED(seen) == UNITS - own ->
                        break
                    :: else
                    fi;
#endif
                    is_given_up = true;
                    goto over
                fi
#else
                skip
#endif
            fi
        od;
#else
        seen = report;
#endif

        /* finish */
        assert(holds[0] == 0 && holds[1] == 0);
        d_step {
            first = 0;
            done = 0;
            do
            :: done == UNITS ->
                break
            :: else ->
                if
                :: done >= own && seen >= FAILED -> /* copied again */
                    unit[done] = COPIED
                :: else
                fi;
                assert(unit[done] == COPIED);
                unit[done] = OLD;
                done++
            od;
            done = 0;
            seen = 0;
            open = 0;
            generation++
        }
    od;
over:
    /* Given up is only what a dead partner had claimed, and what it had claimed is given up. */
    assert(is_given_up == (holds[0] != 0 || holds[1] != 0));
    is_over = true
}

active [PARTNERS] proctype partner()
{
    byte me = _pid - 1;
    byte generation, units, first, done;
    short word;
    bool failed;

    {
end_idle:
        do
        :: requests[me] ? generation ->
            do
            :: claim_back(generation);
                if
                :: units == 0 ->
                    break
                :: else
                fi;
                done = 0;
                do
                :: done < units ->
                    begin_copy(generation);
                    if
                    :: end_copy(generation)
                    :: failed = true;
                        break
                    fi
                :: else ->
                    break
                od;
                /* segmsg_joint_report */
#if BROKEN == 6
                done = 0;
#else
                done = (failed -> FAILED : 0);
#endif
                d_step {
                    report = report + units + done;
                    holds[me] = 0;
                    units = 0;
                    first = 0;
                    done = 0
                };
                if
                :: failed ->
                    failed = false;
                    break
                :: else
                fi
            od;
            atomic {
                generation = 0;
                word = 0
            }
        od
    } unless {
        is_killed[me]
    };
    is_alive[me] = false
}

/* Kills one of the partners, at any time, or none. */
active proctype death()
{
    if
    :: is_killed[0] = true
    :: is_killed[1] = true
    :: true
    fi
}

/* The owner comes to an end, whatever its partners do. */
ltl ends { <> is_over }
