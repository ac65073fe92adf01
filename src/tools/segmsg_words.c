/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Words for what shared memory holds as numbers.
 */
#include "tools/segmsg_words.h"

#include "queue/layout.h"

const char *segmsg_inspect_segment_state(uint32_t state)
{
    switch (state) {
    case SEGMSG_SEGMENT_EMPTY:
        return "empty";
    case SEGMSG_SEGMENT_REGISTERED:
        return "registered";
    case SEGMSG_SEGMENT_CLAIMED:
        return "claimed";
    case SEGMSG_SEGMENT_PAIRED:
        return "paired";
    case SEGMSG_SEGMENT_COMMON:
        return "common";
    default:
        return "unknown";
    }
}

const char *segmsg_inspect_group_state(uint32_t state)
{
    switch (state) {
    case SEGMSG_GROUP_EMPTY:
        return "empty";
    case SEGMSG_GROUP_FORMING:
        return "forming";
    case SEGMSG_GROUP_FORMED:
        return "formed";
    default:
        return "unknown";
    }
}

const char *segmsg_inspect_kind(uint32_t kind)
{
    switch (kind) {
    case SEGMSG_KIND_NONE:
        return "writing";
    case SEGMSG_KIND_MESSAGE:
        return "message";
    case SEGMSG_KIND_RUN:
        return "run";
    case SEGMSG_KIND_WRAP:
        return "wrap";
    case SEGMSG_KIND_SWITCH:
        return "switch";
    case SEGMSG_KIND_CLOSE:
        return "close";
    default:
        return "unknown";
    }
}
