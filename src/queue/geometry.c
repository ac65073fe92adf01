/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "queue/geometry.h"

#include <ctype.h>
#include <stdlib.h>

static const char *parse_number(const char *text, uint32_t *value)
{
    if (!isdigit((unsigned char) *text)) {
        return NULL;
    }
    char *end;
    unsigned long long number = strtoull(text, &end, 10);
    unsigned shift = 0;
    if (*end == 'k' || *end == 'K') {
        shift = 10;
    } else if (*end == 'm' || *end == 'M') {
        shift = 20;
    }
    if (shift != 0) {
        ++end;
    }
    if (number > (UINT32_MAX >> shift)) {
        return NULL;
    }
    *value = (uint32_t) (number << shift);
    return end;
}

static const char *parse_group(const char *text, segmsg_group_geometry_t *group)
{
    const char *at = parse_number(text, &group->partition_size);
    if (at == NULL || *at != ':') {
        return NULL;
    }
    at = parse_number(at + 1, &group->partition_count);
    if (at == NULL || *at != ':') {
        return NULL;
    }
    return parse_number(at + 1, &group->span_factor);
}

segmsg_error_t segmsg_geometry_parse(const char *text, segmsg_geometry_t *geometry,
                                     uint32_t *bad_group)
{
    *geometry = (segmsg_geometry_t){0};
    *bad_group = 0;
    if (text == NULL || *text == '\0') {
        return SEGMSG_ERR_SYNTAX;
    }
    for (const char *at = text;;) {
        *bad_group = geometry->group_count;
        if (geometry->group_count == SEGMSG_GROUPS_MAX) {
            return SEGMSG_ERR_GROUP_COUNT;
        }
        at = parse_group(at, &geometry->group[geometry->group_count]);
        if (at == NULL || (*at != '\0' && *at != ',')) {
            return SEGMSG_ERR_SYNTAX;
        }
        ++geometry->group_count;
        if (*at == '\0') {
            break;
        }
        ++at;
    }
    return segmsg_geometry_check(geometry, bad_group);
}

static segmsg_error_t check_group(const segmsg_geometry_t *geometry, uint32_t index)
{
    const segmsg_group_geometry_t *g = &geometry->group[index];
    uint32_t size = g->partition_size;
    uint32_t count = g->partition_count;
    if (size < SEGMSG_LINE || size > SEGMSG_PARTITION_MAX || (size & (size - 1)) != 0
        || (index == 0 && size != SEGMSG_LINE)) {
        return SEGMSG_ERR_PARTITION_SIZE;
    }
    if (index > 0 && size <= g[-1].partition_size) {
        return SEGMSG_ERR_NOT_RISING;
    }
    if (index == 0 ? count < SEGMSG_RING_MIN || count > SEGMSG_RING_MAX
                   : count < 1 || count > SEGMSG_RUN_BITS) {
        return SEGMSG_ERR_PARTITION_COUNT;
    }
    uint32_t span_max = index == 0 ? segmsg_ring_span_max(count) : count;
    if (g->span_factor < 1 || g->span_factor > span_max) {
        return SEGMSG_ERR_SPAN;
    }
    return SEGMSG_OK;
}

segmsg_error_t segmsg_geometry_check(const segmsg_geometry_t *geometry, uint32_t *bad_group)
{
    *bad_group = 0;
    if (geometry->group_count < 2 || geometry->group_count > SEGMSG_GROUPS_MAX) {
        return SEGMSG_ERR_GROUP_COUNT;
    }
    for (uint32_t index = 0; index < geometry->group_count; ++index) {
        segmsg_error_t error = check_group(geometry, index);
        if (error != SEGMSG_OK) {
            *bad_group = index;
            return error;
        }
    }
    return segmsg_geometry_capacity(geometry) < SEGMSG_CAPACITY_MIN ? SEGMSG_ERR_CAPACITY
                                                                    : SEGMSG_OK;
}
