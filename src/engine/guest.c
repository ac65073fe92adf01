/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "engine/guest.h"

segmsg_error_t segmsg_guest_enter(segmsg_sender_t *sender)
{
    uint32_t segment;
    segmsg_segment_entry_t entry;
    segmsg_segment_view_t view;
    segmsg_error_t error = segmsg_common_read(sender->target, 0, &segment, &entry);
    if (error == SEGMSG_OK && !segmsg_segment_view(sender->target, &entry, &view)) {
        error = SEGMSG_ERR_NO_SPACE;
    }
    if (error == SEGMSG_OK) {
        error = segmsg_group_join(sender->target, &sender->self, &sender->lobby.group_entry);
    }
    if (error == SEGMSG_OK) {
        sender->lobby.line = (void *) view.partition;
        sender->lobby.control = view.control;
        sender->lobby.count = entry.partition_count;
        /* Relaxed: only what is compared with later. */
        sender->lobby.consumed =
            atomic_load_explicit(&sender->lobby.control->word, memory_order_relaxed);
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
 * Reads how much was claimed in all, and returns how many lines are free. Both counts only rise, and between
 * them there is never more than the lobby holds.
 */
static uint32_t look_up(segmsg_sender_t *sender, uint64_t *claimed)
{
    segmsg_lobby_image_t *lobby = &sender->lobby;
    /* Acquire: the receiver's reads, and the cleared headers, come before our writes. Read first:
     * what is consumed was claimed before. */
    uint64_t consumed = atomic_load_explicit(&lobby->control->word, memory_order_acquire);
    /* Acquire: before the word is read again. */
    *claimed = atomic_load_explicit(&lobby->control->claimed, memory_order_acquire);
    if ((int64_t) (consumed - lobby->consumed) < 0 || (int64_t) (*claimed - lobby->last) < 0) {
        sender->is_corrupt = true;
        return 0;
    }
    lobby->consumed = consumed;
    uint64_t used = *claimed - consumed;
    if (used > lobby->count) {
        /* Lines were claimed that were consumed in between; or it cannot be. Relaxed: compared only. */
        sender->is_corrupt =
            sender->is_corrupt
            || atomic_load_explicit(&lobby->control->word, memory_order_relaxed) == consumed;
        return 0;
    }
    return lobby->count - (uint32_t) used;
}

/* True if `lines` lines from `at` on, which were claimed, hold no header. The receiver clears those of what
 * it has consumed, so that a claimed line says "nothing yet" until it is published. */
static bool are_empty(const segmsg_lobby_image_t *lobby, uint32_t at, uint32_t lines)
{
    uint64_t headers = 0;
    for (uint32_t l = at; l < at + lines; ++l) {
        /* Relaxed: ordered by the acquire of the word. */
        headers |= atomic_load_explicit(&lobby->line[l].header, memory_order_relaxed);
    }
    return headers == 0;
}

/* Claims `lines` contiguous lines. False if they cannot be had now, or never: the sender then says that it
 * is corrupt. */
static bool claim(segmsg_sender_t *sender, uint32_t lines, uint32_t *at)
{
    segmsg_lobby_image_t *lobby = &sender->lobby;
    uint64_t claimed;
    uint32_t skip;
    do {
        uint32_t free = look_up(sender, &claimed);
        *at = (uint32_t) (claimed % lobby->count);
        skip = *at + lines > lobby->count ? lobby->count - *at : 0;
        if (skip + lines > free) {
            return false;
        }
        /* Relaxed: what orders the lines is the word and the headers. */
    } while (!atomic_compare_exchange_weak_explicit(&lobby->control->claimed, &claimed,
                                                    claimed + skip + lines, memory_order_relaxed,
                                                    memory_order_relaxed));
    if (!are_empty(lobby, *at, skip) || !are_empty(lobby, skip == 0 ? *at : 0, lines)) {
        sender->is_corrupt = true; /* somebody's message lies there */
        return false;
    }
    if (skip != 0) {
        publish(lobby, *at, segmsg_header_make(SEGMSG_KIND_WRAP, 0, skip, 0));
        *at = 0;
    }
    lobby->last = claimed + skip + lines;
    return true;
}

void segmsg_guest_verify(segmsg_sender_t *sender)
{
    uint64_t claimed;
    (void) look_up(sender, &claimed);
}

segmsg_error_t segmsg_guest_take(segmsg_sender_t *sender, size_t length, segmsg_place_t *place)
{
    uint32_t lines = (uint32_t) ((length + SEGMSG_LOBBY_BYTES + SEGMSG_LINE - 1) / SEGMSG_LINE);
    uint32_t at;
    if (!claim(sender, lines, &at)) {
        return sender->is_corrupt ? SEGMSG_ERR_CORRUPT : SEGMSG_ERR_FULL;
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
    if (!claim(sender, 1, &at)) {
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
    if (!claim(sender, 1, &at)) {
        return false;
    }
    publish(&sender->lobby, at, segmsg_header_make(SEGMSG_KIND_CLOSE, 0, 1, 0));
    return true;
}

/* Finds the common segment of `group`, once: what is written over its entry later misleads nobody. */
static segmsg_error_t find_common(segmsg_sender_t *sender, uint32_t group)
{
    segmsg_common_image_t *common = &sender->common[group];
    if (common->is_known) {
        return SEGMSG_OK;
    }
    uint32_t segment;
    if (common->refused != 0) {
        --common->refused;
        return SEGMSG_ERR_NO_SPACE;
    }
    segmsg_error_t error = segmsg_common_read(sender->target, group, &segment, &common->entry);
    if (error == SEGMSG_OK && !segmsg_segment_view(sender->target, &common->entry, &common->view)) {
        common->refused = SEGMSG_ASK_AGAIN;
        error = SEGMSG_ERR_NO_SPACE;
    }
    common->is_known = error == SEGMSG_OK;
    return error;
}

/* Claims partitions whose memory is there. */
static segmsg_error_t claim_common(segmsg_sender_t *sender, segmsg_common_image_t *common,
                                   uint32_t partitions, uint32_t *first)
{
    const segmsg_segment_entry_t *entry = &common->entry;
    segmsg_export_t *target = sender->target;
    segmsg_control_t *control = common->view.control;
    size_t before = segmsg_partitions_offset(entry->group, entry->partition_count);
    if (common->committed == 0
        && target->commit(target->commit_context, entry->offset, before) != 0) {
        return SEGMSG_ERR_NO_SPACE;
    }
    *first = segmsg_common_claim(control, entry->partition_count, partitions);
    if (*first == SEGMSG_EXTENT_NONE) {
        return SEGMSG_ERR_FULL;
    }
    uint64_t mask = segmsg_extent_mask(*first, partitions);
    if (!segmsg_directory_is_free(common->view.directory, *first, partitions)) {
        return SEGMSG_ERR_CORRUPT; /* somebody's message lies there */
    }
    if ((mask & ~common->committed) != 0
        && !segmsg_partitions_commit(target, entry, *first, partitions)) {
        return segmsg_common_return(control, common->view.directory, mask) ? SEGMSG_ERR_NO_SPACE
                                                                           : SEGMSG_ERR_CORRUPT;
    }
    common->committed |= mask;
    return SEGMSG_OK;
}

segmsg_error_t segmsg_common_take(segmsg_sender_t *sender, size_t length, uint32_t group,
                                  segmsg_place_t *place)
{
    segmsg_common_image_t *common = &sender->common[group];
    uint32_t partitions = segmsg_group_partitions(&sender->geometry, group, length);
    segmsg_error_t error = find_common(sender, group);
    if (error == SEGMSG_OK) {
        error = claim_common(sender, common, partitions, &place->first);
    }
    if (error != SEGMSG_OK) {
        return error;
    }
    const segmsg_segment_entry_t *entry = &common->entry;
    segmsg_directory_enter(common->view.directory, place->first, partitions);
    place->data = common->view.partition + (size_t) place->first * entry->partition_size;
    place->group = SEGMSG_PLACE_COMMON | group;
    place->partitions = partitions;
    return SEGMSG_OK;
}

void segmsg_common_give_back(segmsg_sender_t *sender, const segmsg_place_t *place)
{
    uint32_t group = place->group & ~(uint32_t) SEGMSG_PLACE_COMMON;
    const segmsg_segment_view_t *view = &sender->common[group].view;
    if (!segmsg_common_return(view->control, view->directory,
                              segmsg_extent_mask(place->first, place->partitions))) {
        sender->is_corrupt = true;
    }
}
