/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "queue/region.h"

#include <string.h>

static size_t round_to_page(size_t bytes)
{
    return (bytes + SEGMSG_PAGE - 1) / SEGMSG_PAGE * SEGMSG_PAGE;
}

/* The page of the records of joint transfers: behind the tables. */
static size_t joints_offset(uint32_t groups_max)
{
    return round_to_page(SEGMSG_TABLES_OFFSET + (size_t) groups_max * SEGMSG_TABLE_STRIDE);
}

/* Where the arena begins. */
static size_t arena_offset(uint32_t groups_max)
{
    return joints_offset(groups_max) + SEGMSG_JOINTS * sizeof(segmsg_joint_t);
}

static size_t ring_bytes(uint32_t partitions)
{
    return round_to_page(segmsg_segment_bytes(0, SEGMSG_LINE, partitions));
}

/* A full segment of every group above group 0. */
static size_t larger_bytes(const segmsg_geometry_t *geometry)
{
    size_t bytes = 0;
    for (uint32_t g = 1; g < geometry->group_count; ++g) {
        bytes += round_to_page(segmsg_segment_bytes(g, geometry->group[g].partition_size,
                                                    geometry->group[g].partition_count));
    }
    return bytes;
}

static size_t common_bytes(const segmsg_export_config_t *config)
{
    return config->lobby == 0 ? 0 : ring_bytes(config->lobby) + larger_bytes(&config->geometry);
}

/* Of a sender, all that it must have: a starter and its successor, and the larger groups. */
static size_t least_bytes_a_sender(const segmsg_export_config_t *config)
{
    return ring_bytes(config->ring_starter)
           + ring_bytes(segmsg_geometry_full_ring(&config->geometry))
           + larger_bytes(&config->geometry);
}

/* All that it may have: a wide segment of group 0 as well. */
static size_t arena_bytes_a_sender(const segmsg_export_config_t *config)
{
    bool has_wide = segmsg_geometry_has_wide_ring(&config->geometry);
    return least_bytes_a_sender(config)
           + (has_wide ? ring_bytes(config->geometry.group[0].partition_count) : 0);
}

size_t segmsg_export_bytes_for(const segmsg_export_config_t *config, uint32_t peers)
{
    return arena_offset(config->groups_max) + common_bytes(config)
           + peers * arena_bytes_a_sender(config);
}

size_t segmsg_export_bytes_at_once(const segmsg_export_config_t *config)
{
    size_t lobby = config->lobby == 0 ? 0 : segmsg_segment_bytes(0, SEGMSG_LINE, config->lobby);
    return arena_offset(config->groups_max) + round_to_page(lobby);
}

size_t segmsg_export_bytes_min(const segmsg_export_config_t *config)
{
    return arena_offset(config->groups_max) + common_bytes(config) + least_bytes_a_sender(config);
}

size_t segmsg_export_bytes_at_start(const segmsg_export_config_t *config)
{
    size_t lobby = config->lobby == 0 ? 0 : ring_bytes(config->lobby);
    return SEGMSG_PAGE + lobby;
}

static segmsg_export_shape_t shape_of(const segmsg_head_t *head)
{
    segmsg_export_shape_t shape = {
        .geometry = head->geometry,
        .ring_starter = head->ring_starter,
        .segments_max = head->segments_max,
        .groups_max = head->groups_max,
        .export_bytes = head->export_bytes,
        .segment_table = head->segment_table,
        .group_table = head->group_table,
        .joints = head->joints,
        .arena = head->arena,
        .at_once = head->at_once,
    };
    memcpy(shape.common, head->common, sizeof(shape.common));
    return shape;
}

segmsg_error_t segmsg_export_begin(segmsg_export_t *export, const segmsg_export_config_t *config)
{
    uint32_t bad_group;
    segmsg_error_t error = segmsg_geometry_check(&config->geometry, &bad_group);
    if (error != SEGMSG_OK) {
        return error;
    }
    if (config->ring_starter < SEGMSG_RING_MIN
        || config->ring_starter > config->geometry.group[0].partition_count) {
        return SEGMSG_ERR_PARTITION_COUNT;
    }
    /* One sender with all its groups, two of group 0 for a moment; and all common segments. */
    uint32_t entries = config->geometry.group_count + 1;
    entries += config->lobby == 0 ? 0 : config->geometry.group_count;
    if (config->groups_max < entries || export->bytes < segmsg_export_bytes_min(config)) {
        return SEGMSG_ERR_TOO_SMALL;
    }
    if (config->lobby != 0
        && (config->lobby < SEGMSG_RING_MIN
            || config->lobby > config->geometry.group[0].partition_count)) {
        return SEGMSG_ERR_PARTITION_COUNT;
    }
    if (export->commit(export->commit_context, 0, SEGMSG_PAGE) != 0) {
        return SEGMSG_ERR_NO_SPACE;
    }
    segmsg_head_t *head = segmsg_export_head(export);
    head->layout_version = SEGMSG_LAYOUT_VERSION;
    head->segments_max = config->groups_max;
    head->groups_max = config->groups_max;
    head->ring_starter = config->ring_starter;
    head->export_bytes = export->bytes;
    head->segment_table = SEGMSG_TABLES_OFFSET;
    head->group_table = head->segment_table + sizeof(segmsg_segment_entry_t);
    head->joints = joints_offset(config->groups_max);
    head->arena = arena_offset(config->groups_max);
    head->openers = config->openers;
    head->at_once = segmsg_export_bytes_at_once(config);
    head->owner = config->owner;
    head->geometry = config->geometry;
    head->magic = SEGMSG_MAGIC;
    export->shape = shape_of(head);
    return SEGMSG_OK;
}

segmsg_error_t segmsg_export_check(segmsg_export_t *export)
{
    if (export->bytes < SEGMSG_PAGE) {
        return SEGMSG_ERR_LAYOUT;
    }
    const segmsg_head_t *head = segmsg_export_head(export);
    if (head->magic != SEGMSG_MAGIC || head->layout_version != SEGMSG_LAYOUT_VERSION) {
        return SEGMSG_ERR_LAYOUT;
    }
    export->shape = shape_of(head);
    const segmsg_export_shape_t *shape = &export->shape;
    uint32_t bad_group;
    if (shape->export_bytes > export->bytes
        || segmsg_geometry_check(&shape->geometry, &bad_group) != SEGMSG_OK) {
        return SEGMSG_ERR_LAYOUT;
    }
    if (shape->ring_starter < SEGMSG_RING_MIN
        || shape->ring_starter > shape->geometry.group[0].partition_count
        || shape->segment_table != SEGMSG_TABLES_OFFSET || shape->segments_max != shape->groups_max
        || shape->group_table != shape->segment_table + sizeof(segmsg_segment_entry_t)
        || shape->joints != joints_offset(shape->groups_max)
        || shape->arena != arena_offset(shape->groups_max) || shape->arena > shape->at_once
        || shape->at_once > shape->export_bytes || shape->at_once % SEGMSG_PAGE != 0) {
        return SEGMSG_ERR_LAYOUT;
    }
    for (uint32_t g = 0; g < SEGMSG_GROUPS_MAX; ++g) {
        if (shape->common[g] > shape->segments_max) {
            return SEGMSG_ERR_LAYOUT;
        }
    }
    return SEGMSG_OK;
}
