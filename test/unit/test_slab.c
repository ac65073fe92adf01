/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The search for contiguous extents of free partitions, against a search that tries every place.
 */
#include "queue/slab.h"
#include "unit.h"

static uint64_t mask_naively(uint32_t first, uint32_t count)
{
    uint64_t mask = 0;
    for (uint32_t i = first; i < first + count; ++i) {
        mask |= UINT64_C(1) << i;
    }
    return mask;
}

static uint32_t find_naively(uint64_t taken, uint32_t count)
{
    for (uint32_t first = 0; first + count <= 64; ++first) {
        if ((taken & mask_naively(first, count)) == 0) {
            return first;
        }
    }
    return SEGMSG_EXTENT_NONE;
}

static void masks_have_the_bits_of_their_partitions(void)
{
    for (uint32_t first = 0; first < 64; ++first) {
        for (uint32_t count = 1; first + count <= 64; ++count) {
            UNIT_EQUAL(segmsg_extent_mask(first, count), mask_naively(first, count));
        }
    }
}

static void runs_in_small_segments_are_found_in_every_occupancy(void)
{
    enum { PARTITIONS = 12 };
    for (uint64_t taken = 0; taken < 1 << PARTITIONS; ++taken) {
        /* At either end of the word; the partitions that do not exist count as taken. */
        uint64_t low = taken | ~segmsg_extent_mask(0, PARTITIONS);
        uint64_t high =
            taken << (64 - PARTITIONS) | ~segmsg_extent_mask(64 - PARTITIONS, PARTITIONS);
        for (uint32_t count = 1; count <= PARTITIONS + 1; ++count) {
            UNIT_EQUAL(segmsg_extent_find(low, count), find_naively(low, count));
            UNIT_EQUAL(segmsg_extent_find(high, count), find_naively(high, count));
        }
    }
}

static void runs_in_full_words_are_found_in_random_occupancies(void)
{
    unit_random_t random = unit_random(0);
    for (uint64_t round = 0; round < unit_repetitions(100000); ++round) {
        uint64_t taken = unit_next(&random);
        for (uint64_t sparse = unit_below(&random, 5); sparse > 0; --sparse) {
            taken &= unit_next(&random);
        }
        uint32_t count = 1 + (uint32_t) unit_below(&random, 64);
        UNIT_EQUAL(segmsg_extent_find(taken, count), find_naively(taken, count));
        count = 1 + (uint32_t) unit_below(&random, 6);
        UNIT_EQUAL(segmsg_extent_find(taken, count), find_naively(taken, count));
    }
    for (uint32_t count = 1; count <= 64; ++count) {
        UNIT_EQUAL(segmsg_extent_find(0, count), 0);
        UNIT_EQUAL(segmsg_extent_find(UINT64_MAX, count), SEGMSG_EXTENT_NONE);
    }
}

static const unit_case_t cases[] = {
    UNIT_CASE(masks_have_the_bits_of_their_partitions),
    UNIT_CASE(runs_in_small_segments_are_found_in_every_occupancy),
    UNIT_CASE(runs_in_full_words_are_found_in_random_occupancies),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
