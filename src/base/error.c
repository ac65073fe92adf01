/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "base/error.h"

static const char *const texts[SEGMSG_ERROR_COUNT] = {
    [SEGMSG_OK] = "no error",
    [SEGMSG_ERR_SYNTAX] = "the list of groups cannot be read; each group is SIZE:COUNT:SPAN",
    [SEGMSG_ERR_GROUP_COUNT] = "there must be at least 2 and at most 8 groups",
    [SEGMSG_ERR_PARTITION_SIZE] =
        "a partition size must be a power of two from 64 bytes (one cache line; group 0 exactly "
        "that) to 4 MiB",
    [SEGMSG_ERR_NOT_RISING] = "partition sizes must rise from group to group",
    [SEGMSG_ERR_PARTITION_COUNT] =
        "the number of partitions must be from 8 to 65535 in group 0 and from 1 to 64 above it",
    [SEGMSG_ERR_SPAN] = "the span factor must be at least 1 and at most the number of partitions "
                        "(in group 0, whose messages wrap, at most half of it less one)",
    [SEGMSG_ERR_CAPACITY] = "partition size x span factor must be at least 1 KiB in some group",
    [SEGMSG_ERR_TOO_SMALL] = "the export is too small for its tables and a first segment",
    [SEGMSG_ERR_NO_SPACE] = "the memory behind a segment cannot be had",
    [SEGMSG_ERR_TABLE_FULL] = "no entry is left in the segment table or the segment-group table",
    [SEGMSG_ERR_FULL] = "no run of partitions is free at this moment",
    [SEGMSG_ERR_TOO_LARGE] = "no group can carry a message of this length",
    [SEGMSG_ERR_LAYOUT] = "the export was laid out by another build or another version",
    [SEGMSG_ERR_UNMAPPED] = "there is no address space for a segment that a sender has formed",
    [SEGMSG_ERR_CORRUPT] = "shared memory holds a value that no correct peer writes",
};

const char *segmsg_error_text(segmsg_error_t error)
{
    if ((unsigned) error >= SEGMSG_ERROR_COUNT) {
        return "unknown error";
    }
    return texts[error];
}
