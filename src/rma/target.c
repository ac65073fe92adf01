/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "rma/target.h"

#include <stdlib.h>
#include <string.h>

bool segmsg_targets_init(segmsg_targets_t *targets, segmsg_export_t *own)
{
    memset(targets, 0, sizeof(*targets));
    targets->own = own;
    targets->geometry = own->shape.geometry;
    targets->slots = own->shape.segments_max < SEGMSG_WIRE_SEGMENTS ? own->shape.segments_max
                                                                    : SEGMSG_WIRE_SEGMENTS;
    targets->slot = calloc(targets->slots, sizeof(*targets->slot));
    return targets->slot != NULL;
}

void segmsg_targets_destroy(segmsg_targets_t *targets)
{
    free(targets->slot);
    targets->slot = NULL;
    targets->slots = 0;
}

void segmsg_inlet_init(segmsg_inlet_t *inlet)
{
    memset(inlet, 0, sizeof(*inlet));
}

static uint64_t arena_left(const segmsg_export_t *export)
{
    uint64_t used =
        atomic_load_explicit(&segmsg_export_head(export)->arena_used, memory_order_relaxed);
    return export->shape.export_bytes - export->shape.arena - used;
}

/* True if a segment of that group was given back and nobody has it. */
static bool is_registered(const segmsg_targets_t *targets, uint32_t group)
{
    const segmsg_export_t *own = targets->own;
    uint32_t count =
        atomic_load_explicit(&segmsg_export_head(own)->segment_count, memory_order_relaxed);
    for (uint32_t s = 0; s < count && s < targets->slots; ++s) {
        const segmsg_segment_entry_t *entry = segmsg_export_segment(own, s);
        if (atomic_load_explicit(&entry->state, memory_order_relaxed) == SEGMSG_SEGMENT_REGISTERED
            && entry->group == group) {
            return true;
        }
    }
    return false;
}

static bool has_room(const segmsg_targets_t *targets, uint32_t group, uint64_t reserve)
{
    const segmsg_group_geometry_t *shape = &targets->geometry.group[group];
    uint64_t bytes =
        segmsg_segment_bytes(group, shape->partition_size, shape->partition_count) + SEGMSG_PAGE;
    return group == 0 || arena_left(targets->own) >= bytes + reserve
           || is_registered(targets, group);
}

segmsg_error_t segmsg_targets_form(segmsg_targets_t *targets, segmsg_inlet_t *inlet,
                                   const segmsg_identity_t *sender, uint32_t group,
                                   uint64_t reserve, uint32_t *segment)
{
    if (group >= targets->geometry.group_count || inlet->formed[group] != 0) {
        return SEGMSG_ERR_CORRUPT;
    }
    if (!has_room(targets, group, reserve)) {
        return SEGMSG_ERR_TABLE_FULL;
    }
    uint32_t group_entry;
    uint32_t count = targets->geometry.group[group].partition_count;
    segmsg_error_t error = segmsg_group_form(targets->own, sender, group, count, &group_entry);
    if (error != SEGMSG_OK) {
        return error;
    }
    segmsg_segment_entry_t entry;
    error = segmsg_group_read(targets->own, group_entry, segment, &entry);
    if (error == SEGMSG_OK && *segment >= targets->slots) {
        error = SEGMSG_ERR_TABLE_FULL;
    }
    segmsg_segment_view_t view;
    if (error == SEGMSG_OK
        && (!segmsg_segment_view(targets->own, &entry, &view)
            || !segmsg_partitions_commit(targets->own, &entry, 0, count))) {
        error = SEGMSG_ERR_NO_SPACE;
    }
    if (error != SEGMSG_OK) {
        segmsg_group_dissolve(targets->own, group_entry);
        return error;
    }
    targets->slot[*segment] = (segmsg_target_slot_t){
        .inlet = inlet,
        .partition = view.partition,
        .directory = view.directory,
        .control = view.control,
        .group = group,
        .group_entry = group_entry,
        .size = entry.partition_size,
        .count = entry.partition_count,
        .span = targets->geometry.group[group].span_factor,
        .last_used = targets->clock,
    };
    inlet->formed[group] = *segment + 1;
    return SEGMSG_OK;
}

/* Nobody has the segment any more. */
static void dissolve(segmsg_targets_t *targets, segmsg_inlet_t *inlet, uint32_t segment)
{
    segmsg_target_slot_t *slot = &targets->slot[segment];
    inlet->formed[slot->group] = 0;
    inlet->due &= ~(UINT32_C(1) << slot->group);
    segmsg_group_dissolve(targets->own, slot->group_entry);
    memset(slot, 0, sizeof(*slot));
}

/* True if something in the segment has arrived and was not delivered. */
static bool has_waiting(const segmsg_inlet_t *inlet, uint32_t segment)
{
    for (uint32_t i = 0; i < inlet->arrival_count; ++i) {
        if (inlet->arrival[i].segment == segment) {
            return true;
        }
    }
    return inlet->is_reading && inlet->segment == segment;
}

segmsg_error_t segmsg_targets_released(segmsg_targets_t *targets, segmsg_inlet_t *inlet,
                                       uint32_t segment)
{
    if (segment >= targets->slots || targets->slot[segment].inlet != inlet
        || targets->slot[segment].used != 0 || has_waiting(inlet, segment)) {
        return SEGMSG_ERR_CORRUPT;
    }
    dissolve(targets, inlet, segment);
    return SEGMSG_OK;
}

void segmsg_targets_close(segmsg_targets_t *targets, segmsg_inlet_t *inlet)
{
    for (uint32_t group = 0; group < SEGMSG_GROUPS_MAX; ++group) {
        if (inlet->formed[group] != 0) {
            dissolve(targets, inlet, inlet->formed[group] - 1);
        }
    }
    free(inlet->arrival);
    void *user = inlet->user;
    segmsg_inlet_init(inlet);
    inlet->user = user;
}

segmsg_target_slot_t *segmsg_targets_oldest(segmsg_targets_t *targets, const segmsg_inlet_t *inlet,
                                            uint32_t group)
{
    segmsg_target_slot_t *oldest = NULL;
    uint32_t count = atomic_load_explicit(&segmsg_export_head(targets->own)->segment_count,
                                          memory_order_relaxed);
    for (uint32_t s = 0; s < count && s < targets->slots; ++s) {
        segmsg_target_slot_t *slot = &targets->slot[s];
        if (slot->inlet != NULL && slot->inlet != inlet && slot->group == group
            && !slot->is_recalled && (oldest == NULL || slot->last_used < oldest->last_used)) {
            oldest = slot;
        }
    }
    return oldest;
}

/* Keeps an arrival until its turn has come; false if there is no memory. */
static bool keep(segmsg_inlet_t *inlet, segmsg_arrival_t arrival)
{
    if (inlet->arrival_count == inlet->arrival_room) {
        uint32_t room = inlet->arrival_room == 0 ? 4 : 2 * inlet->arrival_room;
        segmsg_arrival_t *larger = realloc(inlet->arrival, room * sizeof(*larger));
        if (larger == NULL) {
            return false;
        }
        inlet->arrival = larger;
        inlet->arrival_room = room;
    }
    inlet->arrival[inlet->arrival_count++] = arrival;
    return true;
}

segmsg_inlet_t *segmsg_targets_arrived(segmsg_targets_t *targets, uint64_t data)
{
    const segmsg_arrival_t arrival = {.segment = segmsg_wire_data_segment(data),
                                      .first = segmsg_wire_data_first(data)};
    if (arrival.segment >= targets->slots) {
        return NULL;
    }
    segmsg_target_slot_t *slot = &targets->slot[arrival.segment];
    if (slot->inlet == NULL || arrival.first >= slot->count
        || segmsg_wire_data_token(data) != slot->token) {
        return NULL;
    }
    /* Once for each partition: what anybody says has arrived takes the place of nothing that has. */
    uint64_t bit = UINT64_C(1) << arrival.first;
    if (((slot->waiting | slot->used) & bit) != 0 || !keep(slot->inlet, arrival)) {
        return NULL;
    }
    slot->waiting |= bit;
    return slot->inlet;
}

static const segmsg_wire_header_t *header_at(const segmsg_target_slot_t *slot, uint32_t partition)
{
    return (const void *) (slot->partition + (size_t) partition * slot->size);
}

/* Finds the write that begins with the message that is next. */
static bool find_next(segmsg_targets_t *targets, segmsg_inlet_t *inlet)
{
    for (uint32_t i = 0; i < inlet->arrival_count; ++i) {
        segmsg_arrival_t arrival = inlet->arrival[i];
        if (header_at(&targets->slot[arrival.segment], arrival.first)->sequence
            == inlet->expected) {
            inlet->arrival[i] = inlet->arrival[--inlet->arrival_count];
            targets->slot[arrival.segment].waiting &= ~(UINT64_C(1) << arrival.first);
            inlet->segment = arrival.segment;
            inlet->at = arrival.first;
            return true;
        }
    }
    return false;
}

segmsg_poll_t segmsg_inlet_next(segmsg_targets_t *targets, segmsg_inlet_t *inlet,
                                segmsg_message_t *message)
{
    if (!inlet->is_reading && !find_next(targets, inlet)) {
        return SEGMSG_POLL_NONE;
    }
    segmsg_target_slot_t *slot = &targets->slot[inlet->segment];
    if (inlet->at >= slot->count) {
        return SEGMSG_POLL_CORRUPT;
    }
    const segmsg_wire_header_t *header = header_at(slot, inlet->at);
    uint64_t word = header->header;
    uint32_t kind = segmsg_header_kind(word);
    uint32_t span = segmsg_header_span(word);
    uint32_t length = segmsg_header_length(word);
    if ((kind != SEGMSG_KIND_MESSAGE && kind != SEGMSG_KIND_MORE)
        || header->sequence != inlet->expected || span == 0 || span > slot->span
        || span > slot->count - inlet->at
        || length > (uint64_t) span * slot->size - SEGMSG_WIRE_HEADER_BYTES
        || (slot->used & segmsg_extent_mask(inlet->at, span)) != 0) {
        return SEGMSG_POLL_CORRUPT;
    }
    message->data = (unsigned char *) (uintptr_t) header + SEGMSG_WIRE_HEADER_BYTES;
    message->length = length;
    message->group = slot->group;
    message->partitions = span;
    message->segment = inlet->segment;
    message->first = inlet->at;
    message->tag = segmsg_header_tag(word);
    message->in_lobby = false;
    slot->used |= segmsg_extent_mask(inlet->at, span);
    slot->last_used = ++targets->clock;
    if (slot->directory != NULL) {
        segmsg_directory_enter(slot->directory, inlet->at, span);
    }
    segmsg_stats_add(slot->control, length, span);
    ++targets->past[slot->group];
    inlet->is_asked = inlet->is_asked && inlet->expected != inlet->asked_at; /* it goes on */
    ++inlet->messages;
    ++inlet->expected;
    inlet->at += span;
    inlet->is_reading = kind == SEGMSG_KIND_MORE;
    return SEGMSG_POLL_MESSAGE;
}

/* True if the sender should be told of a segment now. */
static bool is_urgent(const segmsg_inlet_t *inlet, const segmsg_target_slot_t *slot)
{
    return slot->untold * 2 >= slot->count || slot->is_recalled
           || (inlet->is_asked && inlet->expected == inlet->asked_at);
}

bool segmsg_targets_return(segmsg_targets_t *targets, segmsg_inlet_t *inlet,
                           const segmsg_message_t *message)
{
    segmsg_target_slot_t *slot = &targets->slot[message->segment];
    if (slot->inlet != inlet) {
        return false; /* the sender has left meanwhile */
    }
    uint64_t mask = segmsg_extent_mask(message->first, message->partitions);
    slot->used &= ~mask;
    slot->word ^= mask;
    slot->untold += message->partitions;
    inlet->due |= UINT32_C(1) << slot->group;
    if (slot->directory != NULL) {
        segmsg_directory_clear(slot->directory, mask);
    }
    /* Relaxed: for whoever looks at a running job. */
    atomic_store_explicit(&slot->control->word, slot->word, memory_order_relaxed);
    return is_urgent(inlet, slot);
}

bool segmsg_inlet_due(segmsg_targets_t *targets, segmsg_inlet_t *inlet, bool urgent,
                      segmsg_return_t *what)
{
    for (uint32_t left = inlet->due; left != 0; left &= left - 1) {
        uint32_t group = (uint32_t) __builtin_ctz(left);
        segmsg_target_slot_t *slot = &targets->slot[inlet->formed[group] - 1];
        if (urgent && !is_urgent(inlet, slot)) {
            continue;
        }
        what->word = slot->word;
        what->number = ++inlet->number[group];
        what->group = (uint8_t) group;
        slot->untold = 0;
        inlet->due &= ~(UINT32_C(1) << group);
        return true;
    }
    return false;
}

bool segmsg_inlet_asked(segmsg_inlet_t *inlet, uint32_t sequence)
{
    if ((int32_t) (sequence - inlet->expected) < 0
        || (inlet->is_asked && (int32_t) (sequence - inlet->asked_at) < 0)) {
        return false; /* overtaken by what it has sent, or asked, since */
    }
    inlet->is_asked = true;
    inlet->asked_at = sequence;
    return inlet->expected == sequence && inlet->due != 0;
}
