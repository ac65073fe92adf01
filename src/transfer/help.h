/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Whether a peer is asked to help with cooperative copies (queue/split_work.h). Help that comes saves
 * the initiator the copying of a part. But the initiator cannot end the transfer while its helper holds a
 * part, and a helper may lose its processor just then, to another job on the machine, to a thread of its
 * own, to the hypervisor: then the initiator waits a time slice, a thousand times what was saved. So both
 * are accounted for, for each peer, in time:
 *
 *   balance, ticks    most  -  -  -  -  -  -  -   gains beyond it are forgotten: a loss is answered soon
 *                      ^
 *                      |  + what the helper's part would have taken this process
 *                      |  - how long the initiator waited beyond what such a part takes
 *                      0  -  -  -  -  -  -  -  -  below it the peer is not asked for a pause, and the
 *                                                 balance begins anew
 *
 * A pause is twice the one before if the peer could not be asked for long in between, up to a second.
 *
 * Times are ticks of any clock. All of this is a hint: any thread may note and ask, and what is lost when
 * two do so at a time comes again.
 */
#ifndef SEGMSG_HELP_H
#define SEGMSG_HELP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* One peer. Read and written by every thread that copies with it, relaxed. */
typedef struct {
    _Atomic int64_t balance; /* ticks gained less ticks lost */
    _Atomic uint64_t
        rate; /* ticks in which this process copies SEGMSG_HELP_SCALE bytes; 0: unknown */
    _Atomic uint64_t pause;     /* length of the last pause, ticks; 0: there was none */
    _Atomic uint64_t pause_end; /* moment, ticks; meaningful while `pause` is not 0 */
} segmsg_help_t;

enum { SEGMSG_HELP_SCALE = 32 << 10 /* bytes */ };

/* Nothing is known of the peer yet; it is asked. */
void segmsg_help_init(segmsg_help_t *help);

/* This process copied `bytes` bytes (0: ignored) by itself in `ticks`. The fastest of late counts: slower
 * copies were interrupted, or touched memory for the first time. */
void segmsg_help_note_rate(segmsg_help_t *help, uint64_t bytes, uint64_t ticks);

/* A transfer has ended of which the peer copied `bytes` bytes (not 0), and on which this process waited for
 * `waited` ticks when its own part was done. `now`: ticks; `microsecond`: ticks in one. */
void segmsg_help_note(segmsg_help_t *help, uint64_t bytes, uint64_t waited, uint64_t now,
                      uint64_t microsecond);

/* True if help from the peer is worth asking for at `now`, ticks. */
bool segmsg_help_is_worth(const segmsg_help_t *help, uint64_t now);

#endif
