/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The geometry: which segment groups there are, each with its partition size, its number of
 * partitions and its span factor (the most partitions that one message takes). Rows G1, G2, G6, G7. The
 * partitions of group 0 are lines.
 */
#ifndef SEGMSG_GEOMETRY_H
#define SEGMSG_GEOMETRY_H

#include "base/error.h"
#include "base/line.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SEGMSG_GROUPS_MAX = 8, /* groups that a geometry can hold */
    SEGMSG_RUN_BITS = 64,  /* most partitions of a segment above group 0: its occupancy is a word */
    SEGMSG_RING_MIN = 8, /* fewest partitions of group 0: a message, its successor's header, ... */
    /* Most partitions of group 0 of a pair that does not stream; with the control line 64 KB. */
    SEGMSG_RING_FULL = 1023,
    SEGMSG_RING_MAX = 65535 /* most partitions of group 0: a span is 16 bits in the header word */
};
#define SEGMSG_PARTITION_MAX ((uint32_t) 4 << 20) /* bytes */
#define SEGMSG_CAPACITY_MIN  ((size_t) 1024)      /* bytes that a geometry must be able to carry */

/* Bytes of a message's header word, at the head of its first partition in group 0. */
#define SEGMSG_HEADER_BYTES ((uint32_t) 8)

typedef struct {
    uint32_t partition_size;  /* bytes, a power of two */
    uint32_t partition_count; /* partitions of a segment */
    uint32_t span_factor;     /* most partitions of one message */
} segmsg_group_geometry_t;

typedef struct {
    uint32_t group_count;
    segmsg_group_geometry_t group[SEGMSG_GROUPS_MAX]; /* by rising partition size; [0] is ordered */
} segmsg_geometry_t;

/*
 * Reads a list like "64:1023:129,1K:64:16" (SIZE:COUNT:SPAN; sizes in bytes or with K or M) and
 * checks it. *bad_group receives the index of the group at fault. Returns SEGMSG_OK or what is
 * wrong; *geometry is complete only on SEGMSG_OK.
 */
segmsg_error_t segmsg_geometry_parse(const char *text, segmsg_geometry_t *geometry,
                                     uint32_t *bad_group);

/* Checks every rule of a geometry, whoever made it (a peer's comes out of shared memory). */
segmsg_error_t segmsg_geometry_check(const segmsg_geometry_t *geometry, uint32_t *bad_group);

/* Most partitions that a message may take in a ring of `count` lines and still always find its
 * place after the ring has drained, wherever the ring stands. */
static inline uint32_t segmsg_ring_span_max(uint32_t count)
{
    return count / 2 - 1;
}

/* Partitions of group 0 of a pair that does not stream: all, unless messages as long as any that group 0 carries
 * need no more than SEGMSG_RING_FULL. */
static inline uint32_t segmsg_geometry_full_ring(const segmsg_geometry_t *geometry)
{
    const segmsg_group_geometry_t *ring = &geometry->group[0];
    return ring->partition_count <= SEGMSG_RING_FULL
                   || ring->span_factor > segmsg_ring_span_max(SEGMSG_RING_FULL)
               ? ring->partition_count
               : SEGMSG_RING_FULL;
}

/* True if a pair that streams may get a longer segment of group 0 than others. */
static inline bool segmsg_geometry_has_wide_ring(const segmsg_geometry_t *geometry)
{
    return geometry->group[0].partition_count > segmsg_geometry_full_ring(geometry);
}

/* Longest message in bytes that a group carries: partition size x span factor (claims 9 and 18),
 * in group 0 less the header word. */
static inline size_t segmsg_group_capacity(const segmsg_geometry_t *geometry, uint32_t group)
{
    const segmsg_group_geometry_t *g = &geometry->group[group];
    return (size_t) g->partition_size * g->span_factor - (group == 0 ? SEGMSG_HEADER_BYTES : 0);
}

/* Longest message in bytes that any group carries. */
static inline size_t segmsg_geometry_capacity(const segmsg_geometry_t *geometry)
{
    size_t most = 0;
    for (uint32_t g = 0; g < geometry->group_count; ++g) {
        size_t capacity = segmsg_group_capacity(geometry, g);
        most = capacity > most ? capacity : most;
    }
    return most;
}

/* Partitions of group `group` that a message of `length` bytes takes; at least one. */
static inline uint32_t segmsg_group_partitions(const segmsg_geometry_t *geometry, uint32_t group,
                                               size_t length)
{
    uint32_t size = geometry->group[group].partition_size;
    size_t bytes = length + (group == 0 ? SEGMSG_HEADER_BYTES : 0);
    return bytes == 0 ? 1 : (uint32_t) ((bytes + size - 1) / size);
}

/*
 * Selection (rows G6 to G8): the best of the groups from `from` on for `bytes` bytes is the one of the
 * smallest partition size whose span holds them; if that one is full or refused, the next best is the best
 * of those after it. Returns its index, or group_count if there is none.
 */
static inline uint32_t segmsg_span_select(const segmsg_geometry_t *geometry, uint32_t from,
                                          size_t bytes)
{
    uint32_t group = from;
    while (group < geometry->group_count
           && (size_t) geometry->group[group].partition_size * geometry->group[group].span_factor
                  < bytes) {
        ++group;
    }
    return group;
}

/* The same for a message of `length` bytes, which in group 0 has its header with it. */
static inline uint32_t segmsg_geometry_select(const segmsg_geometry_t *geometry, uint32_t from,
                                              size_t length)
{
    bool is_first = from == 0 && length <= segmsg_group_capacity(geometry, 0);
    return is_first ? 0 : segmsg_span_select(geometry, from == 0 ? 1 : from, length);
}

#endif
