/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Control messages: how groups between hosts come and go, and how partitions go back when no message
 * takes the word along. The receiver owns the memory: it is asked for a segment, and where it has none
 * left it recalls the one that was not used for longest.
 *
 *   sender                             receiver
 *   FORM group                    -->  takes a segment, enters the pairing into its tables
 *   memory for the source         <--  FORMED segment, address; or REFUSED
 *   ...writes...                  -->  ...messages...
 *   takes note                    <--  RETURN word, if none rode along; ASK makes it come at once
 *                                 <--  RECALL segment, for others
 *   waits until all is returned,
 *   frees the memory, RELEASED    -->  dissolves the group
 */
#include "btl/net/btl_segmsg_net_control.h"
#include "btl/net/btl_segmsg_net_failure.h"
#include "btl/net/btl_segmsg_net_peer.h"
#include "btl/btl_segmsg_busy.h"
#include "btl/net/btl_segmsg_net_tell.h"

#if SEGMSG_HAVE_OFI

#include "base/clock.h"
#include "base/random.h"

/* ---- the receiver's side ---- */

/* Bytes of the arena that groups above group 0 leave to it: without a group 0 a sender can say
 * nothing, without a larger one it sends in pieces. */
static uint64_t reserve(const mca_btl_segmsg_net_t *net)
{
    const segmsg_export_shape_t *shape = &net->memory.export.shape;
    return (shape->export_bytes - shape->arena) / 4;
}

/* Asks the sender of the segment of `group` that was not used for longest to give it up. */
static void recall(mca_btl_segmsg_net_t *net, const segmsg_inlet_t *inlet, uint32_t group)
{
    segmsg_target_slot_t *slot = segmsg_targets_oldest(&net->targets, inlet, group);
    if (slot == NULL) {
        return;
    }
    slot->is_recalled = true;
    segmsg_control_message_t message = {.kind = SEGMSG_CONTROL_RECALL,
                                        .group = (uint8_t) group,
                                        .segment = (uint16_t) (slot - net->targets.slot)};
    mca_btl_segmsg_link_t *victim = slot->inlet->user;
    mca_btl_segmsg_link_tell(victim, &message);
    mca_btl_segmsg_link_return(victim); /* it may have nothing else to wait for */
    ++net->counts.recalls;
    ++net->recalled;
}

/* What the completion data of writes to a new segment must hold. Without random numbers the interface
 * would not be there: its key is one. */
static uint32_t draw_token(const mca_btl_segmsg_net_t *net)
{
    uint32_t token = 0;
    return net->ofi.has_tokens && segmsg_random_bytes(&token, sizeof(token)) ? token : 0;
}

/* Forms a group for the peer; if there is no room, has another one dissolved and tries again then. */
static void form(mca_btl_segmsg_link_t *link, uint32_t group)
{
    mca_btl_segmsg_net_t *net = link->net;
    segmsg_control_message_t answer = {.group = (uint8_t) group};
    segmsg_identity_t sender = link->endpoint->peer;
    uint32_t segment;
    segmsg_error_t error =
        segmsg_targets_form(&net->targets, &link->inlet, &sender, group, reserve(net), &segment);
    if (error == SEGMSG_OK) {
        segmsg_target_slot_t *slot = &net->targets.slot[segment];
        slot->token = draw_token(net);
        answer.kind = SEGMSG_CONTROL_FORMED;
        answer.segment = (uint16_t) segment;
        answer.address = (uint64_t) (uintptr_t) slot->partition - net->region.base;
        answer.word = slot->token;
        link->is_waiting = link->is_waiting && group != 0;
    } else if (error == SEGMSG_ERR_CORRUPT) {
        mca_btl_segmsg_link_broken(link, error);
        return;
    } else {
        recall(net, &link->inlet, group);
        if (group == 0 && net->recalled != 0) {
            link->is_waiting = true; /* it cannot do without: it waits for what is recalled */
            return;
        }
        answer.kind = SEGMSG_CONTROL_REFUSED;
        ++net->counts.refusals;
    }
    mca_btl_segmsg_link_tell(link, &answer);
}

/* A segment has become free: whoever waits for one gets it. If others wait as well, another one is asked
 * for, so that as long as somebody waits somebody was asked. */
static void form_waiting(mca_btl_segmsg_net_t *net)
{
    mca_btl_segmsg_endpoint_t *endpoint;
    bool is_served = false;
    OPAL_LIST_FOREACH (endpoint, &net->endpoints, mca_btl_segmsg_endpoint_t) {
        mca_btl_segmsg_link_t *link = endpoint->link;
        if (link == NULL || !link->is_waiting) {
            continue;
        }
        if (is_served) {
            if (net->recalled == 0) {
                recall(net, &link->inlet, 0);
            }
            return;
        }
        form(link, 0);
        is_served = true;
    }
}

static void release(mca_btl_segmsg_link_t *link, uint32_t segment)
{
    bool was_recalled =
        segment < link->net->targets.slots && link->net->targets.slot[segment].is_recalled;
    if (segmsg_targets_released(&link->net->targets, &link->inlet, segment) != SEGMSG_OK) {
        mca_btl_segmsg_link_broken(link, SEGMSG_ERR_CORRUPT);
        return;
    }
    link->net->recalled -= was_recalled;
    form_waiting(link->net);
}

/* ---- the sender's side ---- */

static void formed(mca_btl_segmsg_link_t *link, const segmsg_control_message_t *message)
{
    uint32_t group = message->group;
    segmsg_error_t error = SEGMSG_ERR_CORRUPT;
    if (group < link->source.geometry.group_count && link->memory[group] == NULL) {
        size_t bytes = segmsg_source_bytes(&link->source.geometry, group);
        error = SEGMSG_ERR_NO_SPACE;
        if (posix_memalign(&link->memory[group], SEGMSG_PAGE, bytes) != 0) {
            link->memory[group] = NULL;
        } else if (segmsg_ofi_register(&link->net->ofi, link->memory[group], bytes, FI_WRITE,
                                       &link->region[group])
                   == 0) {
            error = segmsg_source_formed(&link->source, group, message->segment, message->address,
                                         link->memory[group]);
            link->source.segment[group].token = (uint32_t) message->word;
        }
    }
    if (error != SEGMSG_OK) {
        mca_btl_segmsg_link_broken(link, error);
    }
}

void mca_btl_segmsg_link_returned(mca_btl_segmsg_link_t *link, const segmsg_return_t *what)
{
    if (!segmsg_source_returned(&link->source, what)) {
        mca_btl_segmsg_link_broken(link, SEGMSG_ERR_CORRUPT);
    }
    link->has_asked = false;
    link->stuck = 0;
    mca_btl_segmsg_link_release_recalled(link);
}

/* The peer leaves: it hears that we know, and what it had here is given to others. What we had there
 * is of no use any more. */
static void close_link(mca_btl_segmsg_link_t *link)
{
    if (!link->loss.has_left) {
        segmsg_control_message_t answer = {.kind = SEGMSG_CONTROL_CLOSE};
        mca_btl_segmsg_link_tell(link, &answer);
    }
    link->loss.has_left = true;
    segmsg_targets_close(&link->net->targets, &link->inlet);
    if (link->endpoint->queue.places == 0 && opal_list_is_empty(&link->endpoint->queue.pending)
        && opal_list_is_empty(&link->endpoint->queue.jobs)) {
        link->source.batch.partitions = 0;
        for (uint32_t group = 0; group < link->source.geometry.group_count; ++group) {
            link->source.segment[group].state = SEGMSG_SOURCE_ABSENT;
            link->source.segment[group].partition = NULL;
            mca_btl_segmsg_link_free_source(link, group);
        }
    }
    form_waiting(link->net);
}

/* Acts on a control message of a known peer. The gate is held. */
static void act(mca_btl_segmsg_link_t *link, const segmsg_control_message_t *message)
{
    switch (message->kind) {
    case SEGMSG_CONTROL_FORM:
        form(link, message->group);
        break;
    case SEGMSG_CONTROL_FORMED:
        formed(link, message);
        break;
    case SEGMSG_CONTROL_REFUSED:
        segmsg_source_refused(&link->source, message->group);
        break;
    case SEGMSG_CONTROL_RECALL:
        segmsg_source_recalled(&link->source, message->group);
        mca_btl_segmsg_link_release_recalled(link);
        break;
    case SEGMSG_CONTROL_RELEASED:
        release(link, message->segment);
        break;
    case SEGMSG_CONTROL_ASK:
        if (segmsg_inlet_asked(&link->inlet, (uint32_t) message->word)) {
            mca_btl_segmsg_link_return(link);
        }
        break;
    case SEGMSG_CONTROL_RETURN:
        mca_btl_segmsg_link_returned(link, &(segmsg_return_t){.word = message->word,
                                                              .number = message->number,
                                                              .group = message->group});
        break;
    case SEGMSG_CONTROL_CLOSE:
        close_link(link);
        break;
    default:
        mca_btl_segmsg_link_broken(link, SEGMSG_ERR_CORRUPT);
        break;
    }
}

void mca_btl_segmsg_net_heard(mca_btl_segmsg_net_t *net, const segmsg_control_message_t *message)
{
    if (!mca_btl_segmsg_net_is_proven(net, message)) {
        return;
    }
    mca_btl_segmsg_endpoint_t *endpoint = mca_btl_segmsg_net_endpoint_of(net, message->name);
    if (endpoint == NULL || endpoint->link == NULL || endpoint->peer.nonce != message->nonce) {
        return; /* it has left, and been forgotten: there is no way back either */
    }
    mca_btl_segmsg_link_t *link = endpoint->link;
    if (!segmsg_replay_is_new(&link->replay, message->count)) {
        mca_btl_segmsg_net_strange(net, 1);
        return;
    }
    opal_mutex_lock(&net->gate);
    link->alive.heard = segmsg_clock_ticks();
    act(link, message);
    opal_mutex_unlock(&net->gate);
    mca_btl_segmsg_endpoint_set_busy(endpoint); /* what waits may go on now */
}

#endif /* SEGMSG_HAVE_OFI */
