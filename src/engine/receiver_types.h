/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What the receiving side keeps: senders, segments, the lobby.
 */
#ifndef SEGMSG_RECEIVER_TYPES_H
#define SEGMSG_RECEIVER_TYPES_H

#include "queue/mpsc_ring.h"
#include "queue/registry.h"
#include "queue/slab.h"
#include "queue/spsc_ring.h"

#include <stdbool.h>

/* What the receiver knows of one sender. */
typedef struct {
    segmsg_ring_reader_t ring; /* group 0 */
    uint32_t lobby_open;       /* messages handed out and not yet returned, out of the lobby */
    uint32_t idle;             /* empty polls since the last message */
    uint32_t group_entry;      /* index in the segment-group table */
    uint32_t segment;          /* index in the segment table */
    uint32_t guest_entry;      /* index in the segment-group table, if is_guest */
    bool is_guest;             /* the sender is in the lobby */
    bool leaves;               /* it has formed a group 0 of its own, in `segment`, */
    uint64_t after;            /* which begins when the lobby was read up to here */
    segmsg_identity_t sender;
    void *user; /* whatever the caller wants to find again */
} segmsg_reader_t;

/* What the receiver knows of one of its segments, by index in the segment table. */
typedef struct {
    unsigned char *partition; /* partition 0; NULL while the segment belongs to nobody */
    segmsg_control_t *control;
    segmsg_directory_entry_t *directory; /* NULL in group 0 */
    segmsg_reader_t *reader;             /* whose it is; NULL: a common segment */
    uint64_t word;                       /* what control->word holds: we alone write it */
    uint32_t group;                      /* index in the geometry */
    uint32_t group_entry;
    uint32_t size; /* of a partition, bytes */
    uint32_t count;
    uint64_t offset; /* bytes from the start of the export */
    bool is_used;    /* a message came in it, so its control block is there */
} segmsg_target_t;

/* The lobby: see engine/lobby.h. */
typedef struct {
    segmsg_mpsc_reader_t ring;
    uint32_t idle;           /* looks in vain since the last message */
    segmsg_reader_t **guest; /* by index in the segment-group table; NULL: unknown */
} segmsg_lobby_t;

typedef struct {
    segmsg_export_t *own;
    segmsg_geometry_t geometry;
    segmsg_lobby_t lobby;
    uint32_t segments_max;
    uint32_t formed_seen;     /* head->formed_count when we last looked at the table */
    uint32_t groups_seen;     /* entries of the segment-group table that were ever in use, */
    uint32_t groups_there;    /* and those whose memory is known to be there */
    segmsg_target_t *target;  /* by segment index, segments_max of them */
    segmsg_reader_t **reader; /* the senders, reader_count of them: see engine/turns.h */
    uint32_t reader_count;
    uint32_t reader_room;
    bool has_newcomers;         /* readers were added; whoever cares clears it */
    bool is_short_of_addresses; /* a segment that a sender has formed could not be mapped */
    uint32_t awake;             /* senders that are looked at every time: the first in `reader` */
    uint32_t turn;              /* index of the quiet sender that is next */
    uint32_t turns;
    uint64_t past[SEGMSG_GROUPS_MAX]; /* messages of groups that were dissolved, by group */
    /* This process's export held what no correct process writes; for good. */
    bool is_corrupt;
    segmsg_reader_t *suspect; /* whose words they were; NULL: nobody knows */
} segmsg_receiver_t;

#endif
