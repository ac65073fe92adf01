/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Completion data, headers and control messages as a broken or hostile peer could send them: an error is
 * said, nothing outside the sender's own segments is handed out, and nothing crashes. The export lies
 * between guard pages, and a source's memory is an allocation that is gone once it is given up.
 */
#include "hostile.h"
#include "wire.h"

enum { SENDERS = 3 };

/* Between hosts: group 0 carries 168 bytes, group 1 488, group 2 4072. */
static const char *const GROUPS = "64:8:3,128:8:4,1K:4:4";

typedef struct {
    wire_host_t host;
    wire_link_t link[SENDERS];
} scene_t;

static void open_scene(scene_t *scene)
{
    wire_open_host(&scene->host, GROUPS, 12, SENDERS);
    memory_unlock(&scene->host.memory);
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

/* The header of the only write under way of a link, where it will lie when that has arrived. */
static segmsg_wire_header_t *arrived_header(wire_link_t *link)
{
    uint64_t remote = link->write[0].remote;
    wire_arrive(link, 0);
    return (void *) (link->to->memory.export.base + remote);
}

static void data_that_name_no_partition_of_a_sender_are_nobodys(void)
{
    scene_t scene;
    open_scene(&scene);
    wire_send(&scene.link[0], 100, 0);
    wire_send(&scene.link[0], 4000, 1); /* segments 0 and 1, of 8 and 4 partitions */
    const uint64_t nobodys[] = {
        segmsg_wire_data(0, 8),           segmsg_wire_data(0, 0xffff),
        segmsg_wire_data(1, 4),           segmsg_wire_data(2, 0),
        segmsg_wire_data(11, 0),          segmsg_wire_data(12, 0),
        segmsg_wire_data(0xffff, 0),      segmsg_wire_data(13, 7),
        segmsg_wire_data(0xffff, 0xffff), UINT64_MAX,
    };
    for (size_t i = 0; i < sizeof(nobodys) / sizeof(nobodys[0]); ++i) {
        UNIT_CHECK(segmsg_targets_arrived(&scene.host.targets, nobodys[i]) == NULL);
    }
    segmsg_inlet_t *inlet = &scene.link[0].inlet;
    UNIT_EQUAL(inlet->arrival_count, 0);
    UNIT_CHECK(segmsg_targets_arrived(&scene.host.targets, segmsg_wire_data(1, 3)) == inlet);
    UNIT_CHECK(segmsg_targets_arrived(&scene.host.targets, segmsg_wire_data(0, 7)) == inlet);
    /* Once each, as often as anybody says so: there is an end to what is kept, and nothing in its place
     * is lost. */
    for (int i = 0; i < 1000; ++i) {
        UNIT_CHECK(segmsg_targets_arrived(&scene.host.targets, segmsg_wire_data(0, 7)) == NULL);
    }
    UNIT_EQUAL(inlet->arrival_count, 2);
    for (uint32_t first = 0; first < 7; ++first) {
        UNIT_CHECK(segmsg_targets_arrived(&scene.host.targets, segmsg_wire_data(0, first))
                   == inlet);
    }
    UNIT_EQUAL(inlet->arrival_count, 9);
    close_scene(&scene);
}

/* What anybody can make arrive without having written anything. */
static void data_without_the_segments_token_are_nobodys(void)
{
    scene_t scene;
    open_scene(&scene);
    wire_link_t *link = &scene.link[0];
    segmsg_targets_t *targets = &scene.host.targets;
    segmsg_message_t message;
    const uint32_t token = 0x80402010;
    segmsg_place_t place;
    UNIT_EQUAL(wire_take(link, 100, 0, &place), SEGMSG_OK);
    uint32_t segment = link->source.segment[place.group].segment;
    targets->slot[segment].token = link->source.segment[place.group].token = token;
    segmsg_source_publish(&link->source, &place, 0, 100, &WIRE_NO_RIDE);
    UNIT_CHECK(wire_flush(link));
    uint64_t right = link->write[0].data;
    UNIT_EQUAL(segmsg_wire_data_token(right), token);
    UNIT_CHECK(segmsg_targets_arrived(targets, (uint32_t) right) == NULL);
    for (uint32_t bit = 0; bit < 32; ++bit) {
        uint64_t wrong = right ^ UINT64_C(1) << (32 + bit);
        UNIT_CHECK(segmsg_targets_arrived(targets, wrong) == NULL);
    }
    UNIT_EQUAL(link->inlet.arrival_count, 0);
    UNIT_EQUAL(wire_next(link, &message), SEGMSG_POLL_NONE);
    wire_arrive(link, 0);
    wire_expect(link, 100, 0, &message);
    close_scene(&scene);
}

/* Against the vectors that come with SipHash, and OpenSSL's implementation. */
static void proofs_are_siphash(void)
{
    const segmsg_secret_t secret = {
        .word = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)}};
    unsigned char message[48];
    for (size_t i = 0; i < sizeof(message); ++i) {
        message[i] = (unsigned char) i;
    }
    uint64_t proof[2];
    segmsg_proof_make(&secret, message, 0, proof);
    UNIT_EQUAL(proof[0], UINT64_C(0xe6a825ba047f81a3));
    UNIT_EQUAL(proof[1], UINT64_C(0x930255c71472f66d));
    segmsg_proof_make(&secret, message, sizeof(message), proof);
    UNIT_EQUAL(proof[0], UINT64_C(0xcf82f749f5aee5f7));
    UNIT_EQUAL(proof[1], UINT64_C(0x169b2608a6559037));
}

/* Any bit of a control message that is another one, and any other secret. */
static void control_messages_without_a_proof_are_refused(void)
{
    const segmsg_secret_t secret = {.word = {UINT64_C(0x0123456789abcdef), 42}};
    segmsg_control_message_t message = {.magic = SEGMSG_CONTROL_MAGIC,
                                        .kind = SEGMSG_CONTROL_FORM,
                                        .name = 7,
                                        .count = 1};
    UNIT_CHECK(!segmsg_control_is_proven(&message, &secret));
    segmsg_control_sign(&message, &secret);
    UNIT_CHECK(segmsg_control_is_proven(&message, &secret));
    for (size_t bit = 0; bit < 8 * sizeof(message); ++bit) {
        segmsg_control_message_t other = message;
        ((unsigned char *) &other)[bit / 8] ^= (unsigned char) (1U << bit % 8);
        UNIT_CHECK(!segmsg_control_is_proven(&other, &secret));
    }
    for (size_t bit = 0; bit < 8 * sizeof(secret); ++bit) {
        segmsg_secret_t other = secret;
        other.word[bit / 64] ^= UINT64_C(1) << bit % 64;
        UNIT_CHECK(!segmsg_control_is_proven(&message, &other));
    }
}

static void control_messages_that_come_twice_are_refused(void)
{
    enum { KNOWN = 64 * (SEGMSG_REPLAY_WORDS - 1) };
    /* In order, and across the end of the counts. */
    for (uint32_t begin = 0; begin != 1; begin = begin == 0 ? UINT32_MAX - 100 : 1) {
        segmsg_replay_t replay = {.newest = begin};
        for (uint32_t i = 1; i <= 3000; ++i) {
            UNIT_CHECK(segmsg_replay_is_new(&replay, begin + i));
            UNIT_CHECK(!segmsg_replay_is_new(&replay, begin + i));
            UNIT_CHECK(!segmsg_replay_is_new(&replay, begin + 1 + i / 2));
        }
    }
    /* Backwards, as far as anybody knows. */
    segmsg_replay_t replay = {0};
    UNIT_CHECK(segmsg_replay_is_new(&replay, 5000));
    for (uint32_t i = 1; i < 2 * KNOWN; ++i) {
        UNIT_EQUAL(segmsg_replay_is_new(&replay, 5000 - i), i < KNOWN);
        UNIT_CHECK(!segmsg_replay_is_new(&replay, 5000 - i));
    }
    /* With leaps: what was left out may come later, once. */
    UNIT_CHECK(segmsg_replay_is_new(&replay, 5500));
    UNIT_CHECK(segmsg_replay_is_new(&replay, 5001));
    UNIT_CHECK(!segmsg_replay_is_new(&replay, 5001));
    UNIT_CHECK(!segmsg_replay_is_new(&replay, 5000));
    UNIT_CHECK(segmsg_replay_is_new(&replay, 1u << 30));
    UNIT_CHECK(segmsg_replay_is_new(&replay, (1u << 30) - KNOWN + 1));
    UNIT_CHECK(!segmsg_replay_is_new(&replay, (1u << 30) - KNOWN));
}

/* One wrong field of an otherwise good header: said to be corrupt, and not handed out. */
static void wrong_headers_are_corrupt(void)
{
    static const struct {
        uint32_t kind, span, length;
    } wrong[] = {
        /* The message: 200 bytes in 2 partitions, from partition 5 of 8 on, of which one may take 4. */
        {SEGMSG_KIND_NONE, 2, 200},
        {SEGMSG_KIND_RUN, 2, 200},
        {SEGMSG_KIND_WRAP, 2, 200},
        {SEGMSG_KIND_SWITCH, 2, 200},
        {SEGMSG_KIND_CLOSE, 2, 200},
        {SEGMSG_KIND_MORE + 1, 2, 200},
        {255, 2, 200},
        {SEGMSG_KIND_MESSAGE, 0, 200},
        {SEGMSG_KIND_MESSAGE, 0, 0},
        {SEGMSG_KIND_MESSAGE, 4, 200},
        {SEGMSG_KIND_MESSAGE, 5, 200},
        {SEGMSG_KIND_MESSAGE, 0xffff, 200},
        {SEGMSG_KIND_MESSAGE, 1, 105},
        {SEGMSG_KIND_MESSAGE, 2, 233},
        {SEGMSG_KIND_MESSAGE, 3, 361},
        {SEGMSG_KIND_MESSAGE, 2, UINT32_MAX},
        {SEGMSG_KIND_MORE, 2, 233},
        {SEGMSG_KIND_MORE, 4, 200},
    };
    for (size_t w = 0; w <= sizeof(wrong) / sizeof(wrong[0]); ++w) {
        scene_t scene;
        open_scene(&scene);
        wire_link_t *link = &scene.link[0];
        segmsg_message_t message;
        wire_send(link, 400, 0);
        wire_send(link, 100, 1);
        wire_arrive_all(link);
        wire_expect(link, 400, 0, &message);
        wire_expect(link, 100, 1, &message);
        UNIT_EQUAL(wire_send(link, 200, 2).first, 5);
        segmsg_wire_header_t *header = arrived_header(link);
        bool is_good = w == sizeof(wrong) / sizeof(wrong[0]);
        if (!is_good) {
            header->header = segmsg_header_make(wrong[w].kind, 2, wrong[w].span, wrong[w].length);
        }
        uint64_t clock = scene.host.targets.clock;
        segmsg_poll_t poll = wire_next(link, &message);
        if (poll != (is_good ? SEGMSG_POLL_MESSAGE : SEGMSG_POLL_CORRUPT)) {
            unit_fail(__FILE__, __LINE__, "case %zu: poll says %d", w, (int) poll);
        }
        UNIT_EQUAL(scene.host.targets.clock, clock + is_good);
        close_scene(&scene);
    }
}

/* The widest span is that of the group, not that of the segment. */
static void spans_beyond_the_span_factor_are_corrupt(void)
{
    for (uint32_t span = 4; span <= 5; ++span) {
        scene_t scene;
        open_scene(&scene);
        wire_link_t *link = &scene.link[0];
        segmsg_message_t message;
        wire_send(link, 400, 0);
        arrived_header(link)->header = segmsg_header_make(SEGMSG_KIND_MESSAGE, 0, span, 400);
        UNIT_EQUAL(wire_next(link, &message),
                   span == 4 ? SEGMSG_POLL_MESSAGE : SEGMSG_POLL_CORRUPT);
        close_scene(&scene);
    }
}

static void another_sequence_is_not_handed_out(void)
{
    for (uint32_t sequence = 0; sequence < 3; ++sequence) {
        scene_t scene;
        open_scene(&scene);
        wire_link_t *link = &scene.link[0];
        segmsg_message_t message;
        wire_send(link, 100, 0);
        wire_arrive(link, 0);
        wire_expect(link, 100, 0, &message);
        wire_send(link, 100, 1);
        arrived_header(link)->sequence = sequence;
        UNIT_EQUAL(wire_next(link, &message),
                   sequence == 1 ? SEGMSG_POLL_MESSAGE : SEGMSG_POLL_NONE);
        close_scene(&scene);
    }
}

/* In a write of several: the second one is of another turn, begins behind the last partition, or is in
 * one that is still out. */
static void wrong_messages_in_the_middle_of_a_write_are_corrupt(void)
{
    for (int what = 0; what < 4; ++what) {
        scene_t scene;
        open_scene(&scene);
        wire_link_t *link = &scene.link[0];
        segmsg_message_t message;
        wire_send(link, 400, 0);
        wire_arrive(link, 0);
        wire_expect(link, 400, 0, &message); /* 4 of 8 partitions, not returned */
        segmsg_place_t place;
        for (uint64_t m = 1; m <= 2; ++m) {
            UNIT_EQUAL(wire_take(link, 200, m, &place), SEGMSG_OK);
            segmsg_source_publish(&link->source, &place, (uint8_t) m, 200, &WIRE_NO_RIDE);
        }
        UNIT_CHECK(wire_flush(link));
        uint32_t segment = segmsg_wire_data_segment(link->write[0].data);
        segmsg_wire_header_t *first = arrived_header(link);
        segmsg_wire_header_t *second = (void *) ((unsigned char *) first + 256);
        wire_expect(link, 200, 1, &message);
        if (what == 0) {
            second->sequence += 1;
        } else if (what == 1) {
            second->header = segmsg_header_make(SEGMSG_KIND_MORE, 2, 2, 200);
            wire_expect(link, 200, 2, &message); /* the last partition; another one follows */
        } else if (what == 2) {
            scene.host.targets.slot[segment].used |= 1 << 7;
        }
        UNIT_EQUAL(wire_next(link, &message),
                   what == 3 ? SEGMSG_POLL_MESSAGE : SEGMSG_POLL_CORRUPT);
        close_scene(&scene);
    }
}

/* Behind the last partition is a page that nobody may touch. */
static void nothing_is_read_behind_the_last_partition(void)
{
    wire_host_t host;
    wire_link_t link;
    wire_open_host(&host, "64:8:3,128:31:31", 12, 1);
    wire_open(&link, &host, 0);
    segmsg_message_t message;
    wire_send(&link, 31 * 128 - 24, 0);
    UNIT_EQUAL((uintptr_t) (host.targets.slot[0].partition + (size_t) 31 * 128) % SEGMSG_PAGE, 0);
    segmsg_wire_header_t *header = arrived_header(&link);
    header->header = segmsg_header_make(SEGMSG_KIND_MORE, 0, 31, 31 * 128 - 24);
    wire_expect(&link, 31 * 128 - 24, 0, &message);
    UNIT_EQUAL(wire_next(&link, &message), SEGMSG_POLL_CORRUPT);
    wire_close(&link);
    wire_close_host(&host);
}

static void partitions_that_are_out_cannot_be_handed_out_again(void)
{
    scene_t scene;
    open_scene(&scene);
    wire_link_t *link = &scene.link[0];
    segmsg_message_t message, again;
    wire_send(link, 400, 0);
    segmsg_write_t write = link->write[0];
    segmsg_wire_header_t *header = arrived_header(link);
    wire_expect(link, 400, 0, &message);
    for (uint32_t first = 0; first < 4; ++first) {
        segmsg_wire_header_t *inside = (void *) ((unsigned char *) header + 128 * (size_t) first);
        inside->sequence = 1;
        inside->header = segmsg_header_make(SEGMSG_KIND_MESSAGE, 0, 4, 10);
        UNIT_CHECK(segmsg_targets_arrived(&scene.host.targets, write.data + first) == NULL);
        UNIT_EQUAL(wire_next(link, &again), SEGMSG_POLL_NONE);
    }
    (void) wire_return(link, &message);
    UNIT_CHECK(segmsg_targets_arrived(&scene.host.targets, write.data + 3) != NULL);
    UNIT_EQUAL(wire_next(link, &again), SEGMSG_POLL_MESSAGE);
    close_scene(&scene);
}

static void segments_are_released_by_their_sender_when_they_are_empty(void)
{
    scene_t scene;
    open_scene(&scene);
    segmsg_targets_t *targets = &scene.host.targets;
    segmsg_message_t message;
    wire_send(&scene.link[0], 100, 0); /* segment 0 */
    wire_send(&scene.link[1], 100, 0); /* segment 1 */
    UNIT_EQUAL(segmsg_targets_released(targets, &scene.link[0].inlet, 1), SEGMSG_ERR_CORRUPT);
    UNIT_EQUAL(segmsg_targets_released(targets, &scene.link[0].inlet, 2), SEGMSG_ERR_CORRUPT);
    UNIT_EQUAL(segmsg_targets_released(targets, &scene.link[0].inlet, 12), SEGMSG_ERR_CORRUPT);
    UNIT_EQUAL(segmsg_targets_released(targets, &scene.link[0].inlet, UINT32_MAX),
               SEGMSG_ERR_CORRUPT);
    wire_arrive(&scene.link[0], 0);
    wire_expect(&scene.link[0], 100, 0, &message);
    UNIT_EQUAL(segmsg_targets_released(targets, &scene.link[0].inlet, 0), SEGMSG_ERR_CORRUPT);
    (void) wire_return(&scene.link[0], &message);
    UNIT_CHECK(scene.link[0].inlet.due != 0);
    UNIT_EQUAL(segmsg_targets_released(targets, &scene.link[0].inlet, 0), SEGMSG_OK);
    UNIT_EQUAL(wire_tell(&scene.link[0], false), 0); /* there is nothing to tell any more */
    UNIT_EQUAL(segmsg_targets_released(targets, &scene.link[0].inlet, 0), SEGMSG_ERR_CORRUPT);
    UNIT_CHECK(targets->slot[1].inlet == &scene.link[1].inlet);
    close_scene(&scene);
}

/* Who gives a segment up has had everything back that it sent there. */
static void segments_with_messages_that_wait_are_not_released(void)
{
    scene_t scene;
    open_scene(&scene);
    segmsg_targets_t *targets = &scene.host.targets;
    wire_link_t *link = &scene.link[0];
    segmsg_message_t message;
    /* Another group's message has come, which is not the next one. */
    wire_send(link, 100, 0);
    wire_send(link, 400, 1);
    wire_arrive(link, 1);
    UNIT_EQUAL(segmsg_targets_released(targets, &link->inlet, 1), SEGMSG_ERR_CORRUPT);
    UNIT_EQUAL(wire_next(link, &message), SEGMSG_POLL_NONE);
    wire_arrive(link, 0);
    wire_expect(link, 100, 0, &message);
    (void) wire_return(link, &message);
    wire_expect(link, 400, 1, &message);
    (void) wire_return(link, &message);
    /* One message of two has been taken, and returned. */
    segmsg_place_t place;
    for (uint64_t m = 2; m <= 3; ++m) {
        UNIT_EQUAL(wire_take(link, 20, m, &place), SEGMSG_OK);
        segmsg_source_publish(&link->source, &place, (uint8_t) m, 20, &WIRE_NO_RIDE);
    }
    UNIT_CHECK(wire_flush(link));
    wire_arrive(link, 0);
    wire_expect(link, 20, 2, &message);
    (void) wire_return(link, &message);
    UNIT_EQUAL(segmsg_targets_released(targets, &link->inlet, 0), SEGMSG_ERR_CORRUPT);
    wire_expect(link, 20, 3, &message);
    (void) wire_return(link, &message);
    UNIT_EQUAL(segmsg_targets_released(targets, &link->inlet, 0), SEGMSG_OK);
    UNIT_EQUAL(segmsg_targets_released(targets, &link->inlet, 1), SEGMSG_OK);
    close_scene(&scene);
}

/* What a receiver may say to a sender. Nothing may be returned that was not written: else the sender
 * would give up a segment that it still writes to. */
static void returns_of_what_was_not_sent_are_refused(void)
{
    scene_t scene;
    open_scene(&scene);
    wire_link_t *link = &scene.link[0];
    segmsg_source_t *source = &link->source;
    segmsg_return_t word = {.word = 1, .number = 1, .group = 3};
    UNIT_CHECK(!segmsg_source_returned(source, &word));
    word.group = SEGMSG_WIRE_NO_RETURN;
    UNIT_CHECK(!segmsg_source_returned(source, &word));
    word.group = 2; /* not formed: it might have been, once */
    UNIT_CHECK(segmsg_source_returned(source, &word));
    segmsg_place_t place, waits;
    UNIT_EQUAL(wire_take(link, 100, 0, &place), SEGMSG_OK); /* partitions 0 and 1: taken */
    UNIT_EQUAL(wire_take(link, 20, 1, &waits), SEGMSG_OK);  /* 2: published */
    segmsg_source_publish(source, &waits, 1, 20, &WIRE_NO_RIDE);
    segmsg_source_recalled(source, 0);
    const uint64_t wrong[] = {1, 2, 4, 7, 8, 0xff, 0x100, UINT64_MAX};
    for (uint32_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); ++i) {
        word = (segmsg_return_t){.word = wrong[i], .number = (uint16_t) (i + 1), .group = 0};
        UNIT_EQUAL(segmsg_source_returned(source, &word), false);
        UNIT_CHECK(!segmsg_source_is_released(source, 0));
        UNIT_EQUAL(source->segment[0].slab.taken & source->segment[0].slab.exists, 7);
    }
    UNIT_CHECK(wire_flush(link));
    word = (segmsg_return_t){.word = 4, .number = 100, .group = 0};
    UNIT_CHECK(segmsg_source_returned(source, &word));
    UNIT_EQUAL(source->segment[0].slab.taken & source->segment[0].slab.exists, 3);
    word = (segmsg_return_t){.word = 0, .number = 101, .group = 0}; /* a second time */
    UNIT_CHECK(!segmsg_source_returned(source, &word));
    segmsg_source_give_back(source, &place);
    UNIT_CHECK(segmsg_source_is_released(source, 0));
    close_scene(&scene);
}

static void segments_that_were_not_asked_for_are_refused(void)
{
    scene_t scene;
    open_scene(&scene);
    wire_link_t *link = &scene.link[0];
    void *memory = aligned_alloc(64, segmsg_source_bytes(&link->source.geometry, 2));
    segmsg_place_t place;
    UNIT_EQUAL(segmsg_source_formed(&link->source, 0, 0, 0, memory), SEGMSG_ERR_CORRUPT);
    UNIT_EQUAL(segmsg_source_formed(&link->source, 3, 0, 0, memory), SEGMSG_ERR_CORRUPT);
    UNIT_EQUAL(segmsg_source_formed(&link->source, 255, 0, 0, memory), SEGMSG_ERR_CORRUPT);
    UNIT_EQUAL(segmsg_source_take(&link->source, 4000, &place), SEGMSG_ERR_FULL);
    UNIT_EQUAL(segmsg_source_formed(&link->source, 1, 0, 0, memory), SEGMSG_ERR_CORRUPT);
    UNIT_EQUAL(segmsg_source_formed(&link->source, 2, 65536, 0, memory), SEGMSG_ERR_CORRUPT);
    UNIT_EQUAL(segmsg_source_formed(&link->source, 2, 65535, 0, memory), SEGMSG_OK);
    UNIT_EQUAL(segmsg_source_formed(&link->source, 2, 65535, 0, memory), SEGMSG_ERR_CORRUPT);
    segmsg_source_recalled(&link->source, 0); /* neither of these exists */
    segmsg_source_recalled(&link->source, 255);
    segmsg_source_refused(&link->source, 255);
    UNIT_EQUAL(link->source.segment[0].state, SEGMSG_SOURCE_ABSENT);
    UNIT_EQUAL(link->source.segment[2].state, SEGMSG_SOURCE_FORMED);
    free(memory);

    uint32_t segment;
    for (uint32_t group = 3; group < 300; group += 99) {
        UNIT_EQUAL(segmsg_targets_form(&scene.host.targets, &link->inlet, &link->self, group, 0,
                                       &segment),
                   SEGMSG_ERR_CORRUPT);
    }
    close_scene(&scene);
}

static const unit_case_t cases[] = {
    UNIT_CASE(data_that_name_no_partition_of_a_sender_are_nobodys),
    UNIT_CASE(data_without_the_segments_token_are_nobodys),
    UNIT_CASE(proofs_are_siphash),
    UNIT_CASE(control_messages_without_a_proof_are_refused),
    UNIT_CASE(control_messages_that_come_twice_are_refused),
    UNIT_CASE(wrong_headers_are_corrupt),
    UNIT_CASE(spans_beyond_the_span_factor_are_corrupt),
    UNIT_CASE(another_sequence_is_not_handed_out),
    UNIT_CASE(wrong_messages_in_the_middle_of_a_write_are_corrupt),
    UNIT_CASE(nothing_is_read_behind_the_last_partition),
    UNIT_CASE(partitions_that_are_out_cannot_be_handed_out_again),
    UNIT_CASE(segments_are_released_by_their_sender_when_they_are_empty),
    UNIT_CASE(segments_with_messages_that_wait_are_not_released),
    UNIT_CASE(returns_of_what_was_not_sent_are_refused),
    UNIT_CASE(segments_that_were_not_asked_for_are_refused),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
