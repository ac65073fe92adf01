/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "engine/growth.h"

#include "engine/guest.h"

segmsg_error_t segmsg_growth_form(segmsg_sender_t *sender, uint32_t group, uint32_t partition_count,
                                  uint32_t *segment, segmsg_segment_entry_t *entry,
                                  segmsg_segment_view_t *view)
{
    uint32_t group_index;
    segmsg_error_t error =
        segmsg_group_form_after(sender->target, &sender->self, group, partition_count,
                                sender->lobby.ring.last, &group_index);
    if (error == SEGMSG_OK) {
        error = segmsg_group_read(sender->target, group_index, segment, entry);
    }
    if (error == SEGMSG_OK && !segmsg_segment_view(sender->target, entry, view)) {
        error = SEGMSG_ERR_CORRUPT; /* another one than was formed, and mapped, a moment ago */
    }
    sender->is_corrupt = sender->is_corrupt || error == SEGMSG_ERR_CORRUPT;
    return error;
}

/*
 * Longest message in bytes that goes through group 0 if the policy wants no more than `lines` there:
 * that many, unless the next group has partitions so large that messages of that length would waste most
 * of them.
 */
static size_t ring_capacity(const segmsg_sender_t *sender, uint32_t lines)
{
    enum { WASTE_MAX = 8 };
    size_t wanted = (size_t) lines * SEGMSG_LINE - SEGMSG_HEADER_BYTES;
    uint32_t next = segmsg_geometry_select(&sender->geometry, 1, wanted + 1);
    bool is_better = next < sender->geometry.group_count
                     && sender->geometry.group[next].partition_size <= WASTE_MAX * wanted;
    return wanted < sender->use.capacity && is_better ? wanted : sender->use.capacity;
}

/* Makes group 0 the image of the segment of `entry`, of whose lines `spare` are kept for the last. */
static void open_ring(segmsg_sender_t *sender, const segmsg_segment_entry_t *entry,
                      const segmsg_segment_view_t *view, uint32_t spare)
{
    const segmsg_cache_policy_t *cache = &sender->use.cache;
    uint32_t count = entry->partition_count;
    segmsg_ring_open(&sender->ring, view->partition, view->control, count, spare);
    sender->use.group_entry = entry->group_entry;
    segmsg_ring_use_t *use = &sender->use;
    use->capacity = (size_t) entry->span_factor * SEGMSG_LINE - SEGMSG_HEADER_BYTES;
    use->stream_capacity =
        ring_capacity(sender, count > SEGMSG_RING_FULL ? cache->wide_lines : cache->stream_lines);
    use->reply_capacity = ring_capacity(sender, cache->reply_lines);
    uint32_t window = sender->ring.window;
    use->near_most = cache->most < window ? cache->most : window - 1;
    use->far_most = cache->far != 0 && cache->far < window ? window - cache->far - 1 : 0;
}

/* Partitions of a full segment. Where lines are used again at once, more do no harm, and none is ever wide. */
static uint32_t full_count(const segmsg_sender_t *sender)
{
    return sender->ring.reuses ? sender->geometry.group[0].partition_count
                               : segmsg_geometry_full_ring(&sender->geometry);
}

/* The one place where a connection's state changes, and with it what is counted since. */
static void enter(segmsg_sender_t *sender, segmsg_connection_t state)
{
    sender->connection = state;
    if (state == SEGMSG_CONNECTION_NONE) {
        sender->ring = (segmsg_ring_writer_t){.window_most = sender->ring.window_most,
                                              .reuses = sender->ring.reuses};
        sender->use = (segmsg_ring_use_t){.cache = sender->use.cache};
        sender->lobby.ring.last = 0;
        sender->guest_messages = 0;
        sender->flow.streamed = 0;
        sender->flow.counted = 0;
    } else if (state == SEGMSG_CONNECTION_STARTER) {
        sender->starter_long = 0;
        sender->starter_from = sender->messages[0];
    }
}

/* Forms the short first segment of group 0. The receiver finds it in the table; if the sender was a
 * guest, it begins there when it has read what the sender has put into the lobby. */
static segmsg_error_t form_starter(segmsg_sender_t *sender)
{
    uint32_t segment;
    segmsg_segment_entry_t entry;
    segmsg_segment_view_t view;
    segmsg_error_t error =
        segmsg_growth_form(sender, 0, sender->target->shape.ring_starter, &segment, &entry, &view);
    if (error != SEGMSG_OK) {
        return error;
    }
    bool is_short = entry.partition_count < full_count(sender);
    enter(sender, is_short ? SEGMSG_CONNECTION_STARTER : SEGMSG_CONNECTION_FULL);
    /* The spare line is for the entry that names its successor, which must fit when nothing else does. */
    open_ring(sender, &entry, &view, is_short);
    /* Relaxed: a hint. */
    atomic_fetch_add_explicit(&segmsg_export_head(sender->target)->rings, 1, memory_order_relaxed);
    return SEGMSG_OK;
}

segmsg_error_t segmsg_growth_begin(segmsg_sender_t *sender)
{
    /* Relaxed: a number that this process has not had, that is all. */
    uint32_t number = atomic_fetch_add_explicit(&segmsg_export_head(sender->target)->sessions, 1,
                                                memory_order_relaxed);
    bool is_later = !sender->has_entered || (int32_t) (number - sender->self.session) > 0;
    sender->self.session = is_later ? number : sender->self.session + 1;
    sender->has_entered = true;
    segmsg_error_t error = segmsg_guest_enter(sender);
    if (error == SEGMSG_OK) {
        enter(sender, SEGMSG_CONNECTION_GUEST);
    }
    return error == SEGMSG_OK || error == SEGMSG_ERR_CORRUPT ? error : form_starter(sender);
}

void segmsg_growth_end(segmsg_sender_t *sender)
{
    enter(sender, SEGMSG_CONNECTION_NONE);
}

bool segmsg_growth_is_due(const segmsg_sender_t *sender, bool lobby_is_full)
{
    enum { CROWD_FACTOR = 64 };
    const segmsg_growth_t *growth = &sender->growth;
    if (sender->guest_messages < growth->own_after && !lobby_is_full) {
        return false;
    }
    /* Relaxed: a hint. */
    uint32_t rings =
        atomic_load_explicit(&segmsg_export_head(sender->target)->rings, memory_order_relaxed);
    return rings < growth->own_crowd || sender->guest_messages / CROWD_FACTOR >= growth->own_after;
}

void segmsg_growth_leave_lobby(segmsg_sender_t *sender)
{
    if (sender->refused[0] != 0) {
        --sender->refused[0];
    } else if (form_starter(sender) != SEGMSG_OK) {
        sender->refused[0] = SEGMSG_ASK_AGAIN;
    }
}

/* Goes on in a segment of `count` partitions, if there is memory for it. There must be room for an entry. */
static void replace(segmsg_sender_t *sender, uint32_t count, segmsg_connection_t state)
{
    uint32_t segment;
    segmsg_segment_entry_t entry;
    segmsg_segment_view_t view;
    segmsg_error_t error = segmsg_growth_form(sender, 0, count, &segment, &entry, &view);
    /* Who gets none is not given a longer one either. */
    enter(sender, error == SEGMSG_OK ? state : SEGMSG_CONNECTION_WIDE);
    if (error != SEGMSG_OK) {
        return;
    }
    segmsg_ring_publish(&sender->ring, 1, segmsg_header_make(SEGMSG_KIND_SWITCH, 0, 1, segment));
    open_ring(sender, &entry, &view, 0);
}

void segmsg_growth_replace_starter(segmsg_sender_t *sender)
{
    sender->ring.spare = 0; /* there is room: the line that was spared, if no other */
    replace(sender, full_count(sender), SEGMSG_CONNECTION_FULL);
}

void segmsg_growth_stream(segmsg_sender_t *sender)
{
    enum {
        STREAMED =
            64, /* times round a full segment, 4 MB in all: its pages cost what a few of these save */
        SHARE = 4 /* of the senders that may have rings of their own, one in so many */
    };
    uint32_t count = sender->geometry.group[0].partition_count;
    segmsg_flow_t *flow = &sender->flow;
    if (sender->connection != SEGMSG_CONNECTION_FULL || count <= sender->ring.count
        || sender->ring.head - flow->counted < sender->ring.window / 2) {
        return; /* it is tried again at the same line, since there was no room */
    }
    flow->counted = sender->ring.head;
    if (++flow->streamed < STREAMED) {
        return;
    }
    /* Relaxed: a hint. */
    uint32_t rings =
        atomic_load_explicit(&segmsg_export_head(sender->target)->rings, memory_order_relaxed);
    if (rings <= sender->growth.own_crowd / SHARE && segmsg_ring_has_room(&sender->ring, 1)) {
        replace(sender, count, SEGMSG_CONNECTION_WIDE);
    }
}

bool segmsg_growth_is_long(const segmsg_sender_t *sender, size_t length)
{
    return sender->connection == SEGMSG_CONNECTION_STARTER && length > sender->use.capacity
           && length <= segmsg_group_capacity(&sender->geometry, 0);
}

/* True if a group above group 0 can carry a message. */
static bool fits_above(const segmsg_sender_t *sender, size_t length)
{
    return segmsg_geometry_select(&sender->geometry, 1, length) < sender->geometry.group_count;
}

bool segmsg_growth_has_outgrown(const segmsg_sender_t *sender, size_t length)
{
    return sender->connection == SEGMSG_CONNECTION_STARTER
           && (sender->messages[0] - sender->starter_from >= sender->growth.grow_after
               || (segmsg_growth_is_long(sender, length) && !fits_above(sender, length))
               || (segmsg_growth_is_long(sender, length)
                   && sender->starter_long >= sender->growth.long_after));
}
