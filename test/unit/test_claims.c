/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What the scheme promises, row by row of the table of claims.
 */
#include "engine/receiver.h"
#include "engine/sender.h"
#include "engine/groups.h"
#include "memory.h"
#include "unit.h"

/* One receiver, and one sender that sees the same memory as another process would. */
typedef struct {
    memory_t memory;
    segmsg_receiver_t receiver;
    segmsg_export_t image;
    segmsg_sender_t sender;
} pair_t;

/* Group 0: up to 3 lines, 184 bytes. Group 1: up to 512 bytes. Group 2: up to 4096 bytes. */
static const char *const GROUPS = "64:8:3,128:8:4,1K:4:4";

static void open_pair(pair_t *pair)
{
    memory_open_export(&pair->memory, GROUPS, 8, 32, 4);
    UNIT_CHECK(segmsg_receiver_init(&pair->receiver, &pair->memory.export));
    pair->image = memory_image(&pair->memory);
    segmsg_identity_t self = memory_sender(3);
    segmsg_growth_t growth = memory_growth(UINT32_MAX);
    segmsg_sender_init(&pair->sender, &pair->image, &self, &growth);
}

static void close_pair(pair_t *pair)
{
    segmsg_sender_destroy(&pair->sender);
    segmsg_receiver_destroy(&pair->receiver);
    memory_close(&pair->memory);
}

static segmsg_place_t send_message(pair_t *pair, size_t length, uint64_t number)
{
    segmsg_place_t place = {0};
    segmsg_error_t error = segmsg_sender_take(&pair->sender, length, &place);
    UNIT_EQUAL(error, SEGMSG_OK);
    if (error == SEGMSG_OK) {
        memory_fill(place.data, length, number);
        UNIT_CHECK(
            segmsg_sender_publish(&pair->sender, &place, (uint8_t) number, (uint32_t) length));
    }
    return place;
}

/* Polls the one sender. */
static segmsg_poll_t receive(pair_t *pair, segmsg_message_t *message)
{
    if (segmsg_receiver_has_new_groups(&pair->receiver)) {
        UNIT_EQUAL(segmsg_receiver_find_groups(&pair->receiver), SEGMSG_OK);
    }
    if (pair->receiver.reader_count == 0) {
        return SEGMSG_POLL_NONE;
    }
    return segmsg_reader_poll(&pair->receiver, pair->receiver.reader[0], message);
}

static void return_message(pair_t *pair, const segmsg_message_t *message)
{
    segmsg_message_return(&pair->receiver, pair->receiver.reader[0], message);
}

/* The groups that stand in the segment-group table. */
static uint32_t formed_groups(const pair_t *pair)
{
    const segmsg_head_t *head = segmsg_export_head(&pair->memory.export);
    uint32_t formed = 0;
    for (uint32_t g = 0; g < atomic_load(&head->group_count); ++g) {
        formed += atomic_load(&segmsg_export_group(&pair->memory.export, g)->state)
                  == SEGMSG_GROUP_FORMED;
    }
    return formed;
}

static void claim_G1_group_pairs_source_and_target_of_the_same_partitions(void)
{
    pair_t pair;
    open_pair(&pair);
    segmsg_place_t place[3] = {send_message(&pair, 100, 1), send_message(&pair, 500, 2),
                               send_message(&pair, 4000, 3)};
    for (int m = 0; m < 3; ++m) {
        segmsg_message_t message;
        UNIT_REQUIRE(receive(&pair, &message) == SEGMSG_POLL_MESSAGE);
        /* The same partition of both segments: here, the very same memory. */
        UNIT_CHECK(message.data == place[m].data);
        UNIT_EQUAL(message.partitions, place[m].partitions);
        UNIT_EQUAL(message.group, place[m].group);
        return_message(&pair, &message);
    }
    UNIT_EQUAL(formed_groups(&pair), 3);
    const segmsg_geometry_t *geometry = &pair.memory.config.geometry;
    for (uint32_t g = 0; g < 3; ++g) {
        const segmsg_group_entry_t *group = segmsg_export_group(&pair.image, g);
        const segmsg_segment_entry_t *segment = segmsg_export_segment(&pair.image, group->segment);
        UNIT_EQUAL(group->sender.name, pair.sender.self.name);
        UNIT_EQUAL(segment->group, group->group);
        UNIT_EQUAL(segment->partition_size, geometry->group[group->group].partition_size);
        UNIT_EQUAL(segment->partition_count, geometry->group[group->group].partition_count);
        if (group->group != 0) {
            UNIT_EQUAL(pair.sender.run[group->group]->entry.partition_size,
                       segment->partition_size);
            UNIT_EQUAL(pair.sender.run[group->group]->slab.exists,
                       segmsg_extent_mask(0, segment->partition_count));
        } else {
            UNIT_EQUAL(pair.sender.ring.count, segment->partition_count);
        }
    }
    close_pair(&pair);
}

static void claim_G2_groups_of_unequal_partition_sizes_are_formed_on_demand(void)
{
    pair_t pair;
    open_pair(&pair);
    UNIT_EQUAL(formed_groups(&pair), 0);
    send_message(&pair, 1, 1);
    UNIT_EQUAL(formed_groups(&pair), 1);
    send_message(&pair, 184, 2);
    UNIT_EQUAL(formed_groups(&pair), 1);
    send_message(&pair, 185, 3);
    UNIT_EQUAL(formed_groups(&pair), 2);
    send_message(&pair, 512, 4);
    UNIT_EQUAL(formed_groups(&pair), 2);
    send_message(&pair, 513, 5);
    UNIT_EQUAL(formed_groups(&pair), 3);
    const segmsg_geometry_t *geometry = &pair.memory.config.geometry;
    for (uint32_t g = 1; g < geometry->group_count; ++g) {
        UNIT_CHECK(geometry->group[g].partition_size > geometry->group[g - 1].partition_size);
    }
    close_pair(&pair);
}

static void claim_G3_sender_obtains_the_registered_descriptor_and_forms_an_image(void)
{
    pair_t pair;
    open_pair(&pair);
    uint32_t registered;
    UNIT_EQUAL(segmsg_segment_register(&pair.memory.export, 1, 8, &registered), SEGMSG_OK);
    segmsg_segment_entry_t *entry = segmsg_export_segment(&pair.image, registered);
    UNIT_EQUAL(atomic_load(&entry->state), SEGMSG_SEGMENT_REGISTERED);

    segmsg_place_t place = send_message(&pair, 300, 9);
    UNIT_EQUAL(place.group, 1);
    UNIT_EQUAL(pair.sender.run[1]->segment, registered);
    UNIT_EQUAL(atomic_load(&entry->state), SEGMSG_SEGMENT_PAIRED);
    UNIT_CHECK(place.data
               == pair.image.base + entry->offset + segmsg_partitions_offset(1, 8)
                      + place.first * UINT32_C(128));
    segmsg_message_t message;
    UNIT_REQUIRE(receive(&pair, &message) == SEGMSG_POLL_MESSAGE);
    UNIT_EQUAL(message.segment, registered);
    UNIT_CHECK(memory_holds(message.data, 300, 9));
    close_pair(&pair);
}

static void claim_G4_nothing_is_reachable_that_is_not_in_the_tables(void)
{
    pair_t pair;
    open_pair(&pair);
    send_message(&pair, 1, 1);
    segmsg_message_t message;
    UNIT_REQUIRE(receive(&pair, &message) == SEGMSG_POLL_MESSAGE);
    return_message(&pair, &message);

    /* Announces partitions of a segment that is in the table, but in no group with this sender. */
    uint32_t other;
    UNIT_EQUAL(segmsg_segment_register(&pair.memory.export, 1, 8, &other), SEGMSG_OK);
    segmsg_ring_writer_t *ring = &pair.sender.ring;
    segmsg_announcement_t *announcement = &ring->line[ring->at].announcement;
    announcement->segment = other;
    announcement->first = 0;
    announcement->partitions = 1;
    segmsg_ring_publish(ring, 1, segmsg_header_make(SEGMSG_KIND_RUN, 1, 1, 10));
    UNIT_EQUAL(receive(&pair, &message), SEGMSG_POLL_CORRUPT);

    announcement->segment = 1000000; /* one that no table has */
    UNIT_EQUAL(receive(&pair, &message), SEGMSG_POLL_CORRUPT);
    UNIT_EQUAL(atomic_load(&segmsg_export_head(&pair.image)->segment_count), 2);
    UNIT_EQUAL(atomic_load(&segmsg_export_head(&pair.image)->group_count), 1);
    close_pair(&pair);
}

static void claim_G5_directory_marks_first_and_next(void)
{
    pair_t pair;
    open_pair(&pair);
    segmsg_place_t place = send_message(&pair, 3 * 128, 1);
    UNIT_REQUIRE(place.group == 1 && place.first == 0 && place.partitions == 3);
    send_message(&pair, 2 * 128, 2);
    static const uint16_t expected[8] = {
        SEGMSG_DIRECTORY_USED | SEGMSG_DIRECTORY_FIRST | 1,
        SEGMSG_DIRECTORY_USED | 2,
        SEGMSG_DIRECTORY_USED | SEGMSG_DIRECTORY_LAST,
        SEGMSG_DIRECTORY_USED | SEGMSG_DIRECTORY_FIRST | 4,
        SEGMSG_DIRECTORY_USED | SEGMSG_DIRECTORY_LAST,
    };
    /* Read as an onlooker would: by way of the tables. */
    const segmsg_segment_entry_t *entry =
        segmsg_export_segment(&pair.memory.export, pair.sender.run[1]->segment);
    segmsg_directory_entry_t *directory = memory_view(&pair.memory.export, entry).directory;
    for (int p = 0; p < 8; ++p) {
        UNIT_EQUAL(atomic_load(&directory[p]), expected[p]);
    }
    /* Group 0: both messages are announced there, the next one where the span says. */
    const segmsg_line_t *line = pair.sender.ring.line;
    uint64_t first = atomic_load(&line[0].header);
    UNIT_EQUAL(segmsg_header_kind(first), SEGMSG_KIND_RUN);
    UNIT_EQUAL(segmsg_header_length(first), 3 * 128);
    send_message(&pair, 100, 3);
    uint64_t third = atomic_load(&line[2].header);
    UNIT_EQUAL(segmsg_header_kind(third), SEGMSG_KIND_MESSAGE);
    UNIT_EQUAL(segmsg_header_span(third), 2);
    UNIT_EQUAL(atomic_load(&line[2 + segmsg_header_span(third)].header), 0);

    /* A run that was returned is free in the directory once the sender has seen the return. */
    segmsg_message_t message[2];
    UNIT_REQUIRE(receive(&pair, &message[0]) == SEGMSG_POLL_MESSAGE);
    UNIT_REQUIRE(receive(&pair, &message[1]) == SEGMSG_POLL_MESSAGE);
    return_message(&pair, &message[0]);
    send_message(&pair, 4 * 128, 4); /* does not fit behind the two */
    UNIT_EQUAL(atomic_load(&directory[0]), SEGMSG_DIRECTORY_FREE);
    close_pair(&pair);
}

static void claim_G6_smallest_partition_size_whose_span_holds_the_message(void)
{
    pair_t pair;
    open_pair(&pair);
    static const struct {
        size_t length;
        uint32_t group, partitions;
    } expected[] = {{0, 0, 1},   {56, 0, 1},  {57, 0, 2},   {184, 0, 3},  {185, 1, 2},
                    {512, 1, 4}, {513, 2, 1}, {1024, 2, 1}, {1025, 2, 2}, {4096, 2, 4}};
    for (size_t e = 0; e < sizeof(expected) / sizeof(expected[0]); ++e) {
        segmsg_place_t place = send_message(&pair, expected[e].length, e);
        UNIT_EQUAL(place.group, expected[e].group);
        UNIT_EQUAL(place.partitions, expected[e].partitions);
        segmsg_message_t message;
        UNIT_REQUIRE(receive(&pair, &message) == SEGMSG_POLL_MESSAGE);
        UNIT_CHECK(memory_holds(message.data, expected[e].length, e));
        return_message(&pair, &message);
    }
    close_pair(&pair);
}

static void claim_G7_falls_through_when_too_small(void)
{
    pair_t pair;
    open_pair(&pair);
    UNIT_EQUAL(send_message(&pair, 3 * 64 - 8, 1).group, 0);
    UNIT_EQUAL(send_message(&pair, 3 * 64 - 7, 2).group, 1);
    UNIT_EQUAL(send_message(&pair, 4 * 128, 3).group, 1);
    UNIT_EQUAL(send_message(&pair, 4 * 128 + 1, 4).group, 2);
    UNIT_EQUAL(pair.sender.passed, 0);
    segmsg_place_t place;
    UNIT_EQUAL(segmsg_sender_take(&pair.sender, 4 * 1024 + 1, &place), SEGMSG_ERR_TOO_LARGE);
    close_pair(&pair);
}

static void claim_G7_falls_through_when_momentarily_full(void)
{
    pair_t pair;
    open_pair(&pair);
    UNIT_EQUAL(send_message(&pair, 512, 1).group, 1);
    UNIT_EQUAL(send_message(&pair, 512, 2).group, 1);
    UNIT_EQUAL(pair.sender.passed, 0);
    UNIT_EQUAL(send_message(&pair, 512, 3).group, 2); /* group 1 is full */
    UNIT_EQUAL(pair.sender.passed, 1);

    segmsg_message_t message;
    for (uint64_t number = 1; number <= 3; ++number) {
        UNIT_REQUIRE(receive(&pair, &message) == SEGMSG_POLL_MESSAGE);
        UNIT_EQUAL(message.tag, number); /* in order, whatever the groups */
        UNIT_CHECK(memory_holds(message.data, 512, number));
        return_message(&pair, &message);
    }
    UNIT_EQUAL(send_message(&pair, 512, 4).group, 1); /* and not any more */
    close_pair(&pair);
}

static void claim_G7_ordered_group_falls_through_when_momentarily_full(void)
{
    pair_t pair;
    open_pair(&pair);
    /* Group 0 has 8 lines, of which one is the next header: 3 + 3 leave room for an announcement,
     * but not for 3 more. */
    UNIT_EQUAL(send_message(&pair, 184, 5).group, 0);
    UNIT_EQUAL(send_message(&pair, 184, 6).group, 0);
    UNIT_EQUAL(send_message(&pair, 184, 7).group, 1);
    segmsg_place_t place;
    UNIT_EQUAL(segmsg_sender_take(&pair.sender, 184, &place), SEGMSG_ERR_FULL);
    UNIT_EQUAL(segmsg_sender_take(&pair.sender, 0, &place), SEGMSG_ERR_FULL);
    UNIT_EQUAL(pair.sender.full, 2);
    segmsg_message_t message;
    for (uint64_t number = 5; number <= 7; ++number) {
        UNIT_REQUIRE(receive(&pair, &message) == SEGMSG_POLL_MESSAGE);
        UNIT_EQUAL(message.tag, number);
        return_message(&pair, &message);
    }
    UNIT_EQUAL(send_message(&pair, 184, 8).group, 0);
    close_pair(&pair);
}

static void claim_G8_search_finds_contiguous_partitions_between_messages(void)
{
    pair_t pair;
    open_pair(&pair);
    segmsg_place_t place[4];
    for (int p = 0; p < 4; ++p) { /* the 8 partitions of group 1 in pairs */
        UNIT_REQUIRE(segmsg_sender_take_lasting(&pair.sender, 256, &place[p]) == SEGMSG_OK);
        UNIT_EQUAL(place[p].group, 1);
        UNIT_EQUAL(place[p].first, 2 * p);
    }
    segmsg_sender_give_back(&pair.sender, &place[0]);
    segmsg_sender_give_back(&pair.sender, &place[2]);
    /* Four are free, but not contiguous: the next group. Two are: the first such. */
    segmsg_place_t found;
    UNIT_REQUIRE(segmsg_sender_take_lasting(&pair.sender, 512, &found) == SEGMSG_OK);
    UNIT_EQUAL(found.group, 2);
    UNIT_REQUIRE(segmsg_sender_take_lasting(&pair.sender, 256, &found) == SEGMSG_OK);
    UNIT_EQUAL(found.group, 1);
    UNIT_EQUAL(found.first, 0);
    segmsg_sender_give_back(&pair.sender, &found);
    segmsg_sender_give_back(&pair.sender, &place[1]); /* 0 to 5 are free now */
    UNIT_REQUIRE(segmsg_sender_take_lasting(&pair.sender, 512, &found) == SEGMSG_OK);
    UNIT_EQUAL(found.group, 1);
    UNIT_EQUAL(found.first, 0);
    close_pair(&pair);
}

static void claim_G9_any_number_of_partitions_is_one_message(void)
{
    pair_t pair;
    open_pair(&pair);
    for (size_t length = 0; length <= 4096; length += length < 600 ? 1 : 97) {
        uint64_t lines = pair.sender.ring.head;
        segmsg_place_t place = send_message(&pair, length, length);
        /* One notification: a header in its own lines, or one line that announces it. At most one
         * more, where the ring ends. */
        uint32_t expected = place.group == 0 ? place.partitions : 1;
        uint64_t used = pair.sender.ring.head - lines;
        UNIT_CHECK(used == expected || (place.first == 0 && used < 2 * expected));
        segmsg_message_t message;
        UNIT_REQUIRE(receive(&pair, &message) == SEGMSG_POLL_MESSAGE);
        UNIT_EQUAL(message.length, length);
        UNIT_EQUAL(message.partitions, place.partitions);
        UNIT_CHECK(memory_holds(message.data, length, length));
        return_message(&pair, &message);
        UNIT_EQUAL(receive(&pair, &message), SEGMSG_POLL_NONE);
    }
    close_pair(&pair);
}

static void claim_G11_receiver_delivers_in_place_and_returns_every_partition(void)
{
    pair_t pair;
    open_pair(&pair);
    /* Out of order, and with a message that stays out for long: each run is free for itself. */
    segmsg_message_t message[4];
    for (uint64_t m = 0; m < 4; ++m) {
        segmsg_place_t place = send_message(&pair, 256, m);
        UNIT_REQUIRE(receive(&pair, &message[m]) == SEGMSG_POLL_MESSAGE);
        UNIT_CHECK(message[m].data == place.data);
        UNIT_CHECK((unsigned char *) message[m].data > pair.memory.export.base);
    }
    return_message(&pair, &message[2]);
    return_message(&pair, &message[1]);
    segmsg_place_t place = send_message(&pair, 512, 4);
    UNIT_EQUAL(place.group, 1);
    UNIT_EQUAL(place.first, 2);
    UNIT_CHECK(memory_holds(message[0].data, 256, 0));
    UNIT_CHECK(memory_holds(message[3].data, 256, 3));
    const segmsg_control_t *stats = pair.receiver.target[message[0].segment].control;
    UNIT_EQUAL(atomic_load(&stats->messages), 4);
    UNIT_EQUAL(atomic_load(&stats->bytes), 4 * 256);
    UNIT_EQUAL(atomic_load(&stats->partitions), 4 * 2);
    close_pair(&pair);
}

static const unit_case_t cases[] = {
    UNIT_CASE(claim_G1_group_pairs_source_and_target_of_the_same_partitions),
    UNIT_CASE(claim_G2_groups_of_unequal_partition_sizes_are_formed_on_demand),
    UNIT_CASE(claim_G3_sender_obtains_the_registered_descriptor_and_forms_an_image),
    UNIT_CASE(claim_G4_nothing_is_reachable_that_is_not_in_the_tables),
    UNIT_CASE(claim_G5_directory_marks_first_and_next),
    UNIT_CASE(claim_G6_smallest_partition_size_whose_span_holds_the_message),
    UNIT_CASE(claim_G7_falls_through_when_too_small),
    UNIT_CASE(claim_G7_falls_through_when_momentarily_full),
    UNIT_CASE(claim_G7_ordered_group_falls_through_when_momentarily_full),
    UNIT_CASE(claim_G8_search_finds_contiguous_partitions_between_messages),
    UNIT_CASE(claim_G9_any_number_of_partitions_is_one_message),
    UNIT_CASE(claim_G11_receiver_delivers_in_place_and_returns_every_partition),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
