/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "transfer/choice.h"

enum {
    LEAST = 4 << 10, /* bytes that are worth measuring */
    NOTED = 32,      /* times of which the least counts */
    /* Transfers in a row of which nothing came, or too late: the sender computes. Where it asks for units it
     * may only have let the kernel copy for a while, as a trial. */
    IN_VAIN = 8,
    FOLLOWED_IN_VAIN = 32
};

#define MB(number) ((int64_t) (number) << 20)
static const int64_t try_copy = MB(1); /* bytes of a trial; or fewer, in as many messages as have */
static const int64_t try_least = 64 << 10; /* so many bytes each */
static const int64_t try_units = MB(6);    /* the same, of those that come; */
static const int64_t warm_up = MB(4);      /* of these, what is not measured; */
static const int64_t try_most = MB(256);   /* bytes that are asked for before they come */
static const int64_t stay_least = MB(16);  /* bytes until the next trial; */
static const int64_t stay_vain = MB(64);   /* the same after a trial in vain; */
static const int64_t stay_most = MB(512); /* twice as many if that changes nothing, up to so many */

/* All loads and stores of a choice are relaxed: they are hints, and what is lost comes again. Two
 * threads may both begin a phase, as a rule the same one. */
#define get(from)       atomic_load_explicit(from, memory_order_relaxed)
#define set(to, number) atomic_store_explicit(to, number, memory_order_relaxed)

/* Takes note of what `bytes` bytes took: the least of some is what it takes, others had no core meanwhile,
 * or touched their memory for the first time. */
static void note(segmsg_time_t *time, uint64_t bytes, uint64_t ticks)
{
    uint64_t scaled = ticks * SEGMSG_CHOICE_SCALE / bytes + 1;
    uint32_t now = scaled < UINT32_MAX ? (uint32_t) scaled : UINT32_MAX;
    uint32_t noted = get(&time->noted);
    uint32_t least = noted != 0 && get(&time->least) < now ? get(&time->least) : now;
    uint32_t known = get(&time->known);
    if (noted + 1 == NOTED) {
        known = least;
    } else if (known == 0 || now < known) {
        known = now;
    }
    set(&time->known, known);
    set(&time->least, least);
    set(&time->noted, noted + 1 == NOTED ? 0 : noted + 1);
}

/* What `bytes` bytes take; 0 if nothing is known. */
static uint64_t ticks_for(const segmsg_time_t *time, uint64_t bytes)
{
    return get(&time->known) * bytes / SEGMSG_CHOICE_SCALE;
}

static void forget(segmsg_time_t *time)
{
    set(&time->known, 0);
    set(&time->least, 0);
    set(&time->noted, 0);
}

void segmsg_choice_note_copy(segmsg_choice_t *choice, uint64_t bytes, uint64_t ticks)
{
    note(&choice->copy, bytes, ticks);
}

/* True if what comes now is part of a trial's warm-up, or too short. */
static bool is_no_measure(const segmsg_choice_t *choice, uint64_t bytes)
{
    return get(&choice->trial_left) > try_units - warm_up || bytes < LEAST;
}

void segmsg_choice_note_unit(segmsg_choice_t *choice, uint64_t bytes, uint64_t ticks,
                             segmsg_traffic_t traffic)
{
    bool counts = traffic != SEGMSG_TRAFFIC_ALONE && !is_no_measure(choice, bytes);
    int64_t left = get(&choice->trial_left);
    if (left > 0) {
        set(&choice->trial_left, left - (int64_t) bytes);
    }
    if (counts) {
        /* It had to be copied into the segment as well: by the sender meanwhile; or, where both send, as much by
         * this process. Measured: a stream takes half as much again, for what is not copying. */
        uint64_t in = traffic == SEGMSG_TRAFFIC_BOTH_WAYS ? ticks_for(&choice->in, bytes) : 0;
        note(&choice->unit, bytes, 3 * (ticks + in) / 2);
    }
}

void segmsg_choice_note_in(segmsg_choice_t *choice, uint64_t bytes, uint64_t ticks)
{
    if (bytes >= LEAST) {
        note(&choice->in, bytes, ticks);
    }
}

void segmsg_choice_note_whole(segmsg_choice_t *choice, uint64_t bytes, uint64_t ticks)
{
    if (!is_no_measure(choice, bytes)) {
        note(&choice->unit, bytes, ticks);
    }
}

void segmsg_choice_note_message(segmsg_choice_t *choice, bool in_time)
{
    set(&choice->in_vain, in_time ? 0 : get(&choice->in_vain) + 1);
}

uint64_t segmsg_choice_copy_ticks(const segmsg_choice_t *choice, uint64_t bytes)
{
    return ticks_for(&choice->copy, bytes);
}

static bool units_are_faster(const segmsg_choice_t *choice)
{
    uint32_t unit = get(&choice->unit.known);
    return unit != 0 && unit < get(&choice->copy.known);
}

static void enter(segmsg_choice_t *choice, segmsg_phase_t phase)
{
    int64_t left = 0;
    switch (phase) {
    case SEGMSG_TRY_COPY:
        left = try_copy;
        break;
    case SEGMSG_TRY_UNITS:
        left = try_most;
        set(&choice->trial_left, try_units);
        forget(&choice->unit);
        set(&choice->in_vain, 0);
        break;
    default:
        left = phase == get(&choice->stayed_with) ? 2 * get(&choice->stayed)
               : get(&choice->in_vain) >= IN_VAIN ? stay_vain
                                                  : stay_least;
        left = left < stay_most ? left : stay_most;
        set(&choice->stayed_with, phase);
        set(&choice->stayed, left);
        break;
    }
    set(&choice->left, left);
    set(&choice->phase, phase);
}

/* What follows a phase that is over; SEGMSG_TRY_COPY, which comes first, if none is. */
static segmsg_phase_t next_phase(const segmsg_choice_t *choice, segmsg_phase_t phase)
{
    switch (phase) {
    case SEGMSG_STAY_COPY:
        return SEGMSG_TRY_UNITS;
    case SEGMSG_STAY_UNITS:
        return SEGMSG_TRY_COPY;
    default:
        return phase == SEGMSG_TRY_COPY && get(&choice->unit.known) == 0 ? SEGMSG_TRY_UNITS
               : units_are_faster(choice)                                ? SEGMSG_STAY_UNITS
                                                                         : SEGMSG_STAY_COPY;
    }
}

/* The phase in which a transfer of `bytes` bytes is made. */
static segmsg_phase_t phase_of(segmsg_choice_t *choice, uint64_t bytes)
{
    segmsg_phase_t phase = get(&choice->phase);
    int64_t counted =
        phase == SEGMSG_TRY_COPY && (int64_t) bytes < try_least ? try_least : (int64_t) bytes;
    int64_t left = atomic_fetch_sub_explicit(&choice->left, counted, memory_order_relaxed);
    bool is_over = left <= 0;
    if (phase == SEGMSG_TRY_UNITS || phase == SEGMSG_STAY_UNITS) {
        bool is_slow = phase == SEGMSG_STAY_UNITS && !units_are_faster(choice);
        if (is_slow || get(&choice->in_vain) >= IN_VAIN) {
            enter(choice, SEGMSG_STAY_COPY);
            return SEGMSG_STAY_COPY;
        }
        is_over = is_over || (phase == SEGMSG_TRY_UNITS && get(&choice->trial_left) <= 0);
    }
    if (is_over) {
        phase = next_phase(choice, phase);
        enter(choice, phase);
    }
    return phase;
}

void segmsg_choice_init(segmsg_choice_t *choice)
{
    forget(&choice->copy);
    forget(&choice->unit);
    forget(&choice->in);
    set(&choice->in_vain, 0);
    set(&choice->trial_left, 0);
    set(&choice->stayed_with, SEGMSG_TRY_COPY);
    set(&choice->stayed, 0);
    enter(choice, SEGMSG_TRY_COPY);
}

/* True if units are not known to be slower, nor to come too late though the peer asks for some. */
static bool may_follow(const segmsg_choice_t *choice)
{
    return (get(&choice->unit.known) == 0 || units_are_faster(choice))
           && get(&choice->in_vain) < FOLLOWED_IN_VAIN;
}

bool segmsg_choice_units(segmsg_choice_t *choice, uint64_t bytes, bool peer_asks)
{
    segmsg_phase_t phase = phase_of(choice, bytes);
    return phase == SEGMSG_TRY_UNITS || phase == SEGMSG_STAY_UNITS
           || (phase == SEGMSG_STAY_COPY && peer_asks && may_follow(choice));
}
