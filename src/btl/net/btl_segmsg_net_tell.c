/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/net/btl_segmsg_net_tell.h"
#include "btl/btl_segmsg_busy.h"
#include "btl/net/btl_segmsg_net_failure.h"
#include "btl/btl_segmsg_report.h"

#if SEGMSG_HAVE_OFI

#include "base/clock.h"

int mca_btl_segmsg_link_insert(mca_btl_segmsg_link_t *link)
{
    if (link->is_inserted) {
        return 0;
    }
    int rc = segmsg_ofi_insert(&link->net->ofi, link->published.name, &link->address);
    link->is_inserted = rc == 0;
    return rc;
}

OBJ_CLASS_INSTANCE(mca_btl_segmsg_net_note_t, opal_list_item_t, NULL, NULL);

/* Whatever is told is filled in here, and signed for the peer. */
static void fill_in(mca_btl_segmsg_link_t *link, segmsg_control_message_t *message)
{
    message->magic = SEGMSG_CONTROL_MAGIC;
    message->name = mca_btl_segmsg.self.name;
    message->nonce = mca_btl_segmsg.self.nonce;
    message->rail = (uint16_t) link->net->rail;
    message->count = ++link->told;
    segmsg_control_sign(message, &link->published.secret);
}

/* Sends a control message; false if it must wait. */
static bool tell_now(mca_btl_segmsg_link_t *link, const segmsg_control_message_t *message)
{
    if (link->loss.is_lost) {
        return true;
    }
    int rc = mca_btl_segmsg_link_insert(link);
    if (rc == 0) {
        rc = segmsg_ofi_tell(&link->net->ofi, link->address, message);
    }
    if (rc != 0 && rc != -FI_EAGAIN) {
        mca_btl_segmsg_link_failed(link, rc);
        return true;
    }
    return rc == 0;
}

bool mca_btl_segmsg_link_tell_waiting(mca_btl_segmsg_link_t *link)
{
    while (!opal_list_is_empty(&link->notes)) {
        mca_btl_segmsg_net_note_t *note =
            (mca_btl_segmsg_net_note_t *) opal_list_get_first(&link->notes);
        if (!tell_now(link, &note->message)) {
            return false;
        }
        opal_list_remove_first(&link->notes);
        OBJ_RELEASE(note);
    }
    return true;
}

void mca_btl_segmsg_link_tell(mca_btl_segmsg_link_t *link, segmsg_control_message_t *message)
{
    fill_in(link, message);
    if (mca_btl_segmsg_link_tell_waiting(link) && tell_now(link, message)) {
        return;
    }
    mca_btl_segmsg_net_note_t *note = OBJ_NEW(mca_btl_segmsg_net_note_t);
    if (note == NULL) {
        mca_btl_segmsg_link_failed(link, -FI_ENOMEM);
        return;
    }
    note->message = *message;
    opal_list_append(&link->notes, &note->super);
    mca_btl_segmsg_endpoint_set_busy(link->endpoint);
}

/* Asks for what the receiver has read and not returned: it may keep that until it has read half of a
 * segment. Only if that lasts, and once: most of the time the word is on its way. */
static void ask_for_returns(mca_btl_segmsg_link_t *link)
{
    enum { PATIENCE = 50 /* us */ };
    uint64_t now = segmsg_clock_ticks();
    if (link->stuck == 0) {
        link->stuck = now;
    } else if (!link->has_asked && now - link->stuck > PATIENCE * mca_btl_segmsg.wait.row_ticks) {
        segmsg_control_message_t ask = {.kind = SEGMSG_CONTROL_ASK, .word = link->source.sequence};
        link->has_asked = true;
        mca_btl_segmsg_link_tell(link, &ask);
    }
}

void mca_btl_segmsg_link_ask(mca_btl_segmsg_link_t *link, bool is_stuck)
{
    segmsg_source_t *source = &link->source;
    while (source->wants != 0) {
        uint32_t group = (uint32_t) __builtin_ctz(source->wants);
        source->wants &= source->wants - 1;
        segmsg_control_message_t form = {.kind = SEGMSG_CONTROL_FORM, .group = (uint8_t) group};
        mca_btl_segmsg_link_tell(link, &form);
    }
    if (is_stuck) {
        ask_for_returns(link);
    }
}

void mca_btl_segmsg_link_return(mca_btl_segmsg_link_t *link)
{
    segmsg_return_t what;
    while (segmsg_inlet_due(&link->net->targets, &link->inlet, true, &what)) {
        segmsg_control_message_t message = {.kind = SEGMSG_CONTROL_RETURN,
                                            .group = what.group,
                                            .number = what.number,
                                            .word = what.word};
        mca_btl_segmsg_link_tell(link, &message);
    }
}

void mca_btl_segmsg_link_free_source(mca_btl_segmsg_link_t *link, uint32_t group)
{
    segmsg_ofi_deregister(&link->region[group]);
    free(link->memory[group]);
    link->memory[group] = NULL;
}

void mca_btl_segmsg_link_release_recalled(mca_btl_segmsg_link_t *link)
{
    for (uint32_t group = 0; group < link->source.geometry.group_count; ++group) {
        if (link->source.segment[group].state != SEGMSG_SOURCE_RECALLED) {
            continue;
        }
        uint32_t segment = link->source.segment[group].segment;
        if (segmsg_source_is_released(&link->source, group)) {
            mca_btl_segmsg_link_free_source(link, group);
            segmsg_control_message_t message = {.kind = SEGMSG_CONTROL_RELEASED,
                                                .group = (uint8_t) group,
                                                .segment = (uint16_t) segment};
            mca_btl_segmsg_link_tell(link, &message);
        }
    }
}

void mca_btl_segmsg_net_strange(mca_btl_segmsg_net_t *net, uint64_t count)
{
    static bool is_told;
    net->counts.strange += count;
    if (!is_told) {
        is_told = true;
        mca_btl_segmsg_say("ofi-stranger", opal_process_info.nodename,
                           OPAL_NAME_PRINT(OPAL_PROC_MY_NAME), segmsg_ofi_provider(&net->ofi),
                           net->ofi.info->domain_attr->name);
    }
}

bool mca_btl_segmsg_net_is_proven(mca_btl_segmsg_net_t *net,
                                  const segmsg_control_message_t *message)
{
    if (segmsg_control_is_proven(message, &net->secret)) {
        return message->magic == SEGMSG_CONTROL_MAGIC;
    }
    mca_btl_segmsg_net_strange(net, 1);
    return false;
}

#endif /* SEGMSG_HAVE_OFI */
