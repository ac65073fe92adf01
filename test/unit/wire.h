/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A network made by hand. A host is an export and the targets in it; a link is an ordered pair: the
 * source of who sends, the inlet of who receives, and the writes between them. What a write carries is
 * fetched from the source when it arrives, not when it leaves, as a network interface may do. The
 * memory of a source segment is an allocation of its own, that of an export lies between guard pages.
 */
#ifndef SEGMSG_TEST_WIRE_H
#define SEGMSG_TEST_WIRE_H

#include "rma/source.h"
#include "rma/target.h"
#include "memory.h"
#include "unit.h"

enum { WIRE_WRITES = SEGMSG_GROUPS_MAX * SEGMSG_RUN_BITS }; /* under way at one time */

typedef struct {
    memory_t memory;
    segmsg_targets_t targets;
} wire_host_t;

typedef struct {
    wire_host_t *to;
    segmsg_identity_t self; /* who sends */
    segmsg_source_t source;
    segmsg_inlet_t inlet;
    void *memory[SEGMSG_GROUPS_MAX]; /* of the source's segments */
    segmsg_write_t write[WIRE_WRITES];
    uint32_t writes; /* under way */
} wire_link_t;

static const segmsg_return_t WIRE_NO_RIDE = {.group = SEGMSG_WIRE_NO_RETURN};

/* A host with memory for all groups of `peers` senders. */
static inline void wire_open_host(wire_host_t *host, const char *groups, uint32_t groups_max,
                                  uint32_t peers)
{
    segmsg_export_config_t config = memory_config(groups, SEGMSG_RING_MIN, groups_max);
    config.ring_starter = config.geometry.group[0].partition_count;
    memory_open_config(&host->memory, &config, peers);
    UNIT_CHECK(segmsg_wire_geometry_fits(&config.geometry));
    UNIT_CHECK(segmsg_targets_init(&host->targets, &host->memory.export));
}

static inline void wire_close_host(wire_host_t *host)
{
    segmsg_targets_destroy(&host->targets);
    memory_close(&host->memory);
}

static inline void wire_open(wire_link_t *link, wire_host_t *to, uint32_t rank)
{
    memset(link, 0, sizeof(*link));
    link->to = to;
    link->self = memory_sender(rank);
    segmsg_source_init(&link->source, &to->memory.config.geometry);
    segmsg_inlet_init(&link->inlet);
}

static inline void wire_close(wire_link_t *link)
{
    segmsg_targets_close(&link->to->targets, &link->inlet);
    for (uint32_t group = 0; group < SEGMSG_GROUPS_MAX; ++group) {
        free(link->memory[group]);
    }
}

/* What a target's partition 0 is called on the wire: its distance from the start of the export. */
static inline uint64_t wire_address(const wire_host_t *host, uint32_t segment)
{
    return (uint64_t) (host->targets.slot[segment].partition - host->memory.export.base);
}

/* The receiver gives the sender a segment of `group`, and both know it. */
static inline segmsg_error_t wire_form(wire_link_t *link, uint32_t group, uint64_t reserve)
{
    uint32_t segment;
    segmsg_error_t error = segmsg_targets_form(&link->to->targets, &link->inlet, &link->self, group,
                                               reserve, &segment);
    if (error != SEGMSG_OK) {
        return error;
    }
    UNIT_CHECK(link->memory[group] == NULL);
    size_t bytes = segmsg_source_bytes(&link->source.geometry, group);
    link->memory[group] = aligned_alloc(SEGMSG_LINE, bytes);
    if (link->memory[group] == NULL) {
        abort();
    }
    memset(link->memory[group], 0xa5, bytes); /* whoever had that memory left something */
    return segmsg_source_formed(&link->source, group, segment, wire_address(link->to, segment),
                                link->memory[group]);
}

/* Answers all that the sender asks for: gives the group, or says that there is no memory. Returns
 * which groups it had asked for. */
static inline uint32_t wire_answer(wire_link_t *link)
{
    uint32_t wants = link->source.wants;
    link->source.wants = 0;
    for (uint32_t left = wants; left != 0; left &= left - 1) {
        uint32_t group = (uint32_t) __builtin_ctz(left);
        if (wire_form(link, group, 0) != SEGMSG_OK) {
            segmsg_source_refused(&link->source, group);
        }
    }
    return wants;
}

/* The receiver wants a group back. */
static inline void wire_recall(wire_link_t *link, uint32_t group)
{
    link->to->targets.slot[link->inlet.formed[group] - 1].is_recalled = true;
    segmsg_source_recalled(&link->source, group);
}

/* If a group that was recalled is empty, the sender gives it up. True if so. */
static inline bool wire_release(wire_link_t *link, uint32_t group)
{
    uint32_t segment = link->source.segment[group].segment;
    if (!segmsg_source_is_released(&link->source, group)) {
        return false;
    }
    free(link->memory[group]);
    link->memory[group] = NULL;
    UNIT_EQUAL(segmsg_targets_released(&link->to->targets, &link->inlet, segment), SEGMSG_OK);
    return true;
}

/* The write that waits leaves. False if there was none. */
static inline bool wire_flush(wire_link_t *link)
{
    segmsg_write_t write;
    if (!segmsg_source_write(&link->source, &write)) {
        return false;
    }
    UNIT_CHECK(link->writes < WIRE_WRITES);
    link->write[link->writes++] = write;
    segmsg_source_written(&link->source);
    return true;
}

/* True if all bytes of a write are in partitions of the segment that its data names. */
static inline bool wire_is_inside(const wire_link_t *link, const segmsg_write_t *write)
{
    uint32_t segment = segmsg_wire_data_segment(write->data);
    const segmsg_target_slot_t *slot = &link->to->targets.slot[segment];
    uint64_t from = wire_address(link->to, segment);
    uint64_t at = from + (uint64_t) segmsg_wire_data_first(write->data) * slot->size;
    return slot->inlet == &link->inlet && write->remote == at
           && write->bytes <= from + (uint64_t) slot->count * slot->size - at;
}

/* The bytes of a write arrive, and then its completion data. The writes stay in order, but for it. */
static inline void wire_arrive(wire_link_t *link, uint32_t index)
{
    segmsg_write_t write = link->write[index];
    memmove(link->write + index, link->write + index + 1, (--link->writes - index) * sizeof(write));
    UNIT_CHECK(wire_is_inside(link, &write));
    memcpy(link->to->memory.export.base + write.remote, write.local, write.bytes);
    UNIT_CHECK(segmsg_targets_arrived(&link->to->targets, write.data) == &link->inlet);
}

static inline void wire_arrive_all(wire_link_t *link)
{
    while (link->writes != 0) {
        wire_arrive(link, 0);
    }
}

/* Takes a place, forming on the way what the receiver has memory for, and fills it. */
static inline segmsg_error_t wire_take(wire_link_t *link, size_t length, uint64_t number,
                                       segmsg_place_t *place)
{
    segmsg_error_t error;
    do {
        error = segmsg_source_take(&link->source, length, place);
    } while (error == SEGMSG_ERR_FULL && wire_answer(link) != 0);
    if (error == SEGMSG_OK) {
        memory_fill(place->data, length, number);
    }
    return error;
}

/* Sends a message that leaves at once; fails the case if there is no room. */
static inline segmsg_place_t wire_send(wire_link_t *link, size_t length, uint64_t number)
{
    segmsg_place_t place = {.group = UINT32_MAX};
    segmsg_error_t error = wire_take(link, length, number, &place);
    UNIT_EQUAL(error, SEGMSG_OK);
    if (error == SEGMSG_OK) {
        segmsg_source_publish(&link->source, &place, (uint8_t) number, (uint32_t) length,
                              &WIRE_NO_RIDE);
        UNIT_CHECK(wire_flush(link));
    }
    return place;
}

static inline segmsg_poll_t wire_next(wire_link_t *link, segmsg_message_t *message)
{
    return segmsg_inlet_next(&link->to->targets, &link->inlet, message);
}

/* Takes the next message, which must be there and be that one. */
static inline void wire_expect(wire_link_t *link, size_t length, uint64_t number,
                               segmsg_message_t *message)
{
    memset(message, 0, sizeof(*message));
    segmsg_poll_t poll = wire_next(link, message);
    UNIT_EQUAL(poll, SEGMSG_POLL_MESSAGE);
    if (poll == SEGMSG_POLL_MESSAGE) {
        UNIT_EQUAL(message->length, length);
        UNIT_EQUAL(message->tag, (uint8_t) number);
        UNIT_CHECK(memory_holds(message->data, length, number));
    }
}

/* Returns a message. True if its sender is to be told. */
static inline bool wire_return(wire_link_t *link, const segmsg_message_t *message)
{
    return segmsg_targets_return(&link->to->targets, &link->inlet, message);
}

/* Tells the sender what has been returned. Returns how many words that took. */
static inline uint32_t wire_tell(wire_link_t *link, bool urgent)
{
    segmsg_return_t what;
    uint32_t words = 0;
    for (; segmsg_inlet_due(&link->to->targets, &link->inlet, urgent, &what); ++words) {
        UNIT_CHECK(segmsg_source_returned(&link->source, &what));
    }
    return words;
}

#endif
