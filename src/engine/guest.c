/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "engine/guest.h"

segmsg_error_t segmsg_guest_enter(segmsg_sender_t *sender)
{
    uint32_t segment, group_entry;
    segmsg_segment_entry_t entry;
    segmsg_segment_view_t view;
    segmsg_error_t error = segmsg_common_read(sender->target, 0, &segment, &entry);
    if (error == SEGMSG_OK && !segmsg_segment_view(sender->target, &entry, &view)) {
        error = SEGMSG_ERR_NO_SPACE;
    }
    if (error == SEGMSG_OK) {
        error = segmsg_group_join(sender->target, &sender->self, &group_entry);
    }
    if (error == SEGMSG_OK) {
        uint32_t count = entry.partition_count;
        segmsg_mpsc_open_writer(&sender->lobby.ring, view.partition, view.control, count,
                                group_entry);
        /* As many lines always fit before the end or after it, wherever the lobby stands. */
        uint32_t most = (count + 1) / 2;
        most = most < SEGMSG_LOBBY_LINES ? most : SEGMSG_LOBBY_LINES;
        sender->lobby.capacity = (size_t) most * SEGMSG_LINE - SEGMSG_LOBBY_BYTES;
    }
    return error;
}

/* Claims lines of the lobby; false if they cannot be had now, or never, as segmsg_sender_is_corrupt says. */
static bool claim(segmsg_sender_t *sender, uint32_t lines, uint32_t *at)
{
    bool claimed = segmsg_mpsc_claim(&sender->lobby.ring, lines, at);
    sender->is_corrupt = sender->is_corrupt || sender->lobby.ring.is_corrupt;
    return claimed;
}

void segmsg_guest_verify(segmsg_sender_t *sender)
{
    uint64_t claimed;
    (void) segmsg_mpsc_free(&sender->lobby.ring, &claimed);
    sender->is_corrupt = sender->is_corrupt || sender->lobby.ring.is_corrupt;
}

segmsg_error_t segmsg_guest_take(segmsg_sender_t *sender, size_t length, segmsg_place_t *place)
{
    uint32_t lines = (uint32_t) ((length + SEGMSG_LOBBY_BYTES + SEGMSG_LINE - 1) / SEGMSG_LINE);
    uint32_t at;
    if (!claim(sender, lines, &at)) {
        return sender->is_corrupt ? SEGMSG_ERR_CORRUPT : SEGMSG_ERR_FULL;
    }
    place->data = sender->lobby.ring.line[at].bytes + SEGMSG_LOBBY_BYTES;
    place->group = SEGMSG_PLACE_COMMON;
    place->first = at;
    place->partitions = lines;
    return SEGMSG_OK;
}

bool segmsg_guest_publish(segmsg_sender_t *sender, const segmsg_place_t *place, uint8_t tag,
                          uint32_t length, uint32_t segment)
{
    segmsg_mpsc_writer_t *ring = &sender->lobby.ring;
    if (place->group == SEGMSG_PLACE_COMMON) {
        segmsg_mpsc_publish(ring, place->first,
                            segmsg_header_make(SEGMSG_KIND_MESSAGE, tag, place->partitions,
                                               length));
        return true;
    }
    uint32_t at;
    if (!claim(sender, 1, &at)) {
        return false;
    }
    segmsg_lobby_entry_t *entry = &ring->line[at].lobby;
    entry->segment = segment;
    entry->first = (uint16_t) place->first;
    entry->partitions = (uint16_t) place->partitions;
    segmsg_mpsc_publish(ring, at, segmsg_header_make(SEGMSG_KIND_RUN, tag, 1, length));
    return true;
}

bool segmsg_guest_close(segmsg_sender_t *sender)
{
    uint32_t at;
    if (!claim(sender, 1, &at)) {
        return false;
    }
    segmsg_mpsc_publish(&sender->lobby.ring, at, segmsg_header_make(SEGMSG_KIND_CLOSE, 0, 1, 0));
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
