/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Between hosts, whatever a peer puts on the wire: random headers, completion data and control messages
 * among good ones. What is handed out lies in a segment of its sender's, and is nobody else's at that
 * time; what is taken lies in the source's memory. Nothing crashes.
 */
#include "hostile.h"
#include "wire.h"

enum { SENDERS = 3, OUT_MOST = 64 };

typedef struct {
    wire_host_t host;
    wire_link_t link[SENDERS];
    segmsg_message_t out[SENDERS][OUT_MOST];
    uint32_t outs[SENDERS];
    unit_random_t random;
    uint64_t messages, corrupt, refused;
} scene_t;

static void open_scene(scene_t *scene, uint64_t stream)
{
    memset(scene, 0, sizeof(*scene));
    scene->random = unit_random(stream);
    wire_open_host(&scene->host, "64:20:9,128:8:4,1K:4:4", 8, SENDERS);
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

/* One header of the arena, or any word of it, gets a value that might get through a check. */
static void scribble(scene_t *scene)
{
    unit_random_t *random = &scene->random;
    segmsg_targets_t *targets = &scene->host.targets;
    const segmsg_target_slot_t *slot = &targets->slot[unit_below(random, targets->slots)];
    if (slot->inlet == NULL) {
        return;
    }
    segmsg_wire_header_t header;
    size_t at = unit_below(random, slot->count) * (size_t) slot->size;
    memcpy(&header, slot->partition + at, sizeof(header));
    if (unit_below(random, 2) == 0) {
        header.sequence = slot->inlet->expected + (unit_below(random, 4) == 0);
    }
    if (unit_below(random, 2) == 0) {
        header.header = segmsg_header_make((uint32_t) unit_below(random, 8), 1,
                                           (uint32_t) unit_below(random, 11),
                                           (uint32_t) unit_below(random, 700));
    }
    if (unit_below(random, 8) == 0) {
        header.header = unit_next(random);
    }
    memcpy(slot->partition + at, &header, sizeof(header));
}

static void send_something(scene_t *scene, wire_link_t *link)
{
    static const size_t lengths[] = {0, 30, 300, 488, 489, 4072};
    size_t length = lengths[unit_below(&scene->random, 6)];
    segmsg_place_t place;
    segmsg_error_t error = wire_take(link, length, length, &place);
    if (error != SEGMSG_OK) {
        UNIT_CHECK(error == SEGMSG_ERR_FULL || error == SEGMSG_ERR_NO_SPACE);
        return;
    }
    if (!segmsg_source_joins(&link->source, &place, (uint32_t) length, 1000)) {
        (void) wire_flush(link);
    }
    segmsg_source_publish(&link->source, &place, 1, (uint32_t) length, &WIRE_NO_RIDE);
    if (unit_below(&scene->random, 2) == 0) {
        (void) wire_flush(link);
    }
}

/* The bytes of a write arrive where its sender may write at all; or data that say anything. */
static void arrive_something(scene_t *scene, wire_link_t *link)
{
    unit_random_t *random = &scene->random;
    if (link->writes != 0) {
        segmsg_write_t write = link->write[--link->writes];
        UNIT_CHECK(write.remote + write.bytes <= scene->host.memory.export.bytes);
        memcpy(scene->host.memory.export.base + write.remote, write.local, write.bytes);
        (void) segmsg_targets_arrived(&scene->host.targets, write.data);
    }
    if (unit_below(random, 4) == 0) {
        uint64_t data =
            segmsg_wire_data((uint32_t) unit_below(random, 9), (uint32_t) unit_below(random, 21));
        segmsg_inlet_t *inlet =
            segmsg_targets_arrived(&scene->host.targets,
                                   unit_below(random, 8) == 0 ? unit_next(random) : data);
        UNIT_CHECK(inlet == NULL || inlet == &scene->link[0].inlet || inlet == &scene->link[1].inlet
                   || inlet == &scene->link[2].inlet);
    }
}

/* Takes what there is; it is its sender's, and overlaps nothing that is out. */
static void take_something(scene_t *scene, uint32_t s)
{
    segmsg_message_t message;
    segmsg_poll_t poll = SEGMSG_POLL_NONE;
    while (scene->outs[s] < OUT_MOST
           && (poll = wire_next(&scene->link[s], &message)) == SEGMSG_POLL_MESSAGE) {
        ++scene->messages;
        hostile_read(&scene->host.memory.export, &message);
        const segmsg_target_slot_t *slot = &scene->host.targets.slot[message.segment];
        UNIT_CHECK(slot->inlet == &scene->link[s].inlet);
        const unsigned char *end = slot->partition + (size_t) slot->count * slot->size;
        UNIT_CHECK((unsigned char *) message.data + message.length <= end);
        for (uint32_t o = 0; o < scene->outs[s]; ++o) {
            const segmsg_message_t *out = &scene->out[s][o];
            UNIT_CHECK(out->segment != message.segment
                       || message.first >= out->first + out->partitions
                       || out->first >= message.first + message.partitions);
        }
        scene->out[s][scene->outs[s]++] = message;
    }
    scene->corrupt += poll == SEGMSG_POLL_CORRUPT;
}

static void return_something(scene_t *scene, uint32_t s)
{
    wire_link_t *link = &scene->link[s];
    while (scene->outs[s] != 0 && unit_below(&scene->random, 4) != 0) {
        (void) wire_return(link, &scene->out[s][--scene->outs[s]]);
    }
    segmsg_return_t word;
    while (segmsg_inlet_due(&scene->host.targets, &link->inlet, false, &word)) {
        scene->refused += !segmsg_source_returned(&link->source, &word);
    }
}

/* A control message that nobody should have sent. */
static void say_something(scene_t *scene, wire_link_t *link)
{
    unit_random_t *random = &scene->random;
    uint32_t group = (uint32_t) unit_below(random, 5);
    segmsg_return_t word = {.word = unit_next(random) & unit_next(random) & unit_next(random),
                            .number = (uint16_t) (link->inlet.number[group % 3] + 1),
                            .group = (uint8_t) group};
    switch (unit_below(random, 6)) {
    case 0:
        scene->refused += !segmsg_source_returned(&link->source, &word);
        break;
    case 1:
        segmsg_source_recalled(&link->source, group);
        break;
    case 2:
        segmsg_source_refused(&link->source, group);
        break;
    case 3:
        (void) segmsg_inlet_asked(&link->inlet, (uint32_t) unit_next(random));
        break;
    case 4:
        (void) segmsg_source_formed(&link->source, 3 + group, 0, 0, NULL);
        break;
    default: /* the sender's memory is gone, whatever the receiver says to that */
        group %= 3;
        uint32_t segment = link->source.segment[group].segment;
        if (segmsg_source_is_released(&link->source, group)) {
            free(link->memory[group]);
            link->memory[group] = NULL;
            (void) segmsg_targets_released(&scene->host.targets, &link->inlet, segment);
        } else if (unit_below(random, 4) == 0) {
            segment = (uint32_t) unit_below(random, 9);
            (void) segmsg_targets_released(&scene->host.targets, &link->inlet, segment);
        }
        break;
    }
}

static void any_values_are_survived(void)
{
    uint64_t messages = 0, corrupt = 0, refused = 0;
    for (uint64_t round = 0; round < unit_repetitions(2000) && !unit_has_failed(); ++round) {
        scene_t scene;
        open_scene(&scene, round);
        for (uint32_t i = 0; i < 400 && !unit_has_failed(); ++i) {
            uint32_t s = (uint32_t) unit_below(&scene.random, SENDERS);
            wire_link_t *link = &scene.link[s];
            if (link->writes < WIRE_WRITES / 2) {
                send_something(&scene, link);
            }
            arrive_something(&scene, link);
            if (i > 100 && unit_below(&scene.random, 4) == 0) {
                scribble(&scene);
            }
            take_something(&scene, s);
            return_something(&scene, s);
            if (i > 100 && unit_below(&scene.random, 4) == 0) {
                say_something(&scene, link);
            }
            if (unit_below(&scene.random, 500) == 0) { /* it leaves; what is out is forgotten */
                segmsg_targets_close(&scene.host.targets, &link->inlet);
                scene.outs[s] = 0;
            }
        }
        messages += scene.messages;
        corrupt += scene.corrupt;
        refused += scene.refused;
        close_scene(&scene);
    }
    UNIT_CHECK(messages != 0 && corrupt != 0 && refused != 0);
}

static const unit_case_t cases[] = {
    UNIT_CASE(any_values_are_survived),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
