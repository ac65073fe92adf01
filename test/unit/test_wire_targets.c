/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The receiver's memory among several senders: what it has no room for, what it keeps for group 0, which
 * group it wants back, and what the next sender finds in a segment that was another one's.
 */
#include "wire.h"

enum { SENDERS = 4 };

/* Between hosts: group 0 carries 168 bytes, group 1 488, group 2 4072. */
static const char *const GROUPS = "64:8:3,128:8:4,1K:4:4";

typedef struct {
    wire_host_t host;
    wire_link_t link[SENDERS];
} scene_t;

/* Memory for all groups of `peers` senders, and so many entries in the tables. */
static void open_scene(scene_t *scene, uint32_t groups_max, uint32_t peers)
{
    wire_open_host(&scene->host, GROUPS, groups_max, peers);
    for (uint32_t s = 0; s < SENDERS; ++s) {
        wire_open(&scene->link[s], &scene->host, s);
    }
}

static void close_scene(scene_t *scene)
{
    for (uint32_t s = 0; s < SENDERS; ++s) {
        wire_close(&scene->link[s]);
    }
    wire_close_host(&scene->host);
}

static segmsg_error_t form(scene_t *scene, uint32_t sender, uint32_t group, uint64_t reserve,
                           uint32_t *segment)
{
    wire_link_t *link = &scene->link[sender];
    return segmsg_targets_form(&scene->host.targets, &link->inlet, &link->self, group, reserve,
                               segment);
}

/* Sends a message, and takes it. */
static segmsg_message_t pass(wire_link_t *link, size_t length, uint64_t number)
{
    segmsg_message_t message;
    wire_send(link, length, number);
    wire_arrive_all(link);
    wire_expect(link, length, number, &message);
    return message;
}

static void a_sender_has_a_group_once(void)
{
    scene_t scene;
    open_scene(&scene, 16, SENDERS);
    uint32_t segment[2] = {99, 99};
    UNIT_EQUAL(form(&scene, 0, 1, 0, &segment[0]), SEGMSG_OK);
    UNIT_EQUAL(form(&scene, 0, 1, 0, &segment[1]), SEGMSG_ERR_CORRUPT);
    UNIT_EQUAL(segment[1], 99);
    UNIT_EQUAL(form(&scene, 1, 1, 0, &segment[1]), SEGMSG_OK);
    UNIT_CHECK(segment[0] != segment[1]);
    UNIT_CHECK(scene.host.targets.slot[segment[0]].inlet == &scene.link[0].inlet);
    UNIT_CHECK(scene.host.targets.slot[segment[1]].inlet == &scene.link[1].inlet);
    close_scene(&scene);
}

static void a_full_table_refuses_until_something_is_released(void)
{
    scene_t scene;
    open_scene(&scene, 4, SENDERS);
    uint32_t segment[4], more = 99;
    for (uint32_t i = 0; i < 4; ++i) {
        UNIT_EQUAL(form(&scene, i / 2, i % 2, 0, &segment[i]), SEGMSG_OK);
    }
    UNIT_EQUAL(form(&scene, 2, 1, 0, &more), SEGMSG_ERR_TABLE_FULL);
    UNIT_EQUAL(scene.link[2].inlet.formed[1], 0);
    UNIT_EQUAL(segmsg_targets_released(&scene.host.targets, &scene.link[1].inlet, segment[3]),
               SEGMSG_OK);
    UNIT_EQUAL(form(&scene, 2, 0, 0, &more), SEGMSG_ERR_TABLE_FULL); /* no segment of that group */
    UNIT_EQUAL(form(&scene, 2, 1, 0, &more), SEGMSG_OK);
    UNIT_EQUAL(more, segment[3]);
    close_scene(&scene);
}

static void an_arena_that_is_used_up_refuses(void)
{
    scene_t scene;
    open_scene(&scene, 16, 1);
    const segmsg_export_t *export = &scene.host.memory.export;
    const unsigned char *end = export->base + export->shape.arena;
    uint32_t segment, refused = 0;
    for (uint32_t i = 0; i < 3 * SENDERS; ++i) {
        segmsg_error_t error = form(&scene, i / 3, i % 3, 0, &segment);
        UNIT_EQUAL(scene.link[i / 3].inlet.formed[i % 3] != 0, error == SEGMSG_OK);
        if (error != SEGMSG_OK) {
            UNIT_EQUAL(error, SEGMSG_ERR_TABLE_FULL);
            ++refused;
            continue;
        }
        const segmsg_target_slot_t *slot = &scene.host.targets.slot[segment];
        UNIT_CHECK((const unsigned char *) slot->control >= end); /* behind the one before */
        end = slot->partition + (size_t) slot->count * slot->size;
        UNIT_CHECK(end <= export->base + export->bytes);
    }
    UNIT_CHECK(refused > 0 && refused <= 3 * SENDERS - 3); /* memory for one sender is there */
    close_scene(&scene);
}

static void memory_that_cannot_be_had_refuses_and_holds_nothing(void)
{
    scene_t scene;
    open_scene(&scene, 16, SENDERS);
    uint32_t segment[2];
    UNIT_EQUAL(form(&scene, 0, 0, 0, &segment[0]), SEGMSG_OK);
    size_t left = atomic_exchange(scene.host.memory.left, 1); /* page: its control block */
    UNIT_EQUAL(form(&scene, 0, 2, 0, &segment[1]), SEGMSG_ERR_NO_SPACE);
    UNIT_EQUAL(scene.link[0].inlet.formed[2], 0);
    const segmsg_head_t *head = segmsg_export_head(&scene.host.memory.export);
    for (uint32_t e = 0; e < atomic_load(&head->group_count); ++e) {
        const segmsg_group_entry_t *entry = segmsg_export_group(&scene.host.memory.export, e);
        UNIT_EQUAL(atomic_load(&entry->state), e == 0 ? SEGMSG_GROUP_FORMED : SEGMSG_GROUP_EMPTY);
    }
    atomic_store(scene.host.memory.left, left);
    UNIT_EQUAL(form(&scene, 1, 2, 0, &segment[1]), SEGMSG_OK);
    close_scene(&scene);
}

/* What is kept for group 0 is kept from the others, unless one of them was given back. */
static void a_reserve_is_for_group_0(void)
{
    scene_t scene;
    open_scene(&scene, 16, SENDERS);
    const segmsg_export_t *export = &scene.host.memory.export;
    const uint64_t whole = export->shape.export_bytes - export->shape.arena;
    const uint64_t segment_bytes = segmsg_segment_bytes(1, 128, 8);
    uint32_t segment;
    UNIT_EQUAL(form(&scene, 0, 1, whole - segment_bytes, &segment), SEGMSG_ERR_TABLE_FULL);
    UNIT_EQUAL(form(&scene, 0, 0, whole, &segment), SEGMSG_OK);
    UNIT_EQUAL(form(&scene, 0, 1, whole - 5 * SEGMSG_PAGE, &segment), SEGMSG_OK);
    UNIT_EQUAL(form(&scene, 1, 1, whole, &segment), SEGMSG_ERR_TABLE_FULL);
    UNIT_EQUAL(segmsg_targets_released(&scene.host.targets, &scene.link[0].inlet,
                                       scene.link[0].inlet.formed[1] - 1),
               SEGMSG_OK);
    UNIT_EQUAL(form(&scene, 1, 2, whole, &segment), SEGMSG_ERR_TABLE_FULL); /* another group */
    UNIT_EQUAL(form(&scene, 1, 1, whole, &segment), SEGMSG_OK);
    close_scene(&scene);
}

static void the_group_that_was_not_used_for_longest_is_wanted_back(void)
{
    scene_t scene;
    open_scene(&scene, 16, SENDERS);
    segmsg_targets_t *targets = &scene.host.targets;
    UNIT_CHECK(segmsg_targets_oldest(targets, &scene.link[3].inlet, 1) == NULL);
    segmsg_message_t first = pass(&scene.link[2], 100, 9);
    (void) wire_return(&scene.link[2], &first);
    (void) wire_tell(&scene.link[2], false);
    static const uint32_t order[] = {0, 1, 2, 1, 0}; /* so 2 is the oldest, then 1, then 0 */
    for (uint64_t m = 0; m < 5; ++m) {
        segmsg_message_t message = pass(&scene.link[order[m]], 400, m);
        (void) wire_return(&scene.link[order[m]], &message);
        (void) wire_tell(&scene.link[order[m]], false);
    }
    for (uint64_t m = 5; m < 8; ++m) { /* that another group was used says nothing */
        segmsg_message_t message = pass(&scene.link[2], 100, m);
        (void) wire_return(&scene.link[2], &message);
        (void) wire_tell(&scene.link[2], false);
    }
    UNIT_CHECK(segmsg_targets_oldest(targets, &scene.link[3].inlet, 2) == NULL);
    uint32_t newest; /* has had no time to be used */
    UNIT_EQUAL(form(&scene, 3, 1, 0, &newest), SEGMSG_OK);
    UNIT_EQUAL(segmsg_targets_released(targets, &scene.link[0].inlet,
                                       scene.link[0].inlet.formed[1] - 1),
               SEGMSG_OK);
    UNIT_EQUAL(form(&scene, 0, 1, 0, &newest),
               SEGMSG_OK); /* where it stands in the table is no matter */
    /* Nobody gives up a segment for itself. */
    segmsg_target_slot_t *slot = segmsg_targets_oldest(targets, &scene.link[2].inlet, 1);
    UNIT_REQUIRE(slot != NULL);
    UNIT_CHECK(slot->inlet == &scene.link[1].inlet);
    static const uint32_t expected[] = {2, 1, 0};
    for (int i = 0; i < 3; ++i) {
        slot = segmsg_targets_oldest(targets, &scene.link[3].inlet, 1);
        UNIT_REQUIRE(slot != NULL);
        UNIT_CHECK(slot->inlet == &scene.link[expected[i]].inlet);
        UNIT_EQUAL(slot->group, 1);
        slot->is_recalled = true; /* once is enough */
    }
    UNIT_CHECK(segmsg_targets_oldest(targets, &scene.link[3].inlet, 1) == NULL);
    close_scene(&scene);
}

/* A group goes from sender to sender; each finds it empty, and what the last one is told of it late
 * concerns nobody. */
static void a_group_that_is_given_up_serves_another_sender(void)
{
    scene_t scene;
    open_scene(&scene, 4, SENDERS);
    for (uint32_t s = 0; s < SENDERS; ++s) { /* the table is full */
        if (s != 3) {
            UNIT_EQUAL(wire_send(&scene.link[s], 400, s).group, 1);
            wire_arrive_all(&scene.link[s]);
        }
    }
    uint32_t segment;
    UNIT_EQUAL(form(&scene, 3, 2, 0, &segment), SEGMSG_OK);
    for (uint32_t turn = 0; turn < 20 && !unit_has_failed(); ++turn) {
        wire_link_t *from = &scene.link[turn % SENDERS];
        wire_link_t *to = &scene.link[(turn + 3) % SENDERS];
        segmsg_place_t place;
        segment = from->inlet.formed[1] - 1;
        UNIT_EQUAL(wire_take(to, 400, turn + 3, &place), SEGMSG_ERR_FULL);
        UNIT_EQUAL(to->source.segment[1].state, SEGMSG_SOURCE_REFUSED);
        wire_recall(from, 1);
        UNIT_EQUAL(segmsg_source_take(&from->source, 400, &place), SEGMSG_ERR_FULL);
        UNIT_CHECK((from->source.wants & 2) == 0); /* as long as it has it */
        from->source.wants = 0;
        UNIT_CHECK(!wire_release(from, 1)); /* its message is not returned */
        segmsg_message_t message;
        wire_expect(from, 400, turn, &message);
        UNIT_CHECK(wire_return(from, &message));
        UNIT_CHECK(!wire_release(from, 1)); /* and it has not been told */
        UNIT_EQUAL(wire_tell(from, true), 1);
        UNIT_CHECK(wire_release(from, 1));
        UNIT_CHECK(!wire_release(from, 1));
        UNIT_EQUAL(from->inlet.due, 0);
        UNIT_CHECK(!wire_return(from, &message)); /* a second time: it is another one's by now */
        to->source.segment[1].state = SEGMSG_SOURCE_ABSENT; /* its patience is at an end */
        place = wire_send(to, 400, turn + 3);
        UNIT_EQUAL(place.group, 1);
        UNIT_EQUAL(place.first, 0);
        UNIT_EQUAL(to->inlet.formed[1] - 1, segment);
        const segmsg_target_slot_t *slot = &scene.host.targets.slot[segment];
        UNIT_EQUAL(slot->used | slot->word | slot->untold, 0);
        UNIT_CHECK(!slot->is_recalled);
        wire_arrive_all(to);
    }
    close_scene(&scene);
}

/* All its groups, with messages that wait, that are half read, and that are out. */
static void who_leaves_gives_everything_back(void)
{
    scene_t scene;
    open_scene(&scene, 4, SENDERS);
    wire_link_t *link = &scene.link[0];
    link->inlet.user = &scene;
    uint32_t segment;
    segmsg_message_t message = pass(link, 100, 0);
    wire_send(link, 400, 1);
    wire_send(link, 4000, 2);
    wire_arrive(link, 1);
    UNIT_EQUAL(form(&scene, 1, 0, 0, &segment), SEGMSG_OK);
    UNIT_EQUAL(form(&scene, 1, 1, 0, &segment), SEGMSG_ERR_TABLE_FULL);
    segmsg_targets_close(&scene.host.targets, &link->inlet);
    UNIT_CHECK(!wire_return(link, &message));
    UNIT_CHECK(link->inlet.user == &scene);
    UNIT_EQUAL(link->inlet.arrival_count | link->inlet.due | link->inlet.expected, 0);
    UNIT_EQUAL(wire_next(link, &message), SEGMSG_POLL_NONE);
    UNIT_CHECK(segmsg_targets_arrived(&scene.host.targets, link->write[0].data) == NULL);
    for (uint32_t g = 1; g < 3; ++g) {
        UNIT_EQUAL(link->inlet.formed[g], 0);
        UNIT_EQUAL(form(&scene, 1, g, 0, &segment), SEGMSG_OK);
        for (uint32_t p = 0; p < scene.host.targets.slot[segment].count; ++p) {
            UNIT_EQUAL(atomic_load(&scene.host.targets.slot[segment].directory[p]), 0);
        }
    }
    close_scene(&scene);
}

static const unit_case_t cases[] = {
    UNIT_CASE(a_sender_has_a_group_once),
    UNIT_CASE(a_full_table_refuses_until_something_is_released),
    UNIT_CASE(an_arena_that_is_used_up_refuses),
    UNIT_CASE(memory_that_cannot_be_had_refuses_and_holds_nothing),
    UNIT_CASE(a_reserve_is_for_group_0),
    UNIT_CASE(the_group_that_was_not_used_for_longest_is_wanted_back),
    UNIT_CASE(a_group_that_is_given_up_serves_another_sender),
    UNIT_CASE(who_leaves_gives_everything_back),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
