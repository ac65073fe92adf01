/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Words for what shared memory holds as numbers.
 */
#include "tools/segmsg_words.h"

#include "queue/layout.h"

#include <stddef.h>

static const char *word(const char *const *words, size_t count, uint32_t number)
{
    return number < count && words[number] != NULL ? words[number] : "unknown";
}

const char *segmsg_inspect_segment_state(uint32_t state)
{
    static const char *const words[] = {
        [SEGMSG_SEGMENT_EMPTY] = "empty",     [SEGMSG_SEGMENT_REGISTERED] = "registered",
        [SEGMSG_SEGMENT_CLAIMED] = "claimed", [SEGMSG_SEGMENT_PAIRED] = "paired",
        [SEGMSG_SEGMENT_COMMON] = "common",
    };
    return word(words, sizeof(words) / sizeof(*words), state);
}

const char *segmsg_inspect_group_state(uint32_t state)
{
    static const char *const words[] = {
        [SEGMSG_GROUP_EMPTY] = "empty",
        [SEGMSG_GROUP_FORMING] = "forming",
        [SEGMSG_GROUP_FORMED] = "formed",
    };
    return word(words, sizeof(words) / sizeof(*words), state);
}

const char *segmsg_inspect_kind(uint32_t kind)
{
    static const char *const words[] = {
        [SEGMSG_KIND_NONE] = "writing",  [SEGMSG_KIND_MESSAGE] = "message",
        [SEGMSG_KIND_RUN] = "run",       [SEGMSG_KIND_WRAP] = "wrap",
        [SEGMSG_KIND_SWITCH] = "switch", [SEGMSG_KIND_CLOSE] = "close",
    };
    return word(words, sizeof(words) / sizeof(*words), kind);
}
