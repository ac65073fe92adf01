/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "engine/runs.h"

#include "engine/growth.h"
#include "engine/guest.h"

#include <stdlib.h>

/* Times in a row that a common segment may be full before a sender forms a group of its own. */
enum { STARVED_MAX = 4096 };

enum { SPARES_MAX = 16 };

static segmsg_error_t form_run(segmsg_sender_t *sender, uint32_t group)
{
    if (sender->refused[group] != 0) {
        --sender->refused[group];
        return SEGMSG_ERR_NO_SPACE;
    }
    segmsg_run_image_t *run = calloc(1, sizeof(*run));
    if (run == NULL) {
        return SEGMSG_ERR_NO_SPACE;
    }
    segmsg_segment_view_t view;
    segmsg_error_t error =
        segmsg_growth_form(sender, group, sender->geometry.group[group].partition_count,
                           &run->segment, &run->entry, &view);
    if (error != SEGMSG_OK) {
        free(run);
        sender->refused[group] = SEGMSG_ASK_AGAIN;
        return error;
    }
    run->control = view.control;
    run->partition = view.partition;
    segmsg_slab_open(&run->slab, view.directory, run->entry.partition_count);
    sender->run[group] = run;
    return SEGMSG_OK;
}

void segmsg_runs_reclaim(segmsg_sender_t *sender, segmsg_run_image_t *run)
{
    uint64_t credits;
    if (segmsg_credits_read(run->control, &credits)
        && !segmsg_slab_credit(&run->slab, credits, run->slab.taken & run->slab.exists)) {
        sender->is_corrupt = true;
    }
}

/* Has the memory of a run that was found there. */
static bool commit_run(segmsg_sender_t *sender, segmsg_run_image_t *run, uint32_t first,
                       uint32_t partitions)
{
    uint64_t mask = segmsg_extent_mask(first, partitions);
    if ((mask & ~run->committed) == 0) {
        return true;
    }
    if (!segmsg_partitions_commit(sender->target, &run->entry, first, partitions)) {
        return false;
    }
    run->committed |= mask;
    return true;
}

/* True if the policy wants long transfers to go through segments of at least the size of this group's. */
static bool outgrows_cache(const segmsg_sender_t *sender, const segmsg_group_geometry_t *group)
{
    uint64_t bytes = (uint64_t) group->partition_size * group->partition_count;
    return sender->use.cache.piece_segment != 0 && bytes >= sender->use.cache.piece_segment;
}

/* Finds partitions that are free: those after the last ones, until none are left to go round in. */
static uint32_t find_round(segmsg_sender_t *sender, segmsg_run_image_t *run, uint32_t partitions)
{
    uint32_t first = segmsg_extent_find(run->slab.taken, partitions);
    if (first == SEGMSG_EXTENT_NONE) {
        segmsg_runs_reclaim(sender, run);
        first = segmsg_extent_find(run->slab.taken, partitions);
    }
    return first;
}

/*
 * Finds partitions that are free: best some whose memory is there, if need be after a look at what has come
 * back. A page that nobody has touched costs as much as the copy of a dozen. But to look up every time costs
 * something too: a pair that goes on gets more, after twice as long each time.
 */
static uint32_t find_run(segmsg_sender_t *sender, segmsg_run_image_t *run, uint32_t partitions)
{
    enum {
        SPARE = 16 /* times that new memory was not needed, before it is had for the first time */
    };
    if (outgrows_cache(sender, &sender->geometry.group[run->entry.group])) {
        return find_round(sender, run, partitions);
    }
    uint32_t first = segmsg_extent_find(run->slab.taken | ~run->committed, partitions);
    if (first != SEGMSG_EXTENT_NONE) {
        return first;
    }
    segmsg_runs_reclaim(sender, run);
    first = segmsg_extent_find(run->slab.taken | ~run->committed, partitions);
    if (first != SEGMSG_EXTENT_NONE && ++run->spared < (uint32_t) SPARE << run->spares) {
        return first;
    }
    run->spared = 0;
    run->spares += run->spares < SPARES_MAX;
    uint32_t fresh = segmsg_extent_find(run->slab.taken | run->committed, partitions);
    return fresh != SEGMSG_EXTENT_NONE   ? fresh
           : first != SEGMSG_EXTENT_NONE ? first
                                         : segmsg_extent_find(run->slab.taken, partitions);
}

/* Takes `partitions` of a group that is formed. */
static segmsg_error_t take_run(segmsg_sender_t *sender, uint32_t group, uint32_t partitions,
                               uint32_t *first)
{
    segmsg_run_image_t *run = sender->run[group];
    /* Whoever has answered has most likely returned what it answers. Relaxed: a hint. */
    if (sender->use.cache.lap != 0 && !outgrows_cache(sender, &sender->geometry.group[group])
        && atomic_load_explicit(&sender->answers, memory_order_relaxed)) {
        segmsg_runs_reclaim(sender, run);
    }
    *first = find_run(sender, run, partitions);
    if (*first == SEGMSG_EXTENT_NONE) {
        return SEGMSG_ERR_FULL;
    }
    if (!commit_run(sender, run, *first, partitions)) {
        /* What has come back has its memory. */
        segmsg_runs_reclaim(sender, run);
        *first = segmsg_extent_find(run->slab.taken | ~run->committed, partitions);
    }
    if (*first == SEGMSG_EXTENT_NONE) {
        return segmsg_slab_is_empty(&run->slab) ? SEGMSG_ERR_NO_SPACE : SEGMSG_ERR_FULL;
    }
    segmsg_slab_occupy(&run->slab, *first, partitions);
    return SEGMSG_OK;
}

/*
 * What a message counts for towards a segment of the sender's own. Each saves the same there, and costs the
 * pages that it is the first to touch, which takes longer than to copy to them: one of a page or less counts
 * in full, longer ones for less.
 */
enum { IN_FULL = 16 };
static uint32_t weight(size_t length)
{
    size_t pages = (length + SEGMSG_PAGE - 1) / SEGMSG_PAGE;
    return pages <= 1 ? IN_FULL : pages >= IN_FULL ? 1 : (uint32_t) (IN_FULL / pages);
}

/*
 * How far a pair has come with a group above group 0, which follows from what there is of it:
 *
 *   shared ------- enough was sent of its kind, ------> due ---- formed ----> own (run[group])
 *   (wanted[group])  or there is no common segment      | ^
 *                                    no memory for it   | |  SEGMSG_ASK_AGAIN messages later
 *                                                       v |
 *                                                    refused (refused[group])
 *
 * Who is refused goes on in the common segment. True if a message should go there from the first.
 */
static bool is_shared(const segmsg_sender_t *sender, uint32_t group)
{
    return sender->run[group] == NULL && sender->target->shape.common[group] != 0
           && sender->wanted[group] < (uint64_t) sender->growth.long_after * IN_FULL;
}

/* Takes a run in one group of the sender's own, forming it if need be. */
static segmsg_error_t take_in_own(segmsg_sender_t *sender, size_t length, uint32_t group,
                                  segmsg_place_t *place)
{
    segmsg_error_t error = sender->run[group] == NULL ? form_run(sender, group) : SEGMSG_OK;
    if (error != SEGMSG_OK) {
        return error;
    }
    segmsg_run_image_t *run = sender->run[group];
    place->partitions = segmsg_group_partitions(&sender->geometry, group, length);
    error = take_run(sender, group, place->partitions, &place->first);
    if (error == SEGMSG_OK) {
        place->data = run->partition + (size_t) place->first * run->entry.partition_size;
        place->group = group;
    }
    return error;
}

static segmsg_error_t take_larger(segmsg_sender_t *sender, size_t length, uint32_t from_group,
                                  segmsg_place_t *place)
{
    uint32_t first = segmsg_geometry_select(&sender->geometry, from_group, length);
    if (first == sender->geometry.group_count) {
        return SEGMSG_ERR_TOO_LARGE;
    }
    if (is_shared(sender, first)) {
        /* Full: it will not be for long, and to wait takes no memory; but not without end. */
        segmsg_error_t common = segmsg_common_take(sender, length, first, place);
        if (common == SEGMSG_OK) {
            sender->wanted[first] += weight(length);
            sender->starved = 0;
            return SEGMSG_OK;
        }
        sender->wanted[first] += common == SEGMSG_ERR_FULL; /* there are too many for one segment */
        if (common == SEGMSG_ERR_CORRUPT
            || (common == SEGMSG_ERR_FULL && ++sender->starved < STARVED_MAX)) {
            return common;
        }
        sender->starved = 0;
    }
    bool full = false;
    segmsg_error_t error = SEGMSG_ERR_TOO_LARGE;
    for (uint32_t g = first; g < sender->geometry.group_count;
         g = segmsg_geometry_select(&sender->geometry, g + 1, length)) {
        error = take_in_own(sender, length, g, place);
        if (error == SEGMSG_OK || error == SEGMSG_ERR_CORRUPT) {
            return error;
        }
        full = full || error == SEGMSG_ERR_FULL;
    }
    /* No memory for a group of its own: what all share is there, or will be in a moment. */
    if (!full) {
        segmsg_error_t common = segmsg_common_take(sender, length, first, place);
        error = common == SEGMSG_ERR_TABLE_FULL ? error : common;
    }
    return full ? SEGMSG_ERR_FULL : error;
}

/* The group for a piece of `length` bytes; 0: whatever is best for that length. */
static uint32_t piece_group(const segmsg_sender_t *sender, size_t length)
{
    uint32_t g = 1;
    while (g < sender->geometry.group_count
           && !outgrows_cache(sender, &sender->geometry.group[g])) {
        ++g;
    }
    bool fits = g < sender->geometry.group_count
                && segmsg_geometry_select(&sender->geometry, g, length) == g
                && sender->geometry.group[g].partition_size < 2 * length;
    return fits ? g : 0;
}

static segmsg_error_t take_lasting(segmsg_sender_t *sender, size_t length, segmsg_place_t *place)
{
    /* A way to announce it first: without one it could never be published. */
    segmsg_error_t error =
        sender->connection == SEGMSG_CONNECTION_NONE ? segmsg_growth_begin(sender) : SEGMSG_OK;
    if (error != SEGMSG_OK) {
        return error;
    }
    uint32_t group = piece_group(sender, length);
    if (group == 0) {
        return take_larger(sender, length, 1, place);
    }
    uint32_t refused = sender->refused[group];
    if (refused == 0) {
        error = take_larger(sender, length, group, place);
        return error == SEGMSG_OK || error == SEGMSG_ERR_FULL
                   ? error
                   : take_larger(sender, length, 1, place);
    }
    error = take_larger(sender, length, 1, place);
    if (sender->refused[group] == refused) {
        --sender->refused[group]; /* it did not come so far */
    }
    return error;
}

segmsg_error_t segmsg_sender_take_larger(segmsg_sender_t *sender, size_t length,
                                         uint32_t from_group, segmsg_place_t *place)
{
    return segmsg_sender_is_corrupt(sender)
               ? SEGMSG_ERR_CORRUPT
               : segmsg_sender_outcome(sender, take_larger(sender, length, from_group, place));
}

segmsg_error_t segmsg_sender_take_lasting(segmsg_sender_t *sender, size_t length,
                                          segmsg_place_t *place)
{
    return segmsg_sender_is_corrupt(sender)
               ? SEGMSG_ERR_CORRUPT
               : segmsg_sender_outcome(sender, take_lasting(sender, length, place));
}

segmsg_error_t segmsg_runs_take_larger(segmsg_sender_t *sender, size_t length, uint32_t from_group,
                                       segmsg_place_t *place)
{
    return take_larger(sender, length, from_group, place);
}
