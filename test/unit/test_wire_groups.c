/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Groups between hosts: which one a message goes to and which is asked for, what becomes of those that
 * the receiver refuses, recalls, or gives to another sender; what gives partitions back, and when a
 * sender is told; and which messages leave together.
 */
#include "wire.h"

/* Between hosts: group 0 carries 168 bytes, group 1 488, group 2 4072. */
static const char *const GROUPS = "64:8:3,128:8:4,1K:4:4";

enum { ASK_AGAIN = 1024 }; /* messages, see rma/source.c */

/* Takes all that is on the way, and tells the sender at the end. */
static void read_all(wire_link_t *link)
{
    segmsg_message_t message;
    wire_arrive_all(link);
    while (wire_next(link, &message) == SEGMSG_POLL_MESSAGE) {
        (void) wire_return(link, &message);
    }
    (void) wire_tell(link, false);
}

static void the_smallest_group_that_fits_is_asked_for(void)
{
    wire_host_t host;
    wire_open_host(&host, GROUPS, 16, 1);
    static const struct {
        size_t length;
        uint32_t group;
    } of[] = {{0, 0}, {1, 0}, {168, 0}, {169, 1}, {488, 1}, {489, 2}, {4072, 2}};
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); ++i) {
        wire_link_t link;
        wire_open(&link, &host, 1);
        segmsg_place_t place;
        UNIT_EQUAL(segmsg_source_take(&link.source, of[i].length, &place), SEGMSG_ERR_FULL);
        UNIT_EQUAL(link.source.wants, 1U << of[i].group);
        UNIT_EQUAL(segmsg_source_sure_capacity(&link.source), 0);
        UNIT_EQUAL(wire_answer(&link), 1U << of[i].group);
        UNIT_EQUAL(segmsg_source_sure_capacity(&link.source),
                   segmsg_wire_capacity(&link.source.geometry, of[i].group));
        UNIT_EQUAL(wire_send(&link, of[i].length, i).group, of[i].group);
        UNIT_EQUAL(link.source.wants, 0);
        wire_close(&link);
    }
    wire_link_t link;
    wire_open(&link, &host, 1);
    segmsg_place_t place;
    UNIT_EQUAL(segmsg_wire_geometry_capacity(&link.source.geometry), 4072);
    UNIT_EQUAL(segmsg_source_take(&link.source, 4073, &place), SEGMSG_ERR_TOO_LARGE);
    UNIT_EQUAL(link.source.wants, 0);
    wire_close(&link);
    wire_close_host(&host);
}

static void a_larger_group_is_asked_for_when_all_before_it_are_full(void)
{
    wire_host_t host;
    wire_link_t link;
    wire_open_host(&host, GROUPS, 16, 1);
    wire_open(&link, &host, 1);
    segmsg_place_t place;
    UNIT_EQUAL(wire_send(&link, 168, 1).group, 0);
    UNIT_EQUAL(wire_send(&link, 168, 2).group, 0); /* 6 of 8 partitions */
    UNIT_EQUAL(segmsg_source_take(&link.source, 168, &place), SEGMSG_ERR_FULL);
    UNIT_EQUAL(link.source.wants, 1U << 1); /* one at a time */
    UNIT_EQUAL(segmsg_source_take(&link.source, 168, &place), SEGMSG_ERR_FULL);
    UNIT_EQUAL(link.source.wants, 1U << 1);
    UNIT_EQUAL(link.source.full, 3); /* the first one found no group at all */
    UNIT_EQUAL(wire_answer(&link), 1U << 1);
    UNIT_EQUAL(wire_send(&link, 168, 3).group, 1);
    UNIT_EQUAL(link.source.passed, 1);
    UNIT_EQUAL(wire_send(&link, 40, 4).group, 0); /* what fits goes on where it belongs */
    UNIT_EQUAL(link.source.passed, 1);
    for (uint64_t m = 5; m < 8; ++m) {
        UNIT_EQUAL(wire_send(&link, 168, m).group, 1);
    }
    UNIT_EQUAL(segmsg_source_take(&link.source, 168, &place), SEGMSG_ERR_FULL);
    UNIT_EQUAL(link.source.wants, 1U << 2);
    read_all(&link);
    UNIT_EQUAL(wire_send(&link, 168, 9).group, 0); /* first what has room again */
    wire_close(&link);
    wire_close_host(&host);
}

/* Who has waited for a group may send one message through it, even if others wait for it as well. */
static void a_group_that_is_recalled_at_once_carries_one_message(void)
{
    wire_host_t host;
    wire_link_t link;
    wire_open_host(&host, GROUPS, 16, 1);
    wire_open(&link, &host, 1);
    segmsg_place_t place;
    UNIT_EQUAL(segmsg_source_take(&link.source, 100, &place), SEGMSG_ERR_FULL);
    UNIT_EQUAL(wire_answer(&link), 1);
    wire_recall(&link, 0);
    UNIT_CHECK(!segmsg_source_is_released(&link.source, 0));
    UNIT_EQUAL(segmsg_source_take(&link.source, 100, &place), SEGMSG_OK);
    UNIT_EQUAL(link.source.segment[0].state, SEGMSG_SOURCE_RECALLED);
    segmsg_place_t other;
    UNIT_CHECK(segmsg_source_take(&link.source, 100, &other) != SEGMSG_OK || other.group != 0);
    segmsg_source_give_back(&link.source, &place);
    UNIT_CHECK(wire_release(&link, 0));
    wire_close(&link);
    wire_close_host(&host);
}

static void refused_groups_are_asked_for_again_after_some_messages(void)
{
    wire_host_t host;
    wire_link_t link;
    wire_open_host(&host, GROUPS, 16, 1);
    wire_open(&link, &host, 1);
    segmsg_place_t place;
    /* Nothing is formed: there is nothing smaller to send in, so it can only wait. */
    UNIT_EQUAL(segmsg_source_take(&link.source, 4000, &place), SEGMSG_ERR_FULL);
    link.source.wants = 0;
    segmsg_source_refused(&link.source, 2);
    UNIT_EQUAL(segmsg_source_take(&link.source, 4000, &place), SEGMSG_ERR_FULL);
    UNIT_EQUAL(link.source.wants, 1); /* so group 0 is asked for: it will go in pieces */
    UNIT_EQUAL(wire_answer(&link), 1);
    /* With something smaller it is no use to wait. */
    UNIT_EQUAL(wire_send(&link, 100, 1).group, 0);
    for (int m = 2; m < ASK_AGAIN; ++m) {
        UNIT_EQUAL(segmsg_source_take(&link.source, 4000, &place), SEGMSG_ERR_NO_SPACE);
        UNIT_EQUAL(link.source.wants, 0);
    }
    UNIT_EQUAL(segmsg_source_take(&link.source, 4000, &place), SEGMSG_ERR_FULL);
    UNIT_EQUAL(link.source.wants, 1U << 2);
    UNIT_EQUAL(wire_answer(&link), 1U << 2);
    UNIT_EQUAL(wire_send(&link, 4000, 2).group, 2);
    wire_close(&link);
    wire_close_host(&host);
}

static void a_message_passes_groups_that_are_refused(void)
{
    wire_host_t host;
    wire_link_t link;
    wire_open_host(&host, GROUPS, 16, 1);
    wire_open(&link, &host, 1);
    segmsg_place_t place;
    UNIT_EQUAL(wire_send(&link, 100, 1).group, 0);
    UNIT_EQUAL(segmsg_source_take(&link.source, 400, &place), SEGMSG_ERR_FULL);
    UNIT_EQUAL(link.source.wants, 1U << 1);
    link.source.wants = 0;
    segmsg_source_refused(&link.source, 1);
    UNIT_EQUAL(segmsg_source_take(&link.source, 400, &place), SEGMSG_ERR_FULL);
    UNIT_EQUAL(wire_answer(&link), 1U << 2);
    UNIT_EQUAL(wire_send(&link, 400, 2).group, 2);
    /* A refusal that nobody waits for changes nothing. */
    segmsg_source_refused(&link.source, 2);
    segmsg_source_refused(&link.source, 7);
    UNIT_EQUAL(link.source.segment[2].state, SEGMSG_SOURCE_FORMED);
    wire_close(&link);
    wire_close_host(&host);
}

/* Groups of larger partitions that carry less: one that cannot carry the message is no hope. */
static void groups_that_cannot_carry_a_message_are_no_hope(void)
{
    wire_host_t host;
    wire_link_t link;
    wire_open_host(&host, "64:64:31,128:64:64,1K:1:1", 16, 1);
    wire_open(&link, &host, 1);
    segmsg_place_t place;
    UNIT_EQUAL(wire_send(&link, 100, 1).group, 0);
    UNIT_EQUAL(segmsg_source_take(&link.source, 4000, &place), SEGMSG_ERR_FULL);
    UNIT_EQUAL(link.source.wants, 1U << 1);
    link.source.wants = 0;
    segmsg_source_refused(&link.source, 1);
    UNIT_EQUAL(segmsg_source_take(&link.source, 4000, &place), SEGMSG_ERR_NO_SPACE);
    UNIT_EQUAL(link.source.wants, 0);
    wire_close(&link);
    wire_close_host(&host);
}

static void return_numbers_wrap_and_late_words_are_ignored(void)
{
    wire_host_t host;
    wire_link_t link;
    wire_open_host(&host, GROUPS, 16, 1);
    wire_open(&link, &host, 1);
    segmsg_return_t last = {.group = 0};
    segmsg_message_t message;
    for (uint32_t m = 0; m < 70000 && !unit_has_failed(); ++m) {
        segmsg_place_t place = wire_send(&link, 1 + m % 168, m);
        wire_arrive(&link, 0);
        wire_expect(&link, 1 + m % 168, m, &message);
        (void) wire_return(&link, &message);
        segmsg_return_t word;
        UNIT_CHECK(segmsg_inlet_due(&host.targets, &link.inlet, false, &word));
        UNIT_EQUAL(word.number, (uint16_t) (m + 1));
        if (m != 0) {
            UNIT_CHECK(segmsg_source_returned(&link.source, &last)); /* of the message before */
            uint64_t mine = segmsg_extent_mask(place.first, place.partitions);
            UNIT_EQUAL(link.source.segment[0].slab.taken & link.source.segment[0].slab.exists,
                       mine);
        }
        UNIT_CHECK(segmsg_source_returned(&link.source, &word));
        UNIT_EQUAL(link.source.segment[0].slab.taken & link.source.segment[0].slab.exists, 0);
        UNIT_CHECK(segmsg_source_returned(&link.source, &word)); /* a second time */
        UNIT_EQUAL(link.source.segment[0].slab.taken & link.source.segment[0].slab.exists, 0);
        last = word;
    }
    wire_close(&link);
    wire_close_host(&host);
}

static void late_words_of_a_group_that_was_formed_again_are_ignored(void)
{
    wire_host_t host;
    wire_link_t link;
    wire_open_host(&host, GROUPS, 16, 1);
    wire_open(&link, &host, 1);
    segmsg_return_t word[2];
    segmsg_message_t message;
    for (uint64_t m = 0; m < 2; ++m) {
        wire_send(&link, 400, m);
        wire_arrive(&link, 0);
        wire_expect(&link, 400, m, &message);
        (void) wire_return(&link, &message);
        UNIT_CHECK(segmsg_inlet_due(&host.targets, &link.inlet, false, &word[m]));
    }
    UNIT_CHECK(segmsg_source_returned(&link.source, &word[1]));
    wire_recall(&link, 1);
    UNIT_CHECK(wire_release(&link, 1));
    UNIT_CHECK(segmsg_source_returned(&link.source, &word[0])); /* of a group that is gone */
    UNIT_EQUAL(wire_send(&link, 400, 2).group, 1);
    uint64_t taken = link.source.segment[1].slab.taken;
    for (int i = 0; i < 2; ++i) {
        UNIT_CHECK(segmsg_source_returned(&link.source, &word[i])); /* of one that is no more */
        UNIT_EQUAL(link.source.segment[1].slab.taken, taken);
    }
    wire_arrive(&link, 0);
    wire_expect(&link, 400, 2, &message);
    (void) wire_return(&link, &message);
    UNIT_EQUAL(wire_tell(&link, false), 1);
    UNIT_EQUAL(link.source.segment[1].slab.taken & link.source.segment[1].slab.exists, 0);
    wire_close(&link);
    wire_close_host(&host);
}

/* Half of a segment, a recall, or a sender that has no room: then it is told, and not before. */
static void a_sender_is_told_when_it_matters(void)
{
    wire_host_t host;
    wire_link_t link;
    wire_open_host(&host, GROUPS, 16, 1);
    wire_open(&link, &host, 1);
    segmsg_message_t message[6];
    for (uint64_t m = 0; m < 6; ++m) {
        wire_send(&link, 40, m);
    }
    wire_arrive_all(&link);
    for (uint64_t m = 0; m < 6; ++m) {
        wire_expect(&link, 40, m, &message[m]);
    }
    for (int m = 0; m < 3; ++m) {
        UNIT_CHECK(!wire_return(&link, &message[m]));
        UNIT_EQUAL(wire_tell(&link, true), 0);
    }
    UNIT_CHECK(wire_return(&link, &message[3])); /* 4 of 8 */
    UNIT_EQUAL(wire_tell(&link, true), 1);
    UNIT_EQUAL(wire_tell(&link, false), 0);
    UNIT_EQUAL(link.source.segment[0].slab.taken & link.source.segment[0].slab.exists, 0x30);
    UNIT_CHECK(!wire_return(&link, &message[4]));
    UNIT_EQUAL(wire_tell(&link, true), 0);
    wire_recall(&link, 0);
    UNIT_CHECK(wire_return(&link, &message[5]));
    UNIT_CHECK(!wire_release(&link, 0));
    UNIT_EQUAL(wire_tell(&link, true), 1);
    UNIT_CHECK(wire_release(&link, 0));
    wire_close(&link);
    wire_close_host(&host);
}

/* With what is to be read yet, or kept by whoever reads it, in two groups. */
static void a_stuck_sender_is_told_of_everything_once_all_is_read(void)
{
    wire_host_t host;
    wire_link_t link;
    wire_open_host(&host, GROUPS, 16, 1);
    wire_open(&link, &host, 1);
    segmsg_message_t message[4];
    static const size_t length[4] = {40, 400, 40, 40};
    UNIT_CHECK(!segmsg_inlet_asked(&link.inlet, 0)); /* there is nothing to tell */
    for (uint64_t m = 0; m < 4; ++m) {
        wire_send(&link, length[m], m);
    }
    wire_arrive(&link, 0);
    wire_expect(&link, length[0], 0, &message[0]);
    UNIT_CHECK(!wire_return(&link, &message[0]));
    UNIT_CHECK(!segmsg_inlet_asked(&link.inlet, 4)); /* the rest is on the way */
    UNIT_EQUAL(wire_tell(&link, true), 0);
    wire_arrive_all(&link);
    for (uint64_t m = 1; m < 4; ++m) {
        wire_expect(&link, length[m], m, &message[m]);
    }
    UNIT_CHECK(wire_return(&link, &message[1]));
    UNIT_EQUAL(wire_tell(&link, true), 2); /* message 0 as well */
    UNIT_CHECK(wire_return(&link, &message[2]));
    UNIT_EQUAL(wire_tell(&link, true), 1);
    /* It goes on: from then on it is told when it matters. */
    wire_send(&link, 40, 4);
    wire_arrive(&link, 0);
    segmsg_message_t more;
    wire_expect(&link, 40, 4, &more);
    UNIT_CHECK(!wire_return(&link, &more));
    UNIT_EQUAL(wire_tell(&link, true), 0);
    /* And asks once more, when all is read. */
    UNIT_CHECK(segmsg_inlet_asked(&link.inlet, 5));
    UNIT_EQUAL(wire_tell(&link, true), 1);
    UNIT_EQUAL(link.source.segment[0].slab.taken & link.source.segment[0].slab.exists, 1 << 2);
    UNIT_EQUAL(link.source.segment[1].slab.taken & link.source.segment[1].slab.exists, 0);
    /* That it asked once does not matter when the numbers have gone half around. */
    wire_send(&link, 40, 5);
    wire_arrive(&link, 0);
    wire_expect(&link, 40, 5, &more);
    UNIT_CHECK(!wire_return(&link, &more));
    link.source.sequence = link.inlet.expected = 5 + UINT32_C(0x90000000);
    UNIT_CHECK(segmsg_inlet_asked(&link.inlet, link.source.sequence));
    wire_close(&link);
    wire_close_host(&host);
}

static void a_question_that_was_overtaken_does_not_hide_the_last_one(void)
{
    wire_host_t host;
    wire_link_t link;
    wire_open_host(&host, GROUPS, 16, 1);
    wire_open(&link, &host, 1);
    segmsg_message_t message;
    wire_send(&link, 40, 0);
    wire_send(&link, 40, 1);
    wire_send(&link, 40, 2);
    wire_arrive(&link, 0);
    wire_expect(&link, 40, 0, &message);
    (void) wire_return(&link, &message);
    UNIT_CHECK(!segmsg_inlet_asked(&link.inlet, 3));
    UNIT_CHECK(!segmsg_inlet_asked(&link.inlet, 2)); /* asked before */
    UNIT_CHECK(!segmsg_inlet_asked(&link.inlet, 1)); /* likewise: it has sent more since */
    UNIT_EQUAL(wire_tell(&link, true), 0);
    wire_arrive_all(&link);
    wire_expect(&link, 40, 1, &message);
    UNIT_CHECK(!wire_return(&link, &message));
    wire_expect(&link, 40, 2, &message);
    UNIT_CHECK(wire_return(&link, &message));
    UNIT_EQUAL(wire_tell(&link, true), 1);
    UNIT_EQUAL(link.source.segment[0].slab.taken & link.source.segment[0].slab.exists, 0);
    wire_send(&link, 40, 3);
    wire_arrive(&link, 0);
    wire_expect(&link, 40, 3, &message);
    UNIT_CHECK(!wire_return(&link, &message));
    UNIT_CHECK(
        !segmsg_inlet_asked(&link.inlet, 2)); /* nor when the numbers have gone half around */
    link.source.sequence = link.inlet.expected = 4 + UINT32_C(0x90000000);
    UNIT_CHECK(segmsg_inlet_asked(&link.inlet, link.source.sequence));
    wire_close(&link);
    wire_close_host(&host);
}

/* Only as many leave together as asked, and only if they lie one behind the other. */
static void messages_are_gathered_as_far_as_asked(void)
{
    wire_host_t host;
    wire_link_t link;
    wire_open_host(&host, GROUPS, 16, 1);
    wire_open(&link, &host, 1);
    UNIT_EQUAL(wire_send(&link, 400, 0).group, 1);
    read_all(&link);
    /* 100 bytes and a header are one partition of 128. */
    const size_t most = 2 * 128 + 100 + 24;
    segmsg_place_t place;
    for (uint64_t m = 1; m <= 3; ++m) {
        UNIT_EQUAL(wire_take(&link, 200 - (m != 1) * 100, m, &place), SEGMSG_OK);
        if (m == 1) {
            UNIT_EQUAL(place.partitions, 2);
            UNIT_CHECK(segmsg_source_joins(&link.source, &place, 200, 0));
        } else {
            UNIT_EQUAL(segmsg_source_joins(&link.source, &place, 100, most), m == 2);
        }
        if (m != 3) {
            segmsg_source_publish(&link.source, &place, (uint8_t) m, m == 1 ? 200 : 100,
                                  &WIRE_NO_RIDE);
        }
    }
    UNIT_EQUAL(link.source.batch.messages, 2);
    UNIT_CHECK(wire_flush(&link));
    UNIT_CHECK(!wire_flush(&link));
    UNIT_EQUAL(link.write[0].bytes, most);
    segmsg_source_publish(&link.source, &place, 3, 100, &WIRE_NO_RIDE);
    UNIT_CHECK(wire_flush(&link));
    UNIT_EQUAL(link.writes, 2);
    wire_arrive(&link, 1);
    segmsg_message_t message;
    UNIT_EQUAL(wire_next(&link, &message), SEGMSG_POLL_NONE);
    wire_arrive(&link, 0);
    for (uint64_t m = 1; m <= 3; ++m) {
        wire_expect(&link, m == 1 ? 200 : 100, m, &message);
    }
    UNIT_EQUAL(wire_next(&link, &message), SEGMSG_POLL_NONE);
    wire_close(&link);
    wire_close_host(&host);
}

static const unit_case_t cases[] = {
    UNIT_CASE(the_smallest_group_that_fits_is_asked_for),
    UNIT_CASE(a_larger_group_is_asked_for_when_all_before_it_are_full),
    UNIT_CASE(a_group_that_is_recalled_at_once_carries_one_message),
    UNIT_CASE(refused_groups_are_asked_for_again_after_some_messages),
    UNIT_CASE(a_message_passes_groups_that_are_refused),
    UNIT_CASE(groups_that_cannot_carry_a_message_are_no_hope),
    UNIT_CASE(return_numbers_wrap_and_late_words_are_ignored),
    UNIT_CASE(late_words_of_a_group_that_was_formed_again_are_ignored),
    UNIT_CASE(a_sender_is_told_when_it_matters),
    UNIT_CASE(a_stuck_sender_is_told_of_everything_once_all_is_read),
    UNIT_CASE(a_question_that_was_overtaken_does_not_hide_the_last_one),
    UNIT_CASE(messages_are_gathered_as_far_as_asked),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
