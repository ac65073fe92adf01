/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The receiver compares its own export with what it knows. It has written the credits itself, and knows what
 * the tables must say of the groups in use: whatever else stands there was written over it.
 */
#include "engine/verify.h"

#include "engine/groups.h"
#include "engine/lobby.h"

/* True if the credits of a segment above group 0 are those that the receiver has given. */
static bool verify_run(const segmsg_target_t *target)
{
    return target->reader == NULL
               ? !target->is_used || segmsg_common_stands(target->control, target->count)
               : segmsg_credits_stand(target->control, target->word);
}

/* True if the lobby's credits are those that the receiver has given, and guests have claimed what was read
 * and no more than there is. */
static bool verify_lobby(const segmsg_lobby_t *lobby)
{
    return lobby->ring.control == NULL || segmsg_mpsc_stands(&lobby->ring);
}

/* True if the tables say of a group in use what they said when it was found. */
static bool verify_group(const segmsg_receiver_t *receiver, uint32_t group_index,
                         const segmsg_reader_t *reader, uint32_t segment)
{
    return segmsg_group_stands(receiver->own, group_index, &reader->sender)
           && segmsg_export_group(receiver->own, group_index)->segment == segment;
}

/* The same of the segment of a group, or of a common one. */
static bool verify_segment(const segmsg_receiver_t *receiver, uint32_t segment)
{
    const segmsg_target_t *target = &receiver->target[segment];
    segmsg_segment_entry_t entry;
    segmsg_segment_view_t view;
    uint32_t state = target->reader == NULL ? SEGMSG_SEGMENT_COMMON : SEGMSG_SEGMENT_PAIRED;
    return segmsg_segment_read(receiver->own, segment, &entry) == SEGMSG_OK
           && atomic_load_explicit(&entry.state, memory_order_relaxed) == state
           && segmsg_segment_view(receiver->own, &entry, &view) && view.control == target->control
           && entry.group == target->group && entry.partition_count == target->count
           && entry.group_entry == target->group_entry
           && (target->reader == NULL
               || verify_group(receiver, target->group_entry, target->reader, segment));
}

segmsg_error_t segmsg_receiver_verify(segmsg_receiver_t *receiver)
{
    bool is_right = verify_lobby(&receiver->lobby);
    segmsg_reader_t *suspect = NULL;
    for (uint32_t s = 0; s < receiver->segments_max && is_right; ++s) {
        const segmsg_target_t *target = &receiver->target[s];
        if (target->partition != NULL) {
            suspect = target->reader;
            is_right = verify_segment(receiver, s) && (target->group == 0 || verify_run(target));
        }
    }
    for (uint32_t r = 0; r < receiver->reader_count && is_right; ++r) {
        suspect = receiver->reader[r];
        is_right = segmsg_ring_credits_stand(&suspect->ring)
                   && (!suspect->is_guest
                       || verify_group(receiver, suspect->guest_entry, suspect,
                                       receiver->own->shape.common[0] - 1));
    }
    if (!is_right) {
        receiver->is_corrupt = true;
        receiver->suspect = suspect;
    }
    /* Groups are looked for, whatever has become of the count of those that were formed. */
    receiver->has_newcomers = true;
    return receiver->is_corrupt ? SEGMSG_ERR_CORRUPT : SEGMSG_OK;
}
