/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What an owner and a partner share that copy transfers at the same time, in threads or in processes,
 * and what both do. Before any access to the record the processor may go to the other one.
 */
#ifndef SEGMSG_TEST_JOINT_PAIR_H
#define SEGMSG_TEST_JOINT_PAIR_H

#include "joint_access.h"

#include <sched.h>

enum { UNIT = 64, UNITS_MOST = 48, BYTES_MOST = UNIT * UNITS_MOST };

/* Shared by owner and partner. */
typedef struct {
    segmsg_joint_t record;
    /* Of the transfer that the owner asks help for: generation and bytes. A request that was not seen
     * when the next one comes is lost. */
    _Alignas(SEGMSG_LINE) _Atomic uint64_t asked;
    _Atomic uint32_t ended; /* the last generation that did */
    _Atomic bool over;
    _Atomic uint32_t holds; /* units that a partner that is to be killed has claimed */

    /* Plain memory, of whoever holds the unit: the sanitizer sees if the record does not order it. */
    _Alignas(SEGMSG_LINE) unsigned char from[BYTES_MOST];
    unsigned char to[BYTES_MOST];
    uint8_t copies[UNITS_MOST]; /* of each unit */

    /* By the partner: pieces; requests that came to nothing; pieces that it could not copy. */
    _Alignas(SEGMSG_LINE) _Atomic uint64_t helped;
    _Atomic uint64_t late;
    _Atomic uint64_t failed;
} shared_t;

static _Thread_local unit_random_t random_now;

/* Now and then lets the other one go on: a little, or for the time of a whole transfer. */
static inline void window(void)
{
    uint64_t dice = unit_below(&random_now, 512);
    uint64_t most = dice < 32 ? 200 : dice < 34 ? 20000 : 0;
    if (dice >= 500) {
        sched_yield();
    } else if (most != 0) {
        for (volatile uint64_t spins = unit_below(&random_now, most); spins != 0; --spins) {
        }
    }
}

static inline __attribute__((always_inline)) uint64_t joint_access_load(joint_word_t *word,
                                                                        memory_order order)
{
    window();
    return atomic_load_explicit(word, order);
}

static inline __attribute__((always_inline)) void
joint_access_store(joint_word_t *word, uint64_t value, memory_order order)
{
    window();
    atomic_store_explicit(word, value, order);
}

static inline __attribute__((always_inline)) uint64_t
joint_access_add(joint_word_t *word, uint64_t value, memory_order order)
{
    window();
    return atomic_fetch_add_explicit(word, value, order);
}

static inline __attribute__((always_inline)) bool
joint_access_swap(joint_word_t *word, uint64_t *expected, uint64_t next, memory_order success,
                  memory_order failure)
{
    window();
    return atomic_compare_exchange_weak_explicit(word, expected, next, success, failure);
}

static inline shared_t *open_shared(void)
{
    _Static_assert(sizeof(shared_t) <= 4 * SEGMSG_PAGE, "pages");
    return (void *) memory_map(4 * SEGMSG_PAGE, PROT_READ | PROT_WRITE);
}

static inline void close_shared(shared_t *shared)
{
    munmap(shared, 4 * SEGMSG_PAGE);
}

/* Copies a piece unit by unit. */
static inline void copy_piece(shared_t *shared, const segmsg_joint_piece_t *piece)
{
    for (uint64_t at = piece->offset; at < piece->offset + piece->bytes; at += UNIT) {
        uint64_t left = piece->offset + piece->bytes - at;
        memcpy(shared->to + at, shared->from + at, left < UNIT ? left : UNIT);
        ++shared->copies[at / UNIT];
        window();
    }
}

/* The owner's part: claims and copies until nothing is left. Returns its units. */
static inline uint32_t copy_own(shared_t *shared, uint32_t generation,
                                const segmsg_joint_cut_t *cut)
{
    uint32_t own = 0;
    segmsg_joint_piece_t piece;
    while ((piece = segmsg_joint_claim(&shared->record, generation, cut, SEGMSG_JOINT_UNITS_MAX,
                                       SEGMSG_JOINT_FRONT))
               .units
           != 0) {
        own += piece.units;
        copy_piece(shared, &piece);
    }
    return own;
}

static inline bool all_is_copied(const shared_t *shared, uint32_t bytes, uint32_t generation)
{
    for (uint32_t u = 0; u < (bytes + UNIT - 1) / UNIT; ++u) {
        if (shared->copies[u] != 1) {
            unit_fail(__FILE__, __LINE__, "unit %u of generation %u: %u copies", u, generation,
                      shared->copies[u]);
            return false;
        }
    }
    return memory_holds(shared->to, bytes, generation);
}

#endif
