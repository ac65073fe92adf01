/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The receiving side between hosts: the target segments of an export, in which writes of other hosts
 * arrive, and the messages in them, in order per sender (rows G9, G11; rma/wire.h).
 *
 *     inlet = segmsg_targets_arrived(targets, data);
 *     while (segmsg_inlet_next(targets, inlet, &message) == SEGMSG_POLL_MESSAGE) {
 *         ... use message.data, message.length bytes ...
 *         if (segmsg_targets_return(targets, inlet, &message)) {
 *             ... tell the sender: segmsg_inlet_due ...
 *         }
 *     }
 *
 * A message may be used while a later one is taken and returned. One thread at a time per target.
 */
#ifndef SEGMSG_TARGETS_H
#define SEGMSG_TARGETS_H

#include "queue/message.h"
#include "queue/registry.h"
#include "queue/slab.h"
#include "rma/wire.h"

/* A write that has arrived, and whose turn has not come. */
typedef struct {
    uint32_t segment;
    uint32_t first;
} segmsg_arrival_t;

/* What one sender has here. */
typedef struct {
    uint32_t expected;         /* sequence of the message that is next */
    uint32_t at;               /* its partition, */
    uint32_t segment;          /* in this segment, */
    bool is_reading;           /* if it follows another one in the same write */
    segmsg_arrival_t *arrival; /* arrival_count of them, in no order */
    uint32_t arrival_count;
    uint32_t arrival_room;
    uint32_t formed[SEGMSG_GROUPS_MAX]; /* segment of each group, index + 1; 0: none */
    uint16_t number[SEGMSG_GROUPS_MAX]; /* of the last return word */
    uint32_t due;                       /* bit g: group g has a word that was not told */
    uint32_t asked_at;                  /* the sender waits: it has sent so many messages, */
    bool is_asked;                      /* if this is set */
    uint64_t messages;                  /* delivered */
    void *user;                         /* whatever the caller wants to find again */
} segmsg_inlet_t;

/* What the receiver knows of one of its segments, by index in the segment table. */
typedef struct {
    segmsg_inlet_t *inlet; /* whose it is; NULL: nobody's */
    unsigned char *partition;
    segmsg_directory_entry_t *directory; /* NULL in group 0 */
    segmsg_control_t *control;
    uint64_t used;        /* bit i: partition i is a delivered message's that was not returned */
    uint64_t waiting;     /* bit i: a write that begins with partition i has arrived and waits */
    uint64_t word;        /* the return word */
    uint32_t untold;      /* partitions returned since the sender was told */
    uint32_t group;       /* index in the geometry */
    uint32_t group_entry; /* index in the segment-group table */
    uint32_t size;        /* of a partition, bytes */
    uint32_t count;
    uint32_t span;      /* most partitions of a message */
    uint64_t last_used; /* segmsg_targets_t.clock at the last message */
    uint32_t token;     /* what completion data must hold; 0: none */
    bool is_recalled;   /* its sender was asked to give it up */
} segmsg_target_slot_t;

typedef struct {
    segmsg_export_t *own;
    segmsg_geometry_t geometry;
    segmsg_target_slot_t *slot; /* by segment index, slots of them */
    uint32_t slots;
    uint64_t clock;                   /* messages delivered */
    uint64_t past[SEGMSG_GROUPS_MAX]; /* messages delivered, by group */
} segmsg_targets_t;

/* Prepares the target of the initialised export `own`. False if there is no memory. */
bool segmsg_targets_init(segmsg_targets_t *targets, segmsg_export_t *own);
void segmsg_targets_destroy(segmsg_targets_t *targets);

void segmsg_inlet_init(segmsg_inlet_t *inlet);

/*
 * Forms a group with `sender`: takes a segment, commits its memory, and enters it into the tables.
 * *segment receives its index. The groups above group 0 leave `reserve` bytes of the arena to it.
 * Returns SEGMSG_OK, SEGMSG_ERR_TABLE_FULL, SEGMSG_ERR_NO_SPACE, or SEGMSG_ERR_CORRUPT if the sender
 * has that group already.
 */
segmsg_error_t segmsg_targets_form(segmsg_targets_t *targets, segmsg_inlet_t *inlet,
                                   const segmsg_identity_t *sender, uint32_t group,
                                   uint64_t reserve, uint32_t *segment);

/* The sender has given `segment` up. Returns SEGMSG_ERR_CORRUPT if it was not its, or is not empty. */
segmsg_error_t segmsg_targets_released(segmsg_targets_t *targets, segmsg_inlet_t *inlet,
                                       uint32_t segment);

/* The sender leaves: all its groups are dissolved, what has not been delivered is dropped. */
void segmsg_targets_close(segmsg_targets_t *targets, segmsg_inlet_t *inlet);

/* The segment of `group` that was not used for longest, whose sender should be asked to give it up; the
 * caller marks it. NULL if there is none that somebody else than `inlet` has. */
segmsg_target_slot_t *segmsg_targets_oldest(segmsg_targets_t *targets, const segmsg_inlet_t *inlet,
                                            uint32_t group);

/* A write with this completion data has arrived. Returns whose it is; NULL if it is nobody's, or if a
 * write that begins there waits or is being read: no correct sender does that. */
segmsg_inlet_t *segmsg_targets_arrived(segmsg_targets_t *targets, uint64_t data);

/* The next message of a sender, if it is there. message->segment and ->first say where it lies. */
segmsg_poll_t segmsg_inlet_next(segmsg_targets_t *targets, segmsg_inlet_t *inlet,
                                segmsg_message_t *message);

/* The message's header, which may carry a return word for the other direction. */
static inline const segmsg_wire_header_t *segmsg_message_header(const segmsg_message_t *message)
{
    return (const void *) ((const unsigned char *) message->data - SEGMSG_WIRE_HEADER_BYTES);
}

/* Returns the partitions of a message. True if its sender should be told soon: it waits for them, or
 * has not been told of half of the segment. */
bool segmsg_targets_return(segmsg_targets_t *targets, segmsg_inlet_t *inlet,
                           const segmsg_message_t *message);

/* Takes the word of one group that has something to tell; false if none has. `urgent`: only of one of
 * which segmsg_targets_return said so. */
bool segmsg_inlet_due(segmsg_targets_t *targets, segmsg_inlet_t *inlet, bool urgent,
                      segmsg_return_t *what);

/*
 * The sender has no room, and has sent `sequence` messages: when they are all read, it must be told of
 * all that was returned, since it will send no more. True if that is so now.
 */
bool segmsg_inlet_asked(segmsg_inlet_t *inlet, uint32_t sequence);

#endif
