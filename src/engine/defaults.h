/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What is good where nobody says otherwise; docs/tuning.md says how it was chosen.
 */
#ifndef SEGMSG_DEFAULTS_H
#define SEGMSG_DEFAULTS_H

#include "base/copy.h"
#include "engine/sender.h"

/* 64 B x 1023 and its control line are 64 KB. Group 0 carries a message of 8 KB with its headers;
 * 8 KB x 64 carries a fragment of 64 KB. */
#define SEGMSG_DEFAULT_GROUPS "64:1023:260,1K:64:7,8K:64:9,64K:16:4"

/* The same with 512 KB for group 0: a stream is faster through as many lines, if the second caches hold them. */
#define SEGMSG_DEFAULT_WIDE_GROUPS "64:8191:260,1K:64:7,8K:64:9,64K:16:4"

/* The same where a piece of a long transfer is 32 KB. */
#define SEGMSG_DEFAULT_PIECE_GROUPS "64:1023:260,1K:64:7,8K:64:9,32K:64:9"

enum {
    SEGMSG_DEFAULT_STARTER = 63,      /* partitions; with its control line a page */
    SEGMSG_DEFAULT_LOBBY = 127,       /* partitions; with its control line two pages */
    SEGMSG_DEFAULT_GROUPS_MAX = 4096, /* groups of an export */
    SEGMSG_DEFAULT_BURST = 16         /* messages taken from one sender at a time */
};

/* When a pair of processes gets what. */
static inline segmsg_growth_t segmsg_default_growth(void)
{
    return (
        segmsg_growth_t){.own_after = 16, .own_crowd = 32, .grow_after = 1024, .long_after = 64};
}

/* What a sender does about cache lines, on this processor. */
static inline segmsg_cache_policy_t segmsg_default_cache(void)
{
    bool demotes = segmsg_cache_can_demote();
    bool reuses = segmsg_cache_prefers_reuse();
    bool strings = segmsg_cache_favours_strings();
    return (segmsg_cache_policy_t){
        .near = reuses ? 0 : 4,
        .most = reuses ? 0 : 128,
        .far = reuses ? 0 : 128,
        .demote_lines = demotes ? 8 : 0,
        .answer_lines = demotes ? 131 : 0,
        .stream_lines = 66,
        .wide_lines = 131,
        .reply_lines = strings  ? 131
                       : reuses ? 80
                                : SEGMSG_RING_MAX,
        .lap = reuses ? 160 : 0,
        .calm = reuses ? 0 : SEGMSG_RING_FULL - 1,
        /* Strings do not care where the lines are; and a small segment leaves the caches to the program. */
        .piece_segment = reuses && !strings ? 2 << 20 : 0,
    };
}

/* The segment groups, on this processor; `is_sparse`: memory that is not used costs nothing. */
static inline const char *segmsg_default_groups(bool is_sparse)
{
    enum { WIDE = 2 << 20 };
    return segmsg_cache_prefers_reuse()                       ? SEGMSG_DEFAULT_PIECE_GROUPS
           : is_sparse && segmsg_cache_second_bytes() >= WIDE ? SEGMSG_DEFAULT_WIDE_GROUPS
                                                              : SEGMSG_DEFAULT_GROUPS;
}

/* Bytes of a piece of a long transfer: with a line for its header it fills two partitions of 8 KB, or
 * one of 32 KB. */
static inline uint32_t segmsg_default_piece(void)
{
    uint32_t partitions = segmsg_cache_prefers_reuse() ? 32 << 10 : 16 << 10;
    return partitions - SEGMSG_LINE;
}

#endif
