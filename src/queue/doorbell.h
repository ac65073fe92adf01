/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The doorbell of a region: by which senders wake a receiver that sleeps in the kernel (futex). A word in the
 * head of the receiver's region, in a line of its own:
 *
 *     0                    the owner does not sleep; senders do not look further: what they pay is a load
 *     OFFERED              it has slept of late, and does not at this moment
 *     OFFERED | ARMED      it sleeps, or is about to: whoever sends next wakes it, once
 *
 *     sender                                          receiver
 *       publishes a message                             segmsg_doorbell_arm      sets both        (1)
 *     segmsg_doorbell_ring     clears ARMED    (2)      looks at everything once more
 *       wakes it, if ARMED was set                      sleeps while the word is OFFERED | ARMED
 *                                                     segmsg_doorbell_disarm   clears ARMED       (3)
 *
 * No wake-up is lost: (1), (2) and (3) are read-modify-writes of one word, so there is an order among them, in which
 * each reads what the one before has written. If (2) comes after (1), the sender wakes. Otherwise (1) reads what
 * (2), or an operation after that, has written; all acquire and release, so the second look finds the message.
 *
 * A sender that reads 0 makes no such operation. So where (1) finds 0, every other processor must pass a full barrier
 * before the second look (segmsg_barrier_everywhere): what was published by who read 0 is then found by that look, and
 * who publishes later reads OFFERED. A barrier interrupts all processors; therefore the word stays OFFERED until a
 * sender has looked in vain many times (segmsg_doorbell_withdraw), since the owner then no longer sleeps.
 */
#ifndef SEGMSG_DOORBELL_H
#define SEGMSG_DOORBELL_H

#include "queue/layout.h"

#include <stdbool.h>

enum { SEGMSG_DOORBELL_OFFERED = 1, SEGMSG_DOORBELL_ARMED = 2 };

/* What the word is while the owner sleeps. */
#define SEGMSG_DOORBELL_SLEEPS ((uint32_t) SEGMSG_DOORBELL_OFFERED | SEGMSG_DOORBELL_ARMED)

/* ---- the receiver's end ---- */

/* Whoever publishes something that the next look does not find wakes the owner. False if there must be a barrier
 * everywhere before that look. */
static inline bool segmsg_doorbell_arm(_Atomic uint32_t *bell)
{
    /* Acquire and release, as all of these: see above. */
    return atomic_fetch_or_explicit(bell, SEGMSG_DOORBELL_SLEEPS, memory_order_acq_rel) != 0;
}

/* True if a sender has rung since it was armed. */
static inline bool segmsg_doorbell_disarm(_Atomic uint32_t *bell)
{
    return (atomic_fetch_and_explicit(bell, SEGMSG_DOORBELL_OFFERED, memory_order_acq_rel)
            & SEGMSG_DOORBELL_ARMED)
           == 0;
}

/* ---- a sender's end ---- */

/* True if segmsg_doorbell_ring is to be called, now that something was published. */
SEGMSG_INLINE bool segmsg_doorbell_is_offered(const _Atomic uint32_t *bell)
{
    /*
     * The compiler must not read it before the message is published: a barrier everywhere then came between the two.
     * The processor may, since it takes such a barrier between two instructions.
     */
    atomic_signal_fence(memory_order_seq_cst);
    /* Relaxed: see above. */
    return __builtin_expect(atomic_load_explicit(bell, memory_order_relaxed) != 0, 0);
}

/* True if the owner sleeps and is to be woken, by this sender. */
static inline bool segmsg_doorbell_ring(_Atomic uint32_t *bell)
{
    return (atomic_fetch_and_explicit(bell, SEGMSG_DOORBELL_OFFERED, memory_order_acq_rel)
            & SEGMSG_DOORBELL_ARMED)
           != 0;
}

/* The same for the last time, until the owner sleeps again. */
static inline bool segmsg_doorbell_withdraw(_Atomic uint32_t *bell)
{
    return (atomic_fetch_and_explicit(bell, 0, memory_order_acq_rel) & SEGMSG_DOORBELL_ARMED) != 0;
}

#endif
