/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The sending side of a pair of processes on different hosts: the source segments, the selection of
 * the group and of a run of contiguous partitions in it, and the writes that carry what was published
 * (rows G6 to G9; rma/wire.h shows what a write looks like).
 *
 *     segmsg_place_t place;
 *     if (segmsg_source_take(source, length, &place) == SEGMSG_OK) {
 *         ... copy `length` bytes to place.data ...
 *         if (!segmsg_source_joins(source, &place, length, write_most)) {
 *             ... send the write that waits: segmsg_source_write, segmsg_source_written ...
 *         }
 *         segmsg_source_publish(source, &place, tag, length, &ride);
 *     }
 *
 * A place may be kept for long, published in any order, or given back. The order of delivery is that of
 * publishing. The source knows of no network: who uses it asks the receiver for segments
 * (segmsg_source_t.wants), moves the writes, and reports what comes back.
 *
 * One thread at a time per source.
 */
#ifndef SEGMSG_SOURCE_H
#define SEGMSG_SOURCE_H

#include "queue/slab.h"
#include "queue/message.h"
#include "queue/slab.h"
#include "rma/wire.h"

/* What became of a group. */
typedef enum {
    SEGMSG_SOURCE_ABSENT = 0, /* never asked for, or given up */
    SEGMSG_SOURCE_ASKED,      /* the receiver has not answered yet */
    SEGMSG_SOURCE_REFUSED,    /* it has no memory; asked again after some messages */
    SEGMSG_SOURCE_FORMED,
    SEGMSG_SOURCE_RECALLED /* formed, but no message is put there any more */
} segmsg_source_state_t;

/* A source segment and what the receiver has said of its target. */
typedef struct {
    segmsg_source_state_t state;
    unsigned char *partition; /* partition 0; NULL while there is no memory here */
    segmsg_slab_t slab;
    uint64_t sent;            /* bit i: partition i was written, and has not been returned */
    uint16_t returned_number; /* of the last credits that have come */
    uint32_t segment;         /* index in the receiver's segment table */
    uint32_t token;           /* goes with completion data; 0: none */
    uint64_t remote;          /* address of the target's partition 0, as the provider wants it */
    uint32_t patience;        /* REFUSED: messages until it is asked again */
    uint64_t used;            /* when a message was last put there: segmsg_source_t.clock */
    bool is_fresh;            /* no message was put there yet: one may be, even if it is recalled */
    bool is_wanted;           /* it was recalled while it was fresh */
} segmsg_source_segment_t;

/* Messages that were published and not yet written: contiguous partitions of one segment. */
typedef struct {
    uint32_t group;
    uint32_t first;
    uint32_t partitions; /* 0: there is no such write */
    uint32_t bytes;      /* from the start of `first` to the end of the last message */
    uint32_t messages;
    segmsg_wire_header_t *last; /* header of the last message */
} segmsg_source_batch_t;

/* A write, ready to be sent. */
typedef struct {
    const void *local;
    size_t bytes;
    uint64_t remote; /* address */
    uint64_t data;   /* completion data */
    uint32_t group;
} segmsg_write_t;

typedef struct {
    segmsg_geometry_t geometry; /* the receiver's, checked */
    segmsg_source_segment_t segment[SEGMSG_GROUPS_MAX];
    uint32_t wants; /* bit g: the receiver must be asked for group g */
    uint32_t sequence;
    uint64_t clock; /* messages published */
    segmsg_source_batch_t batch;

    /* Statistics. */
    uint64_t messages[SEGMSG_GROUPS_MAX]; /* published, by group */
    uint64_t partitions[SEGMSG_GROUPS_MAX];
    uint64_t full;   /* times that nothing could be taken */
    uint64_t passed; /* messages that went past the group of their length */
    uint64_t writes; /* writes that were sent */
} segmsg_source_t;

void segmsg_source_init(segmsg_source_t *source, const segmsg_geometry_t *geometry);

/* Bytes of memory that a source segment of `group` takes, directory included. */
size_t segmsg_source_bytes(const segmsg_geometry_t *geometry, uint32_t group);

/*
 * The receiver has given a segment: `memory` (segmsg_source_bytes of it, aligned to a line) becomes its
 * source. Returns SEGMSG_OK, or SEGMSG_ERR_CORRUPT if the group was not asked for. The caller then sets
 * the token that came with it.
 */
segmsg_error_t segmsg_source_formed(segmsg_source_t *source, uint32_t group, uint32_t segment,
                                    uint64_t remote, void *memory);

/* The receiver has no memory for a group. */
void segmsg_source_refused(segmsg_source_t *source, uint32_t group);

/* The receiver wants a group back. */
void segmsg_source_recalled(segmsg_source_t *source, uint32_t group);

/* True if a group that was recalled is empty now: the receiver may be told. The group is then ABSENT,
 * its memory (partition - directory) may be freed. */
bool segmsg_source_is_released(segmsg_source_t *source, uint32_t group);

/* Takes note of what the receiver gives back. False if that cannot be: nothing is returned that was
 * not written. */
bool segmsg_source_returned(segmsg_source_t *source, const segmsg_return_t *what);

/*
 * Takes a place for a message of `length` bytes in the group of the smallest partitions whose span holds
 * it, or in a larger one if that is full or not formed yet. Returns SEGMSG_OK; SEGMSG_ERR_FULL (try
 * again when something was formed or returned); SEGMSG_ERR_NO_SPACE if the receiver has no memory for
 * such a group; or SEGMSG_ERR_TOO_LARGE.
 */
segmsg_error_t segmsg_source_take(segmsg_source_t *source, size_t length, segmsg_place_t *place);

/* Longest message in bytes that can be sent through what was formed; 0 if nothing was. */
size_t segmsg_source_sure_capacity(const segmsg_source_t *source);

/* True if a message in `place` can be published now: no write waits, or it can join that one without
 * making it longer than `write_most` bytes. If not, send that one first. */
bool segmsg_source_joins(const segmsg_source_t *source, const segmsg_place_t *place,
                         uint32_t length, size_t write_most);

/* Publishes the message in `place`, with `ride` on it, where segmsg_source_joins says that it can be. */
void segmsg_source_publish(segmsg_source_t *source, const segmsg_place_t *place, uint8_t tag,
                           uint32_t length, const segmsg_return_t *ride);

/* Gives a place back unpublished. */
void segmsg_source_give_back(segmsg_source_t *source, const segmsg_place_t *place);

/* The write that waits; false if there is none. */
static inline bool segmsg_source_write(const segmsg_source_t *source, segmsg_write_t *write)
{
    const segmsg_source_batch_t *batch = &source->batch;
    if (batch->partitions == 0) {
        return false;
    }
    const segmsg_source_segment_t *segment = &source->segment[batch->group];
    size_t offset = (size_t) batch->first * source->geometry.group[batch->group].partition_size;
    write->local = segment->partition + offset;
    write->bytes = batch->bytes;
    write->remote = segment->remote + offset;
    write->data =
        segmsg_wire_data_with(segment->token, segmsg_wire_data(segment->segment, batch->first));
    write->group = batch->group;
    return true;
}

/* That write was sent. */
static inline void segmsg_source_written(segmsg_source_t *source)
{
    segmsg_source_batch_t *batch = &source->batch;
    source->segment[batch->group].sent |= segmsg_extent_mask(batch->first, batch->partitions);
    batch->partitions = 0;
    ++source->writes;
}

#endif
