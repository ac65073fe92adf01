/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Exports and their tables: laying out, checking, forming and dissolving groups, running out of
 * space, and coming back.
 */
#include "engine/receiver.h"
#include "engine/sender.h"
#include "engine/groups.h"
#include "engine/growth.h"
#include "memory.h"
#include "unit.h"

static const char *const GROUPS = "64:64:20,128:8:4,1K:64:16";

static void open_sender(segmsg_sender_t *sender, segmsg_export_t *image, const memory_t *memory,
                        uint32_t rank)
{
    *image = memory_image(memory);
    segmsg_identity_t self = memory_sender(rank);
    segmsg_growth_t growth = memory_growth(UINT32_MAX);
    segmsg_sender_init(sender, image, &self, &growth);
}

static segmsg_error_t send_message(segmsg_sender_t *sender, size_t length, uint64_t number)
{
    segmsg_place_t place;
    segmsg_error_t error = segmsg_sender_take(sender, length, &place);
    if (error == SEGMSG_OK) {
        memory_fill(place.data, length, number);
        UNIT_CHECK(segmsg_sender_publish(sender, &place, 1, (uint32_t) length));
    }
    return error;
}

/* Polls everybody until nothing comes; returns how many messages and counts who left. */
static uint32_t receive_all(segmsg_receiver_t *receiver, uint32_t *closed)
{
    uint32_t messages = 0;
    for (bool any = true; any;) {
        any = false;
        if (segmsg_receiver_has_new_groups(receiver)) {
            UNIT_EQUAL(segmsg_receiver_find_groups(receiver), SEGMSG_OK);
        }
        for (uint32_t r = 0; r < receiver->reader_count; ++r) {
            segmsg_message_t message;
            segmsg_reader_t *reader = receiver->reader[r];
            segmsg_poll_t poll = segmsg_reader_poll(receiver, reader, &message);
            UNIT_CHECK(poll != SEGMSG_POLL_CORRUPT);
            any |= poll == SEGMSG_POLL_MESSAGE || poll == SEGMSG_POLL_CLOSED;
            *closed += poll == SEGMSG_POLL_CLOSED;
            if (poll == SEGMSG_POLL_MESSAGE) {
                ++messages;
                segmsg_message_return(receiver, reader, &message);
            }
        }
    }
    return messages;
}

static void an_export_needs_room_for_one_sender(void)
{
    segmsg_export_config_t config = memory_config(GROUPS, 8, 16);
    memory_t memory;
    size_t least = segmsg_export_bytes_min(&config);
    memory_open(&memory, least - SEGMSG_PAGE);
    UNIT_EQUAL(segmsg_export_init(&memory.export, &config), SEGMSG_ERR_TOO_SMALL);
    memory_close(&memory);

    memory_open(&memory, least);
    config.groups_max = 3;
    UNIT_EQUAL(segmsg_export_init(&memory.export, &config), SEGMSG_ERR_TOO_SMALL);
    config.groups_max = 16;
    config.ring_starter = 7;
    UNIT_EQUAL(segmsg_export_init(&memory.export, &config), SEGMSG_ERR_PARTITION_COUNT);
    config.ring_starter = 65;
    UNIT_EQUAL(segmsg_export_init(&memory.export, &config), SEGMSG_ERR_PARTITION_COUNT);
    config.ring_starter = 8;
    config.geometry.group[1].span_factor = 9;
    UNIT_EQUAL(segmsg_export_init(&memory.export, &config), SEGMSG_ERR_SPAN);
    config.geometry.group[1].span_factor = 8;
    atomic_store(memory.left, 0);
    UNIT_EQUAL(segmsg_export_init(&memory.export, &config), SEGMSG_ERR_NO_SPACE);
    atomic_store(memory.left, 100);
    UNIT_EQUAL(segmsg_export_init(&memory.export, &config), SEGMSG_OK);

    /* And that is enough: one sender gets every group, and the longer ring. */
    segmsg_export_t image = memory_image(&memory);
    segmsg_identity_t self = memory_sender(1);
    segmsg_sender_t sender;
    segmsg_growth_t growth = memory_growth(0);
    segmsg_sender_init(&sender, &image, &self, &growth);
    UNIT_EQUAL(send_message(&sender, 100, 1), SEGMSG_OK);
    UNIT_EQUAL(send_message(&sender, 1200, 1), SEGMSG_OK); /* 20 lines: the longer ring */
    UNIT_EQUAL(sender.messages[0], 2);
    for (uint32_t g = 1; g < 3; ++g) {
        segmsg_place_t place;
        UNIT_EQUAL(segmsg_sender_take_larger(&sender, 10, g, &place), SEGMSG_OK);
        UNIT_EQUAL(place.group, g);
    }
    segmsg_head_t *head = segmsg_export_head(&image);
    UNIT_EQUAL(head->arena + atomic_load(&head->arena_used), least);
    segmsg_sender_destroy(&sender);
    memory_close(&memory);
}

static void a_head_of_another_kind_is_refused(void)
{
    memory_t memory;
    memory_open_export(&memory, GROUPS, 8, 16, 2);
    const segmsg_head_t good = *segmsg_export_head(&memory.export);
    segmsg_head_t *head = segmsg_export_head(&memory.export);
    segmsg_export_t image = memory.export;
    UNIT_EQUAL(segmsg_export_check(&image), SEGMSG_OK);

#define REFUSES(change)                                             \
    do {                                                            \
        change;                                                     \
        UNIT_EQUAL(segmsg_export_check(&image), SEGMSG_ERR_LAYOUT); \
        memcpy(head, &good, sizeof(good));                          \
    } while (0)
    REFUSES(head->magic = 0);
    REFUSES(head->magic ^= UINT64_C(1) << 63);
    REFUSES(++head->layout_version);
    REFUSES(head->layout_version = 0);
    REFUSES(head->export_bytes = image.bytes + 1);
    REFUSES(head->export_bytes = UINT64_MAX);
    REFUSES(head->export_bytes = head->arena - 1);
    REFUSES(head->ring_starter = 7);
    REFUSES(head->ring_starter = 65);
    REFUSES(head->segments_max = UINT32_MAX);
    REFUSES(head->segments_max = head->groups_max = UINT32_MAX);
    REFUSES(head->groups_max = 1000);
    REFUSES(head->segment_table = 0);
    REFUSES(head->segment_table = UINT64_MAX);
    REFUSES(head->group_table += SEGMSG_PAGE);
    REFUSES(head->arena = 0);
    REFUSES(head->arena = UINT64_MAX - 4095);
    REFUSES(head->geometry.group_count = 0);
    REFUSES(head->geometry.group_count = 1000000);
    REFUSES(head->geometry.group[0].partition_size = 128);
    REFUSES(head->geometry.group[1].partition_count = 65);
    REFUSES(head->geometry.group[1].span_factor = 0);
#undef REFUSES
    UNIT_EQUAL(segmsg_export_check(&image), SEGMSG_OK);
    image.bytes = SEGMSG_PAGE;
    UNIT_EQUAL(segmsg_export_check(&image), SEGMSG_ERR_LAYOUT);
    image.bytes = 100;
    UNIT_EQUAL(segmsg_export_check(&image), SEGMSG_ERR_LAYOUT);
    image.bytes = 0;
    UNIT_EQUAL(segmsg_export_check(&image), SEGMSG_ERR_LAYOUT);
    memory_close(&memory);
}

static void groups_of_those_who_left_serve_those_who_come(void)
{
    memory_t memory;
    memory_open_export(&memory, GROUPS, 8, 16, 2);
    segmsg_receiver_t receiver;
    UNIT_REQUIRE(segmsg_receiver_init(&receiver, &memory.export));
    segmsg_head_t *head = segmsg_export_head(&memory.export);
    unit_random_t random = unit_random(0);
    uint64_t used = 0;
    uint32_t segments = 0;
    for (uint32_t cycle = 0; cycle < unit_repetitions(5000) && !unit_has_failed(); ++cycle) {
        segmsg_sender_t sender;
        segmsg_export_t image;
        open_sender(&sender, &image, &memory, cycle);
        sender.growth.grow_after = (uint32_t) unit_below(&random, 4);
        uint32_t sent = 0;
        /* All groups and a wrap in the first cycle, some in the others; stale lines everywhere. */
        uint32_t wanted = cycle == 0 ? 200 : (uint32_t) unit_below(&random, 60);
        uint32_t received = 0;
        uint32_t closed = 0;
        for (uint32_t m = 0; m < wanted; ++m) {
            if (send_message(&sender, cycle == 0 ? m * 73 : unit_below(&random, 16384), cycle)
                == SEGMSG_OK) {
                ++sent;
            }
            if (unit_below(&random, 3) == 0) {
                received += receive_all(&receiver, &closed);
            }
        }
        if (cycle == 0) { /* group 1 too, which all those messages need not have come to */
            segmsg_place_t place;
            UNIT_EQUAL(segmsg_sender_take_lasting(&sender, 10, &place), SEGMSG_OK);
            segmsg_sender_give_back(&sender, &place);
        }
        while (!segmsg_sender_close(&sender)) {
            received += receive_all(&receiver, &closed);
        }
        received += receive_all(&receiver, &closed);
        UNIT_EQUAL(received, sent);
        UNIT_EQUAL(closed, sent == 0 && wanted == 0 ? 0 : 1);
        UNIT_EQUAL(receiver.reader_count, 0);
        if (cycle == 0) {
            used = atomic_load(&head->arena_used);
            segments = atomic_load(&head->segment_count);
            UNIT_EQUAL(segments, 4);
        }
    }
    /* One at a time: nobody ever needed more than the first. */
    UNIT_EQUAL(atomic_load(&head->arena_used), used);
    UNIT_EQUAL(atomic_load(&head->segment_count), segments);
    uint32_t groups = atomic_load(&head->group_count);
    UNIT_CHECK(groups <= segments);
    UNIT_EQUAL(atomic_load(&head->registered), segments);
    for (uint32_t s = 0; s < segments; ++s) {
        UNIT_EQUAL(atomic_load(&segmsg_export_segment(&memory.export, s)->state),
                   SEGMSG_SEGMENT_REGISTERED);
    }
    for (uint32_t g = 0; g < groups; ++g) {
        UNIT_EQUAL(atomic_load(&segmsg_export_group(&memory.export, g)->state), SEGMSG_GROUP_EMPTY);
    }
    segmsg_receiver_destroy(&receiver);
    memory_close(&memory);
}

/* A sender closes and is back, with the same name, before the receiver has read that it closed. */
static void a_sender_that_comes_back_early_is_read_after_its_past(void)
{
    memory_t memory;
    memory_open_export(&memory, GROUPS, 8, 32, 4);
    segmsg_receiver_t receiver;
    UNIT_REQUIRE(segmsg_receiver_init(&receiver, &memory.export));
    segmsg_sender_t sender;
    segmsg_export_t image;
    for (uint32_t seen = 0; seen < 2; ++seen) { /* whether the past was found before */
        open_sender(&sender, &image, &memory, 5);
        UNIT_EQUAL(send_message(&sender, 1500, 1), SEGMSG_OK);
        if (seen) {
            UNIT_EQUAL(segmsg_receiver_find_groups(&receiver), SEGMSG_OK);
        }
        UNIT_CHECK(segmsg_sender_close(&sender));
        open_sender(&sender, &image, &memory, 5);
        UNIT_EQUAL(send_message(&sender, 10, 2), SEGMSG_OK);
        UNIT_EQUAL(send_message(&sender, 1500, 3), SEGMSG_OK);
        uint32_t closed = 0;
        UNIT_EQUAL(receive_all(&receiver, &closed), 3);
        UNIT_EQUAL(closed, 1);
        UNIT_EQUAL(receiver.reader_count, 1);
        UNIT_CHECK(segmsg_sender_close(&sender));
        UNIT_EQUAL(send_message(&sender, 10, 4), SEGMSG_OK); /* closed, and used again */
        UNIT_EQUAL(send_message(&sender, 1500, 5), SEGMSG_OK);
        UNIT_EQUAL(receive_all(&receiver, &closed), 2);
        UNIT_CHECK(segmsg_sender_close(&sender));
        UNIT_EQUAL(receive_all(&receiver, &closed), 0);
        UNIT_EQUAL(closed, 3);
    }
    segmsg_receiver_destroy(&receiver);
    memory_close(&memory);
}

/* Likewise, when its new groups stand before the old ones in the table. */
static void an_earlier_session_comes_first_wherever_it_stands_in_the_table(void)
{
    memory_t memory;
    memory_open_export(&memory, GROUPS, 8, 32, 4);
    segmsg_receiver_t receiver;
    UNIT_REQUIRE(segmsg_receiver_init(&receiver, &memory.export));
    segmsg_sender_t other, sender;
    segmsg_export_t image[2];
    open_sender(&other, &image[0], &memory, 1);
    UNIT_EQUAL(segmsg_growth_begin(&other), SEGMSG_OK); /* entry 0 */
    UNIT_EQUAL(segmsg_receiver_find_groups(&receiver), SEGMSG_OK);
    open_sender(&sender, &image[1], &memory, 2);
    UNIT_EQUAL(send_message(&sender, 10, 1), SEGMSG_OK); /* entry 1 */
    UNIT_CHECK(segmsg_sender_close(&sender));
    UNIT_CHECK(segmsg_sender_close(&other));
    segmsg_message_t message;
    UNIT_EQUAL(segmsg_reader_poll(&receiver, receiver.reader[0], &message), SEGMSG_POLL_CLOSED);
    UNIT_EQUAL(send_message(&sender, 20, 2), SEGMSG_OK); /* entry 0 */
    UNIT_EQUAL(segmsg_export_group(&memory.export, 0)->sender.name, sender.self.name);

    UNIT_EQUAL(segmsg_receiver_find_groups(&receiver), SEGMSG_OK);
    UNIT_REQUIRE(receiver.reader_count == 1);
    UNIT_EQUAL(segmsg_reader_poll(&receiver, receiver.reader[0], &message), SEGMSG_POLL_MESSAGE);
    UNIT_EQUAL(message.length, 10);
    segmsg_message_return(&receiver, receiver.reader[0], &message);
    uint32_t closed = 0;
    UNIT_EQUAL(receive_all(&receiver, &closed), 1);
    UNIT_EQUAL(closed, 1);
    segmsg_receiver_destroy(&receiver);
    memory_close(&memory);
}

/* The lines of a ring that served another sender still hold its messages. */
static void a_ring_that_serves_again_starts_empty(void)
{
    memory_t memory;
    memory_open_export(&memory, GROUPS, 8, 32, 4);
    segmsg_receiver_t receiver;
    UNIT_REQUIRE(segmsg_receiver_init(&receiver, &memory.export));
    segmsg_sender_t sender;
    segmsg_export_t image;
    uint32_t closed = 0;
    open_sender(&sender, &image, &memory, 1);
    UNIT_EQUAL(send_message(&sender, 10, 1), SEGMSG_OK);
    UNIT_CHECK(segmsg_sender_close(&sender));
    UNIT_EQUAL(receive_all(&receiver, &closed), 1);
    open_sender(&sender, &image, &memory, 2);
    UNIT_EQUAL(segmsg_growth_begin(&sender), SEGMSG_OK);
    UNIT_EQUAL(receive_all(&receiver, &closed), 0);
    UNIT_EQUAL(closed, 1);
    UNIT_EQUAL(atomic_load(&segmsg_export_head(&image)->segment_count), 1);
    UNIT_EQUAL(atomic_load(&sender.ring.control->word), 0);
    segmsg_receiver_destroy(&receiver);
    memory_close(&memory);
}

/* The longer ring may get an entry of the table that lies before the starter's. */
static void the_first_ring_is_the_starter_wherever_it_stands_in_the_table(void)
{
    memory_t memory;
    memory_open_export(&memory, GROUPS, 8, 32, 4);
    segmsg_receiver_t receiver;
    UNIT_REQUIRE(segmsg_receiver_init(&receiver, &memory.export));
    segmsg_sender_t other, sender;
    segmsg_export_t image[2];
    uint32_t closed = 0;
    open_sender(&other, &image[0], &memory, 1);
    UNIT_EQUAL(send_message(&other, 10, 1), SEGMSG_OK);
    UNIT_EQUAL(receive_all(&receiver, &closed), 1);
    open_sender(&sender, &image[1], &memory, 2);
    UNIT_EQUAL(send_message(&sender, 10, 2), SEGMSG_OK); /* its starter has entry 1 */
    UNIT_CHECK(segmsg_sender_close(&other));
    segmsg_message_t message;
    UNIT_EQUAL(segmsg_reader_poll(&receiver, receiver.reader[0], &message), SEGMSG_POLL_CLOSED);
    sender.growth.grow_after = 0;
    UNIT_EQUAL(send_message(&sender, 1000, 3), SEGMSG_OK); /* its longer ring entry 0 */
    UNIT_EQUAL(sender.ring.count, 64);
    UNIT_EQUAL(segmsg_export_group(&memory.export, 0)->sender.name, sender.self.name);
    UNIT_EQUAL(receive_all(&receiver, &closed), 2);
    segmsg_receiver_destroy(&receiver);
    memory_close(&memory);
}

/* The old ring goes back to the tables only when no message in it is out any more. */
static void a_ring_is_kept_while_a_message_in_it_is_out(void)
{
    memory_t memory;
    memory_open_export(&memory, GROUPS, 8, 32, 4);
    segmsg_receiver_t receiver;
    UNIT_REQUIRE(segmsg_receiver_init(&receiver, &memory.export));
    segmsg_sender_t sender;
    segmsg_export_t image;
    for (int closes = 0; closes < 2; ++closes) {
        open_sender(&sender, &image, &memory, 1);
        UNIT_EQUAL(send_message(&sender, 100, 1), SEGMSG_OK);
        UNIT_EQUAL(segmsg_receiver_find_groups(&receiver), SEGMSG_OK);
        segmsg_reader_t *reader = receiver.reader[0];
        segmsg_message_t out, message;
        UNIT_EQUAL(segmsg_reader_poll(&receiver, reader, &out), SEGMSG_POLL_MESSAGE);
        if (closes) {
            UNIT_CHECK(segmsg_sender_close(&sender));
        } else {
            sender.growth.grow_after = 0;
            UNIT_EQUAL(send_message(&sender, 1000, 2), SEGMSG_OK);
        }
        UNIT_EQUAL(segmsg_reader_poll(&receiver, reader, &message), SEGMSG_POLL_NONE);
        UNIT_EQUAL(atomic_load(&segmsg_export_segment(&memory.export, 0)->state),
                   SEGMSG_SEGMENT_PAIRED);
        UNIT_CHECK(memory_holds(out.data, 100, 1));
        segmsg_message_return(&receiver, reader, &out);
        UNIT_EQUAL(segmsg_reader_poll(&receiver, reader, &message),
                   closes ? SEGMSG_POLL_CLOSED : SEGMSG_POLL_MESSAGE);
        UNIT_EQUAL(atomic_load(&segmsg_export_segment(&memory.export, 0)->state),
                   SEGMSG_SEGMENT_REGISTERED);
        uint32_t closed = 0;
        if (!closes) {
            segmsg_message_return(&receiver, reader, &message);
            UNIT_CHECK(segmsg_sender_close(&sender));
        }
        UNIT_EQUAL(receive_all(&receiver, &closed), 0);
        UNIT_EQUAL(receiver.reader_count, 0);
    }
    segmsg_receiver_destroy(&receiver);
    memory_close(&memory);
}

/* A group above group 0 may be found before the ring of its sender is. */
static void a_sender_without_a_ring_has_nothing_to_say(void)
{
    memory_t memory;
    memory_open_export(&memory, GROUPS, 8, 32, 4);
    segmsg_receiver_t receiver;
    UNIT_REQUIRE(segmsg_receiver_init(&receiver, &memory.export));
    segmsg_identity_t self = memory_sender(1);
    uint32_t group;
    UNIT_EQUAL(segmsg_group_form(&memory.export, &self, 1, 8, &group), SEGMSG_OK);
    uint32_t closed = 0;
    UNIT_EQUAL(receive_all(&receiver, &closed), 0);
    UNIT_EQUAL(receiver.reader_count, 1);
    UNIT_CHECK(segmsg_receiver_reader_of(&receiver, self.name) == receiver.reader[0]);
    UNIT_CHECK(segmsg_receiver_reader_of(&receiver, self.name + 1) == NULL);

    /* One that keeps a place before it ever sent a message has its ring all the same. */
    segmsg_sender_t sender;
    segmsg_export_t image;
    open_sender(&sender, &image, &memory, 2);
    segmsg_place_t place;
    UNIT_EQUAL(segmsg_sender_take_lasting(&sender, 100, &place), SEGMSG_OK);
    UNIT_EQUAL(receive_all(&receiver, &closed), 0);
    memory_fill(place.data, 100, 1);
    UNIT_CHECK(segmsg_sender_publish(&sender, &place, 1, 100));
    UNIT_EQUAL(receive_all(&receiver, &closed), 1);
    segmsg_sender_destroy(&sender);
    segmsg_receiver_destroy(&receiver);
    memory_close(&memory);
}

/* Space ends after any number of pages: errors come back, and what stands goes on working. */
static void running_out_of_space_is_an_error_and_what_stands_goes_on(void)
{
    bool only_starter = false;
    for (size_t pages = 0; pages < 40; ++pages) {
        memory_t memory;
        memory_open_export(&memory, GROUPS, 8, 16, 2);
        segmsg_receiver_t receiver;
        UNIT_REQUIRE(segmsg_receiver_init(&receiver, &memory.export));
        segmsg_sender_t sender;
        segmsg_export_t image;
        open_sender(&sender, &image, &memory, 1);
        sender.growth.grow_after = 10;
        atomic_store(memory.left, pages);
        uint32_t received = 0, sent = 0, closed = 0, refused = 0;
        static const size_t lengths[] = {0, 100, 184, 500, 1200, 2000, 16384};
        for (uint32_t m = 0; m < 200; ++m) {
            size_t length = lengths[m % 7];
            segmsg_error_t error = send_message(&sender, length, m);
            sent += error == SEGMSG_OK;
            refused += error == SEGMSG_ERR_NO_SPACE;
            UNIT_CHECK(error == SEGMSG_OK || error == SEGMSG_ERR_NO_SPACE);
            if (segmsg_sender_has_ring(&sender) && length <= 184) {
                UNIT_EQUAL(error, SEGMSG_OK); /* the starter carries these */
            }
            received += receive_all(&receiver, &closed);
        }
        UNIT_EQUAL(received, sent);
        UNIT_CHECK(pages >= 1 || sent == 0); /* a ring; the first entries lie in the head's page */
        UNIT_CHECK(pages < 1 || sent >= 200 / 7 * 3);
        only_starter |= pages >= 1 && sender.ring.count == 8 && sender.refused[1]
                        && sender.refused[2] && refused != 0;
        /* However often it was asked for: nothing was spent on what could not be had. */
        UNIT_CHECK(atomic_load(&segmsg_export_head(&image)->segment_count) <= 4);
        UNIT_CHECK(atomic_load(&segmsg_export_head(&image)->group_count) <= 4);

        /* And when there is space again, who comes then gets everything. */
        atomic_store(memory.left, 1000);
        UNIT_CHECK(segmsg_sender_close(&sender));
        received += receive_all(&receiver, &closed);
        open_sender(&sender, &image, &memory, 2);
        for (uint32_t m = 0; m < 7; ++m) {
            UNIT_EQUAL(send_message(&sender, lengths[m], m), SEGMSG_OK);
            UNIT_EQUAL(receive_all(&receiver, &closed), 1);
        }
        segmsg_sender_destroy(&sender);
        segmsg_receiver_destroy(&receiver);
        memory_close(&memory);
    }
    UNIT_CHECK(only_starter);
}

/* There is memory for some partitions of a group, and for no more: they serve again and again. */
static void partitions_that_have_memory_serve_again(void)
{
    for (size_t partitions = 1; partitions <= 4; ++partitions) {
        memory_t memory;
        memory_open_export(&memory, "64:64:20,4K:8:2", 8, 16, 2);
        segmsg_receiver_t receiver;
        UNIT_REQUIRE(segmsg_receiver_init(&receiver, &memory.export));
        segmsg_sender_t sender;
        segmsg_export_t image;
        open_sender(&sender, &image, &memory, 1);
        UNIT_EQUAL(send_message(&sender, 10, 0), SEGMSG_OK);
        /* Control block and directory share a page with partition 0, whose end is on the next. */
        atomic_store(memory.left, partitions + 1);
        uint32_t closed = 0;
        UNIT_EQUAL(receive_all(&receiver, &closed), 1);
        for (uint32_t m = 0; m < 100 && !unit_has_failed(); ++m) {
            UNIT_EQUAL(send_message(&sender, 3000, m), SEGMSG_OK);
            segmsg_error_t error = SEGMSG_OK;
            uint32_t more = 0;
            for (; more < partitions && error == SEGMSG_OK; more += error == SEGMSG_OK) {
                error = send_message(&sender, 3000, m);
            }
            UNIT_CHECK(error == SEGMSG_ERR_FULL || error == SEGMSG_ERR_NO_SPACE);
            UNIT_EQUAL(receive_all(&receiver, &closed), 1 + more);
        }
        segmsg_sender_destroy(&sender);
        segmsg_receiver_destroy(&receiver);
        memory_close(&memory);
    }
}

/* A stream prefers a larger group; where there is no memory for one, group 0 carries it. */
static void a_stream_without_memory_goes_through_the_ring(void)
{
    memory_t memory;
    memory_open_export(&memory, "64:255:100,4K:8:2", 255, 16, 2);
    segmsg_receiver_t receiver;
    UNIT_REQUIRE(segmsg_receiver_init(&receiver, &memory.export));
    segmsg_sender_t sender;
    segmsg_export_t image;
    open_sender(&sender, &image, &memory, 1);
    const segmsg_cache_policy_t policy = {.stream_lines = 10};
    segmsg_sender_set_cache(&sender, &policy);
    UNIT_EQUAL(send_message(&sender, 10, 0), SEGMSG_OK);
    atomic_store(memory.left, 0);
    uint32_t closed = 0;
    for (uint32_t m = 0; m < 100 && !unit_has_failed(); ++m) {
        UNIT_EQUAL(send_message(&sender, 5000, m), SEGMSG_OK);
        UNIT_EQUAL(receive_all(&receiver, &closed), m == 0 ? 2 : 1);
    }
    UNIT_EQUAL(sender.messages[0], 101);
    segmsg_sender_destroy(&sender);
    segmsg_receiver_destroy(&receiver);
    memory_close(&memory);
}

/* A piece in a place above group 0. Returns its group; 0: error. */
static uint32_t send_piece(segmsg_sender_t *sender, size_t length, uint64_t number,
                           segmsg_error_t *error)
{
    segmsg_place_t place;
    *error = segmsg_sender_take_lasting(sender, length, &place);
    if (*error != SEGMSG_OK) {
        return 0;
    }
    memory_fill(place.data, length, number);
    UNIT_CHECK(segmsg_sender_publish(sender, &place, 1, (uint32_t) length));
    return place.group;
}

static const segmsg_cache_policy_t large_pieces = {.piece_segment = 128 << 10};

/* Pieces prefer a group, of which there is memory for some partitions only: these serve. */
static void pieces_take_what_memory_there_is(void)
{
    enum { PIECES = 300, PIECE = 9000 };
    for (uint32_t pages = 0; pages < 40; ++pages) {
        memory_t memory;
        memory_open_export(&memory, "64:64:20,1K:16:16,16K:8:2", 64, 16, 2);
        segmsg_receiver_t receiver;
        UNIT_REQUIRE(segmsg_receiver_init(&receiver, &memory.export));
        segmsg_sender_t sender;
        segmsg_export_t image;
        open_sender(&sender, &image, &memory, 1);
        segmsg_sender_set_cache(&sender, &large_pieces);
        UNIT_EQUAL(send_message(&sender, 10, 0), SEGMSG_OK);
        uint32_t closed = 0, sent = 0, received = 0;
        UNIT_EQUAL(receive_all(&receiver, &closed), 1);
        atomic_store(memory.left, pages);
        for (uint32_t m = 0; m < PIECES && !unit_has_failed(); ++m) {
            segmsg_error_t error;
            uint32_t group = send_piece(&sender, PIECE, m, &error);
            UNIT_EQUAL(group, error == SEGMSG_OK ? 2 : 0);
            UNIT_CHECK(error == SEGMSG_OK || error == SEGMSG_ERR_FULL
                       || error == SEGMSG_ERR_NO_SPACE);
            sent += error == SEGMSG_OK;
            if (error != SEGMSG_OK || m % 3 == 0) {
                received += receive_all(&receiver, &closed);
            }
        }
        received += receive_all(&receiver, &closed);
        UNIT_EQUAL(received, sent);
        /* Its first page, and those on which a partition lies. */
        UNIT_CHECK(pages < 5 ? sent == 0 : sent > PIECES / 3);
        segmsg_sender_destroy(&sender);
        segmsg_receiver_destroy(&receiver);
        memory_close(&memory);
    }
}

/* Who comes too late for a large segment has a smaller one, and asks for the large one every now and then. */
static void pieces_without_their_group_go_through_another(void)
{
    enum { SENDERS = 3, PIECES = 5000, PIECE = 9000 };
    memory_t memory;
    memory_open_export(&memory, "64:64:20,1K:16:16,16K:8:2", 64, 16, SENDERS - 1);
    segmsg_receiver_t receiver;
    UNIT_REQUIRE(segmsg_receiver_init(&receiver, &memory.export));
    segmsg_sender_t sender[SENDERS];
    segmsg_export_t image[SENDERS];
    uint32_t closed = 0;
    for (uint32_t s = 0; s < SENDERS; ++s) {
        open_sender(&sender[s], &image[s], &memory, s);
        segmsg_sender_set_cache(&sender[s], &large_pieces);
        UNIT_EQUAL(send_message(&sender[s], 10, 0), SEGMSG_OK);
    }
    UNIT_EQUAL(receive_all(&receiver, &closed), SENDERS);
    for (uint32_t s = 0; s < SENDERS; ++s) {
        uint32_t first_large = PIECES;
        for (uint32_t m = 0; m < PIECES && !unit_has_failed(); ++m) {
            segmsg_error_t error;
            uint32_t group = send_piece(&sender[s], PIECE, m, &error);
            UNIT_EQUAL(error, SEGMSG_OK);
            UNIT_EQUAL(receive_all(&receiver, &closed), 1);
            first_large = group == 2 && m < first_large ? m : first_large;
            UNIT_EQUAL(group, m < first_large ? 1 : 2);
            if (s == SENDERS - 1 && m == PIECES / 2) {
                UNIT_EQUAL(first_large, PIECES);
                UNIT_CHECK(segmsg_sender_close(&sender[0])); /* gives its segments back */
                UNIT_EQUAL(receive_all(&receiver, &closed), 0);
            }
        }
        UNIT_CHECK(s < SENDERS - 1 ? first_large == 0
                                   : first_large > PIECES / 2 && first_large < PIECES);
    }
    for (uint32_t s = 0; s < SENDERS; ++s) {
        segmsg_sender_destroy(&sender[s]);
    }
    segmsg_receiver_destroy(&receiver);
    memory_close(&memory);
}

/* The arena is used up, or a table: senders that came too late are refused, again and again. */
static void a_full_table_refuses_and_stays_as_it_is(void)
{
    for (int tables = 0; tables < 2; ++tables) {
        memory_t memory;
        if (tables) {
            memory_open_export(&memory, GROUPS, 8, 6, 100);
        } else {
            memory_open_export(&memory, GROUPS, 8, 1000, 2);
        }
        segmsg_receiver_t receiver;
        UNIT_REQUIRE(segmsg_receiver_init(&receiver, &memory.export));
        enum { SENDERS = 100 };
        static segmsg_sender_t sender[SENDERS];
        static segmsg_export_t image[SENDERS];
        uint32_t accepted = 0, closed = 0;
        for (uint32_t s = 0; s < SENDERS; ++s) {
            open_sender(&sender[s], &image[s], &memory, s);
            if (send_message(&sender[s], 10, s) == SEGMSG_OK) {
                UNIT_EQUAL(accepted, s);
                ++accepted;
            }
        }
        UNIT_CHECK(accepted > 0 && accepted < SENDERS);
        segmsg_head_t *head = segmsg_export_head(&memory.export);
        uint32_t segments = atomic_load(&head->segment_count);
        UNIT_EQUAL(segments, accepted);
        for (uint32_t again = 0; again < 3000; ++again) {
            UNIT_EQUAL(send_message(&sender[accepted], 10, 0), SEGMSG_ERR_TABLE_FULL);
        }
        UNIT_EQUAL(atomic_load(&head->segment_count), segments);
        UNIT_EQUAL(atomic_load(&head->group_count), accepted);
        UNIT_EQUAL(receive_all(&receiver, &closed), accepted);
        /* One leaves, and there is a place. */
        UNIT_CHECK(segmsg_sender_close(&sender[0]));
        UNIT_EQUAL(receive_all(&receiver, &closed), 0);
        UNIT_EQUAL(closed, 1);
        UNIT_EQUAL(send_message(&sender[accepted], 10, 0), SEGMSG_OK);
        UNIT_EQUAL(receive_all(&receiver, &closed), 1);
        segmsg_receiver_destroy(&receiver);
        memory_close(&memory);
    }
}

static const unit_case_t cases[] = {
    UNIT_CASE(an_export_needs_room_for_one_sender),
    UNIT_CASE(a_head_of_another_kind_is_refused),
    UNIT_CASE(groups_of_those_who_left_serve_those_who_come),
    UNIT_CASE(a_sender_that_comes_back_early_is_read_after_its_past),
    UNIT_CASE(an_earlier_session_comes_first_wherever_it_stands_in_the_table),
    UNIT_CASE(a_ring_that_serves_again_starts_empty),
    UNIT_CASE(the_first_ring_is_the_starter_wherever_it_stands_in_the_table),
    UNIT_CASE(a_ring_is_kept_while_a_message_in_it_is_out),
    UNIT_CASE(a_sender_without_a_ring_has_nothing_to_say),
    UNIT_CASE(running_out_of_space_is_an_error_and_what_stands_goes_on),
    UNIT_CASE(partitions_that_have_memory_serve_again),
    UNIT_CASE(a_stream_without_memory_goes_through_the_ring),
    UNIT_CASE(pieces_take_what_memory_there_is),
    UNIT_CASE(pieces_without_their_group_go_through_another),
    UNIT_CASE(a_full_table_refuses_and_stays_as_it_is),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
