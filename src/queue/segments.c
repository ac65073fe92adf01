/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "queue/segments.h"
#include "queue/sums.h"

#include <string.h>

static bool commit(segmsg_export_t *export, size_t offset, size_t length)
{
    return export->commit(export->commit_context, offset, length) == 0;
}

segmsg_error_t segmsg_table_take(segmsg_export_t *export, _Atomic uint32_t *count, uint32_t max,
                                 uint64_t table, size_t entry_bytes, uint32_t *index)
{
    *index = atomic_load_explicit(count, memory_order_relaxed);
    do {
        if (*index >= max) {
            return *index == max ? SEGMSG_ERR_TABLE_FULL : SEGMSG_ERR_CORRUPT;
        }
        if (!commit(export, table + (size_t) *index * SEGMSG_TABLE_STRIDE, entry_bytes)) {
            return SEGMSG_ERR_NO_SPACE;
        }
        /* Relaxed: the entry is published later, by its state. */
    } while (!atomic_compare_exchange_weak_explicit(count, index, *index + 1, memory_order_relaxed,
                                                    memory_order_relaxed));
    return SEGMSG_OK;
}

static uint64_t whole_pages(uint64_t bytes)
{
    return (bytes + SEGMSG_PAGE - 1) / SEGMSG_PAGE * SEGMSG_PAGE;
}

/* Whether `want` bytes of the arena can be had where `used` are taken. */
static segmsg_error_t check_arena(const segmsg_export_t *export, uint64_t used, uint64_t want)
{
    uint64_t room = export->shape.export_bytes - export->shape.arena;
    if (used > room || used % SEGMSG_PAGE != 0) {
        return SEGMSG_ERR_CORRUPT;
    }
    return want <= room - used ? SEGMSG_OK : SEGMSG_ERR_TABLE_FULL;
}

/* Whether `bytes` of the arena could be taken at this moment. */
static segmsg_error_t ask_arena(const segmsg_export_t *export, uint64_t bytes)
{
    uint64_t used =
        atomic_load_explicit(&segmsg_export_head(export)->arena_used, memory_order_relaxed);
    return check_arena(export, used, whole_pages(bytes));
}

/* Takes whole pages of the arena; *offset receives where they lie in the export. */
static segmsg_error_t take_arena(segmsg_export_t *export, uint64_t bytes, uint64_t *offset)
{
    segmsg_head_t *head = segmsg_export_head(export);
    uint64_t want = whole_pages(bytes);
    uint64_t used = atomic_load_explicit(&head->arena_used, memory_order_relaxed);
    do {
        segmsg_error_t error = check_arena(export, used, want);
        if (error != SEGMSG_OK) {
            return error;
        }
    } while (!atomic_compare_exchange_weak_explicit(&head->arena_used, &used, used + want,
                                                    memory_order_relaxed, memory_order_relaxed));
    *offset = export->shape.arena + used;
    return SEGMSG_OK;
}

bool segmsg_table_reach(segmsg_export_t *export, uint32_t index)
{
    uint64_t offset = export->shape.segment_table + (uint64_t) index * SEGMSG_TABLE_STRIDE;
    return offset % SEGMSG_PAGE >= SEGMSG_TABLE_STRIDE
           || commit(export, offset, SEGMSG_TABLE_STRIDE);
}

bool segmsg_segment_is_apart(segmsg_export_t *export, uint32_t segment, uint64_t offset,
                             uint64_t bytes)
{
    uint32_t count =
        atomic_load_explicit(&segmsg_export_head(export)->segment_count, memory_order_relaxed);
    for (uint32_t s = 0;
         s < count && s < export->shape.segments_max && segmsg_table_reach(export, s); ++s) {
        const segmsg_segment_entry_t *other = segmsg_export_segment(export, s);
        /* Acquire: the descriptor behind the state. */
        if (s != segment
            && atomic_load_explicit(&other->state, memory_order_acquire) != SEGMSG_SEGMENT_EMPTY
            && offset < other->offset + other->bytes && other->offset < offset + bytes) {
            return false;
        }
    }
    return true;
}

segmsg_error_t segmsg_segment_add(segmsg_export_t *export, uint32_t group, uint32_t partition_count,
                                  uint32_t state, uint32_t *segment)
{
    const segmsg_group_geometry_t *shape = &export->shape.geometry.group[group];
    uint64_t bytes = segmsg_segment_bytes(group, shape->partition_size, partition_count);
    /* Asked first, since whoever finds no room asks again and again and must spend no index. */
    uint32_t index;
    segmsg_error_t error = ask_arena(export, bytes);
    if (error == SEGMSG_OK) {
        error = segmsg_table_take(export, &segmsg_export_head(export)->segment_count,
                                  export->shape.segments_max, export->shape.segment_table,
                                  sizeof(segmsg_segment_entry_t), &index);
    }
    uint64_t offset;
    if (error == SEGMSG_OK) {
        error = take_arena(export, bytes, &offset);
    }
    if (error != SEGMSG_OK) {
        return error; /* perhaps after a lost race: the index is spent, its state stays EMPTY */
    }
    segmsg_segment_entry_t *entry = segmsg_export_segment(export, index);
    /* Relaxed: it has never been written. */
    if (atomic_load_explicit(&entry->state, memory_order_relaxed) != SEGMSG_SEGMENT_EMPTY) {
        return SEGMSG_ERR_CORRUPT; /* it is somebody's: it was counted before */
    }
    entry->group = group;
    entry->partition_size = shape->partition_size;
    entry->partition_count = partition_count;
    uint32_t span_max = group == 0 ? segmsg_ring_span_max(partition_count) : partition_count;
    entry->span_factor = shape->span_factor < span_max ? shape->span_factor : span_max;
    entry->group_entry = SEGMSG_GROUP_NONE;
    entry->offset = offset;
    entry->bytes = bytes;
    entry->check = segmsg_segment_sum(entry, index);
    /* Release: whoever sees the state sees the descriptor. */
    atomic_store_explicit(&entry->state, state, memory_order_release);
    *segment = index;
    return SEGMSG_OK;
}

segmsg_error_t segmsg_segment_register(segmsg_export_t *export, uint32_t group,
                                       uint32_t partition_count, uint32_t *segment)
{
    segmsg_error_t error =
        segmsg_segment_add(export, group, partition_count, SEGMSG_SEGMENT_REGISTERED, segment);
    if (error == SEGMSG_OK) {
        /* Relaxed: a hint. A claimer that misses it registers a segment of its own. */
        atomic_fetch_add_explicit(&segmsg_export_head(export)->registered, 1, memory_order_relaxed);
    }
    return error;
}

segmsg_error_t segmsg_segment_share(segmsg_export_t *export, uint32_t group,
                                    uint32_t partition_count, uint32_t *segment)
{
    return segmsg_segment_add(export, group, partition_count, SEGMSG_SEGMENT_COMMON, segment);
}

/* Registers a segment of every group for all senders, and commits the lobby, which comes first in the
 * arena; the others are committed, and mapped, as they come into use. */
static segmsg_error_t add_common(segmsg_export_t *export, uint32_t lobby)
{
    segmsg_head_t *head = segmsg_export_head(export);
    for (uint32_t g = 0; g < export->shape.geometry.group_count; ++g) {
        uint32_t count = g == 0 ? lobby : export->shape.geometry.group[g].partition_count;
        uint32_t segment;
        segmsg_error_t error = segmsg_segment_share(export, g, count, &segment);
        if (error != SEGMSG_OK) {
            return error;
        }
        head->common[g] = export->shape.common[g] = segment + 1;
        const segmsg_segment_entry_t *entry = segmsg_export_segment(export, segment);
        if (g == 0 && !commit(export, entry->offset, entry->bytes)) {
            return SEGMSG_ERR_NO_SPACE;
        }
    }
    return SEGMSG_OK;
}

segmsg_error_t segmsg_export_init(segmsg_export_t *export, const segmsg_export_config_t *config)
{
    segmsg_error_t error = segmsg_export_begin(export, config);
    return error != SEGMSG_OK || config->lobby == 0 ? error : add_common(export, config->lobby);
}

segmsg_error_t segmsg_common_read(const segmsg_export_t *export, uint32_t group, uint32_t *segment,
                                  segmsg_segment_entry_t *checked)
{
    if (export->shape.common[group] == 0) {
        return SEGMSG_ERR_TABLE_FULL;
    }
    *segment = export->shape.common[group] - 1;
    segmsg_error_t error = segmsg_segment_read(export, *segment, checked);
    if (error == SEGMSG_OK
        && (checked->group != group
            || atomic_load_explicit(&checked->state, memory_order_relaxed)
                   != SEGMSG_SEGMENT_COMMON)) {
        error = SEGMSG_ERR_CORRUPT;
    }
    return error;
}

bool segmsg_partitions_commit(segmsg_export_t *export, const segmsg_segment_entry_t *checked,
                              uint32_t first, uint32_t count)
{
    return commit(export,
                  checked->offset
                      + segmsg_partitions_offset(checked->group, checked->partition_count)
                      + (size_t) first * checked->partition_size,
                  (size_t) count * checked->partition_size);
}

bool segmsg_segment_claim(segmsg_export_t *export, uint32_t group, uint32_t partition_count,
                          uint32_t *segment)
{
    segmsg_head_t *head = segmsg_export_head(export);
    if (atomic_load_explicit(&head->registered, memory_order_relaxed) == 0) {
        return false;
    }
    uint32_t count = atomic_load_explicit(&head->segment_count, memory_order_relaxed);
    uint32_t most = export->shape.segments_max;
    for (uint32_t index = 0; index < count && index < most && segmsg_table_reach(export, index);
         ++index) {
        segmsg_segment_entry_t *entry = segmsg_export_segment(export, index);
        /* Acquire: the descriptor behind the state. */
        uint32_t state = atomic_load_explicit(&entry->state, memory_order_acquire);
        if (state != SEGMSG_SEGMENT_REGISTERED || entry->group != group
            || entry->partition_count != partition_count) {
            continue;
        }
        /* Acquire: what the last holder wrote into the segment comes before what we write. */
        if (atomic_compare_exchange_strong_explicit(&entry->state, &state, SEGMSG_SEGMENT_CLAIMED,
                                                    memory_order_acquire, memory_order_relaxed)) {
            atomic_fetch_sub_explicit(&head->registered, 1, memory_order_relaxed);
            *segment = index;
            return true;
        }
    }
    return false;
}

void segmsg_segment_unclaim(segmsg_export_t *export, uint32_t segment)
{
    segmsg_export_segment(export, segment)->group_entry = SEGMSG_GROUP_NONE;
    /* Release: what we wrote into the segment comes before what the next holder writes. */
    atomic_store_explicit(&segmsg_export_segment(export, segment)->state, SEGMSG_SEGMENT_REGISTERED,
                          memory_order_release);
    atomic_fetch_add_explicit(&segmsg_export_head(export)->registered, 1, memory_order_relaxed);
}

bool segmsg_segment_view(const segmsg_export_t *export, const segmsg_segment_entry_t *checked,
                         segmsg_segment_view_t *view)
{
    bool is_there =
        export->map == NULL || checked->offset + checked->bytes <= export->shape.at_once;
    unsigned char *at = is_there
                            ? export->base + checked->offset
                            : export->map(export->commit_context, checked->offset, checked->bytes);
    if (at == NULL) {
        return false;
    }
    view->control = (void *) at;
    view->directory = checked->group == 0 ? NULL : (void *) (at + sizeof(segmsg_control_t));
    view->partition = at + segmsg_partitions_offset(checked->group, checked->partition_count);
    return true;
}

void segmsg_segment_reset(const segmsg_segment_entry_t *entry, const segmsg_segment_view_t *view)
{
    segmsg_control_t *control = view->control;
    atomic_store_explicit(&control->word, 0, memory_order_relaxed);
    atomic_store_explicit(&control->inverse, ~UINT64_C(0), memory_order_relaxed);
    atomic_store_explicit(&control->messages, 0, memory_order_relaxed);
    atomic_store_explicit(&control->bytes, 0, memory_order_relaxed);
    atomic_store_explicit(&control->partitions, 0, memory_order_relaxed);
    if (entry->group == 0) {
        segmsg_line_t *line = (void *) view->partition;
        atomic_store_explicit(&line->header, 0, memory_order_relaxed);
    } else {
        for (uint32_t p = 0; p < entry->partition_count; ++p) {
            atomic_store_explicit(&view->directory[p], SEGMSG_DIRECTORY_FREE, memory_order_relaxed);
        }
    }
}

segmsg_error_t segmsg_segment_read(const segmsg_export_t *export, uint32_t segment,
                                   segmsg_segment_entry_t *checked)
{
    const segmsg_geometry_t *geometry = &export->shape.geometry;
    if (segment >= export->shape.segments_max) {
        return SEGMSG_ERR_CORRUPT;
    }
    const segmsg_segment_entry_t *entry = segmsg_export_segment(export, segment);
    atomic_init(&checked->state, atomic_load_explicit(&entry->state, memory_order_relaxed));
    checked->group = entry->group;
    checked->partition_size = entry->partition_size;
    checked->partition_count = entry->partition_count;
    checked->span_factor = entry->span_factor;
    checked->group_entry = entry->group_entry;
    checked->offset = entry->offset;
    checked->bytes = entry->bytes;
    checked->check = entry->check;
    if (checked->check != segmsg_segment_sum(checked, segment)
        || checked->group >= geometry->group_count) {
        return SEGMSG_ERR_CORRUPT;
    }
    const segmsg_group_geometry_t *shape = &geometry->group[checked->group];
    bool is_ring = checked->group == 0;
    uint32_t count = checked->partition_count;
    if (checked->partition_size != shape->partition_size || count > shape->partition_count
        || count < (is_ring ? SEGMSG_RING_MIN : 1) || checked->span_factor < 1
        || checked->span_factor > shape->span_factor
        || checked->span_factor > (is_ring ? segmsg_ring_span_max(count) : count)) {
        return SEGMSG_ERR_CORRUPT;
    }
    uint64_t end = export->shape.export_bytes;
    if (checked->bytes != segmsg_segment_bytes(checked->group, shape->partition_size, count)
        || checked->offset < export->shape.arena || checked->offset % SEGMSG_PAGE != 0
        || checked->offset > end || checked->bytes > end - checked->offset) {
        return SEGMSG_ERR_CORRUPT;
    }
    return SEGMSG_OK;
}
