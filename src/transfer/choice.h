/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Whether the kernel copies a large message, or segments carry it. The kernel copies once, and has to
 * be called; through segments it is copied twice, by two processes at a time, and that through a cache
 * where they share one. Which of the two is faster is up to the processor and to where on it the
 * processes run, of which a virtual machine says nothing, and which may change. So both are measured,
 * for each peer, by the process that receives: how long the kernel takes, and how long a message takes from
 * the request to its last byte; or, of a stream of messages, how long it takes to copy a unit out of the
 * segments and how long it must take to copy one in, which is what bounds the stream. Every now and
 * then the other one is tried, with so many messages that all of a segment is used more than once: the
 * first time round its pages and lines are nowhere near.
 *
 *   TRY_COPY --> TRY_UNITS --> STAY with the faster one --> TRY_COPY or TRY_UNITS, the other one --> ...
 *
 * Times are ticks of any clock. All that is kept here are hints: any thread may note and ask, and what
 * is lost when two do so at a time comes again.
 */
#ifndef SEGMSG_CHOICE_H
#define SEGMSG_CHOICE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    SEGMSG_TRY_COPY,
    SEGMSG_TRY_UNITS,
    SEGMSG_STAY_COPY,
    SEGMSG_STAY_UNITS
} segmsg_phase_t;

/* What SEGMSG_CHOICE_SCALE bytes take. */
typedef struct {
    _Atomic uint32_t known; /* ticks; 0: nothing is known */
    _Atomic uint32_t least; /* of those that were noted since, */
    _Atomic uint32_t noted; /* so many */
} segmsg_time_t;

enum { SEGMSG_CHOICE_SCALE = 32 << 10 };

typedef struct {
    segmsg_time_t copy;         /* by the kernel */
    segmsg_time_t unit;         /* by segments, all in all */
    segmsg_time_t in;           /* into a segment */
    _Atomic uint32_t in_vain;   /* transfers of which nothing came in time, in a row */
    _Atomic uint32_t phase;     /* segmsg_phase_t, */
    _Atomic int64_t left;       /* which lasts for so many bytes, */
    _Atomic int64_t trial_left; /* or until so many have come */
    _Atomic uint32_t stayed_with;
    _Atomic int64_t stayed; /* bytes, the last time */
} segmsg_choice_t;

/* Nothing is known yet. */
void segmsg_choice_init(segmsg_choice_t *choice);

/* `bytes` bytes, at least 1, were copied by the kernel in so many ticks. */
void segmsg_choice_note_copy(segmsg_choice_t *choice, uint64_t bytes, uint64_t ticks);

/* What else there is while a message comes in units. */
typedef enum {
    SEGMSG_TRAFFIC_ALONE,    /* nothing: segmsg_choice_note_whole tells what it took */
    SEGMSG_TRAFFIC_STREAM,   /* other messages come */
    SEGMSG_TRAFFIC_BOTH_WAYS /* this process sends units, too */
} segmsg_traffic_t;

/* A unit of `bytes` bytes was copied out of a segment in so many ticks. */
void segmsg_choice_note_unit(segmsg_choice_t *choice, uint64_t bytes, uint64_t ticks,
                             segmsg_traffic_t traffic);

/* A unit of `bytes` bytes was copied into a segment for that peer in so many ticks. */
void segmsg_choice_note_in(segmsg_choice_t *choice, uint64_t bytes, uint64_t ticks);

/* A message of `bytes` bytes that came alone has arrived, so many ticks after it was asked for. */
void segmsg_choice_note_whole(segmsg_choice_t *choice, uint64_t bytes, uint64_t ticks);

/* A message in units has arrived. `in_time`: its sender did its part, as far as it was needed. */
void segmsg_choice_note_message(segmsg_choice_t *choice, bool in_time);

/* Ticks that the kernel takes for `bytes` bytes; 0: that is not known. */
uint64_t segmsg_choice_copy_ticks(const segmsg_choice_t *choice, uint64_t bytes);

/*
 * How the next message, of `bytes` bytes, is to come: true, in units. `peer_asks`: since the message before,
 * the peer has been sent units that it asked for. Where both send they are to do it alike, as the one that lets the kernel
 * copy sends nothing meanwhile.
 */
bool segmsg_choice_units(segmsg_choice_t *choice, uint64_t bytes, bool peer_asks);

#endif
