/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A large transfer that two processes copy together. The one that has to do it, the owner, divides
 * it into units and claims them from the front; its partner, which was asked to help and may come
 * late or never, claims from the back. Each copies what it has claimed by whatever single copy there
 * is, so that every unit is copied exactly once, and neither waits long for the other.
 *
 *     owner                                     partner
 *     start                 -- asks -->
 *     claim_front, copy, ...                    claim_back, copy, report, ...
 *     claim_front finds nothing more            claim_back finds nothing more, or another transfer
 *     state: the partner has reported all that the owner has not copied
 *
 * All that is shared is one line, the record, in the owner's export:
 *
 *   claim   63          32 31        16 15         0     written by both, by compare and swap
 *          +--------------+------------+------------+
 *          | generation   | front      | back       |    units [front, back) are nobody's yet
 *          +--------------+------------+------------+
 *   report | failures     | units                   |    added to by the partner, begun anew by the owner
 *          +--------------+-------------------------+    with a number that goes with the generation, so
 *                                                        that nothing else written there passes for one
 *   and what the transfer is, for whoever looks at a running job
 *
 * The record is used again for other transfers, each with a generation of its own. A partner that
 * comes late finds another generation, or nothing left, and does nothing. What it has claimed it
 * must report, and the owner waits for that before it ends the transfer, since until then the
 * partner may write to the owner's memory. Only a partner that is dead writes no more.
 */
#ifndef SEGMSG_JOINT_H
#define SEGMSG_JOINT_H

#include "queue/layout.h"

#include <stdbool.h>

enum { SEGMSG_JOINT_UNITS_MAX = 0xffff };       /* most units of a transfer */
#define SEGMSG_JOINT_FAILED (UINT64_C(1) << 32) /* in `report` */

/* Where somebody claims: the owner at the front, its partner at the back. */
typedef enum { SEGMSG_JOINT_FRONT, SEGMSG_JOINT_BACK } segmsg_joint_end_t;

/* How a transfer is divided. */
typedef struct {
    uint64_t bytes;      /* of the transfer; not 0 */
    uint64_t unit_bytes; /* of a unit; the last one may be shorter */
} segmsg_joint_cut_t;

static inline uint32_t segmsg_joint_units(const segmsg_joint_cut_t *cut)
{
    return (uint32_t) ((cut->bytes + cut->unit_bytes - 1) / cut->unit_bytes);
}

/* Divides `bytes` into units of `unit_bytes` (a power of two), or of larger ones if these would be
 * too many. */
static inline segmsg_joint_cut_t segmsg_joint_cut(uint64_t bytes, uint64_t unit_bytes)
{
    while ((bytes - 1) / unit_bytes >= SEGMSG_JOINT_UNITS_MAX) {
        unit_bytes *= 2;
    }
    return (segmsg_joint_cut_t){.bytes = bytes, .unit_bytes = unit_bytes};
}

/* Some units of a transfer, in bytes from its start; bytes is 0 if there were none. */
typedef struct {
    uint64_t offset;
    uint64_t bytes;
    uint32_t units;
} segmsg_joint_piece_t;

static inline segmsg_joint_piece_t segmsg_joint_piece(const segmsg_joint_cut_t *cut, uint32_t first,
                                                      uint32_t units)
{
    uint64_t offset = first * cut->unit_bytes;
    uint64_t bytes = units * cut->unit_bytes;
    uint64_t left = cut->bytes - offset;
    return (segmsg_joint_piece_t){.offset = offset,
                                  .bytes = bytes < left ? bytes : left,
                                  .units = units};
}

static inline uint64_t segmsg_joint_word(uint32_t generation, uint32_t front, uint32_t back)
{
    return (uint64_t) generation << 32 | (uint64_t) front << 16 | back;
}

/* Where the report of a generation begins. */
static inline uint64_t segmsg_joint_report_base(uint32_t generation)
{
    return (generation + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Owner: opens the record for a transfer of `units` units. Nobody holds a unit of its last one. */
static inline void segmsg_joint_start(segmsg_joint_t *joint, uint32_t generation, uint32_t units)
{
    /* Relaxed: ordered by the release below. */
    atomic_store_explicit(&joint->report, segmsg_joint_report_base(generation),
                          memory_order_relaxed);
    /* Release: the new report comes before any claim of this generation. */
    atomic_store_explicit(&joint->claim, segmsg_joint_word(generation, 0, units),
                          memory_order_release);
}

/* Owner: says what the transfer is, for whoever looks at the job, or with bytes == 0 that it is over. */
static inline void segmsg_joint_describe(segmsg_joint_t *joint, const segmsg_joint_cut_t *cut,
                                         uint64_t partner, bool is_put)
{
    /* Relaxed: nobody relies on it. */
    atomic_store_explicit(&joint->bytes, cut->bytes, memory_order_relaxed);
    atomic_store_explicit(&joint->unit_bytes, cut->unit_bytes, memory_order_relaxed);
    atomic_store_explicit(&joint->partner, partner, memory_order_relaxed);
    atomic_store_explicit(&joint->is_put, is_put, memory_order_relaxed);
}

/*
 * Claims units that are nobody's yet. The owner claims half of them, from the front, so that either has
 * as much to do; its partner all of them, but no more than `most`, from the back. None if nothing is
 * left, if the record is another transfer's by now, or if it holds nonsense.
 */
static inline segmsg_joint_piece_t segmsg_joint_claim(segmsg_joint_t *joint, uint32_t generation,
                                                      const segmsg_joint_cut_t *cut, uint32_t most,
                                                      segmsg_joint_end_t end)
{
    /* Relaxed: the compare and swap makes sure of what it says. */
    uint64_t word = atomic_load_explicit(&joint->claim, memory_order_relaxed);
    for (;;) {
        uint32_t front = (uint32_t) (word >> 16) & 0xffff;
        uint32_t back = (uint32_t) word & 0xffff;
        if ((uint32_t) (word >> 32) != generation || front >= back
            || back > segmsg_joint_units(cut)) {
            return (segmsg_joint_piece_t){0};
        }
        uint32_t left = back - front;
        uint32_t share = end == SEGMSG_JOINT_FRONT ? (left + 1) / 2 : left;
        uint32_t units = share < most ? share : most;
        uint64_t next = end == SEGMSG_JOINT_FRONT
                            ? segmsg_joint_word(generation, front + units, back)
                            : segmsg_joint_word(generation, front, back - units);
        /* Acquire: the record was opened before this. A claim says nothing but itself. */
        if (atomic_compare_exchange_weak_explicit(&joint->claim, &word, next, memory_order_acquire,
                                                  memory_order_relaxed)) {
            return segmsg_joint_piece(cut, end == SEGMSG_JOINT_FRONT ? front : back - units, units);
        }
    }
}

/* Partner: true if nothing of a transfer is left to claim, or it is over. */
static inline bool segmsg_joint_is_claimed(segmsg_joint_t *joint, uint32_t generation)
{
    /* Relaxed: a claim makes sure. */
    uint64_t word = atomic_load_explicit(&joint->claim, memory_order_relaxed);
    return (uint32_t) (word >> 32) != generation
           || ((uint32_t) (word >> 16) & 0xffff) >= ((uint32_t) word & 0xffff);
}

/* Partner: says that units that it claimed are copied or, if not `copied`, could not be. It claims no
 * more of a transfer of which it could not copy something. */
static inline void segmsg_joint_report(segmsg_joint_t *joint, uint32_t units, bool copied)
{
    /* Release: the copying comes first. */
    atomic_fetch_add_explicit(&joint->report, units + (copied ? 0 : SEGMSG_JOINT_FAILED),
                              memory_order_release);
}

/* What has become of the units that the owner did not copy, when there is nothing left to claim. */
typedef enum {
    SEGMSG_JOINT_AWAITED, /* the partner holds some of them */
    SEGMSG_JOINT_DONE,    /* it has copied them */
    SEGMSG_JOINT_UNDONE   /* it has them no more, and did not copy them all */
} segmsg_joint_state_t;

/* Owner: how the partner's `units` units, all that it did not copy itself, stand. */
static inline segmsg_joint_state_t segmsg_joint_state(segmsg_joint_t *joint, uint32_t units)
{
    /* Acquire: what the partner has written is there. */
    uint64_t report = atomic_load_explicit(&joint->report, memory_order_acquire);
    /* Relaxed: the owner has written it. */
    uint64_t claim = atomic_load_explicit(&joint->claim, memory_order_relaxed);
    report -= segmsg_joint_report_base((uint32_t) (claim >> 32));
    if ((uint32_t) report != units) {
        return SEGMSG_JOINT_AWAITED;
    }
    return report == units ? SEGMSG_JOINT_DONE : SEGMSG_JOINT_UNDONE;
}

/*
 * Owner: true if the record can be what owner and partner have made of it: `own` units claimed at the front,
 * others at the back, no more reported than was claimed there, and no more failures than reports. A record that was overwritten would
 * be waited for without end. Only where nothing is left to claim.
 */
static inline bool segmsg_joint_is_sound(segmsg_joint_t *joint, uint32_t generation, uint32_t units,
                                         uint32_t own)
{
    /* Acquire, both: the report first, since what is reported was claimed before. */
    uint64_t report = atomic_load_explicit(&joint->report, memory_order_acquire)
                      - segmsg_joint_report_base(generation);
    uint64_t claim = atomic_load_explicit(&joint->claim, memory_order_acquire);
    uint32_t back = (uint32_t) claim & 0xffff;
    return (uint32_t) (claim >> 32) == generation && ((uint32_t) (claim >> 16) & 0xffff) == own
           && back == own && (uint32_t) report <= units - back && report >> 32 <= (uint32_t) report;
}

#endif
