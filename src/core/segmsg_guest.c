/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/segmsg_guest.h"

segmsg_error_t segmsg_guest_enter(segmsg_sender_t *sender)
{
    uint32_t segment;
    segmsg_segment_entry_t entry;
    segmsg_error_t error = segmsg_common_read(sender->target, 0, &segment, &entry);
    if (error == SEGMSG_OK) {
        error = segmsg_group_join(sender->target, &sender->self, &sender->lobby.group_entry);
    }
    if (error == SEGMSG_OK) {
        sender->lobby.line = (void *) segmsg_segment_partitions(sender->target, &entry);
        sender->lobby.control = segmsg_segment_control(sender->target, &entry);
        sender->lobby.count = entry.partition_count;
        sender->lobby.last = 0;
        /* As many lines always fit before the end or after it, wherever the lobby stands. */
        uint32_t most = (entry.partition_count + 1) / 2;
        most = most < SEGMSG_LOBBY_LINES ? most : SEGMSG_LOBBY_LINES;
        sender->lobby.capacity = (size_t) most * SEGMSG_LINE - SEGMSG_LOBBY_BYTES;
    }
    return error;
}

static void publish(const segmsg_lobby_image_t *lobby, uint32_t at, uint64_t header)
{
    lobby->line[at].lobby.guest = lobby->group_entry;
    /* Release: the message and whose it is come first. */
    atomic_store_explicit(&lobby->line[at].header, header, memory_order_release);
}

/*
 * Claims `lines` contiguous lines. The receiver clears the header words of what it has consumed, so
 * a claimed line says "nothing yet" until it is published.
 */
static bool claim(segmsg_lobby_image_t *lobby, uint32_t lines, uint32_t *at)
{
    segmsg_control_t *control = lobby->control;
    uint64_t claimed;
    uint32_t skip;
    do {
        /* Acquire: the receiver's reads, and the cleared headers, come before our writes. Read first:
         * what is consumed was claimed before. */
        uint64_t consumed = atomic_load_explicit(&control->word, memory_order_acquire);
        claimed = atomic_load_explicit(&control->claimed, memory_order_relaxed);
        *at = (uint32_t) (claimed % lobby->count);
        skip = *at + lines > lobby->count ? lobby->count - *at : 0;
        if (claimed + skip + lines - consumed > lobby->count) {
            return false;
        }
        /* Relaxed: what orders the lines is the word above and the headers. */
    } while (!atomic_compare_exchange_weak_explicit(&control->claimed, &claimed,
                                                    claimed + skip + lines, memory_order_relaxed,
                                                    memory_order_relaxed));
    if (skip != 0) {
        publish(lobby, *at, segmsg_header_make(SEGMSG_KIND_WRAP, 0, skip, 0));
        *at = 0;
    }
    lobby->last = claimed + skip + lines;
    return true;
}

segmsg_error_t segmsg_guest_take(segmsg_sender_t *sender, size_t length, segmsg_place_t *place)
{
    uint32_t lines = (uint32_t) ((length + SEGMSG_LOBBY_BYTES + SEGMSG_LINE - 1) / SEGMSG_LINE);
    uint32_t at;
    if (!claim(&sender->lobby, lines, &at)) {
        return SEGMSG_ERR_FULL;
    }
    place->data = sender->lobby.line[at].bytes + SEGMSG_LOBBY_BYTES;
    place->group = SEGMSG_PLACE_COMMON;
    place->first = at;
    place->partitions = lines;
    return SEGMSG_OK;
}

bool segmsg_guest_publish(segmsg_sender_t *sender, const segmsg_place_t *place, uint8_t tag,
                          uint32_t length, uint32_t segment)
{
    segmsg_lobby_image_t *lobby = &sender->lobby;
    if (place->group == SEGMSG_PLACE_COMMON) {
        publish(lobby, place->first,
                segmsg_header_make(SEGMSG_KIND_MESSAGE, tag, place->partitions, length));
        return true;
    }
    uint32_t at;
    if (!claim(lobby, 1, &at)) {
        return false;
    }
    segmsg_lobby_entry_t *entry = &lobby->line[at].lobby;
    entry->segment = segment;
    entry->first = (uint16_t) place->first;
    entry->partitions = (uint16_t) place->partitions;
    publish(lobby, at, segmsg_header_make(SEGMSG_KIND_RUN, tag, 1, length));
    return true;
}

bool segmsg_guest_close(segmsg_sender_t *sender)
{
    uint32_t at;
    if (!claim(&sender->lobby, 1, &at)) {
        return false;
    }
    publish(&sender->lobby, at, segmsg_header_make(SEGMSG_KIND_CLOSE, 0, 1, 0));
    sender->lobby.line = NULL;
    return true;
}

/* Claims `partitions` contiguous ones in the occupancy word of a common segment. */
static bool claim_run(segmsg_control_t *control, uint32_t count, uint32_t partitions,
                      uint32_t *first)
{
    uint64_t missing = ~segmsg_run_mask(0, count);
    uint64_t taken = atomic_load_explicit(&control->claimed, memory_order_relaxed);
    do {
        *first = segmsg_run_find(taken | missing, partitions);
        if (*first == SEGMSG_RUN_NONE) {
            return false;
        }
        /* Acquire: the receiver's reads of these partitions come before our writes over them. */
    } while (!atomic_compare_exchange_weak_explicit(&control->claimed, &taken,
                                                    taken | segmsg_run_mask(*first, partitions),
                                                    memory_order_acquire, memory_order_relaxed));
    return true;
}

static void unclaim_run(segmsg_control_t *control, uint32_t first, uint32_t partitions)
{
    /* Release: our last writes come before the next sender's. */
    atomic_fetch_and_explicit(&control->claimed, ~segmsg_run_mask(first, partitions),
                              memory_order_release);
}

static segmsg_error_t take_in_group(segmsg_sender_t *sender, size_t length, uint32_t group,
                                    segmsg_place_t *place)
{
    uint32_t segment;
    segmsg_segment_entry_t entry;
    segmsg_error_t error = segmsg_common_read(sender->target, group, &segment, &entry);
    if (error != SEGMSG_OK) {
        return error;
    }
    segmsg_control_t *control = segmsg_segment_control(sender->target, &entry);
    size_t before = segmsg_partitions_offset(group, entry.partition_count);
    uint32_t partitions = segmsg_group_partitions(&sender->geometry, group, length);
    uint64_t *committed = &sender->common_committed[group];
    if (*committed == 0
        && sender->target->commit(sender->target->commit_context, entry.offset, before) != 0) {
        return SEGMSG_ERR_NO_SPACE;
    }
    if (!claim_run(control, entry.partition_count, partitions, &place->first)) {
        return SEGMSG_ERR_FULL;
    }
    uint64_t mask = segmsg_run_mask(place->first, partitions);
    if ((mask & ~*committed) != 0
        && !segmsg_partitions_commit(sender->target, &entry, place->first, partitions)) {
        unclaim_run(control, place->first, partitions);
        return SEGMSG_ERR_NO_SPACE;
    }
    *committed |= mask;
    segmsg_directory_enter(segmsg_segment_directory(sender->target, &entry), place->first,
                           partitions);
    place->data = segmsg_segment_partitions(sender->target, &entry)
                  + (size_t) place->first * entry.partition_size;
    place->group = SEGMSG_PLACE_COMMON | group;
    place->partitions = partitions;
    return SEGMSG_OK;
}

segmsg_error_t segmsg_common_take(segmsg_sender_t *sender, size_t length, uint32_t group,
                                  segmsg_place_t *place)
{
    return segmsg_group_capacity(&sender->geometry, group) < length
               ? SEGMSG_ERR_TOO_LARGE
               : take_in_group(sender, length, group, place);
}

void segmsg_common_give_back(segmsg_sender_t *sender, const segmsg_place_t *place)
{
    uint32_t segment;
    segmsg_segment_entry_t entry;
    uint32_t group = place->group & ~(uint32_t) SEGMSG_PLACE_COMMON;
    if (segmsg_common_read(sender->target, group, &segment, &entry) == SEGMSG_OK) {
        segmsg_directory_clear(segmsg_segment_directory(sender->target, &entry),
                               segmsg_run_mask(place->first, place->partitions));
        unclaim_run(segmsg_segment_control(sender->target, &entry), place->first,
                    place->partitions);
    }
}
