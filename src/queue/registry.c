/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "queue/registry.h"

#include <string.h>

static bool commit(segmsg_export_t *export, size_t offset, size_t length)
{
    return export->commit(export->commit_context, offset, length) == 0;
}

/* Mixes `value` into `sum`; every bit of both counts. */
static uint64_t mix(uint64_t sum, uint64_t value)
{
    sum = (sum ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return sum ^ sum >> 29;
}

uint64_t segmsg_segment_sum(const segmsg_segment_entry_t *entry, uint32_t index)
{
    uint64_t sum = mix(1, (uint64_t) index << 32 | entry->group);
    sum = mix(sum, (uint64_t) entry->partition_size << 32 | entry->partition_count);
    sum = mix(sum, entry->span_factor);
    return mix(mix(sum, entry->offset), entry->bytes) | 1;
}

uint64_t segmsg_group_sum(const segmsg_group_entry_t *entry, uint32_t index)
{
    uint64_t sum = mix(2, (uint64_t) index << 32 | entry->group);
    sum = mix(sum, (uint64_t) entry->segment << 32 | entry->reserved);
    sum = mix(mix(sum, entry->sender.name), entry->sender.nonce);
    sum = mix(sum, (uint64_t) entry->sender.pid << 32 | entry->sender.session);
    return mix(sum, entry->after) | 1;
}

/*
 * Takes the next index of the table at `table`, which has `max` entries of `entry_bytes`. The entry
 * is committed before it is counted, so whatever is counted may be touched, and a failure spends
 * nothing. Returns SEGMSG_OK, SEGMSG_ERR_TABLE_FULL, SEGMSG_ERR_NO_SPACE or SEGMSG_ERR_CORRUPT.
 */
static segmsg_error_t take_index(segmsg_export_t *export, _Atomic uint32_t *count, uint32_t max,
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

/*
 * Has the page on which an entry of the tables begins, if it is the first there: the counts may have been
 * overwritten, and say that entries are in use that nobody has committed.
 */
static bool reach(segmsg_export_t *export, uint32_t index)
{
    uint64_t offset = export->shape.segment_table + (uint64_t) index * SEGMSG_TABLE_STRIDE;
    return offset % SEGMSG_PAGE >= SEGMSG_TABLE_STRIDE
           || commit(export, offset, SEGMSG_TABLE_STRIDE);
}

/* True if a segment at `offset`, `bytes` long, lies over none of the others in the table. */
static bool is_apart(segmsg_export_t *export, uint32_t segment, uint64_t offset, uint64_t bytes)
{
    uint32_t count =
        atomic_load_explicit(&segmsg_export_head(export)->segment_count, memory_order_relaxed);
    for (uint32_t s = 0; s < count && s < export->shape.segments_max && reach(export, s); ++s) {
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

/* As segmsg_segment_register, but leaves the segment in `state`. */
static segmsg_error_t add_segment(segmsg_export_t *export, uint32_t group, uint32_t partition_count,
                                  uint32_t state, uint32_t *segment)
{
    const segmsg_group_geometry_t *shape = &export->shape.geometry.group[group];
    uint64_t bytes = segmsg_segment_bytes(group, shape->partition_size, partition_count);
    /* Asked first, since whoever finds no room asks again and again and must spend no index. */
    uint32_t index;
    segmsg_error_t error = ask_arena(export, bytes);
    if (error == SEGMSG_OK) {
        error = take_index(export, &segmsg_export_head(export)->segment_count,
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
        add_segment(export, group, partition_count, SEGMSG_SEGMENT_REGISTERED, segment);
    if (error == SEGMSG_OK) {
        /* Relaxed: a hint. A claimer that misses it registers a segment of its own. */
        atomic_fetch_add_explicit(&segmsg_export_head(export)->registered, 1, memory_order_relaxed);
    }
    return error;
}

segmsg_error_t segmsg_segment_share(segmsg_export_t *export, uint32_t group,
                                    uint32_t partition_count, uint32_t *segment)
{
    return add_segment(export, group, partition_count, SEGMSG_SEGMENT_COMMON, segment);
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

/* Searches the table for a registered segment of that shape and claims it. */
static bool claim_segment(segmsg_export_t *export, uint32_t group, uint32_t partition_count,
                          uint32_t *segment)
{
    segmsg_head_t *head = segmsg_export_head(export);
    if (atomic_load_explicit(&head->registered, memory_order_relaxed) == 0) {
        return false;
    }
    uint32_t count = atomic_load_explicit(&head->segment_count, memory_order_relaxed);
    uint32_t most = export->shape.segments_max;
    for (uint32_t index = 0; index < count && index < most && reach(export, index); ++index) {
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

static void unclaim_segment(segmsg_export_t *export, uint32_t segment)
{
    segmsg_export_segment(export, segment)->group_entry = SEGMSG_GROUP_NONE;
    /* Release: what we wrote into the segment comes before what the next holder writes. */
    atomic_store_explicit(&segmsg_export_segment(export, segment)->state, SEGMSG_SEGMENT_REGISTERED,
                          memory_order_release);
    atomic_fetch_add_explicit(&segmsg_export_head(export)->registered, 1, memory_order_relaxed);
}

/* Takes an empty group entry, below the high-water mark or by raising it. */
static segmsg_error_t take_group_entry(segmsg_export_t *export, uint32_t *group_index)
{
    segmsg_head_t *head = segmsg_export_head(export);
    for (uint32_t index = 0; index < export->shape.groups_max; ++index) {
        if (index >= atomic_load_explicit(&head->group_count, memory_order_relaxed)) {
            segmsg_error_t error =
                take_index(export, &head->group_count, export->shape.groups_max,
                           export->shape.group_table, sizeof(segmsg_group_entry_t), &index);
            if (error != SEGMSG_OK) {
                return error;
            }
        }
        if (!reach(export, index)) {
            return SEGMSG_ERR_NO_SPACE;
        }
        segmsg_group_entry_t *entry = segmsg_export_group(export, index);
        uint32_t empty = SEGMSG_GROUP_EMPTY;
        /* Acquire: the owner's last use of the entry comes before ours. */
        if (atomic_compare_exchange_strong_explicit(&entry->state, &empty, SEGMSG_GROUP_FORMING,
                                                    memory_order_acquire, memory_order_relaxed)) {
            *group_index = index;
            return SEGMSG_OK;
        }
    }
    return SEGMSG_ERR_TABLE_FULL;
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

/* A fresh start for a segment that may have served another pair before. */
static void reset_segment(const segmsg_segment_entry_t *entry, const segmsg_segment_view_t *view)
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

/* Fills in a group entry that was taken, and tells the owner. */
static void pair(segmsg_export_t *export, uint32_t group_index, uint32_t group, uint32_t segment,
                 const segmsg_identity_t *sender, uint64_t after)
{
    segmsg_group_entry_t *pairing = segmsg_export_group(export, group_index);
    pairing->group = group;
    pairing->segment = segment;
    pairing->reserved = 0;
    pairing->sender = *sender;
    pairing->after = after;
    /* Release: whoever sees a sum sees the pairing, and that the entry is not EMPTY any more. */
    atomic_store_explicit(&pairing->check, segmsg_group_sum(pairing, group_index),
                          memory_order_release);
    /* Release: an owner that sees FORMED sees the pairing and the reset segment. */
    atomic_store_explicit(&pairing->state, SEGMSG_GROUP_FORMED, memory_order_release);
    /* Release: an owner that sees the new count finds the group. */
    atomic_fetch_add_explicit(&segmsg_export_head(export)->formed_count, 1, memory_order_release);
}

segmsg_error_t segmsg_group_form(segmsg_export_t *export, const segmsg_identity_t *sender,
                                 uint32_t group, uint32_t partition_count, uint32_t *group_index)
{
    return segmsg_group_form_after(export, sender, group, partition_count, 0, group_index);
}

segmsg_error_t segmsg_group_form_after(segmsg_export_t *export, const segmsg_identity_t *sender,
                                       uint32_t group, uint32_t partition_count, uint64_t after,
                                       uint32_t *group_index)
{
    uint32_t segment;
    if (!claim_segment(export, group, partition_count, &segment)) {
        segmsg_error_t error =
            add_segment(export, group, partition_count, SEGMSG_SEGMENT_CLAIMED, &segment);
        if (error != SEGMSG_OK) {
            return error;
        }
    }
    segmsg_segment_entry_t checked;
    segmsg_error_t error = segmsg_segment_read(export, segment, &checked);
    if (error == SEGMSG_OK
        && (checked.group != group || checked.partition_count != partition_count
            || !is_apart(export, segment, checked.offset, checked.bytes)
            || checked.group_entry != SEGMSG_GROUP_NONE)) {
        error = SEGMSG_ERR_CORRUPT;
    }
    if (error != SEGMSG_OK) {
        return error; /* and nobody gets that segment again */
    }
    segmsg_segment_view_t view;
    uint64_t touched =
        group == 0 ? checked.bytes : segmsg_partitions_offset(group, checked.partition_count);
    if (!segmsg_segment_view(export, &checked, &view) || !commit(export, checked.offset, touched)) {
        unclaim_segment(export, segment);
        return SEGMSG_ERR_NO_SPACE;
    }
    error = take_group_entry(export, group_index);
    if (error != SEGMSG_OK) {
        unclaim_segment(export, segment);
        return error;
    }
    reset_segment(&checked, &view);
    segmsg_segment_entry_t *entry = segmsg_export_segment(export, segment);
    entry->group_entry = *group_index;
    atomic_store_explicit(&entry->state, SEGMSG_SEGMENT_PAIRED, memory_order_relaxed);

    pair(export, *group_index, group, segment, sender, after);
    return SEGMSG_OK;
}

segmsg_error_t segmsg_group_join(segmsg_export_t *export, const segmsg_identity_t *sender,
                                 uint32_t *group_index)
{
    uint32_t segment;
    segmsg_segment_entry_t checked;
    segmsg_error_t error = segmsg_common_read(export, 0, &segment, &checked);
    if (error == SEGMSG_OK) {
        error = take_group_entry(export, group_index);
    }
    if (error == SEGMSG_OK) {
        pair(export, *group_index, 0, segment, sender, 0);
    }
    return error;
}

void segmsg_group_dissolve(segmsg_export_t *export, uint32_t group_index)
{
    segmsg_group_entry_t *pairing = segmsg_export_group(export, group_index);
    uint32_t segment = pairing->segment;
    bool is_ours = segment < export->shape.segments_max
                   && atomic_load_explicit(&segmsg_export_segment(export, segment)->state,
                                           memory_order_relaxed)
                          == SEGMSG_SEGMENT_PAIRED
                   && segmsg_export_segment(export, segment)->group_entry == group_index;
    pairing->segment = SEGMSG_SEGMENT_NONE;
    /* Relaxed: ordered by the release below. */
    atomic_store_explicit(&pairing->check, 0, memory_order_relaxed);
    /* Release: our last look at the entry comes before the next sender's writes. */
    atomic_store_explicit(&pairing->state, SEGMSG_GROUP_EMPTY, memory_order_release);
    if (is_ours) {
        unclaim_segment(export, segment);
    }
}

/* True if the sum of a group that is FORMED is right. */
static bool has_sum(const segmsg_group_entry_t *pairing, uint32_t group_index)
{
    /* Relaxed: ordered by the acquire of the state. */
    return atomic_load_explicit(&pairing->check, memory_order_relaxed)
           == segmsg_group_sum(pairing, group_index);
}

bool segmsg_group_stands(const segmsg_export_t *export, uint32_t group_index,
                         const segmsg_identity_t *sender)
{
    const segmsg_group_entry_t *pairing = segmsg_export_group(export, group_index);
    /* Acquire: the pairing behind the state. */
    return atomic_load_explicit(&pairing->state, memory_order_acquire) == SEGMSG_GROUP_FORMED
           && has_sum(pairing, group_index) && pairing->sender.name == sender->name
           && pairing->sender.nonce == sender->nonce && pairing->sender.session == sender->session;
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

segmsg_error_t segmsg_group_read(const segmsg_export_t *export, uint32_t group_index,
                                 uint32_t *segment, segmsg_segment_entry_t *checked)
{
    const segmsg_group_entry_t *pairing = segmsg_export_group(export, group_index);
    *segment = pairing->segment;
    segmsg_error_t error = segmsg_segment_read(export, *segment, checked);
    if (error == SEGMSG_OK
        && (!has_sum(pairing, group_index) || checked->group != pairing->group
            || (checked->group_entry != group_index
                && atomic_load_explicit(&checked->state, memory_order_relaxed)
                       != SEGMSG_SEGMENT_COMMON))) {
        error = SEGMSG_ERR_CORRUPT;
    }
    return error;
}
