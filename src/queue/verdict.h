/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What a process has found out about each process of its job on the node: whether it could map that one's
 * receive region. It stands in the head of its own region, so that whoever could map that region reads
 * it there, and both use segmsg for the pair or neither does. A process goes by its rank on the node.
 */
#ifndef SEGMSG_VERDICT_H
#define SEGMSG_VERDICT_H

#include "queue/region.h"

#include <stdbool.h>

typedef enum {
    SEGMSG_VERDICT_NONE = 0,    /* not tried yet */
    SEGMSG_VERDICT_REACHED = 1, /* its region is mapped */
    SEGMSG_VERDICT_REFUSED = 2  /* it cannot be mapped, or must not be used */
} segmsg_verdict_t;

enum {
    SEGMSG_VERDICT_BITS = 2,
    SEGMSG_VERDICTS_A_WORD = 64 / SEGMSG_VERDICT_BITS,
    SEGMSG_VERDICTS = SEGMSG_VERDICT_WORDS * SEGMSG_VERDICTS_A_WORD /* processes of a node */
};

/* Says what is so of the process of rank `local_rank` on the node, in this process's own region. Said once
 * for each; a rank of SEGMSG_VERDICTS or more has no place, and nothing is said. */
static inline void segmsg_verdict_say(const segmsg_export_t *own, uint32_t local_rank,
                                      segmsg_verdict_t verdict)
{
    if (local_rank < SEGMSG_VERDICTS) {
        /* Release: whoever reads that we have reached it may send to us. */
        atomic_fetch_or_explicit(&segmsg_export_head(own)
                                      ->verdict[local_rank / SEGMSG_VERDICTS_A_WORD],
                                 (uint64_t) verdict << local_rank % SEGMSG_VERDICTS_A_WORD
                                                           * (unsigned) SEGMSG_VERDICT_BITS,
                                 memory_order_release);
    }
}

/* What the owner of `region` says of the process of rank `local_rank`: SEGMSG_VERDICT_REACHED of one that
 * has no place, since nobody can wait for that. */
static inline segmsg_verdict_t segmsg_verdict_of(const segmsg_export_t *region, uint32_t local_rank)
{
    if (local_rank >= SEGMSG_VERDICTS) {
        return SEGMSG_VERDICT_REACHED;
    }
    /* Acquire: what the owner did before it said so. */
    uint64_t word = atomic_load_explicit(&segmsg_export_head(region)
                                              ->verdict[local_rank / SEGMSG_VERDICTS_A_WORD],
                                         memory_order_acquire);
    word >>= local_rank % SEGMSG_VERDICTS_A_WORD * (unsigned) SEGMSG_VERDICT_BITS;
    /* Both bits, which nobody sets, count as a refusal. */
    return (word & SEGMSG_VERDICT_REFUSED) != 0   ? SEGMSG_VERDICT_REFUSED
           : (word & SEGMSG_VERDICT_REACHED) != 0 ? SEGMSG_VERDICT_REACHED
                                                  : SEGMSG_VERDICT_NONE;
}

#endif
