/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "rma/source.h"

#include <string.h>

/* Messages that go without a group that was refused before it is asked for again. */
enum { ASK_AGAIN = 1024 };

void segmsg_source_init(segmsg_source_t *source, const segmsg_geometry_t *geometry)
{
    memset(source, 0, sizeof(*source));
    source->geometry = *geometry;
}

/* Bytes of the directory before the partitions of a source segment, in whole lines. */
static size_t directory_bytes(const segmsg_geometry_t *geometry, uint32_t group)
{
    size_t bytes = geometry->group[group].partition_count * sizeof(segmsg_directory_entry_t);
    return (bytes + SEGMSG_LINE - 1) / SEGMSG_LINE * SEGMSG_LINE;
}

size_t segmsg_source_bytes(const segmsg_geometry_t *geometry, uint32_t group)
{
    const segmsg_group_geometry_t *shape = &geometry->group[group];
    return directory_bytes(geometry, group)
           + (size_t) shape->partition_size * shape->partition_count;
}

segmsg_error_t segmsg_source_formed(segmsg_source_t *source, uint32_t group, uint32_t segment,
                                    uint64_t remote, void *memory)
{
    if (group >= source->geometry.group_count || segment >= SEGMSG_WIRE_SEGMENTS
        || source->segment[group].state != SEGMSG_SOURCE_ASKED) {
        return SEGMSG_ERR_CORRUPT;
    }
    segmsg_source_segment_t *formed = &source->segment[group];
    uint32_t count = source->geometry.group[group].partition_count;
    memset(memory, 0, directory_bytes(&source->geometry, group));
    formed->partition = (unsigned char *) memory + directory_bytes(&source->geometry, group);
    segmsg_slab_open(&formed->slab, memory, count);
    formed->sent = 0;
    formed->segment = segment;
    formed->token = 0;
    formed->remote = remote;
    formed->is_fresh = true;
    formed->is_wanted = false;
    formed->state = SEGMSG_SOURCE_FORMED;
    return SEGMSG_OK;
}

void segmsg_source_refused(segmsg_source_t *source, uint32_t group)
{
    if (group < source->geometry.group_count
        && source->segment[group].state == SEGMSG_SOURCE_ASKED) {
        source->segment[group].state = SEGMSG_SOURCE_REFUSED;
        source->segment[group].patience = ASK_AGAIN;
    }
}

void segmsg_source_recalled(segmsg_source_t *source, uint32_t group)
{
    if (group >= source->geometry.group_count
        || source->segment[group].state != SEGMSG_SOURCE_FORMED) {
        return;
    }
    source->segment[group].is_wanted = source->segment[group].is_fresh;
    if (!source->segment[group].is_fresh) {
        source->segment[group].state = SEGMSG_SOURCE_RECALLED;
    }
}

bool segmsg_source_is_released(segmsg_source_t *source, uint32_t group)
{
    segmsg_source_segment_t *segment = &source->segment[group];
    if (segment->state != SEGMSG_SOURCE_RECALLED || !segmsg_slab_is_empty(&segment->slab)) {
        return false;
    }
    segment->state = SEGMSG_SOURCE_ABSENT;
    segment->partition = NULL;
    return true;
}

bool segmsg_source_returned(segmsg_source_t *source, const segmsg_return_t *what)
{
    if (what->group >= source->geometry.group_count) {
        return false;
    }
    segmsg_source_segment_t *segment = &source->segment[what->group];
    if ((int16_t) (what->number - segment->returned_number) <= 0) {
        return true; /* overtaken by a later one */
    }
    segment->returned_number = what->number;
    if (segment->state != SEGMSG_SOURCE_FORMED && segment->state != SEGMSG_SOURCE_RECALLED) {
        return true; /* of a group that was given up meanwhile */
    }
    /* Of what was not written, the memory might else be given up before the write. */
    if (!segmsg_slab_credit(&segment->slab, what->word, segment->sent)) {
        return false;
    }
    segment->sent &= segment->slab.taken;
    return true;
}

/* Notes that a group is to be asked for, unless it was or has just been refused. */
static void want(segmsg_source_t *source, uint32_t group)
{
    segmsg_source_segment_t *segment = &source->segment[group];
    if (segment->state == SEGMSG_SOURCE_REFUSED && --segment->patience == 0) {
        segment->state = SEGMSG_SOURCE_ABSENT;
    }
    if (segment->state == SEGMSG_SOURCE_ABSENT) {
        segment->state = SEGMSG_SOURCE_ASKED;
        source->wants |= UINT32_C(1) << group;
    }
}

/* A message is put into a segment. If it was recalled before the first, that one was the last. */
static void note_use(const segmsg_source_t *source, segmsg_source_segment_t *segment)
{
    segment->used = source->clock;
    segment->is_fresh = false;
    if (__builtin_expect(segment->is_wanted, 0)) {
        segment->is_wanted = false;
        segment->state = SEGMSG_SOURCE_RECALLED;
    }
}

/* A run becomes a message's. */
static void occupy(segmsg_source_t *source, uint32_t group, uint32_t first, uint32_t partitions,
                   segmsg_place_t *place)
{
    segmsg_source_segment_t *segment = &source->segment[group];
    size_t size = source->geometry.group[group].partition_size;
    segmsg_slab_occupy(&segment->slab, first, partitions);
    note_use(source, segment);
    place->data = segment->partition + first * size + SEGMSG_WIRE_HEADER_BYTES;
    place->group = group;
    place->first = first;
    place->partitions = partitions;
}

static bool take_in(segmsg_source_t *source, uint32_t group, size_t length, segmsg_place_t *place)
{
    const segmsg_source_segment_t *segment = &source->segment[group];
    size_t size = source->geometry.group[group].partition_size;
    uint32_t partitions = segmsg_wire_partitions(size, length);
    uint32_t first = segmsg_extent_find(segment->slab.taken, partitions);
    if (first == SEGMSG_EXTENT_NONE) {
        return false;
    }
    occupy(source, group, first, partitions, place);
    return true;
}

/*
 * Where a message of a stream goes if it can: behind the one that waits to be sent, so that both leave
 * with one write.
 */
static bool take_next(segmsg_source_t *source, uint32_t group, size_t length, segmsg_place_t *place)
{
    const segmsg_source_batch_t *batch = &source->batch;
    const segmsg_source_segment_t *segment = &source->segment[group];
    size_t size = source->geometry.group[group].partition_size;
    uint32_t partitions = segmsg_wire_partitions(size, length);
    uint32_t first = batch->first + batch->partitions;
    if (partitions > source->geometry.group[group].span_factor
        || first + partitions > source->geometry.group[group].partition_count
        || (segment->slab.taken & segmsg_extent_mask(first, partitions)) != 0) {
        return false;
    }
    occupy(source, group, first, partitions, place);
    return true;
}

/* True if every group that can carry a message of `length` bytes was refused. */
static bool is_refused(const segmsg_source_t *source, size_t length)
{
    const segmsg_geometry_t *geometry = &source->geometry;
    uint32_t group = segmsg_wire_select(geometry, 0, length);
    while (group < geometry->group_count && source->segment[group].state == SEGMSG_SOURCE_REFUSED) {
        group = segmsg_wire_select(geometry, group + 1, length);
    }
    return group == geometry->group_count;
}

segmsg_error_t segmsg_source_take(segmsg_source_t *source, size_t length, segmsg_place_t *place)
{
    const segmsg_geometry_t *geometry = &source->geometry;
    uint32_t fits = segmsg_wire_select(geometry, 0, length);
    if (fits == geometry->group_count) {
        return SEGMSG_ERR_TOO_LARGE;
    }
    const segmsg_source_batch_t *batch = &source->batch;
    if (batch->partitions != 0 && batch->group >= fits
        && source->segment[batch->group].state == SEGMSG_SOURCE_FORMED
        && take_next(source, batch->group, length, place)) {
        return SEGMSG_OK;
    }
    bool is_asked = false;
    for (uint32_t group = fits; group < geometry->group_count;
         group = segmsg_wire_select(geometry, group + 1, length)) {
        if (source->segment[group].state == SEGMSG_SOURCE_FORMED) {
            if (take_in(source, group, length, place)) {
                source->passed += group != fits;
                return SEGMSG_OK;
            }
        } else if (!is_asked) {
            want(source, group); /* one at a time: the next larger one may not be needed */
            is_asked = source->segment[group].state == SEGMSG_SOURCE_ASKED;
        }
    }
    ++source->full;
    if (!is_refused(source, length)) {
        return SEGMSG_ERR_FULL;
    }
    if (segmsg_source_sure_capacity(source) != 0) {
        return SEGMSG_ERR_NO_SPACE; /* it goes in pieces */
    }
    want(source, 0); /* so that it can go in pieces */
    return SEGMSG_ERR_FULL;
}

size_t segmsg_source_sure_capacity(const segmsg_source_t *source)
{
    size_t most = 0;
    for (uint32_t group = 0; group < source->geometry.group_count; ++group) {
        if (source->segment[group].state == SEGMSG_SOURCE_FORMED) {
            size_t capacity = segmsg_wire_capacity(&source->geometry, group);
            most = capacity > most ? capacity : most;
        }
    }
    return most;
}

bool segmsg_source_joins(const segmsg_source_t *source, const segmsg_place_t *place,
                         uint32_t length, size_t write_most)
{
    const segmsg_source_batch_t *batch = &source->batch;
    size_t size = source->geometry.group[place->group].partition_size;
    return batch->partitions == 0
           || (place->group == batch->group && place->first == batch->first + batch->partitions
               && batch->partitions * size + length + SEGMSG_WIRE_HEADER_BYTES <= write_most);
}

void segmsg_source_publish(segmsg_source_t *source, const segmsg_place_t *place, uint8_t tag,
                           uint32_t length, const segmsg_return_t *ride)
{
    segmsg_source_batch_t *batch = &source->batch;
    size_t size = source->geometry.group[place->group].partition_size;
    if (batch->partitions == 0) {
        batch->group = place->group;
        batch->first = place->first;
        batch->messages = 0;
    } else {
        batch->last->header += SEGMSG_KIND_MORE - SEGMSG_KIND_MESSAGE;
    }
    batch->bytes = (uint32_t) (batch->partitions * size) + length + SEGMSG_WIRE_HEADER_BYTES;
    batch->partitions += place->partitions;
    ++batch->messages;
    segmsg_wire_header_t *header =
        (void *) ((unsigned char *) place->data - SEGMSG_WIRE_HEADER_BYTES);
    header->header = segmsg_header_make(SEGMSG_KIND_MESSAGE, tag, place->partitions, length);
    header->sequence = source->sequence++;
    header->return_number = ride->number;
    header->return_group = ride->group;
    header->reserved = 0;
    header->return_word = ride->word;
    batch->last = header;
    ++source->clock;
    ++source->messages[place->group];
    source->partitions[place->group] += place->partitions;
}

void segmsg_source_give_back(segmsg_source_t *source, const segmsg_place_t *place)
{
    segmsg_slab_free(&source->segment[place->group].slab,
                     segmsg_extent_mask(place->first, place->partitions));
}
