/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "transfer/use.h"

/* Ends a burst, which was used or not. */
static void end_burst(segmsg_use_t *use, bool was_used)
{
    enum { SURE = 3 };
    use->messages = 0;
    use->took = use->away = 0;
    if (was_used && use->used < SURE) {
        ++use->used;
    } else if (!was_used && use->used > 0) {
        --use->used;
    }
    if (use->used == 0 || use->used == SURE) {
        /* Relaxed: a hint. */
        atomic_store_explicit(&use->is_likely, use->used == SURE, memory_order_relaxed);
    }
}

void segmsg_use_note(segmsg_use_t *use, uint64_t bytes, uint64_t away, uint64_t microsecond)
{
    enum {
        BYTES_A_MICROSECOND = 8 << 10, /* that a process copies, or a little more */
        BURST = 16,                    /* messages, at most */
        USED = 10, /* away for one in so many of what the burst took: it was used */
        OWN = 600  /* nanoseconds, of what MPI does about a message */
    };
    if (microsecond == 0) {
        return;
    }
    uint64_t own = microsecond * OWN / 1000;
    use->away += away < own ? 0 : away - own;
    if (use->messages == BURST || (use->messages != 0 && use->away >= use->took)) {
        end_burst(use, use->away >= use->took / USED);
    }
    ++use->messages;
    use->took += bytes * microsecond / BYTES_A_MICROSECOND;
}
