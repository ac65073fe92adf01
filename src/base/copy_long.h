/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Copying pieces of long messages into partitions and out of them. What is written was the other
 * core's a moment ago, or is not cached; the library's memcpy was not made for that. Lines are asked
 * for some time before they are written, and written whole, by the widest stores that there are; or by
 * the string instruction, on processors where that is faster (segmsg_cache_favours_strings).
 */
#ifndef SEGMSG_COPY_LONG_H
#define SEGMSG_COPY_LONG_H

#include <stdbool.h>
#include <stddef.h>

/* Ways to copy whole lines. */
typedef enum {
    SEGMSG_COPY_PORTABLE = 0,
    SEGMSG_COPY_AVX2,
    SEGMSG_COPY_AVX512,
    SEGMSG_COPY_STRING,
    SEGMSG_COPY_WAYS
} segmsg_copy_way_t;

/* True if this processor can do it that way. */
bool segmsg_copy_can(segmsg_copy_way_t way);

/* Copies `size` bytes, whatever their alignment, in a given way. */
void segmsg_copy_long_by(segmsg_copy_way_t way, void *to, const void *from, size_t size);

/* The same in the best way that this processor has. */
void segmsg_copy_long(void *to, const void *from, size_t size);

#endif
