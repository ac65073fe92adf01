/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Whether the kernel copies a large message, or segments carry it. The kernel copies once, and has to
 * be called; through segments it is copied twice, by two processes at a time, and that through a cache
 * where they share one. Which of the two is faster is up to the processor and to where on it the
 * processes run, of which a virtual machine says nothing, and which may change. So both are measured,
 * for each peer, by the process that receives: how long the kernel takes, and how long it takes to copy
 * out of the segments, which is what bounds a stream through them. Every now and then the other one is
 * tried, with so many messages that all of a segment is used more than once: the first time round its
 * pages and lines are nowhere near.
 *
 *   TRY_COPY --> TRY_UNITS --> STAY with the faster one --> TRY_COPY or TRY_UNITS, the other one --> ...
 *
 * Through segments the sender has to do its part. So that is for a receiver that waits, and if nothing
 * comes the kernel copies after all (btl_segmsg_joint.c).
 */
#include "btl/btl_segmsg_rdma.h"

#include "core/segmsg_joint.h"

enum {
    LEAST = 4 << 10,  /* bytes that are worth measuring */
    SCALE = 32 << 10, /* bytes that times are for */
    NOTED = 32,       /* times of which the least counts */
    IN_VAIN = 16      /* transfers in a row of which nothing came: the sender computes */
};

#define TRY_COPY  ((int64_t) 1 << 20)   /* bytes of a trial */
#define TRY_UNITS ((int64_t) 6 << 20)   /* the same, of those that come; */
#define WARM_UP   ((int64_t) 4 << 20)   /* of these, what is not measured; */
#define TRY_MOST  ((int64_t) 256 << 20) /* bytes that are asked for before they come */
#define STAY_LEAST \
    ((int64_t) 16 << 20) /* bytes until the next trial; twice as many if that changes nothing, */
#define STAY_MOST ((int64_t) 512 << 20) /* up to so many */

typedef mca_btl_segmsg_choice_t choice_t;

/* All loads and stores of a choice are relaxed: they are hints, and what is lost comes again. Two
 * threads may both begin a phase, as a rule the same one. */
#define get(from)       atomic_load_explicit(from, memory_order_relaxed)
#define set(to, number) atomic_store_explicit(to, number, memory_order_relaxed)

/* Takes note of what `bytes` bytes took: the least of some is what it takes, others had no core meanwhile,
 * or touched their memory for the first time. */
static void note(mca_btl_segmsg_time_t *time, uint64_t bytes, uint64_t ticks)
{
    uint64_t scaled = ticks * SCALE / bytes + 1;
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

static void forget(mca_btl_segmsg_time_t *time)
{
    set(&time->known, 0);
    set(&time->noted, 0);
}

void mca_btl_segmsg_note_copy(mca_btl_segmsg_endpoint_t *endpoint, uint64_t bytes, uint64_t begun)
{
    if (mca_btl_segmsg.config.units_from == 0) {
        return;
    }
    uint64_t now = segmsg_clock_ticks();
    mca_btl_segmsg_took(now);
    if (bytes >= mca_btl_segmsg.config.units_from) {
        note(&endpoint->choice.copy, bytes, now - begun);
    }
}

void mca_btl_segmsg_note_unit(mca_btl_segmsg_endpoint_t *endpoint, uint64_t bytes, uint64_t ticks)
{
    choice_t *choice = &endpoint->choice;
    int64_t left = get(&choice->trial_left);
    if (left > 0) {
        set(&choice->trial_left, left - (int64_t) bytes);
    }
    if (left <= TRY_UNITS - WARM_UP && bytes >= LEAST) {
        note(&choice->unit, bytes, ticks);
    }
}

void mca_btl_segmsg_note_units(mca_btl_segmsg_endpoint_t *endpoint, uint32_t units)
{
    choice_t *choice = &endpoint->choice;
    set(&choice->in_vain, units == 0 ? get(&choice->in_vain) + 1 : 0);
}

/* They have to be much faster out of the segment, since they must get in there as well. */
static bool units_are_faster(const choice_t *choice)
{
    uint32_t unit = get(&choice->unit.known);
    return unit != 0 && unit + unit / 2 < get(&choice->copy.known);
}

static void enter(choice_t *choice, mca_btl_segmsg_phase_t phase)
{
    int64_t left = 0;
    switch (phase) {
    case SEGMSG_TRY_COPY:
        left = TRY_COPY;
        break;
    case SEGMSG_TRY_UNITS:
        left = TRY_MOST;
        set(&choice->trial_left, TRY_UNITS);
        forget(&choice->unit);
        set(&choice->in_vain, 0);
        break;
    default:
        left = phase == get(&choice->stayed_with) ? 2 * get(&choice->stayed) : STAY_LEAST;
        left = left < STAY_MOST ? left : STAY_MOST;
        set(&choice->stayed_with, phase);
        set(&choice->stayed, left);
        break;
    }
    set(&choice->left, left);
    set(&choice->phase, phase);
}

/* What follows a phase that is over; SEGMSG_TRY_COPY, which comes first, if none is. */
static mca_btl_segmsg_phase_t next_phase(const choice_t *choice, mca_btl_segmsg_phase_t phase)
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
static mca_btl_segmsg_phase_t phase_of(choice_t *choice, size_t bytes)
{
    mca_btl_segmsg_phase_t phase = get(&choice->phase);
    int64_t left = atomic_fetch_sub_explicit(&choice->left, (int64_t) bytes, memory_order_relaxed);
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

void mca_btl_segmsg_choice_begin(mca_btl_segmsg_choice_t *choice)
{
    forget(&choice->copy);
    forget(&choice->unit);
    atomic_init(&choice->in_vain, 0);
    atomic_init(&choice->phase, SEGMSG_TRY_COPY);
    atomic_init(&choice->left, 0);
    atomic_init(&choice->trial_left, 0);
    atomic_init(&choice->stayed_with, SEGMSG_TRY_COPY);
    atomic_init(&choice->stayed, 0);
    enter(choice, SEGMSG_TRY_COPY);
}

bool mca_btl_segmsg_prefers_units(const mca_btl_segmsg_transfer_t *transfer)
{
    const mca_btl_segmsg_config_t *config = &mca_btl_segmsg.config;
    if (config->units_from == 0 || transfer->size < config->units_from || transfer->is_put
        || transfer->size / config->stream_piece >= SEGMSG_JOINT_UNITS_MAX
        || mca_btl_segmsg.row_ticks == 0) {
        return false;
    }
    if (config->units_always) {
        return true;
    }
    if (!mca_btl_segmsg_waits()) {
        return false;
    }
    mca_btl_segmsg_phase_t phase = phase_of(&transfer->endpoint->choice, transfer->size);
    return phase == SEGMSG_TRY_UNITS || phase == SEGMSG_STAY_UNITS;
}
