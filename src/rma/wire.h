/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What goes over the wire between hosts.
 *
 * The receiver owns target segments, as on one host; the sender has no image of them that it could
 * store into, but source segments of the same geometry in memory of its own. A message is copied into
 * contiguous partitions of a source segment and leaves as one RMA write to the same partitions of the
 * target segment. The write carries remote completion data that names segment and partition:
 *
 *   63            32 31             16 15             0
 *   +---------------+----------------+----------------+
 *   | token         | segment        | first          |
 *   | (where the    | (its index in  | partition      |
 *   | provider has  | the receiver's |                |
 *   | 8 bytes)      | segment table) |                |
 *   +---------------+----------------+----------------+
 *
 * so that the receiver looks at one completion queue, however many the senders are. It draws the token at
 * random when it gives the segment, and tells it to the sender. Over some providers anybody can make
 * completion data arrive without having written anything: without the token of the segment they are
 * dropped. Where the provider has only 4 bytes, it is 0.
 *
 * Messages that were published while others waited to be sent lie in the partitions that follow, and
 * leave with the same write. Each begins with a header:
 *
 *   0         8            12         14       15   16             24
 *   +---------+------------+----------+--------+----+--------------+---------------
 *   | header  | sequence   | return   | return | 0  | return word  | the message
 *   | word    |            | number   | group  |    |              |
 *   +---------+------------+----------+--------+----+--------------+---------------
 *
 * The header word is group 0's (queue/layout.h), and is the directory entry: that it is a
 * message's first partition, and by the span where the next one is. The sequence counts the messages of
 * an ordered pair of processes: writes may arrive in any order, messages are handed over in this one.
 * The rest gives partitions of the other direction back.
 *
 * Nothing is said in memory that a peer polls. What does not ride on a message, and what forms and
 * dissolves groups, goes as a control message of 64 bytes.
 */
#ifndef SEGMSG_WIRE_H
#define SEGMSG_WIRE_H

#include "queue/layout.h"
#include "rma/proof.h"

#include <stdbool.h>

enum {
    SEGMSG_WIRE_VERSION = 2, /* changes whenever anything in this header does */
    SEGMSG_WIRE_HEADER_BYTES = 24,
    SEGMSG_WIRE_NO_RETURN = 0xff, /* return group: no word rides along */
    SEGMSG_WIRE_SEGMENTS = 65536, /* segments that completion data can name */
    SEGMSG_WIRE_DATA_BYTES = 4,   /* of completion data; without a token */
    SEGMSG_WIRE_TOKEN_BYTES = 8   /* with it */
};

/* Kinds of header words beside those of group 0. */
enum {
    SEGMSG_KIND_MORE = 6 /* a message, and another one follows in the same write */
};

/* What stands before a message. Written by the sender before the write, read by the receiver after it:
 * neither sees the other's stores, so no field is atomic. */
typedef struct {
    uint64_t header;
    uint32_t sequence;
    uint16_t return_number; /* of the word: a later one has a larger number, modulo 2^16 */
    uint8_t return_group;   /* index in the geometry of the one who reads this */
    uint8_t reserved;
    uint64_t return_word; /* as segmsg_control_t.word above group 0 */
} segmsg_wire_header_t;
_Static_assert(sizeof(segmsg_wire_header_t) == SEGMSG_WIRE_HEADER_BYTES, "no padding");

static inline uint32_t segmsg_wire_data(uint32_t segment, uint32_t first)
{
    return segment << 16 | first;
}
static inline uint64_t segmsg_wire_data_with(uint32_t token, uint32_t data)
{
    return (uint64_t) token << 32 | data;
}
static inline uint32_t segmsg_wire_data_token(uint64_t data)
{
    return (uint32_t) (data >> 32);
}
static inline uint32_t segmsg_wire_data_segment(uint64_t data)
{
    return (uint32_t) data >> 16;
}
static inline uint32_t segmsg_wire_data_first(uint64_t data)
{
    return (uint32_t) data & 0xffff;
}

/* A word that gives partitions back: bit i has changed since the last one if partition i is free. */
typedef struct {
    uint64_t word;
    uint16_t number;
    uint8_t group; /* SEGMSG_WIRE_NO_RETURN: there is none */
} segmsg_return_t;

/* Kinds of control messages. Who sends data is the sender, the other the receiver. */
typedef enum {
    SEGMSG_CONTROL_FORM = 1, /* sender: give me a segment of `group` */
    SEGMSG_CONTROL_FORMED,   /* receiver: it is `segment`, its partitions lie at `address` */
    SEGMSG_CONTROL_REFUSED,  /* receiver: there is no memory for it; ask again some time */
    SEGMSG_CONTROL_RECALL,   /* receiver: others need it, send nothing more through it */
    SEGMSG_CONTROL_RELEASED, /* sender: `segment` is empty and not used any more */
    SEGMSG_CONTROL_ASK,      /* sender: I have no room; I have sent `word` messages */
    SEGMSG_CONTROL_RETURN,   /* receiver: `word` with `number` for `group` */
    SEGMSG_CONTROL_CLOSE,    /* both: I leave; nothing more comes, nothing more is read */
    SEGMSG_CONTROL_KINDS
} segmsg_control_kind_t;

typedef struct {
    uint32_t magic;    /* SEGMSG_CONTROL_MAGIC */
    uint8_t kind;      /* segmsg_control_kind_t */
    uint8_t group;     /* index in the receiver's geometry */
    uint16_t number;   /* RETURN */
    uint64_t name;     /* who says it: segmsg_identity_t */
    uint64_t nonce;    /* likewise */
    uint16_t segment;  /* FORMED, RECALL, RELEASED: index in the receiver's segment table */
    uint16_t rail;     /* which of its network interfaces: index in what it published */
    uint32_t count;    /* of its control messages to this receiver, from 1 on */
    uint64_t address;  /* FORMED: of partition 0, as the provider wants it */
    uint64_t word;     /* FORMED: the segment's token; ASK, RETURN */
    uint64_t proof[2]; /* with the secret of the one who reads this; see rma/proof.h */
} segmsg_control_message_t;
_Static_assert(sizeof(segmsg_control_message_t) == 64, "fits what most providers inject");
_Static_assert(offsetof(segmsg_control_message_t, proof) == 48, "the proof is of what precedes it");
_Static_assert(SEGMSG_WIRE_SEGMENTS - 1 <= UINT16_MAX, "every segment can be named");

static inline void segmsg_control_sign(segmsg_control_message_t *message,
                                       const segmsg_secret_t *secret)
{
    segmsg_proof_make(secret, message, offsetof(segmsg_control_message_t, proof), message->proof);
}

/* True if whoever has sent the message knows the secret of this process. Nothing of a message may be
 * used before. */
static inline bool segmsg_control_is_proven(const segmsg_control_message_t *message,
                                            const segmsg_secret_t *secret)
{
    return segmsg_proof_holds(secret, message, offsetof(segmsg_control_message_t, proof),
                              message->proof);
}
#define SEGMSG_CONTROL_MAGIC (UINT32_C(0x73676d00) + SEGMSG_WIRE_VERSION)

/* Longest message in bytes that group `group` carries between hosts. */
static inline size_t segmsg_wire_capacity(const segmsg_geometry_t *geometry, uint32_t group)
{
    const segmsg_group_geometry_t *g = &geometry->group[group];
    return (size_t) g->partition_size * g->span_factor - SEGMSG_WIRE_HEADER_BYTES;
}

/* Longest message in bytes that any group carries between hosts. */
static inline size_t segmsg_wire_geometry_capacity(const segmsg_geometry_t *geometry)
{
    size_t most = 0;
    for (uint32_t g = 0; g < geometry->group_count; ++g) {
        size_t capacity = segmsg_wire_capacity(geometry, g);
        most = capacity > most ? capacity : most;
    }
    return most;
}

/* The best of the groups from `from` on for a message of `length` bytes: see segmsg_span_select. */
static inline uint32_t segmsg_wire_select(const segmsg_geometry_t *geometry, uint32_t from,
                                          size_t length)
{
    return segmsg_span_select(geometry, from, length + SEGMSG_WIRE_HEADER_BYTES);
}

/* Partitions of `size` bytes that a message of `length` bytes takes with its header. */
static inline uint32_t segmsg_wire_partitions(size_t size, size_t length)
{
    return (uint32_t) ((length + SEGMSG_WIRE_HEADER_BYTES + size - 1) / size);
}

/* True if the geometry can be used between hosts: every group is searched by its occupancy word. */
static inline bool segmsg_wire_geometry_fits(const segmsg_geometry_t *geometry)
{
    return geometry->group[0].partition_count <= SEGMSG_RUN_BITS;
}

#endif
