/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Shared memory with any values in it, as a broken or hostile process could leave them: nothing
 * outside the export is touched, whatever happens to the messages. The export lies between guard
 * pages, so a stray access crashes.
 */
#include "engine/receiver.h"
#include "engine/sender.h"
#include "engine/groups.h"
#include "hostile.h"
#include "memory.h"
#include "unit.h"
#include "queue/sums.h"

enum { SENDERS = 3 };

typedef struct {
    memory_t memory;
    segmsg_receiver_t receiver;
    segmsg_export_t image[SENDERS];
    segmsg_sender_t sender[SENDERS];
    unit_random_t random;
    uint64_t corrupt, messages;
} scene_t;

static void open_scene(scene_t *scene, uint64_t stream)
{
    memset(scene, 0, sizeof(*scene));
    memory_open_export(&scene->memory, "64:64:20,128:8:8,1K:4:4", 8, 12, 3);
    memory_unlock(&scene->memory);
    UNIT_CHECK(segmsg_receiver_init(&scene->receiver, &scene->memory.export));
    scene->random = unit_random(stream);
    for (uint32_t s = 0; s < SENDERS; ++s) {
        scene->image[s] = memory_image(&scene->memory);
        segmsg_identity_t self = memory_sender(s);
        segmsg_growth_t growth = memory_growth(5);
        segmsg_sender_init(&scene->sender[s], &scene->image[s], &self, &growth);
    }
}

static void close_scene(scene_t *scene)
{
    for (uint32_t s = 0; s < SENDERS; ++s) {
        segmsg_sender_destroy(&scene->sender[s]);
    }
    segmsg_receiver_destroy(&scene->receiver);
    memory_close(&scene->memory);
}

/* Sends as a sender does that believes what it reads. */
static void send_something(scene_t *scene)
{
    segmsg_sender_t *sender = &scene->sender[unit_below(&scene->random, SENDERS)];
    static const size_t lengths[] = {0, 30, 300, 1200, 2500, 4096, 1000};
    size_t length = lengths[unit_below(&scene->random, 7)];
    hostile_send(&scene->memory.export, sender, &scene->random, length);
}

static void receive_something(scene_t *scene)
{
    segmsg_receiver_t *receiver = &scene->receiver;
    if (segmsg_receiver_has_new_groups(receiver)) {
        (void) segmsg_receiver_find_groups(receiver);
    }
    for (uint32_t r = 0; r < receiver->reader_count; ++r) {
        segmsg_reader_t *reader = receiver->reader[r];
        segmsg_message_t message;
        segmsg_poll_t poll = segmsg_reader_poll(receiver, reader, &message);
        scene->corrupt += poll == SEGMSG_POLL_CORRUPT;
        if (poll != SEGMSG_POLL_MESSAGE) {
            continue;
        }
        ++scene->messages;
        hostile_read(&scene->memory.export, &message);
        segmsg_message_return(receiver, reader, &message);
    }
}

/* A value that might get through a check: often small, sometimes a header, sometimes anything. */
static uint64_t evil_value(scene_t *scene)
{
    unit_random_t *random = &scene->random;
    switch (unit_below(random, 8)) {
    case 0:
        return unit_below(random, 16);
    case 1:
        return UINT64_MAX;
    case 2:
        return unit_below(random, scene->memory.export.bytes);
    case 3:
        return unit_below(random, scene->memory.export.bytes / SEGMSG_PAGE) * SEGMSG_PAGE;
    case 4:
        return UINT64_C(1) << unit_below(random, 64);
    case 5:
    case 6:
        return segmsg_header_make((uint32_t) unit_below(random, 7), 1,
                                  (uint32_t) unit_below(random, 80),
                                  (uint32_t) unit_below(random, 5000));
    default:
        return unit_next(random);
    }
}

static void scribble(scene_t *scene)
{
    unit_random_t *random = &scene->random;
    const segmsg_export_t *export = &scene->memory.export;
    uint64_t at;
    switch (unit_below(random, 6)) {
    case 0:
        at = SEGMSG_HEAD_OFFSET + unit_below(random, sizeof(segmsg_head_t));
        break;
    case 1:
        at = export->shape.segment_table + unit_below(random, 14 * SEGMSG_TABLE_STRIDE);
        break;
    case 2:
        at = export->shape.group_table + unit_below(random, 14 * SEGMSG_TABLE_STRIDE);
        break;
    case 3: { /* what a receiver polls next */
        const segmsg_sender_t *sender = &scene->sender[unit_below(random, SENDERS)];
        if (!segmsg_sender_has_ring(sender)) {
            return;
        }
        uint64_t line =
            (sender->ring.at + sender->ring.count - unit_below(random, 3)) % sender->ring.count;
        at = (uint64_t) (sender->ring.line[line].bytes - export->base) + unit_below(random, 2) * 8;
        break;
    }
    case 4: { /* what a sender reads back */
        const segmsg_sender_t *sender = &scene->sender[unit_below(random, SENDERS)];
        const segmsg_run_image_t *run = sender->run[1];
        const segmsg_control_t *control = unit_below(random, 2) ? sender->ring.control
                                          : run == NULL         ? NULL
                                                                : run->control;
        if (control == NULL) {
            return;
        }
        at = (uint64_t) ((const unsigned char *) control - export->base);
        break;
    }
    default:
        at = unit_below(random, export->bytes - 8);
        break;
    }
    uint64_t value = evil_value(scene);
    size_t width = (size_t) 1 << unit_below(random, 4);
    at = at / width * width;
    if (at + width <= export->bytes) {
        memcpy(export->base + at, &value, width);
    }
}

static void any_values_are_survived(void)
{
    uint64_t corrupt = 0;
    uint64_t messages = 0;
    for (uint64_t round = 0; round < unit_repetitions(4000) && !unit_has_failed(); ++round) {
        scene_t scene;
        open_scene(&scene, round);
        for (uint32_t step = 0; step < 40; ++step) {
            send_something(&scene);
            if (unit_below(&scene.random, 3) == 0) {
                receive_something(&scene);
            }
        }
        for (uint32_t step = 0; step < 200; ++step) {
            scribble(&scene);
            if (unit_below(&scene.random, 2) == 0) {
                send_something(&scene);
            }
            receive_something(&scene);
        }
        /* Who comes now, finds a head in any state. */
        segmsg_export_t late = scene.memory.export;
        (void) segmsg_export_check(&late);
        corrupt += scene.corrupt;
        messages += scene.messages;
        close_scene(&scene);
    }
    UNIT_CHECK(corrupt != 0 && messages != 0);
}

/* One wrong field of an otherwise good announcement or header: said to be corrupt, every time. */
static void wrong_entries_of_the_ring_are_corrupt(void)
{
    static const struct {
        uint64_t header;
        uint32_t segment;
        uint16_t first, partitions;
    } wrong[] = {
        /* The sender's group 1 is segment 1: 8 partitions of 128 bytes; its ring has 8 lines.
         * Segments 2 and 3 are another sender's ring and group 1. */
        {(uint64_t) SEGMSG_KIND_RUN | 1 << 16 | (uint64_t) 100 << 32, 3, 0, 1},
        {(uint64_t) SEGMSG_KIND_SWITCH | 1 << 16 | (uint64_t) 2 << 32, 0, 0, 0},
        {(uint64_t) SEGMSG_KIND_RUN | 1 << 16 | (uint64_t) 100 << 32, 2, 0, 1},
        {(uint64_t) SEGMSG_KIND_RUN | 1 << 16 | (uint64_t) 100 << 32, 0, 0, 1},
        {(uint64_t) SEGMSG_KIND_RUN | 1 << 16 | (uint64_t) 100 << 32, 12, 0, 1},
        {(uint64_t) SEGMSG_KIND_RUN | 1 << 16 | (uint64_t) 100 << 32, UINT32_MAX, 0, 1},
        {(uint64_t) SEGMSG_KIND_RUN | 1 << 16 | (uint64_t) 100 << 32, 1, 0, 0},
        {(uint64_t) SEGMSG_KIND_RUN | 1 << 16 | (uint64_t) 100 << 32, 1, 8, 1},
        {(uint64_t) SEGMSG_KIND_RUN | 1 << 16 | (uint64_t) 100 << 32, 1, 7, 2},
        {(uint64_t) SEGMSG_KIND_RUN | 1 << 16 | (uint64_t) 100 << 32, 1, 0, 9},
        {(uint64_t) SEGMSG_KIND_RUN | 1 << 16 | (uint64_t) 100 << 32, 1, 65535, 65535},
        {(uint64_t) SEGMSG_KIND_RUN | 1 << 16 | (uint64_t) 129 << 32, 1, 0, 1},
        {(uint64_t) SEGMSG_KIND_RUN | 1 << 16 | (uint64_t) UINT32_MAX << 32, 1, 0, 8},
        {(uint64_t) SEGMSG_KIND_MESSAGE | (uint64_t) 10 << 32, 0, 0, 0},
        {(uint64_t) SEGMSG_KIND_MESSAGE | 1 << 16 | (uint64_t) 57 << 32, 0, 0, 0},
        {(uint64_t) SEGMSG_KIND_MESSAGE | 9 << 16 | (uint64_t) 57 << 32, 0, 0, 0},
        {(uint64_t) SEGMSG_KIND_MESSAGE | UINT64_C(0xffff) << 16 | (uint64_t) 57 << 32, 0, 0, 0},
        {(uint64_t) SEGMSG_KIND_MESSAGE | 1 << 16 | (uint64_t) UINT32_MAX << 32, 0, 0, 0},
        {(uint64_t) SEGMSG_KIND_WRAP | 1 << 16, 0, 0, 0},
        {(uint64_t) SEGMSG_KIND_WRAP, 0, 0, 0},
        {(uint64_t) SEGMSG_KIND_SWITCH | 1 << 16 | (uint64_t) 1 << 32, 0, 0, 0},
        {(uint64_t) SEGMSG_KIND_SWITCH | 1 << 16 | (uint64_t) 0 << 32, 0, 0, 0},
        {(uint64_t) SEGMSG_KIND_SWITCH | 1 << 16 | (uint64_t) 12 << 32, 0, 0, 0},
        {(uint64_t) SEGMSG_KIND_SWITCH | 1 << 16 | (uint64_t) UINT32_MAX << 32, 0, 0, 0},
        {6, 0, 0, 0},
        {255, 0, 0, 0},
    };
    for (size_t w = 0; w < sizeof(wrong) / sizeof(wrong[0]); ++w) {
        scene_t scene;
        open_scene(&scene, w);
        segmsg_sender_t *sender = &scene.sender[0];
        segmsg_place_t place;
        UNIT_EQUAL(segmsg_sender_take_lasting(sender, 1000, &place), SEGMSG_OK);
        UNIT_EQUAL(place.group, 1);
        UNIT_EQUAL(segmsg_sender_take_lasting(&scene.sender[1], 1000, &place), SEGMSG_OK);
        segmsg_announcement_t *at = &sender->ring.line[sender->ring.at].announcement;
        at->segment = wrong[w].segment;
        at->first = wrong[w].first;
        at->partitions = wrong[w].partitions;
        atomic_store(&at->header, wrong[w].header);
        UNIT_EQUAL(segmsg_receiver_find_groups(&scene.receiver), SEGMSG_OK);
        segmsg_message_t message;
        segmsg_poll_t poll =
            segmsg_reader_poll(&scene.receiver, scene.receiver.reader[0], &message);
        if (poll != SEGMSG_POLL_CORRUPT) {
            unit_fail(__FILE__, __LINE__, "case %zu: poll says %d", w, (int) poll);
        }
        close_scene(&scene);
    }
}

/* One wrong field in the tables: the group is refused, and nothing is polled in it. */
static void wrong_entries_of_the_tables_are_corrupt(void)
{
    for (int field = 0; field < 15; ++field) {
        scene_t scene;
        open_scene(&scene, (uint64_t) field);
        segmsg_sender_t *sender = &scene.sender[0];
        segmsg_place_t place;
        UNIT_EQUAL(segmsg_sender_take_lasting(sender, 1000, &place), SEGMSG_OK);
        const segmsg_export_t *export = &scene.memory.export;
        uint32_t wrong = field == 0 ? 0 : 1;
        segmsg_segment_entry_t *segment = segmsg_export_segment(export, wrong);
        segmsg_group_entry_t *group = segmsg_export_group(export, 1);
        switch (field) {
        case 0: /* a ring of 8 lines can carry 3 */
            segment->span_factor = 4;
            break;
        case 1:
            segment->group = 3;
            break;
        case 2:
            segment->group = 0;
            break;
        case 3:
            segment->partition_size = 256;
            break;
        case 4:
            segment->partition_count = 9;
            break;
        case 5:
            segment->partition_count = 0;
            break;
        case 6:
            segment->span_factor = 9;
            break;
        case 7:
            segment->span_factor = 0;
            break;
        case 8:
            segment->offset = export->bytes - SEGMSG_PAGE + 1;
            break;
        case 9:
            segment->offset = export->bytes / SEGMSG_PAGE * SEGMSG_PAGE;
            break;
        case 10:
            segment->offset = UINT64_MAX - 4095;
            break;
        case 11:
            segment->offset = 0; /* the head */
            break;
        case 12:
            segment->bytes = UINT64_MAX;
            break;
        case 13:
            group->segment = UINT32_MAX;
            break;
        default:
            segment->group_entry = 0;
            break;
        }
        /* As if it had been written so from the beginning. */
        segment->check = segmsg_segment_sum(segment, wrong);
        atomic_store(&group->check, segmsg_group_sum(group, 1));
        UNIT_EQUAL(segmsg_receiver_find_groups(&scene.receiver), SEGMSG_ERR_CORRUPT);
        UNIT_CHECK(scene.receiver.target[wrong].partition == NULL);
        close_scene(&scene);
    }
}

/* A segment that says it is common, in an export that has none. */
static void a_common_segment_where_there_is_none_is_survived(void)
{
    for (uint32_t g = 0; g < 2; ++g) {
        scene_t scene;
        open_scene(&scene, g);
        segmsg_place_t place;
        UNIT_EQUAL(segmsg_sender_take_lasting(&scene.sender[0], 1000, &place), SEGMSG_OK);
        atomic_store(&segmsg_export_segment(&scene.memory.export, g)->state, SEGMSG_SEGMENT_COMMON);
        (void) segmsg_receiver_find_groups(&scene.receiver);
        receive_something(&scene);
        close_scene(&scene);
    }
}

static const unit_case_t cases[] = {
    UNIT_CASE(any_values_are_survived),
    UNIT_CASE(wrong_entries_of_the_ring_are_corrupt),
    UNIT_CASE(wrong_entries_of_the_tables_are_corrupt),
    UNIT_CASE(a_common_segment_where_there_is_none_is_survived),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
