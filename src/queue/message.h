/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A message in partitions: where it goes, where it lies, what a poll finds. The same within a node and between
 * hosts.
 */
#ifndef SEGMSG_MESSAGE_H
#define SEGMSG_MESSAGE_H

#include "queue/layout.h"

#include <stdbool.h>

/* Where a message goes. */
enum { SEGMSG_PLACE_COMMON = 0x100 }; /* flag in `group`: in a common segment */
typedef struct {
    void *data;          /* copy the message here, contiguous; 8-byte aligned */
    uint32_t group;      /* index in the geometry, and perhaps SEGMSG_PLACE_COMMON */
    uint32_t first;      /* first partition */
    uint32_t partitions; /* how many */
} segmsg_place_t;

/* A message where it lies. */
typedef struct {
    void *data;
    uint32_t length; /* bytes */
    uint32_t group;  /* index in the geometry */
    uint32_t partitions;
    uint32_t segment; /* index in the segment table; unused in group 0 */
    uint32_t first;   /* first partition; unused in group 0 */
    uint8_t tag;
    bool in_lobby; /* it came, or was announced, in the lobby */
} segmsg_message_t;

typedef enum {
    SEGMSG_POLL_NONE = 0,
    SEGMSG_POLL_MESSAGE = 1,
    SEGMSG_POLL_CLOSED = 2, /* the sender left; the reader is gone */
    SEGMSG_POLL_CORRUPT = 3 /* the sender wrote what no correct sender writes: stop polling it */
} segmsg_poll_t;

SEGMSG_INLINE void segmsg_stats_add(segmsg_control_t *stats, uint32_t length, uint32_t partitions)
{
    /* Relaxed, and no read-modify-write: we alone write, others only look. */
    atomic_store_explicit(&stats->messages,
                          atomic_load_explicit(&stats->messages, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    atomic_store_explicit(&stats->bytes,
                          atomic_load_explicit(&stats->bytes, memory_order_relaxed) + length,
                          memory_order_relaxed);
    atomic_store_explicit(&stats->partitions,
                          atomic_load_explicit(&stats->partitions, memory_order_relaxed)
                              + partitions,
                          memory_order_relaxed);
}

#endif
