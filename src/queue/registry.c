/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "queue/registry.h"

#include "queue/sums.h"

#include <string.h>

/* Takes an empty group entry, below the high-water mark or by raising it. */
static segmsg_error_t take_group_entry(segmsg_export_t *export, uint32_t *group_index)
{
    segmsg_head_t *head = segmsg_export_head(export);
    for (uint32_t index = 0; index < export->shape.groups_max; ++index) {
        if (index >= atomic_load_explicit(&head->group_count, memory_order_relaxed)) {
            segmsg_error_t error =
                segmsg_table_take(export, &head->group_count, export->shape.groups_max,
                                  export->shape.group_table, sizeof(segmsg_group_entry_t), &index);
            if (error != SEGMSG_OK) {
                return error;
            }
        }
        if (!segmsg_table_reach(export, index)) {
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
    if (!segmsg_segment_claim(export, group, partition_count, &segment)) {
        segmsg_error_t error =
            segmsg_segment_add(export, group, partition_count, SEGMSG_SEGMENT_CLAIMED, &segment);
        if (error != SEGMSG_OK) {
            return error;
        }
    }
    segmsg_segment_entry_t checked;
    segmsg_error_t error = segmsg_segment_read(export, segment, &checked);
    if (error == SEGMSG_OK
        && (checked.group != group || checked.partition_count != partition_count
            || !segmsg_segment_is_apart(export, segment, checked.offset, checked.bytes)
            || checked.group_entry != SEGMSG_GROUP_NONE)) {
        error = SEGMSG_ERR_CORRUPT;
    }
    if (error != SEGMSG_OK) {
        return error; /* and nobody gets that segment again */
    }
    segmsg_segment_view_t view;
    uint64_t touched =
        group == 0 ? checked.bytes : segmsg_partitions_offset(group, checked.partition_count);
    if (!segmsg_segment_view(export, &checked, &view)
        || export->commit(export->commit_context, checked.offset, touched) != 0) {
        segmsg_segment_unclaim(export, segment);
        return SEGMSG_ERR_NO_SPACE;
    }
    error = take_group_entry(export, group_index);
    if (error != SEGMSG_OK) {
        segmsg_segment_unclaim(export, segment);
        return error;
    }
    segmsg_segment_reset(&checked, &view);
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
        segmsg_segment_unclaim(export, segment);
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
