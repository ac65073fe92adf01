/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What arrives from other hosts: one completion queue a network interface, however many the peers are.
 */
#include "btl/net/btl_segmsg_net_progress.h"
#include "btl/net/btl_segmsg_net_alive.h"
#include "btl/net/btl_segmsg_net_control.h"
#include "btl/net/btl_segmsg_net_in_place.h"
#include "btl/net/btl_segmsg_net_loss.h"
#include "btl/net/btl_segmsg_net_operations.h"

#if SEGMSG_HAVE_OFI

#include "base/clock.h"
#include "btl/btl_segmsg_pieces.h"
#include "btl/btl_segmsg_send.h"
#include "btl/btl_segmsg_serve.h"
#include "btl/net/btl_segmsg_net_tell.h"
#include "btl/btl_segmsg_jobs.h"
#include "btl/btl_segmsg_reassembly.h"

/* Takes note of what the header of a message gives back. */
static void take_ride(mca_btl_segmsg_link_t *link, const segmsg_wire_header_t *header)
{
    const segmsg_return_t what = {.word = header->return_word,
                                  .number = header->return_number,
                                  .group = header->return_group};
    opal_mutex_lock(&link->net->gate);
    mca_btl_segmsg_link_returned(link, &what);
    opal_mutex_unlock(&link->net->gate);
}

/* Hands one message over: one fragment, where it lies (rows G9, G11). */
static void deliver(mca_btl_segmsg_net_t *net, mca_btl_segmsg_endpoint_t *endpoint,
                    const segmsg_message_t *message)
{
    if (OPAL_UNLIKELY(message->tag == MCA_BTL_SEGMSG_TAG)) {
        mca_btl_segmsg_rdma_receive(endpoint, message->data, message->length);
    } else if (OPAL_UNLIKELY(message->tag == MCA_BTL_SEGMSG_PIECE_TAG)) {
        mca_btl_segmsg_receive_piece(endpoint, message->data, message->length);
    } else if (OPAL_UNLIKELY(!segmsg_compat_tag_known(message->tag))) {
        mca_btl_segmsg_link_lost(endpoint->link, segmsg_error_text(SEGMSG_ERR_CORRUPT));
    } else {
        ++net->counts.delivered;
        net->counts.delivered_bytes += message->length;
        mca_btl_base_segment_t segment = {.seg_addr.pval = message->data,
                                          .seg_len = message->length};
        segmsg_compat_deliver(&net->super, endpoint, message->tag, &segment, 1);
    }
}

/* Takes what has come of one sender and is in order. Returns how many messages. */
static int take_messages(mca_btl_segmsg_net_t *net, segmsg_inlet_t *inlet)
{
    mca_btl_segmsg_link_t *link = inlet->user;
    int count = 0;
    segmsg_message_t message;
    segmsg_poll_t poll;
    while ((poll = segmsg_inlet_next(&net->targets, inlet, &message)) == SEGMSG_POLL_MESSAGE) {
        const segmsg_wire_header_t *header = segmsg_message_header(&message);
        if (header->return_group != SEGMSG_WIRE_NO_RETURN) {
            take_ride(link, header);
        }
        deliver(net, link->endpoint, &message);
        opal_mutex_lock(&net->gate);
        if (segmsg_targets_return(&net->targets, inlet, &message)) {
            mca_btl_segmsg_link_return(link);
        }
        opal_mutex_unlock(&net->gate);
        ++count;
    }
    link->answered = true;
    link->alive.heard = net->times.looked;
    if (OPAL_UNLIKELY(poll == SEGMSG_POLL_CORRUPT)) {
        mca_btl_segmsg_link_lost(link, segmsg_error_text(SEGMSG_ERR_CORRUPT));
    }
    return count;
}

/* A control message: it is copied, and its slot goes back before anything is answered. */
static void hear(mca_btl_segmsg_net_t *net, segmsg_ofi_slot_t *slot)
{
    segmsg_control_message_t message;
    memcpy(&message, segmsg_ofi_slot_message(slot), sizeof(message));
    opal_mutex_lock(&net->gate);
    segmsg_ofi_heard(&net->ofi, slot);
    opal_mutex_unlock(&net->gate);
    mca_btl_segmsg_net_heard(net, &message);
}

/* Tells Open MPI of links that have failed; an error that belongs to nobody concerns all. */
static void report_failures(mca_btl_segmsg_net_t *net)
{
    net->has_failures = false;
    mca_btl_segmsg_endpoint_t *endpoint;
    mca_btl_segmsg_endpoint_t *next;
    OPAL_LIST_FOREACH_SAFE (endpoint, next, &net->endpoints, mca_btl_segmsg_endpoint_t) {
        mca_btl_segmsg_link_t *link = endpoint->link;
        if (link != NULL && link->loss.has_failed) {
            link->loss.has_failed = false;
            mca_btl_segmsg_link_lost(link, link->loss.failure);
        }
    }
}

static int poll_interface(mca_btl_segmsg_net_t *net)
{
    ++net->times.progress;
    opal_mutex_lock(&net->gate);
    int count = segmsg_ofi_poll(&net->ofi);
    opal_mutex_unlock(&net->gate);
    if (OPAL_UNLIKELY(net->ofi.failure != 0)) {
        mca_btl_segmsg_net_alive_suspect(net, net->ofi.failure);
        net->ofi.failure = 0;
    }
    if (OPAL_UNLIKELY(net->ofi.counts.strange != 0)) {
        mca_btl_segmsg_net_strange(net, net->ofi.counts.strange);
        net->ofi.counts.strange = 0;
    }
    segmsg_ofi_event_t event;
    while (segmsg_ofi_next(&net->ofi, &event)) {
        if (OPAL_UNLIKELY(event.kind == SEGMSG_OFI_TOLD)) {
            hear(net, event.slot);
            continue;
        }
        segmsg_inlet_t *inlet = segmsg_targets_arrived(&net->targets, event.data);
        if (OPAL_UNLIKELY(inlet == NULL)) {
            ++net->counts.nobodys; /* a sender's that has left, or a stranger's */
            continue;
        }
        (void) take_messages(net, inlet);
    }
    if (OPAL_UNLIKELY(net->has_failures)) {
        report_failures(net);
    }
    if (OPAL_UNLIKELY(!opal_list_is_empty(&net->in_place))) {
        count += mca_btl_segmsg_net_in_place_progress(net, mca_btl_segmsg_frag_done);
    }
    if (OPAL_UNLIKELY(!opal_list_is_empty(&net->onesided.finished)
                      || !opal_list_is_empty(&net->onesided.waiting))) {
        count += mca_btl_segmsg_net_operations_progress(net);
    }
    return count;
}

int mca_btl_segmsg_net_progress(mca_btl_segmsg_module_t *module)
{
    /* Where there are peers on this node as well: a look at the network takes longer than a message
     * from them. */
    bool is_mixed = module->receiver.reader_count != 0;
    uint64_t now = segmsg_clock_ticks();
    int count = 0;
    for (unsigned rail = 0; rail < mca_btl_segmsg_nets; ++rail) {
        mca_btl_segmsg_net_t *net = mca_btl_segmsg_net[rail];
        if (!net->is_open || (is_mixed && now - net->times.looked < net->times.look_ticks)) {
            continue;
        }
        int events = poll_interface(net);
        net->times.looked = now;
        count += events;
        if (OPAL_UNLIKELY(now - net->times.checked > net->times.check_ticks)) {
            net->times.checked = now;
            mca_btl_segmsg_net_alive_check(net, now);
        }
    }
    return count;
}

#endif /* SEGMSG_HAVE_OFI */
