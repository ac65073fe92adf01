/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Which message of the engine carries what.
 *
 *   sender                                          receiver
 *   EAGER, tag and data                        -->  copied to where it was asked for, or seen in place
 *
 *   LONG, tag, length and where it lies        -->  keeps it until somebody asks for it; then either
 *                                                   copies it (the kernel does):
 *   helps to copy, if it waits                 <--  JOIN, if it is long (transfer/transfer.h); or
 *   CHUNK, if it waits                         -->  copied to their places
 *                                              <--  DONE
 *                                                   or, where the kernel does not:
 *                                              <--  CLEAR
 *   DATA, offset and data, one or more         -->  copied to their places
 */
#ifndef SEGMSG_LIBRARY_MESSAGES_H
#define SEGMSG_LIBRARY_MESSAGES_H

#include "base/line.h"

#include <stdint.h>

/* Kinds of messages: their tag in the engine. */
typedef enum {
    SEGMSG_LIB_EAGER = 1,
    SEGMSG_LIB_LONG,
    SEGMSG_LIB_JOIN,
    SEGMSG_LIB_DONE,
    SEGMSG_LIB_CLEAR,
    SEGMSG_LIB_DATA,
    SEGMSG_LIB_CHUNK,
    SEGMSG_LIB_NOTHING /* a reservation in a shared segment that was cancelled */
} segmsg_lib_kind_t;

/* Names a request to the peer, which gives it back. Indices are used again, generations are not. */
typedef struct {
    uint32_t index;
    uint32_t generation;
} segmsg_lib_name_t;

/* At the head of an EAGER message; the data follows, aligned as this is. */
typedef struct {
    uint32_t tag;
    uint32_t reserved;
} segmsg_lib_eager_t;
enum { SEGMSG_LIB_EAGER_BYTES = sizeof(segmsg_lib_eager_t) };
_Static_assert(SEGMSG_LIB_EAGER_BYTES == 8, "8-byte alignment of the data");

typedef struct {
    uint32_t tag;
    uint32_t
        is_urgent; /* it would have been EAGER, had there been memory: not to wait for a receive */
    segmsg_lib_name_t send; /* the sender's request */
    uint64_t bytes;
    uint64_t address; /* in the sender's memory */
} segmsg_lib_long_t;

/* DONE, CLEAR. */
typedef struct {
    segmsg_lib_name_t send;    /* as in LONG */
    segmsg_lib_name_t receive; /* CLEAR: the receiver's request */
    uint64_t bytes;            /* CLEAR: how many are wanted, from the start on */
} segmsg_lib_answer_t;

typedef struct {
    segmsg_lib_name_t send; /* as in LONG */
    uint64_t bytes;         /* of the transfer */
    uint64_t unit_bytes;    /* as in segmsg_joint_cut_t */
    uint64_t address;       /* in the receiver's memory; 0: CHUNKs are wanted */
    uint32_t generation;    /* of the record in the receiver's export, */
    uint32_t record;        /* and its index */
} segmsg_lib_join_t;

typedef struct {
    segmsg_lib_name_t receive; /* as in CLEAR */
    uint64_t offset;
} segmsg_lib_data_t;

/* As segmsg_transfer_chunk_t. */
typedef struct {
    uint32_t record;
    uint32_t generation;
    uint64_t offset;
} segmsg_lib_chunk_t;

/* Bytes of a DATA or CHUNK before its data, see segmsg_default_piece(). */
enum { SEGMSG_LIB_DATA_BYTES = SEGMSG_LINE };
_Static_assert(sizeof(segmsg_lib_data_t) <= SEGMSG_LIB_DATA_BYTES, "it fits");
_Static_assert(sizeof(segmsg_lib_chunk_t) <= SEGMSG_LIB_DATA_BYTES, "it fits");

#endif
