/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What the sending side keeps of a pair of processes: images of the receiver's segments, and what is in use there.
 */
#ifndef SEGMSG_SENDER_TYPES_H
#define SEGMSG_SENDER_TYPES_H

#include "base/cache.h"
#include "queue/mpsc_ring.h"
#include "queue/registry.h"
#include "queue/slab.h"
#include "queue/spsc_ring.h"

#include <stdbool.h>

/* How a sender uses group 0. */
typedef struct {
    segmsg_cache_policy_t cache;
    size_t capacity;        /* longest message in bytes that the ring carries */
    size_t stream_capacity; /* the same in a stream: see segmsg_sender_ring_capacity */
    size_t reply_capacity;  /* the same of a message that answers one */
    uint32_t near_most;     /* lines asked for anew at a time, at most */
    uint32_t far_most;      /* longest message, in lines, for which lines far ahead are asked for */
    uint32_t group_entry;   /* index in the receiver's segment-group table */
} segmsg_ring_use_t;

/* The image of a segment above group 0. */
typedef struct {
    unsigned char *partition; /* partition 0 of the image */
    segmsg_control_t *control;
    segmsg_slab_t slab;
    uint64_t committed; /* bit i is set if the memory of partition i is there */
    uint32_t spared;    /* times that what had come back was taken in the place of new memory, */
    uint32_t spares;    /* and how often that were enough to have some */
    uint32_t segment;   /* index in the receiver's segment table */
    segmsg_segment_entry_t entry;
} segmsg_run_image_t;

/* A common segment above group 0, as it was found when it was first needed. */
typedef struct {
    bool is_known;    /* it is mapped as well */
    uint32_t refused; /* messages until address space is asked for again */
    segmsg_segment_view_t view;
    uint64_t committed; /* bit i is set if the memory of partition i is known to be there */
    segmsg_segment_entry_t entry;
} segmsg_common_image_t;

/* The image of the lobby, for a sender that has no segment of group 0 yet. */
typedef struct {
    segmsg_mpsc_writer_t ring; /* its name is the index of the pairing in the segment-group table */
    size_t capacity;           /* longest message in bytes */
} segmsg_lobby_image_t;

/* When a pair of processes gets what. */
typedef struct {
    uint32_t own_after;  /* messages in the lobby before the sender forms a group 0 of its own */
    uint32_t own_crowd;  /* the receiver has so many such groups: many more messages then */
    uint32_t grow_after; /* messages in the short first segment before a full one replaces it */
    uint32_t long_after; /* messages too long for what there is before a longer one is formed */
} segmsg_growth_t;

/* How far a pair has come with group 0; engine/growth.h draws it, and alone changes it. */
typedef enum {
    SEGMSG_CONNECTION_NONE,
    SEGMSG_CONNECTION_GUEST,
    SEGMSG_CONNECTION_STARTER,
    SEGMSG_CONNECTION_FULL,
    SEGMSG_CONNECTION_WIDE
} segmsg_connection_t;

/* What a pair's messages through group 0 are like. */
typedef struct {
    const segmsg_ring_reader_t
        *back;         /* what the receiver sends to this process; NULL if it is not known */
    uint32_t crossed;  /* how often long messages crossed of late */
    uint32_t streamed; /* times that a stream went round the full segment, */
    uint64_t counted;  /* and lines published in all when that was last so */
    _Atomic uint32_t *doorbell; /* of the receiver's region: see queue/doorbell.h */
    uint32_t unrung;            /* messages since the receiver was last woken */
} segmsg_flow_t;

typedef struct {
    segmsg_export_t *target; /* image of the receiver's export */
    segmsg_identity_t self;
    segmsg_geometry_t geometry; /* the receiver's, checked */
    segmsg_ring_writer_t ring;  /* group 0 */
    segmsg_ring_use_t use;
    segmsg_lobby_image_t lobby;
    segmsg_connection_t connection;
    segmsg_flow_t flow;
    _Atomic bool answers; /* a message came from the receiver since the last */
    segmsg_growth_t growth;
    uint32_t guest_messages;                         /* in the lobby */
    segmsg_common_image_t common[SEGMSG_GROUPS_MAX]; /* [0] is unused */
    uint32_t starved;                                /* times that a common segment was full */
    uint64_t starter_from;                           /* messages[0] when the starter was formed */
    uint32_t starter_long;                      /* messages that were too long for the starter */
    segmsg_run_image_t *run[SEGMSG_GROUPS_MAX]; /* NULL while not formed; [0] is unused */
    uint64_t wanted
        [SEGMSG_GROUPS_MAX]; /* what went through a common segment instead: weight in runs.c */
    uint32_t refused[SEGMSG_GROUPS_MAX]; /* the receiver had no memory for this group: messages
                                            until it is asked again */
    bool has_entered;                    /* self.session is one that this sender has had */
    bool is_corrupt; /* the receiver's export held what no correct process writes; for good */

    /* Statistics. */
    uint64_t messages[SEGMSG_GROUPS_MAX]; /* published, by group */
    uint64_t partitions[SEGMSG_GROUPS_MAX];
    uint64_t full;   /* times that nothing could be taken */
    uint64_t passed; /* messages that went past the group of their length: it was full or refused */
} segmsg_sender_t;

/* True if the sender has a segment of group 0 of its own. */
static inline bool segmsg_sender_has_ring(const segmsg_sender_t *sender)
{
    return sender->connection >= SEGMSG_CONNECTION_STARTER;
}

/* A message of more lines in group 0 is long: to write it and to read it takes longer than to be told of it. */
enum { SEGMSG_LONG_LINES = 33 };

/* Messages that go without a group that could not be formed, or a common segment that could not be mapped,
 * before that is tried again. */
enum { SEGMSG_ASK_AGAIN = 1024 };

#endif
