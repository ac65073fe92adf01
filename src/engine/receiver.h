/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The receiving side: finds the senders that formed groups with this process's export, polls one
 * line per sender, and hands out messages where they lie (rows G9, G11).
 *
 *     segmsg_message_t message;
 *     while (segmsg_reader_poll(receiver, reader, &message) == SEGMSG_POLL_MESSAGE) {
 *         ... use message.data, message.length bytes ...
 *         segmsg_message_return(receiver, reader, &message);
 *     }
 *
 * Messages of one sender come in the order in which it published them, whatever their groups. A
 * message may be used while a later one is polled and returned; the partitions go back when all are
 * returned.
 *
 * One thread at a time per receiver.
 */
#ifndef SEGMSG_RECEIVER_H
#define SEGMSG_RECEIVER_H

#include "base/cache.h"
#include "queue/registry.h"
#include "queue/slab.h"
#include "queue/spsc_ring.h"

#include <stdbool.h>

enum { SEGMSG_FETCH_LINES = 8 }; /* of a message, asked for as soon as its header is seen */

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
    segmsg_line_t *line; /* partition 0; never NULL */
    segmsg_control_t *control;
    uint32_t count;
    uint32_t at;
    uint64_t position;       /* partitions taken out in all */
    uint64_t returned;       /* partitions given back in all */
    uint32_t open;           /* messages handed out and not yet returned */
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

/* What a reader polls before group 0 of its sender is found; nobody writes it. */
extern segmsg_line_t segmsg_nothing_yet;

typedef enum {
    SEGMSG_POLL_NONE = 0,
    SEGMSG_POLL_MESSAGE = 1,
    SEGMSG_POLL_CLOSED = 2, /* the sender left; the reader is gone */
    SEGMSG_POLL_CORRUPT = 3 /* the sender wrote what no correct sender writes: stop polling it */
} segmsg_poll_t;

/* Prepares the receiver of the initialised export `own`. False if there is no memory. */
bool segmsg_receiver_init(segmsg_receiver_t *receiver, segmsg_export_t *own);

/* Frees what the receiver holds; the export itself is the caller's. */
void segmsg_receiver_destroy(segmsg_receiver_t *receiver);

/* Looks through the segment-group table for groups formed since the last time.
 * Returns SEGMSG_OK or SEGMSG_ERR_CORRUPT. */
segmsg_error_t segmsg_receiver_find_groups(segmsg_receiver_t *receiver);

/*
 * Compares what stands in this process's export with what it has written there itself, and with what the
 * senders may have. Costs some lines that are elsewhere: to be called now and then, by a process that waits.
 * Returns SEGMSG_OK or SEGMSG_ERR_CORRUPT, with receiver->suspect.
 */
segmsg_error_t segmsg_receiver_verify(segmsg_receiver_t *receiver);

/* True if senders formed groups since segmsg_receiver_find_groups was last called. */
static inline bool segmsg_receiver_has_new_groups(const segmsg_receiver_t *receiver)
{
    /* Acquire: whoever sees the count sees the entries. */
    return atomic_load_explicit(&segmsg_export_head(receiver->own)->formed_count,
                                memory_order_acquire)
           != receiver->formed_seen;
}

/* Messages received in all from groups of index `group` in the geometry, whoever sent them. */
uint64_t segmsg_receiver_messages(const segmsg_receiver_t *receiver, uint32_t group);

/* The reader of the sender named `name`, or NULL. */
segmsg_reader_t *segmsg_receiver_reader_of(const segmsg_receiver_t *receiver, uint64_t name);

/* Everything but a message in group 0: another group, the end of the ring, a new segment, the end
 * of the sender, or nonsense. */
segmsg_poll_t segmsg_reader_poll_slow(segmsg_receiver_t *receiver, segmsg_reader_t *reader,
                                      uint64_t header, segmsg_message_t *message);

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

/* Looks for the next message of a sender. */
SEGMSG_INLINE segmsg_poll_t segmsg_reader_poll(segmsg_receiver_t *receiver, segmsg_reader_t *reader,
                                               segmsg_message_t *message)
{
    segmsg_line_t *line = &reader->ring.line[reader->ring.at];
    uint64_t header = segmsg_ring_look(&reader->ring);
    if (__builtin_expect(header == 0, 1)) {
        ++reader->idle;
        return SEGMSG_POLL_NONE;
    }
    reader->idle = 0;
    uint32_t span = segmsg_header_span(header);
    uint32_t length = segmsg_header_length(header);
    if (__builtin_expect(SEGMSG_RING_IS_OTHER(&reader->ring, header, span, length), 0)) {
        return segmsg_reader_poll_slow(receiver, reader, header, message);
    }
    for (uint32_t i = 1; i < span && i < SEGMSG_FETCH_LINES; ++i) {
        segmsg_cache_fetch(line + i);
    }
    message->data = line->bytes + SEGMSG_HEADER_BYTES;
    message->length = length;
    message->group = 0;
    message->partitions = span;
    message->in_lobby = false;
    message->tag = segmsg_header_tag(header);
    segmsg_ring_take(&reader->ring, span);
    segmsg_stats_add(reader->ring.control, length, span);
    return SEGMSG_POLL_MESSAGE;
}

/* Returns the partitions of a message above group 0, or of one from the lobby. */
void segmsg_message_return_slow(segmsg_receiver_t *receiver, segmsg_reader_t *reader,
                                const segmsg_message_t *message);

/* Returns the partitions of a message to its sender. */
SEGMSG_INLINE void segmsg_message_return(segmsg_receiver_t *receiver, segmsg_reader_t *reader,
                                         const segmsg_message_t *message)
{
    if (__builtin_expect(message->group != 0 || message->in_lobby, 0)) {
        segmsg_message_return_slow(receiver, reader, message);
    } else {
        segmsg_ring_return(&reader->ring);
    }
}

/* What engine/lobby.c shares with engine/receiver.c. */
segmsg_poll_t segmsg_receiver_run(segmsg_receiver_t *receiver, const segmsg_reader_t *reader,
                                  uint64_t header, const segmsg_announcement_t *announcement,
                                  segmsg_message_t *message);
void segmsg_receiver_open_ring(segmsg_receiver_t *receiver, segmsg_reader_t *reader);
segmsg_poll_t segmsg_receiver_remove(segmsg_receiver_t *receiver, segmsg_reader_t *reader);

#endif
