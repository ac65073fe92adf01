/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What lies in shared memory, and who writes it.
 *
 * Every process (the receiver) exports one object. A sender maps it: the mapping is the image of
 * the receiver's target segments, that is, its source segments (rows G1, G3). All positions are
 * byte offsets from the start of the object; no pointer is ever stored in it.
 *
 *   0          64      1024                                                   export_bytes
 *   +----------+-------+---------+-------+---------+-------+-----+--------+-------------+
 *   | runtime  | head  | segment | group | segment | group | ... | joints | arena: segments, each a
 *   | (not     |       | entry 0 | entry | entry 1 | entry |     | 64 x   | control block, a
 *   |  ours)   |       | 64 B    | 0     |         | 1     |     | 64 B   | directory, partitions
 *   +----------+-------+---------+-------+---------+-------+-----+--------+-------------+
 *
 * The entries of the segment table and of the segment-group table alternate, so that what two
 * processes need of both is one page or two.
 *
 * The object is sparse: tables and arena are committed page by page as they come into use. A process
 * maps the begin of it, up to the end of the lobby, and of the arena what it uses, a segment at a time.
 *
 * A segment in the arena:
 *
 *   +-------------+----------------------------+-------------+-------------+-----
 *   | control, 64 | directory, 64 or 128 bytes | partition 0 | partition 1 | ...
 *   | (receiver)  | (sender; above group 0)    | (sender)    | (sender)    |
 *   +-------------+----------------------------+-------------+-------------+-----
 *
 * Group 0 keeps its directory in its partitions: the header word at the head of a message's first
 * partition says that it is the first, how many partitions it spans (so where the next message
 * begins), its tag and its length. A message of up to 56 bytes is one line, and one line transfer.
 *
 * Common segments. A process with a hundred peers, most of which send it a message now and then,
 * would keep a hundred segments that are as good as empty. So the owner registers one segment of
 * every group for all: the senders that talk little, the guests, share them, and take partitions by
 * compare and swap. A guest is paired with the common segment of group 0 (the lobby) in the
 * segment-group table, as any sender is with a segment of its own; it forms groups of its own when it
 * has sent some messages. See queue/mpsc_ring.h.
 */
#ifndef SEGMSG_LAYOUT_H
#define SEGMSG_LAYOUT_H

#include "queue/geometry.h"

#include <stdatomic.h>
#include <stdint.h>

enum { SEGMSG_VERDICT_WORDS = 32 }; /* of 32 processes each: see queue/verdict.h */

#define SEGMSG_MAGIC UINT64_C(0x3167736d67657300) /* "\0segmsg1" */
enum {
    SEGMSG_LAYOUT_VERSION = 7,   /* changes whenever anything in this header does */
    SEGMSG_HEAD_OFFSET = 64,     /* bytes; the first line belongs to the run-time's own header */
    SEGMSG_TABLES_OFFSET = 1024, /* bytes; where the tables begin */
    SEGMSG_TABLE_STRIDE = 2 * SEGMSG_LINE, /* bytes from an entry of a table to its next */
    SEGMSG_PAGE = 4096 /* bytes; unit in which this layout is aligned, not the kernel's */
};

/* Who a process is, in the run-time's terms, and where to find it on this machine. */
typedef struct {
    uint64_t name;  /* job << 32 | rank */
    uint64_t nonce; /* random: tells a process from another one that has the same name or pid */
    uint32_t pid;
    uint32_t session; /* as a sender: tells it from what it was before it closed and came back */
} segmsg_identity_t;

/* No group: what a segment that nobody has says of its group. */
#define SEGMSG_GROUP_NONE UINT32_MAX

/* No segment: what the entry of a group that was dissolved names. */
#define SEGMSG_SEGMENT_NONE UINT32_MAX

/* States of a segment. */
enum {
    SEGMSG_SEGMENT_EMPTY = 0,      /* entry never used */
    SEGMSG_SEGMENT_REGISTERED = 1, /* its descriptor stands in the table; no group has it */
    SEGMSG_SEGMENT_CLAIMED = 2,    /* a sender is forming a group with it */
    SEGMSG_SEGMENT_PAIRED = 3,     /* target segment of the group named in `group_entry` */
    SEGMSG_SEGMENT_COMMON = 4      /* for all senders that have none of their own */
};

/* One segment: a descriptor that a sender finds by its place in the table (rows G3, G4). The owner
 * of the export or the claiming sender writes everything but `state` before `state` says so. */
typedef struct {
    _Alignas(SEGMSG_LINE) _Atomic uint32_t state; /* written by whoever holds it; read by all */
    uint32_t group;                               /* index in the geometry */
    uint32_t partition_size;                      /* bytes */
    uint32_t partition_count;
    uint32_t span_factor;
    uint32_t
        group_entry; /* its group in the segment-group table while PAIRED; else SEGMSG_GROUP_NONE */
    uint64_t offset; /* of the control block, bytes from the start of the export */
    uint64_t bytes;  /* control block and partitions together */
    uint64_t check;  /* sum of what never changes above: segmsg_segment_sum */
} segmsg_segment_entry_t;
_Static_assert(sizeof(segmsg_segment_entry_t) == SEGMSG_LINE, "one line a segment");

/* States of a segment group. */
enum {
    SEGMSG_GROUP_EMPTY = 0,
    SEGMSG_GROUP_FORMING = 1,
    SEGMSG_GROUP_FORMED = 2 /* the pairing stands; the receiver may read everything here */
};

/* One segment group: the pairing of a sender's image with a target segment (rows G1, G4). */
typedef struct {
    _Alignas(SEGMSG_LINE) _Atomic uint32_t state; /* sender forms, receiver empties */
    uint32_t group;                               /* index in the geometry; written by the sender */
    uint32_t segment;                             /* index in the segment table; sender */
    uint32_t reserved;
    segmsg_identity_t sender; /* sender */
    /* Where a guest's first group 0 of its own takes over from the lobby: its messages come after
     * the partitions of the lobby before this one (counted as segmsg_control_t does). Sender. */
    uint64_t after;
    /* Sum of all above but the state, segmsg_group_sum: written last by the sender, while FORMING; 0 again
     * before the receiver makes the entry EMPTY. */
    _Atomic uint64_t check;
} segmsg_group_entry_t;
_Static_assert(sizeof(segmsg_group_entry_t) == SEGMSG_LINE, "one line a group");

/* The head of an export. */
typedef struct {
    /* Written once by the owner before the export is announced. */
    _Alignas(SEGMSG_LINE) uint64_t magic;
    uint32_t layout_version;
    uint32_t segments_max;   /* entries of the segment table */
    uint32_t groups_max;     /* entries of the segment-group table */
    uint32_t ring_starter;   /* partitions of a first, short segment of group 0 */
    uint64_t export_bytes;   /* the whole object */
    uint64_t segment_table;  /* offset, bytes */
    uint64_t group_table;    /* offset, bytes */
    uint64_t joints;         /* offset, bytes */
    uint64_t arena;          /* offset, bytes */
    uint64_t at_once;        /* bytes from the start that every process maps as one; the rest is
                                mapped segment by segment */
    segmsg_identity_t owner; /* the receiver */
    segmsg_geometry_t geometry;
    uint32_t common[SEGMSG_GROUPS_MAX]; /* common segment of each group: index + 1, or 0: none */
    uint32_t openers; /* processes that open the object by its name before that is taken away */

    /* Written by whoever registers a segment or forms a group, the owner or a sender. */
    _Alignas(SEGMSG_LINE) _Atomic uint32_t segment_count; /* entries in use, from the front */
    _Atomic uint32_t group_count;                         /* likewise */
    _Atomic uint64_t arena_used;                          /* bytes from `arena` on */
    _Atomic uint32_t registered; /* segments in state REGISTERED: a hint for claimers */
    _Atomic uint32_t sessions;   /* numbers given to senders, see segmsg_identity_t */
    _Atomic uint32_t rings;      /* segments of group 0 that senders have for themselves: a hint */

    /* Written by peers when they attach, and read by them: see memory/shm.c. */
    _Atomic uint32_t opened; /* of `openers`, how many have */

    /* Written by senders when they have formed a group; the owner polls it. */
    _Alignas(SEGMSG_LINE) _Atomic uint32_t formed_count;

    /* Written by the owner at start-up, read by the processes of its job on this node: see
     * queue/verdict.h. */
    _Alignas(SEGMSG_LINE) _Atomic uint64_t verdict[SEGMSG_VERDICT_WORDS];

    /* Written by the owner when it sleeps and by who wakes it, read by senders at every message: see
     * queue/doorbell.h. */
    _Alignas(SEGMSG_LINE) _Atomic uint32_t doorbell;
} segmsg_head_t;
_Static_assert(SEGMSG_HEAD_OFFSET + sizeof(segmsg_head_t) <= SEGMSG_TABLES_OFFSET,
               "the head ends before the tables");

/* The control block of a segment, one line. The receiver writes it, and the senders look at `word`
 * when they run out of room; in a common segment they write `claimed` as well. */
typedef struct {
    /*
     * Group 0: how many partitions were consumed in all, modulo 2^64.
     * Above: one bit a partition, flipped when the partition is returned. The sender compares with
     * the word it saw last: what flipped is free. Exact, since no partition is taken again before
     * its return was seen, and idempotent, so that the same word may be written again or RMA'd.
     */
    _Alignas(SEGMSG_LINE) _Atomic uint64_t word;
    /*
     * Common segments only. Group 0: how many partitions were claimed in all, modulo 2^64.
     * Above: one bit a partition, set by the sender that claims it, cleared by the receiver.
     */
    _Atomic uint64_t claimed;
    /*
     * Segments of one sender above group 0 only: ~word, stored by the receiver after `word`. The sender
     * believes a word only where the two agree, since almost any bits of it may be in use at that time.
     */
    _Atomic uint64_t inverse;

    /* Statistics, for whoever looks at a running job: written by the receiver alone. */
    _Atomic uint64_t messages;   /* delivered out of this segment */
    _Atomic uint64_t bytes;      /* of these messages */
    _Atomic uint64_t partitions; /* that they took */
} segmsg_control_t;
_Static_assert(sizeof(segmsg_control_t) == SEGMSG_LINE, "a line of its own");

/* The record of a large transfer that two processes copy together: see queue/split_work.h. */
typedef struct {
    _Alignas(SEGMSG_LINE) _Atomic uint64_t claim; /* whose is what; written by both */
    _Atomic uint64_t report; /* what the partner has done; it writes it, the owner clears it */

    /* For whoever looks at a running job: written by the owner alone. */
    _Atomic uint64_t bytes;      /* of the transfer; 0: there is none */
    _Atomic uint64_t unit_bytes; /* of a unit */
    _Atomic uint64_t partner;    /* as in segmsg_identity_t, with which process */
    _Atomic uint64_t is_put;     /* 1: to the partner, 0: from it */
} segmsg_joint_t;
enum { SEGMSG_JOINTS = SEGMSG_PAGE / SEGMSG_LINE }; /* records of an export: a page */
_Static_assert(sizeof(segmsg_joint_t) == SEGMSG_LINE, "a line of its own");

/* Directory entry of one partition above group 0 (row G5); written by the sender alone. */
enum {
    SEGMSG_DIRECTORY_FREE = 0,
    SEGMSG_DIRECTORY_USED = 0x8000,  /* the partition is part of a message */
    SEGMSG_DIRECTORY_FIRST = 0x4000, /* it is the first of its message */
    SEGMSG_DIRECTORY_NEXT = 0x007f,  /* mask: index of the next partition of the message, or */
    SEGMSG_DIRECTORY_LAST = 0x007f   /* no next: the last of its message */
};
typedef _Atomic uint16_t segmsg_directory_entry_t;

/* Header word of a message in group 0, also its directory entry:
 *
 *   63                          32 31            16 15          8 7           0
 *   +-----------------------------+----------------+-------------+-------------+
 *   | length, bytes               | span, lines    | tag         | kind        |
 *   +-----------------------------+----------------+-------------+-------------+
 *
 * kind 0 (the whole word is 0) means: nothing here yet. The sender clears the word after a message
 * before it publishes the message, because payload of an earlier lap may lie there. */
enum {
    SEGMSG_KIND_NONE = 0,
    SEGMSG_KIND_MESSAGE = 1, /* the message follows the word, in these `span` lines */
    SEGMSG_KIND_RUN = 2,     /* the message lies in another group: see segmsg_announcement_t */
    SEGMSG_KIND_WRAP = 3,    /* go on at line 0; `span` is what is skipped */
    SEGMSG_KIND_SWITCH = 4,  /* go on in the segment whose index is in `length` */
    SEGMSG_KIND_CLOSE = 5    /* the sender leaves: its groups are given back */
    /* In the lobby WRAP means: nothing here, go on `span` lines further. There is no SWITCH. */
};

/* What announces a message above group 0, in the line of its header word. */
typedef struct {
    _Atomic uint64_t header; /* kind RUN, span 1, the message's tag and length */
    uint32_t segment;        /* index in the segment table */
    uint16_t first;          /* first partition */
    uint16_t partitions;     /* how many, contiguous */
} segmsg_announcement_t;
_Static_assert(sizeof(segmsg_announcement_t) == 16, "fits a line");

/* What stands at the head of an entry of the lobby, whose senders are many. A message follows it, at
 * SEGMSG_LOBBY_BYTES from the start of the line; of another group's message the rest stands here. */
typedef struct {
    _Atomic uint64_t header; /* as in group 0 */
    uint32_t guest;          /* whose: index of its entry in the segment-group table */
    uint32_t segment;        /* kind RUN: as in segmsg_announcement_t */
    uint16_t first;          /* likewise */
    uint16_t partitions;     /* likewise */
} segmsg_lobby_entry_t;
_Static_assert(sizeof(segmsg_lobby_entry_t) == 24, "fits a line");
enum { SEGMSG_LOBBY_BYTES = 16 }; /* before a message in the lobby: header word, guest, nothing */

/* A partition of group 0. */
typedef union {
    _Alignas(SEGMSG_LINE) _Atomic uint64_t header;
    segmsg_announcement_t announcement;
    segmsg_lobby_entry_t lobby;
    unsigned char bytes[SEGMSG_LINE]; /* message bytes from SEGMSG_HEADER_BYTES on */
} segmsg_line_t;
_Static_assert(sizeof(segmsg_line_t) == SEGMSG_LINE, "a partition of group 0 is a line");

static inline uint64_t segmsg_header_make(uint32_t kind, uint8_t tag, uint32_t span,
                                          uint32_t length)
{
    return (uint64_t) length << 32 | (uint64_t) span << 16 | (uint64_t) tag << 8 | kind;
}
static inline uint32_t segmsg_header_kind(uint64_t header)
{
    return (uint32_t) (header & 0xff);
}
static inline uint8_t segmsg_header_tag(uint64_t header)
{
    return (uint8_t) (header >> 8);
}
static inline uint32_t segmsg_header_span(uint64_t header)
{
    return (uint32_t) (header >> 16) & 0xffff;
}
static inline uint32_t segmsg_header_length(uint64_t header)
{
    return (uint32_t) (header >> 32);
}

/* Bytes of the directory of a segment: none in group 0, whose headers are its directory. */
static inline size_t segmsg_directory_bytes(uint32_t group, uint32_t partition_count)
{
    size_t bytes = group == 0 ? 0 : partition_count * sizeof(segmsg_directory_entry_t);
    return (bytes + SEGMSG_LINE - 1) / SEGMSG_LINE * SEGMSG_LINE;
}

/* Offset of partition 0 from the start of a segment, bytes. */
static inline size_t segmsg_partitions_offset(uint32_t group, uint32_t partition_count)
{
    return sizeof(segmsg_control_t) + segmsg_directory_bytes(group, partition_count);
}

/* Bytes of a whole segment. */
static inline size_t segmsg_segment_bytes(uint32_t group, uint32_t partition_size,
                                          uint32_t partition_count)
{
    return segmsg_partitions_offset(group, partition_count)
           + (size_t) partition_size * partition_count;
}

#endif
