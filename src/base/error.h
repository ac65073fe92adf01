/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What can go wrong in the engine: one code and one text each. The engine returns codes; whoever
 * called it decides what a user must see.
 */
#ifndef SEGMSG_ERROR_H
#define SEGMSG_ERROR_H

typedef enum {
    SEGMSG_OK = 0,
    SEGMSG_ERR_SYNTAX,          /* a list of groups that cannot be read */
    SEGMSG_ERR_GROUP_COUNT,     /* fewer than two groups, or more than SEGMSG_GROUPS_MAX */
    SEGMSG_ERR_PARTITION_SIZE,  /* no power of two, under a line, or over SEGMSG_PARTITION_MAX */
    SEGMSG_ERR_NOT_RISING,      /* a partition size not larger than the one before */
    SEGMSG_ERR_PARTITION_COUNT, /* too few or too many partitions for the kind of group */
    SEGMSG_ERR_SPAN,            /* span factor 0, or larger than the segment can carry */
    SEGMSG_ERR_CAPACITY,        /* no group carries even SEGMSG_CAPACITY_MIN bytes */
    SEGMSG_ERR_TOO_SMALL,       /* an export too small for its tables and a first segment */
    SEGMSG_ERR_NO_SPACE,        /* the memory behind a segment cannot be had */
    SEGMSG_ERR_TABLE_FULL,      /* no entry left in the segment or the group table */
    SEGMSG_ERR_FULL,            /* no run free at this moment; try again later */
    SEGMSG_ERR_TOO_LARGE,       /* no group can carry a message of this length */
    SEGMSG_ERR_LAYOUT,          /* an export laid out by another build or another version */
    SEGMSG_ERR_UNMAPPED,        /* no address space for a segment of this process's own export */
    SEGMSG_ERR_CORRUPT,         /* shared memory holds a value that no correct peer writes */
    SEGMSG_ERROR_COUNT
} segmsg_error_t;

/* The text of an error, one sentence without a full stop; never NULL. */
const char *segmsg_error_text(segmsg_error_t error);

#endif
