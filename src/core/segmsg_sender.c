/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/segmsg_sender.h"

#include <string.h>

void segmsg_sender_init(segmsg_sender_t *sender, segmsg_export_t *target,
                        const segmsg_identity_t *self, uint32_t grow_after)
{
    memset(sender, 0, sizeof(*sender));
    sender->target = target;
    sender->self = *self;
    sender->geometry = target->shape.geometry;
    sender->grow_after = grow_after;
}

void segmsg_sender_set_cache(segmsg_sender_t *sender, const segmsg_cache_policy_t *policy)
{
    sender->ring.cache = *policy;
}

/* Forms a group and checks what stands in the tables about its segment. */
static segmsg_error_t form_group(segmsg_sender_t *sender, uint32_t group, uint32_t partition_count,
                                 uint32_t *segment, segmsg_segment_entry_t *entry)
{
    uint32_t group_index;
    segmsg_error_t error =
        segmsg_group_form(sender->target, &sender->self, group, partition_count, &group_index);
    if (error == SEGMSG_OK) {
        error = segmsg_group_read(sender->target, group_index, segment, entry);
    }
    return error;
}

/* Makes `ring` the image of the segment of `entry`. */
static void open_ring(segmsg_sender_t *sender, segmsg_ring_image_t *ring,
                      const segmsg_segment_entry_t *entry)
{
    ring->line = (void *) segmsg_segment_partitions(sender->target, entry);
    ring->returns = segmsg_segment_returns(sender->target, entry);
    ring->count = entry->partition_count;
    ring->at = 0;
    ring->head = 0;
    ring->limit = entry->partition_count;
    ring->capacity = (size_t) entry->span_factor * SEGMSG_LINE - SEGMSG_HEADER_BYTES;
    size_t streamed = (size_t) ring->cache.stream_lines * SEGMSG_LINE - SEGMSG_HEADER_BYTES;
    ring->stream_capacity = streamed < ring->capacity ? streamed : ring->capacity;
}

segmsg_error_t segmsg_sender_form_ring(segmsg_sender_t *sender)
{
    uint32_t starter = sender->target->shape.ring_starter;
    uint32_t full = sender->geometry.group[0].partition_count;
    /* Relaxed: a number that no other sender has, that is all. */
    sender->self.session = atomic_fetch_add_explicit(&segmsg_export_head(sender->target)->sessions,
                                                     1, memory_order_relaxed);
    uint32_t segment;
    segmsg_segment_entry_t entry;
    segmsg_error_t error = form_group(sender, 0, starter, &segment, &entry);
    if (error != SEGMSG_OK) {
        return error;
    }
    open_ring(sender, &sender->ring, &entry);
    sender->ring_is_starter = starter != full;
    return SEGMSG_OK;
}

/*
 * Replaces the starter by a full segment of group 0: the last entry in the old one names the new
 * one. If there is no memory for it we stay with the starter, which carries everything that a ring
 * must, only less of it at a time.
 */
static void grow_ring(segmsg_sender_t *sender)
{
    uint32_t segment;
    segmsg_segment_entry_t entry;
    if (!segmsg_ring_has_room(&sender->ring, 1)) {
        return;
    }
    segmsg_error_t error =
        form_group(sender, 0, sender->geometry.group[0].partition_count, &segment, &entry);
    sender->ring_is_starter = false;
    if (error != SEGMSG_OK) {
        return;
    }
    segmsg_ring_publish(&sender->ring, 1, segmsg_header_make(SEGMSG_KIND_SWITCH, 0, 1, segment));
    open_ring(sender, &sender->ring, &entry);
}

/* Messages that go without a group that could not be formed before it is tried again. */
enum { ASK_AGAIN = 1024 };

static segmsg_error_t form_run(segmsg_sender_t *sender, uint32_t group)
{
    segmsg_run_image_t *run = &sender->run[group];
    if (run->refused != 0) {
        --run->refused;
        return SEGMSG_ERR_NO_SPACE;
    }
    segmsg_segment_entry_t entry;
    segmsg_error_t error = form_group(sender, group, sender->geometry.group[group].partition_count,
                                      &run->segment, &entry);
    if (error != SEGMSG_OK) {
        run->refused = ASK_AGAIN;
        return error;
    }
    run->size = entry.partition_size;
    run->returns = segmsg_segment_returns(sender->target, &entry);
    run->directory = segmsg_segment_directory(sender->target, &entry);
    run->partition = segmsg_segment_partitions(sender->target, &entry);
    run->returned = 0;
    run->exists = segmsg_run_mask(0, entry.partition_count);
    run->taken = ~run->exists;
    return SEGMSG_OK;
}

/* Enters a run into the directory: first mark, and from each partition to the next (row G5). */
static void directory_enter(segmsg_run_image_t *run, uint32_t first, uint32_t partitions)
{
    uint32_t mark = SEGMSG_DIRECTORY_USED | SEGMSG_DIRECTORY_FIRST;
    for (uint32_t p = first; p < first + partitions; ++p) {
        uint32_t next = p + 1 < first + partitions ? p + 1 : SEGMSG_DIRECTORY_LAST;
        /* Relaxed: the announcement's release orders it for the receiver. */
        atomic_store_explicit(&run->directory[p], (uint16_t) (mark | next), memory_order_relaxed);
        mark = SEGMSG_DIRECTORY_USED;
    }
}

static void directory_clear(segmsg_run_image_t *run, uint64_t partitions)
{
    while (partitions != 0) {
        atomic_store_explicit(&run->directory[__builtin_ctzll(partitions)], SEGMSG_DIRECTORY_FREE,
                              memory_order_relaxed);
        partitions &= partitions - 1;
    }
}

/* Frees what the receiver has returned since the last look. */
static void run_reclaim(segmsg_run_image_t *run)
{
    /* Acquire: the receiver's reads of these partitions come before our writes over them. */
    uint64_t word = atomic_load_explicit(&run->returns->word, memory_order_acquire);
    uint64_t freed = (word ^ run->returned) & run->taken & run->exists;
    run->returned = word;
    run->taken &= ~freed;
    directory_clear(run, freed);
}

static bool take_run(segmsg_run_image_t *run, uint32_t partitions, uint32_t *first)
{
    *first = segmsg_run_find(run->taken, partitions);
    if (*first == SEGMSG_RUN_NONE) {
        run_reclaim(run);
        *first = segmsg_run_find(run->taken, partitions);
        if (*first == SEGMSG_RUN_NONE) {
            return false;
        }
    }
    run->taken |= segmsg_run_mask(*first, partitions);
    directory_enter(run, *first, partitions);
    return true;
}

/*
 * The groups from `from_group` on, by rising partition size: passes over those whose span does not
 * hold the message, that are full at this moment, or that the receiver has no memory for.
 */
segmsg_error_t segmsg_sender_take_larger(segmsg_sender_t *sender, size_t length,
                                         uint32_t from_group, segmsg_place_t *place)
{
    segmsg_error_t error = SEGMSG_ERR_TOO_LARGE;
    for (uint32_t g = from_group; g < sender->geometry.group_count; ++g) {
        if (segmsg_group_capacity(&sender->geometry, g) < length) {
            continue;
        }
        segmsg_run_image_t *run = &sender->run[g];
        if (run->partition == NULL) {
            segmsg_error_t formed = form_run(sender, g);
            if (formed != SEGMSG_OK) {
                error = error == SEGMSG_ERR_FULL ? SEGMSG_ERR_FULL : formed;
                continue;
            }
        }
        uint32_t partitions = segmsg_group_partitions(&sender->geometry, g, length);
        uint32_t first;
        if (take_run(run, partitions, &first)) {
            place->data = run->partition + (size_t) first * run->size;
            place->group = g;
            place->first = first;
            place->partitions = partitions;
            return SEGMSG_OK;
        }
        error = SEGMSG_ERR_FULL;
    }
    return error;
}

/* Takes `lines` in the ring, going round its end if they do not fit before it. */
static bool take_ring(segmsg_ring_image_t *ring, uint32_t lines, segmsg_place_t *place)
{
    uint32_t skip = ring->at + lines > ring->count ? ring->count - ring->at : 0;
    if (!segmsg_ring_has_room(ring, skip + lines)) {
        return false;
    }
    if (skip != 0) {
        segmsg_ring_publish(ring, skip, segmsg_header_make(SEGMSG_KIND_WRAP, 0, skip, 0));
    }
    place->data = ring->line[ring->at].bytes + SEGMSG_HEADER_BYTES;
    place->group = 0;
    place->first = ring->at;
    place->partitions = lines;
    return true;
}

segmsg_error_t segmsg_sender_take_slow(segmsg_sender_t *sender, size_t length,
                                       segmsg_place_t *place)
{
    if (length > segmsg_geometry_capacity(&sender->geometry)) {
        return SEGMSG_ERR_TOO_LARGE;
    }
    segmsg_ring_image_t *ring = &sender->ring;
    if (ring->line == NULL) {
        segmsg_error_t error = segmsg_sender_form_ring(sender);
        if (error != SEGMSG_OK) {
            return error;
        }
    }
    bool in_ring = length <= segmsg_group_capacity(&sender->geometry, 0);
    if (sender->ring_is_starter
        && (sender->messages[0] >= sender->grow_after || (in_ring && length > ring->capacity))) {
        grow_ring(sender);
    }
    segmsg_error_t error = SEGMSG_ERR_TOO_LARGE;
    if (length <= segmsg_sender_ring_capacity(sender)) {
        uint32_t lines = segmsg_group_partitions(&sender->geometry, 0, length);
        if (take_ring(ring, lines, place)) {
            return SEGMSG_OK;
        }
        error = SEGMSG_ERR_FULL;
    }
    /* A message above group 0 needs a line there to be announced; without one it must wait. */
    if (!segmsg_ring_has_room(ring, 1)) {
        ++sender->full;
        return SEGMSG_ERR_FULL;
    }
    segmsg_error_t larger = segmsg_sender_take_larger(sender, length, 1, place);
    if (larger == SEGMSG_OK) {
        sender->passed += place->group != segmsg_geometry_select(&sender->geometry, length);
        return SEGMSG_OK;
    }
    if (error == SEGMSG_ERR_FULL || larger == SEGMSG_ERR_FULL) {
        ++sender->full;
        return SEGMSG_ERR_FULL;
    }
    return larger;
}

bool segmsg_sender_announce(segmsg_sender_t *sender, const segmsg_place_t *place, uint8_t tag,
                            uint32_t length)
{
    segmsg_ring_image_t *ring = &sender->ring;
    if (ring->line == NULL && segmsg_sender_form_ring(sender) != SEGMSG_OK) {
        return false;
    }
    if (!segmsg_ring_has_room(ring, 1)) {
        return false;
    }
    segmsg_announcement_t *announcement = &ring->line[ring->at].announcement;
    announcement->segment = sender->run[place->group].segment;
    announcement->first = (uint16_t) place->first;
    announcement->partitions = (uint16_t) place->partitions;
    segmsg_ring_publish(ring, 1, segmsg_header_make(SEGMSG_KIND_RUN, tag, 1, length));
    segmsg_ring_own_ahead(ring, 1);
    ++sender->messages[place->group];
    sender->partitions[place->group] += place->partitions;
    return true;
}

void segmsg_sender_give_back(segmsg_sender_t *sender, const segmsg_place_t *place)
{
    segmsg_run_image_t *run = &sender->run[place->group];
    uint64_t mask = segmsg_run_mask(place->first, place->partitions);
    run->taken &= ~mask;
    directory_clear(run, mask);
}

bool segmsg_sender_close(segmsg_sender_t *sender)
{
    segmsg_ring_image_t *ring = &sender->ring;
    if (ring->line == NULL) {
        return true;
    }
    if (!segmsg_ring_has_room(ring, 1)) {
        return false;
    }
    /* The groups may go to another sender at once, so the ring is not touched after the header:
     * no next header is cleared here but before. */
    segmsg_ring_publish(ring, 1, segmsg_header_make(SEGMSG_KIND_CLOSE, 0, 1, 0));
    *ring = (segmsg_ring_image_t){.cache = ring->cache};
    memset(sender->run, 0, sizeof(sender->run));
    return true;
}
