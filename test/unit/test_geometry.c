/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Reading and checking geometries, and what they say about messages.
 */
#include "queue/geometry.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    const char *list;
    segmsg_error_t error;
    uint32_t bad_group;
} reading_t;

static const reading_t readings[] = {
    {"64:1023:129,1K:64:16", SEGMSG_OK, 0},
    {"64:8:3,128:8:8", SEGMSG_OK, 0},
    {"64:8:3,1K:1:1", SEGMSG_OK, 0},
    {"64:128:17,128:1:1", SEGMSG_OK, 0},
    {"64:65535:32766,4M:64:64", SEGMSG_OK, 0},
    {"64:1k:511,1k:64:64,1m:1:1", SEGMSG_OK, 0},
    {"64:8:1,128:1:1,256:1:1,512:1:1,1K:1:1,2K:1:1,4K:1:1,8K:1:1", SEGMSG_OK, 0},

    {"", SEGMSG_ERR_SYNTAX, 0},
    {",", SEGMSG_ERR_SYNTAX, 0},
    {"64", SEGMSG_ERR_SYNTAX, 0},
    {"64:8", SEGMSG_ERR_SYNTAX, 0},
    {"64:8:", SEGMSG_ERR_SYNTAX, 0},
    {"64:8:3,", SEGMSG_ERR_SYNTAX, 1},
    {"64:8:3,,128:8:3", SEGMSG_ERR_SYNTAX, 1},
    {"64:8:3 ,128:8:3", SEGMSG_ERR_SYNTAX, 0},
    {" 64:8:3,128:8:3", SEGMSG_ERR_SYNTAX, 0},
    {"64:8:3,128:8:3:1", SEGMSG_ERR_SYNTAX, 1},
    {"64:8:3,128:8:3x", SEGMSG_ERR_SYNTAX, 1},
    {"64:8:3;128:8:3", SEGMSG_ERR_SYNTAX, 0},
    {"64:-8:3,128:8:3", SEGMSG_ERR_SYNTAX, 0},
    {"64:+8:3,128:8:3", SEGMSG_ERR_SYNTAX, 0},
    {"0x40:8:3,128:8:3", SEGMSG_ERR_SYNTAX, 0},
    {"64:8:3,1G:8:3", SEGMSG_ERR_SYNTAX, 1},
    {"64:8:3,1KK:8:3", SEGMSG_ERR_SYNTAX, 1},
    {"64:8:3,4294967296:8:3", SEGMSG_ERR_SYNTAX, 1},
    {"64:8:3,4096M:8:3", SEGMSG_ERR_SYNTAX, 1},
    {"64:8:3,99999999999999999999999:8:3", SEGMSG_ERR_SYNTAX, 1},

    {"64:8:3", SEGMSG_ERR_GROUP_COUNT, 0},
    {"64:8:1,128:1:1,256:1:1,512:1:1,1K:1:1,2K:1:1,4K:1:1,8K:1:1,16K:1:1", SEGMSG_ERR_GROUP_COUNT,
     8},

    {"0:8:3,128:8:3", SEGMSG_ERR_PARTITION_SIZE, 0},
    {"32:8:3,128:8:3", SEGMSG_ERR_PARTITION_SIZE, 0},
    {"63:8:3,128:8:3", SEGMSG_ERR_PARTITION_SIZE, 0},
    {"128:8:3,256:8:3", SEGMSG_ERR_PARTITION_SIZE, 0},
    {"64:8:3,96:8:3", SEGMSG_ERR_PARTITION_SIZE, 1},
    {"64:8:3,1000:8:3", SEGMSG_ERR_PARTITION_SIZE, 1},
    {"64:8:3,0:8:3", SEGMSG_ERR_PARTITION_SIZE, 1},
    {"64:8:3,32:8:3", SEGMSG_ERR_PARTITION_SIZE, 1},
    {"64:8:3,8M:8:3", SEGMSG_ERR_PARTITION_SIZE, 1},
    {"64:8:3,128:8:3,2000M:1:1", SEGMSG_ERR_PARTITION_SIZE, 2},

    {"64:8:3,64:8:3", SEGMSG_ERR_NOT_RISING, 1},
    {"64:8:3,1K:8:3,1K:8:3", SEGMSG_ERR_NOT_RISING, 2},
    {"64:8:3,1K:8:3,512:8:3", SEGMSG_ERR_NOT_RISING, 2},

    {"64:0:1,128:8:3", SEGMSG_ERR_PARTITION_COUNT, 0},
    {"64:7:1,128:8:3", SEGMSG_ERR_PARTITION_COUNT, 0},
    {"64:65536:1,128:8:3", SEGMSG_ERR_PARTITION_COUNT, 0},
    {"64:64K:1,128:8:3", SEGMSG_ERR_PARTITION_COUNT, 0},
    {"64:8:3,128:0:1", SEGMSG_ERR_PARTITION_COUNT, 1},
    {"64:8:3,128:65:1", SEGMSG_ERR_PARTITION_COUNT, 1},
    {"64:8:3,128:4294967295:1", SEGMSG_ERR_PARTITION_COUNT, 1},

    {"64:8:0,128:8:3", SEGMSG_ERR_SPAN, 0},
    {"64:8:4,128:8:3", SEGMSG_ERR_SPAN, 0},
    {"64:8:8,128:8:3", SEGMSG_ERR_SPAN, 0},
    {"64:9:4,128:8:3", SEGMSG_ERR_SPAN, 0},
    {"64:65535:32767,128:8:3", SEGMSG_ERR_SPAN, 0},
    {"64:8:3,128:8:0", SEGMSG_ERR_SPAN, 1},
    {"64:8:3,128:8:9", SEGMSG_ERR_SPAN, 1},
    {"64:8:3,128:64:65", SEGMSG_ERR_SPAN, 1},

    {"64:8:3,128:1:1", SEGMSG_ERR_CAPACITY, 0},
    {"64:8:3,128:8:7", SEGMSG_ERR_CAPACITY, 0},
    {"64:128:16,512:8:1", SEGMSG_ERR_CAPACITY, 0}, /* 1024 less the header word */
};

static void lists_are_read_or_refused_with_the_group_at_fault(void)
{
    for (size_t r = 0; r < sizeof(readings) / sizeof(readings[0]); ++r) {
        segmsg_geometry_t geometry;
        uint32_t bad_group = 99;
        segmsg_error_t error = segmsg_geometry_parse(readings[r].list, &geometry, &bad_group);
        if (error != readings[r].error
            || (error != SEGMSG_OK && bad_group != readings[r].bad_group)) {
            unit_fail(__FILE__, __LINE__, "\"%s\": error %d in group %u, not %d in %u",
                      readings[r].list, (int) error, bad_group, (int) readings[r].error,
                      readings[r].bad_group);
        }
    }
    segmsg_geometry_t geometry;
    uint32_t bad_group;
    UNIT_EQUAL(segmsg_geometry_parse(NULL, &geometry, &bad_group), SEGMSG_ERR_SYNTAX);
}

static void a_list_becomes_its_numbers(void)
{
    segmsg_geometry_t geometry;
    uint32_t bad_group;
    UNIT_REQUIRE(segmsg_geometry_parse("64:1023:129,1K:64:16,2M:3:2", &geometry, &bad_group)
                 == SEGMSG_OK);
    static const segmsg_group_geometry_t expected[] = {{64, 1023, 129},
                                                       {1024, 64, 16},
                                                       {2 << 20, 3, 2}};
    UNIT_EQUAL(geometry.group_count, 3);
    UNIT_CHECK(memcmp(geometry.group, expected, sizeof(expected)) == 0);
}

static void a_geometry_out_of_shared_memory_is_checked(void)
{
    segmsg_geometry_t geometry;
    uint32_t bad_group;
    UNIT_REQUIRE(segmsg_geometry_parse("64:16:7,1K:8:8", &geometry, &bad_group) == SEGMSG_OK);
    geometry.group_count = SEGMSG_GROUPS_MAX + 1;
    UNIT_EQUAL(segmsg_geometry_check(&geometry, &bad_group), SEGMSG_ERR_GROUP_COUNT);
    geometry.group_count = UINT32_MAX;
    UNIT_EQUAL(segmsg_geometry_check(&geometry, &bad_group), SEGMSG_ERR_GROUP_COUNT);
    geometry.group_count = 1;
    UNIT_EQUAL(segmsg_geometry_check(&geometry, &bad_group), SEGMSG_ERR_GROUP_COUNT);
    geometry.group_count = 2;
    geometry.group[1].span_factor = 9;
    UNIT_EQUAL(segmsg_geometry_check(&geometry, &bad_group), SEGMSG_ERR_SPAN);
    UNIT_EQUAL(bad_group, 1);
}

static void capacity_and_partitions_agree_at_every_boundary(void)
{
    segmsg_geometry_t geometry;
    uint32_t bad_group;
    UNIT_REQUIRE(segmsg_geometry_parse("64:16:7,128:4:3,1K:64:64", &geometry, &bad_group)
                 == SEGMSG_OK);
    for (uint32_t g = 0; g < geometry.group_count; ++g) {
        const segmsg_group_geometry_t *shape = &geometry.group[g];
        size_t header = g == 0 ? SEGMSG_HEADER_BYTES : 0;
        UNIT_EQUAL(segmsg_group_capacity(&geometry, g),
                   shape->partition_size * shape->span_factor - header);
        UNIT_EQUAL(segmsg_group_partitions(&geometry, g, 0), 1);
        UNIT_EQUAL(segmsg_group_partitions(&geometry, g, 1), 1);
        for (uint32_t n = 1; n <= shape->span_factor; ++n) {
            size_t most = (size_t) n * shape->partition_size - header;
            UNIT_EQUAL(segmsg_group_partitions(&geometry, g, most), n);
            UNIT_EQUAL(segmsg_group_partitions(&geometry, g, most + 1), n + 1);
        }
    }
    UNIT_EQUAL(segmsg_geometry_capacity(&geometry), 65536);
}

/* The smallest partition size from group `from` on whose span holds the message, by going through all. */
static uint32_t select_naively(const segmsg_geometry_t *geometry, uint32_t from, size_t length)
{
    uint32_t best = geometry->group_count;
    for (uint32_t g = from; g < geometry->group_count; ++g) {
        const segmsg_group_geometry_t *shape = &geometry->group[g];
        size_t bytes = length + (g == 0 ? 8 : 0);
        bool holds = bytes <= (size_t) shape->partition_size * shape->span_factor;
        if (holds
            && (best == geometry->group_count
                || shape->partition_size < geometry->group[best].partition_size)) {
            best = g;
        }
    }
    return best;
}

static void selection_agrees_with_a_naive_model(void)
{
    unit_random_t random = unit_random(0);
    for (uint64_t round = 0; round < unit_repetitions(2000); ++round) {
        segmsg_geometry_t geometry = {.group_count = 2 + (uint32_t) unit_below(&random, 7)};
        uint32_t shift = 6;
        for (uint32_t g = 0; g < geometry.group_count; ++g) {
            uint32_t count = g == 0 ? 8 + (uint32_t) unit_below(&random, 100)
                                    : 1 + (uint32_t) unit_below(&random, 64);
            uint32_t span_max = g == 0 ? segmsg_ring_span_max(count) : count;
            geometry.group[g] =
                (segmsg_group_geometry_t){1u << shift, count,
                                          1 + (uint32_t) unit_below(&random, span_max)};
            shift += 1 + (uint32_t) unit_below(&random, 2);
        }
        uint32_t bad_group;
        bool carries = segmsg_geometry_capacity(&geometry) >= SEGMSG_CAPACITY_MIN;
        UNIT_EQUAL(segmsg_geometry_check(&geometry, &bad_group),
                   carries ? SEGMSG_OK : SEGMSG_ERR_CAPACITY);
        for (int i = 0; i < 200; ++i) {
            size_t length = unit_below(&random, segmsg_geometry_capacity(&geometry) + 100);
            if (i % 2 == 0) { /* at a boundary */
                uint32_t g = (uint32_t) unit_below(&random, geometry.group_count);
                length = segmsg_group_capacity(&geometry, g) + unit_below(&random, 2);
            }
            for (uint32_t from = 0; from <= geometry.group_count; ++from) {
                UNIT_EQUAL(segmsg_geometry_select(&geometry, from, length),
                           select_naively(&geometry, from, length));
            }
        }
    }
}

static void every_error_has_a_text_of_its_own(void)
{
    for (int e = 0; e < SEGMSG_ERROR_COUNT; ++e) {
        const char *text = segmsg_error_text((segmsg_error_t) e);
        UNIT_REQUIRE(text != NULL);
        UNIT_CHECK(text[0] != '\0' && text[strlen(text) - 1] != '.');
        for (int other = 0; other < e; ++other) {
            UNIT_CHECK(strcmp(text, segmsg_error_text((segmsg_error_t) other)) != 0);
        }
    }
    UNIT_CHECK(segmsg_error_text(SEGMSG_ERROR_COUNT) != NULL);
    UNIT_CHECK(segmsg_error_text((segmsg_error_t) -1) != NULL);
}

static const unit_case_t cases[] = {
    UNIT_CASE(lists_are_read_or_refused_with_the_group_at_fault),
    UNIT_CASE(a_list_becomes_its_numbers),
    UNIT_CASE(a_geometry_out_of_shared_memory_is_checked),
    UNIT_CASE(capacity_and_partitions_agree_at_every_boundary),
    UNIT_CASE(selection_agrees_with_a_naive_model),
    UNIT_CASE(every_error_has_a_text_of_its_own),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
