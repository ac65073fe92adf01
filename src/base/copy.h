/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Copying a message, header and payload, into its place.
 *
 * The first line of a place is the one that the receiver polls: it is here for a moment only, until
 * the next look at it. Whoever writes it first and the rest afterwards fetches it twice, once for
 * these bytes and once for the header word. So what belongs in it is written last, together with the
 * header word, and the rest starts at a line.
 */
#ifndef SEGMSG_COPY_H
#define SEGMSG_COPY_H

#include "base/cache.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Copies the first and the last `part` bytes, at most 32, of `size`; they may overlap. `part` is a
 * constant wherever this is called, so that each move is an instruction or two. */
SEGMSG_INLINE void segmsg_copy_ends(unsigned char *to, const unsigned char *from, size_t size,
                                    size_t part)
{
    unsigned char low[32], high[32];
    memcpy(low, from, part);
    memcpy(high, from + size - part, part);
    memcpy(to, low, part);
    memcpy(to + size - part, high, part);
}

/* Copies up to 64 bytes by two overlapping moves of the largest size that fits; no call. */
SEGMSG_INLINE void segmsg_copy_short(void *to, const void *from, size_t size)
{
    unsigned char *t = to;
    const unsigned char *f = from;
    if (size >= 32) {
        segmsg_copy_ends(t, f, size, 32);
    } else if (size >= 16) {
        segmsg_copy_ends(t, f, size, 16);
    } else if (size >= 8) {
        segmsg_copy_ends(t, f, size, 8);
    } else if (size >= 4) {
        segmsg_copy_ends(t, f, size, 4);
    } else if (size != 0) {
        unsigned char first = f[0], middle = f[size / 2], last = f[size - 1];
        t[0] = first;
        t[size / 2] = middle;
        t[size - 1] = last;
    }
}

/* Sanitizers do not see what the instruction reads and writes. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SEGMSG_SANITIZED 1
#elif defined(__has_feature)
#define SEGMSG_SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SEGMSG_SANITIZED 0
#endif

/* Copies of so many bytes and more are made by the processor's string instruction; SIZE_MAX: none is. Set
 * before anything is copied. */
extern size_t segmsg_copy_string_from;

/* What is good on this processor; 0: no copy is. */
uint32_t segmsg_copy_string_default(void);

/* Sets that; 0: no copy is. */
static inline void segmsg_copy_set_string_from(size_t bytes)
{
    segmsg_copy_string_from = bytes == 0 ? SIZE_MAX : bytes;
}

/*
 * Copies by REP MOVSB: the processor knows that lines are written whole, and need not fetch what they hold
 * from the core that had them last. Elsewhere the library's memcpy.
 */
static inline void segmsg_copy_string(void *to, const void *from, size_t size)
{
#if defined(__x86_64__) && !SEGMSG_SANITIZED
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
#else
    memcpy(to, from, size);
#endif
}

/* Bytes, in whole lines, from the line that is written to the one that is asked for. Measured: 16 to 64
 * lines are alike. */
enum { SEGMSG_COPY_AHEAD = 16 * SEGMSG_LINE };

/*
 * Copies `size` bytes to the start of a line: by strings if there are enough, or else owning lines ahead of the
 * copy. The library's memcpy waits for the lines: it was not written for memory that another core has just read.
 */
static inline void segmsg_copy_lines(void *to, const void *from, size_t size)
{
    if (size >= segmsg_copy_string_from) {
        segmsg_copy_string(to, from, size);
        return;
    }
    unsigned char *t = to;
    const unsigned char *f = from;
    for (; size >= SEGMSG_LINE; size -= SEGMSG_LINE, t += SEGMSG_LINE, f += SEGMSG_LINE) {
        segmsg_cache_own(t + SEGMSG_COPY_AHEAD);
        memcpy(t, f, SEGMSG_LINE);
    }
    memcpy(t, f, size);
}

/*
 * Copies `header_size` bytes of header and then `size` bytes of payload to `to`, in whose first line 8
 * bytes or more are left. `owned`: the lines have been asked for already, as group 0's are.
 */
SEGMSG_INLINE void segmsg_copy_in(void *to, const void *header, size_t header_size,
                                  const void *payload, size_t size, bool owned)
{
    enum { MATCH_HEADER = 14 }; /* the header of most messages, by far: a constant size is faster */
    unsigned char *t = to;
    size_t line = SEGMSG_LINE - (uintptr_t) to % SEGMSG_LINE;
    size_t first = line > header_size ? line - header_size : 0; /* of the payload, in that line */
    if (size > first) {
        const unsigned char *rest = (const unsigned char *) payload + first;
        if (owned) {
            memcpy(t + header_size + first, rest, size - first);
        } else {
            segmsg_copy_lines(t + header_size + first, rest, size - first);
        }
    } else {
        first = size;
    }
    if (header_size == MATCH_HEADER) {
        memcpy(t, header, MATCH_HEADER);
    } else {
        memcpy(t, header, header_size);
    }
    segmsg_copy_short(t + header_size, payload, first);
}

#endif
