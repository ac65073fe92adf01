/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Hints to the cache hierarchy. None of them changes what memory holds, and none faults: they may be
 * given for any address.
 *
 * A line that goes round in a ring between two cores changes hands twice a message: the receiver
 * fetches it to read it, the sender takes it back to write it. Both trips can be made before they are
 * waited for: the sender owns lines ahead of its next message, and pushes lines that it has written
 * towards the cache that both share.
 */
#ifndef SEGMSG_CACHE_H
#define SEGMSG_CACHE_H

#include "base/line.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Asks for the line at `address` for writing: it is this core's when a store to it comes. */
static inline void segmsg_cache_own(const void *address)
{
#if defined(__x86_64__)
    /* The compiler's prefetch for writing asks for reading only, unless it may assume PREFETCHW.
     * Processors that do not know the instruction take it for none. */
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *) address));
#else
    __builtin_prefetch(address, 1, 3);
#endif
}

/* Asks for the line at `address` for reading. */
static inline void segmsg_cache_fetch(const void *address)
{
    __builtin_prefetch(address, 0, 3);
}

/* Pushes the line at `address` out of this core's caches towards the one that cores share. Does
 * nothing where segmsg_cache_can_demote() is false. */
static inline void segmsg_cache_demote(const void *address)
{
#if defined(__x86_64__)
    /* CLDEMOTE [rdi], in bytes since not every assembler knows it. */
    __asm__ volatile(".byte 0x0f, 0x1c, 0x07" : : "D"(address) : "memory");
#else
    (void) address;
#endif
}

/* True if this processor has segmsg_cache_demote. */
bool segmsg_cache_can_demote(void);

/* True if on this processor lines that were used lately are better than lines that are owned ahead. */
bool segmsg_cache_prefers_reuse(void);

/* True if large messages may be faster through segments, copied by both processes, than by one copy of the
 * kernel. */
bool segmsg_cache_favours_units(void);

/* True if the string instruction (REP MOVSB) is the fastest way to write lines that another core has. */
bool segmsg_cache_favours_strings(void);

/* What a sender does about lines. */
typedef struct {
    uint32_t near;         /* lines asked for anew after every message, besides its own number */
    uint32_t far;          /* how far ahead every line is asked for once; 0: not at all */
    uint32_t most;         /* lines asked for anew at a time, at most; 0: none */
    uint32_t demote_lines; /* longest message, in lines, whose lines are demoted; 0: none */
    uint32_t answer_lines; /* the same for a message that answers one: somebody waits for it */
    uint32_t stream_lines; /* longest message of a stream, in lines, in group 0, */
    uint32_t wide_lines;   /* and in a wide segment of group 0 */
    uint32_t reply_lines;  /* longest message that answers one, in lines, in group 0 */
    /* Lines of group 0 that are used while the receiver keeps up; partitions above it are used again as
     * soon as they can be. 0: one after the other, all that there are. */
    uint32_t lap;
    /* Lines of group 0 that a dialogue uses in turn, if `lap` is 0; a stream uses all of them. 0: a dialogue too. */
    uint32_t calm;
    /* A segment of so many bytes is larger than a core's second cache; pieces of long transfers go to
     * the first group above group 0 that has one. 0: to the best group for their length. */
    uint32_t piece_segment;
} segmsg_cache_policy_t;

/* Bytes of a core's second-level cache; a megabyte if the system does not say. */
size_t segmsg_cache_second_bytes(void);

#endif
