/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What the scheme promises, row by row of the table of claims, between hosts.
 */
#include "wire.h"

/* One receiver and one sender. */
typedef struct {
    wire_host_t host;
    wire_link_t link;
} pair_t;

/* Between hosts, less 24 bytes a message: group 0 carries 168 bytes, group 1 488, group 2 4072. */
static const char *const GROUPS = "64:8:3,128:8:4,1K:4:4";

static void open_pair(pair_t *pair)
{
    wire_open_host(&pair->host, GROUPS, 16, 2);
    wire_open(&pair->link, &pair->host, 3);
}

static void close_pair(pair_t *pair)
{
    wire_close(&pair->link);
    wire_close_host(&pair->host);
}

static const segmsg_target_slot_t *slot_of(const pair_t *pair, uint32_t group)
{
    return &pair->host.targets.slot[pair->link.inlet.formed[group] - 1];
}

static void claim_G1_between_hosts_group_pairs_source_and_target_of_the_same_partitions(void)
{
    pair_t pair;
    open_pair(&pair);
    static const size_t length[3] = {100, 400, 4000};
    for (uint32_t g = 0; g < 3; ++g) {
        segmsg_place_t place = wire_send(&pair.link, length[g], g);
        UNIT_EQUAL(place.group, g);
        const segmsg_source_segment_t *source = &pair.link.source.segment[g];
        const segmsg_target_slot_t *target = slot_of(&pair, g);
        const segmsg_group_geometry_t *shape = &pair.host.memory.config.geometry.group[g];
        UNIT_EQUAL(target->count, shape->partition_count);
        UNIT_EQUAL(target->size, shape->partition_size);
        UNIT_EQUAL(source->slab.exists, segmsg_extent_mask(0, target->count));
        UNIT_EQUAL(segmsg_source_bytes(&pair.link.source.geometry, g) % SEGMSG_LINE, 0);
        UNIT_CHECK(segmsg_source_bytes(&pair.link.source.geometry, g)
                   >= (size_t) target->count * target->size);
        /* The same partitions of both, in memory of their own. */
        wire_arrive(&pair.link, 0);
        segmsg_message_t message;
        wire_expect(&pair.link, length[g], g, &message);
        UNIT_EQUAL((unsigned char *) message.data - target->partition,
                   (unsigned char *) place.data - source->partition);
        UNIT_CHECK(message.data != place.data);
        const segmsg_group_entry_t *entry =
            segmsg_export_group(&pair.host.memory.export, target->group_entry);
        UNIT_EQUAL(atomic_load(&entry->state), SEGMSG_GROUP_FORMED);
        UNIT_EQUAL(entry->group, g);
        UNIT_EQUAL(entry->segment, source->segment);
        UNIT_EQUAL(entry->sender.name, pair.link.self.name);
    }
    close_pair(&pair);
}

static void claim_G3_between_hosts_sender_obtains_the_descriptor_of_a_registered_segment(void)
{
    pair_t pair;
    open_pair(&pair);
    const segmsg_export_t *export = &pair.host.memory.export;
    uint32_t registered;
    UNIT_EQUAL(segmsg_segment_register(&pair.host.memory.export, 1, 8, &registered), SEGMSG_OK);
    /* Nothing is sent before the receiver has allocated a segment and told the sender of it. */
    segmsg_place_t place;
    segmsg_write_t write;
    UNIT_EQUAL(segmsg_source_take(&pair.link.source, 400, &place), SEGMSG_ERR_FULL);
    UNIT_CHECK(!segmsg_source_write(&pair.link.source, &write));
    UNIT_EQUAL(wire_answer(&pair.link), 1U << 1);
    const segmsg_source_segment_t *image = &pair.link.source.segment[1];
    UNIT_EQUAL(image->segment, registered);
    segmsg_segment_entry_t entry;
    UNIT_EQUAL(segmsg_segment_read(export, registered, &entry), SEGMSG_OK);
    UNIT_EQUAL(atomic_load(&entry.state), SEGMSG_SEGMENT_PAIRED);
    UNIT_EQUAL(image->remote, (uint64_t) (memory_view(export, &entry).partition - export->base));
    place = wire_send(&pair.link, 400, 1);
    UNIT_EQUAL(pair.link.write[0].remote, image->remote + place.first * UINT64_C(128));
    UNIT_EQUAL(pair.link.write[0].data, segmsg_wire_data(registered, place.first));
    close_pair(&pair);
}

static void claim_G6_between_hosts_smallest_partition_size_whose_span_holds_the_message(void)
{
    for (size_t length = 0; length <= 4072; length += length % 64 == 0 ? 1 : 7) {
        pair_t pair;
        open_pair(&pair);
        for (uint32_t g = 0; g < 3; ++g) { /* all are there: it is a choice */
            pair.link.source.segment[g].state = SEGMSG_SOURCE_ASKED;
            UNIT_EQUAL(wire_form(&pair.link, g, 0), SEGMSG_OK);
        }
        static const uint32_t size[] = {64, 128, 1024}, span[] = {3, 4, 4};
        uint32_t g = 0;
        while (length + 24 > (size_t) size[g] * span[g]) {
            ++g;
        }
        segmsg_place_t place = wire_send(&pair.link, length, length);
        UNIT_EQUAL(place.group, g);
        UNIT_EQUAL(place.partitions, (length + 24 + size[g] - 1) / size[g]);
        UNIT_EQUAL(pair.link.source.passed, 0);
        close_pair(&pair);
        if (unit_has_failed()) {
            return;
        }
    }
}

static void claim_G7_between_hosts_falls_through_when_too_small_or_momentarily_full(void)
{
    pair_t pair;
    open_pair(&pair);
    static const size_t too_long[] = {169, 489};
    for (uint32_t g = 0; g < 2; ++g) {
        UNIT_EQUAL(wire_send(&pair.link, too_long[g] - 1, g).group, g);
        UNIT_EQUAL(wire_send(&pair.link, too_long[g], g).group, g + 1);
    }
    segmsg_place_t place;
    UNIT_EQUAL(wire_take(&pair.link, 4073, 0, &place), SEGMSG_ERR_TOO_LARGE);
    close_pair(&pair);

    open_pair(&pair);
    static const uint32_t expected[] = {0, 0, 1, 1, 1, 1, 2, 2, 2, 2}; /* groups, of 168 bytes */
    for (uint32_t m = 0; m < 10; ++m) {
        UNIT_EQUAL(wire_send(&pair.link, 168, m).group, expected[m]);
    }
    UNIT_EQUAL(wire_take(&pair.link, 168, 10, &place), SEGMSG_ERR_FULL);
    UNIT_EQUAL(pair.link.source.passed, 8);
    segmsg_message_t message;
    wire_arrive_all(&pair.link);
    for (uint32_t m = 0; m < 10; ++m) { /* and what passed others is not ahead of them */
        wire_expect(&pair.link, 168, m, &message);
        (void) wire_return(&pair.link, &message);
    }
    (void) wire_tell(&pair.link, false);
    UNIT_EQUAL(wire_send(&pair.link, 168, 11).group, 0);
    close_pair(&pair);
}

static void claim_G8_between_hosts_search_finds_contiguous_partitions_between_messages(void)
{
    pair_t pair;
    open_pair(&pair);
    segmsg_message_t message[4];
    for (uint32_t m = 0; m < 4; ++m) { /* 2 of 8 partitions each */
        UNIT_EQUAL(wire_send(&pair.link, 200, m).first, 2 * m);
        wire_arrive(&pair.link, 0);
        wire_expect(&pair.link, 200, m, &message[m]);
    }
    (void) wire_return(&pair.link, &message[0]);
    (void) wire_return(&pair.link, &message[2]);
    (void) wire_tell(&pair.link, false);
    /* 4 are free, but not in a row. */
    UNIT_EQUAL(wire_send(&pair.link, 400, 4).group, 2);
    (void) wire_return(&pair.link, &message[1]);
    UNIT_EQUAL(wire_send(&pair.link, 400, 5).group, 2); /* it does not know yet */
    (void) wire_tell(&pair.link, false);
    segmsg_place_t place = wire_send(&pair.link, 400, 6);
    UNIT_EQUAL(place.group, 1);
    UNIT_EQUAL(place.first, 0);
    place = wire_send(&pair.link, 200, 7);
    UNIT_EQUAL(place.first, 4);
    UNIT_CHECK(memory_holds(message[3].data, 200, 3));
    /* The directory tells the same. */
    const segmsg_directory_entry_t *directory = pair.link.source.segment[1].slab.directory;
    for (uint32_t p = 0; p < 8; ++p) {
        bool is_first = p % 2 == 0 && p != 2;
        uint32_t next = p == 3 || p == 5 || p == 7 ? SEGMSG_DIRECTORY_LAST : p + 1;
        UNIT_EQUAL(atomic_load(&directory[p]),
                   SEGMSG_DIRECTORY_USED | (is_first ? SEGMSG_DIRECTORY_FIRST : 0) | next);
    }
    close_pair(&pair);
}

static void claim_G9_between_hosts_any_number_of_partitions_is_one_write_and_one_message(void)
{
    pair_t pair;
    open_pair(&pair);
    static const size_t length[] = {1, 40, 41, 168, 300, 488, 1000, 1001, 4072};
    for (uint64_t m = 0; m < 9; ++m) {
        segmsg_place_t place = wire_send(&pair.link, length[m], m);
        UNIT_EQUAL(pair.link.writes, 1);
        UNIT_EQUAL(pair.link.write[0].bytes, length[m] + SEGMSG_WIRE_HEADER_BYTES);
        wire_arrive(&pair.link, 0);
        segmsg_message_t message;
        wire_expect(&pair.link, length[m], m, &message);
        UNIT_EQUAL(message.partitions, place.partitions);
        UNIT_EQUAL(wire_next(&pair.link, &message), SEGMSG_POLL_NONE);
        UNIT_EQUAL(pair.host.targets.clock, m + 1);
        (void) wire_return(&pair.link, &message);
        (void) wire_tell(&pair.link, false);
    }
    UNIT_EQUAL(pair.link.source.writes, 9);
    UNIT_EQUAL(pair.link.inlet.messages, 9);
    close_pair(&pair);
}

static void claim_G11_between_hosts_receiver_delivers_in_place_and_returns_every_partition(void)
{
    pair_t pair;
    open_pair(&pair);
    segmsg_message_t message[4];
    static const size_t length[4] = {100, 400, 4000, 200};
    static const uint32_t group[4] = {0, 1, 2, 1};
    for (uint64_t m = 0; m < 4; ++m) {
        wire_send(&pair.link, length[m], m);
    }
    for (uint32_t w = 4; w-- > 0;) { /* the last one first */
        wire_arrive(&pair.link, w);
        UNIT_EQUAL(wire_next(&pair.link, &message[0]),
                   w == 0 ? SEGMSG_POLL_MESSAGE : SEGMSG_POLL_NONE);
    }
    for (uint64_t m = 0; m < 4; ++m) {
        if (m != 0) {
            wire_expect(&pair.link, length[m], m, &message[m]);
        }
        UNIT_EQUAL(message[m].group, group[m]);
        const segmsg_target_slot_t *slot = slot_of(&pair, group[m]);
        UNIT_CHECK((unsigned char *) message[m].data
                   == slot->partition + (size_t) message[m].first * slot->size
                          + SEGMSG_WIRE_HEADER_BYTES);
    }
    for (uint32_t m = 4; m-- > 0;) {
        UNIT_CHECK(memory_holds(message[m].data, length[m], m));
        (void) wire_return(&pair.link, &message[m]);
        UNIT_EQUAL(slot_of(&pair, group[m])->used
                       & segmsg_extent_mask(message[m].first, message[m].partitions),
                   0);
    }
    UNIT_EQUAL(wire_tell(&pair.link, false), 3); /* a word a group */
    for (uint32_t g = 0; g < 3; ++g) {
        const segmsg_source_segment_t *source = &pair.link.source.segment[g];
        UNIT_EQUAL(source->slab.taken & source->slab.exists, 0);
        const segmsg_control_t *stats = slot_of(&pair, g)->control;
        UNIT_EQUAL(atomic_load(&stats->word), source->slab.returned);
        UNIT_EQUAL(atomic_load(&stats->messages), g == 1 ? 2 : 1);
        UNIT_EQUAL(pair.host.targets.past[g], g == 1 ? 2 : 1);
        UNIT_EQUAL(atomic_load(&stats->bytes), g == 0 ? 100 : g == 1 ? 600 : 4000);
        UNIT_EQUAL(atomic_load(&stats->partitions), g == 0 ? 2 : g == 1 ? 6 : 4);
    }
    close_pair(&pair);
}

static const unit_case_t cases[] = {
    UNIT_CASE(claim_G1_between_hosts_group_pairs_source_and_target_of_the_same_partitions),
    UNIT_CASE(claim_G3_between_hosts_sender_obtains_the_descriptor_of_a_registered_segment),
    UNIT_CASE(claim_G6_between_hosts_smallest_partition_size_whose_span_holds_the_message),
    UNIT_CASE(claim_G7_between_hosts_falls_through_when_too_small_or_momentarily_full),
    UNIT_CASE(claim_G8_between_hosts_search_finds_contiguous_partitions_between_messages),
    UNIT_CASE(claim_G9_between_hosts_any_number_of_partitions_is_one_write_and_one_message),
    UNIT_CASE(claim_G11_between_hosts_receiver_delivers_in_place_and_returns_every_partition),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
