/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/net/btl_segmsg_net_peer.h"
#include "btl/net/btl_segmsg_net_failure.h"
#include "btl/net/btl_segmsg_net_link.h"
#include "btl/net/btl_segmsg_net_modex.h"
#include "btl/btl_segmsg_busy.h"
#include "btl/btl_segmsg_modex.h"
#include "btl/btl_segmsg_report.h"
#include "btl/net/btl_segmsg_net_keepalive.h"
#include "btl/net/btl_segmsg_net_tell.h"

#include <sched.h>

#if SEGMSG_HAVE_OFI

static void link_construct(mca_btl_segmsg_link_t *link)
{
    memset((char *) link + sizeof(link->super), 0, sizeof(*link) - sizeof(link->super));
    link->alive.probe = SEGMSG_PROBE_NONE;
    segmsg_inlet_init(&link->inlet);
    link->inlet.user = link;
    OBJ_CONSTRUCT(&link->notes, opal_list_t);
}

static void link_destruct(mca_btl_segmsg_link_t *link)
{
    for (uint32_t group = 0; group < SEGMSG_GROUPS_MAX; ++group) {
        segmsg_ofi_deregister(&link->region[group]);
        free(link->memory[group]);
    }
    OPAL_LIST_DESTRUCT(&link->notes);
}

OBJ_CLASS_INSTANCE(mca_btl_segmsg_link_t, opal_list_item_t, link_construct, link_destruct);

static mca_btl_segmsg_endpoint_t *find(mca_btl_segmsg_net_t *net, uint64_t name)
{
    void *found = NULL;
    if (opal_hash_table_get_value_uint64(&net->by_name, name, &found) != OPAL_SUCCESS) {
        return NULL;
    }
    mca_btl_segmsg_endpoint_t *endpoint = found;
    return endpoint->link == NULL || !endpoint->link->loss.has_left ? endpoint : NULL;
}

/* True if the peer can be understood: it uses the same provider, and this build's wire format. */
static bool is_understood(const mca_btl_segmsg_net_t *net,
                          const mca_btl_segmsg_net_modex_t *published, opal_proc_t *proc)
{
    uint32_t bad_group;
    if (published->wire_version != SEGMSG_WIRE_VERSION
        || segmsg_geometry_check(&published->geometry, &bad_group) != SEGMSG_OK
        || !segmsg_wire_geometry_fits(&published->geometry)) {
        mca_btl_segmsg_say("other-build", opal_process_info.nodename,
                           OPAL_NAME_PRINT(proc->proc_name));
        return false;
    }
    if (strncmp(published->provider, segmsg_ofi_provider(&net->ofi), sizeof(published->provider))
        != 0) {
        static bool told;
        if (!told) {
            told = true;
            mca_btl_segmsg_say("ofi-other-provider", opal_process_info.nodename,
                               OPAL_NAME_PRINT(proc->proc_name), segmsg_ofi_provider(&net->ofi),
                               published->provider);
        }
        return false;
    }
    return true;
}

static void link_write_failed(segmsg_ofi_operation_t *operation, int error)
{
    mca_btl_segmsg_link_t *link =
        (void *) ((char *) operation - offsetof(mca_btl_segmsg_link_t, writes));
    if (error != 0) {
        mca_btl_segmsg_link_failed(link, error);
    }
}

static mca_btl_segmsg_link_t *make_link(mca_btl_segmsg_net_t *net,
                                        mca_btl_segmsg_endpoint_t *endpoint,
                                        const mca_btl_segmsg_net_modex_t *published)
{
    mca_btl_segmsg_link_t *link = OBJ_NEW(mca_btl_segmsg_link_t);
    if (link != NULL) {
        link->net = net;
        link->endpoint = endpoint;
        link->published = *published;
        link->writes.done = link_write_failed;
        segmsg_source_init(&link->source, &published->geometry);
    }
    return link;
}

static mca_btl_segmsg_endpoint_t *make(mca_btl_segmsg_net_t *net, opal_proc_t *proc)
{
    mca_btl_segmsg_endpoint_t *endpoint = OBJ_NEW(mca_btl_segmsg_endpoint_t);
    if (endpoint == NULL) {
        return NULL;
    }
    endpoint->btl = &net->super;
    endpoint->peer.name = mca_btl_segmsg_name_of(proc);
    endpoint->is_self = endpoint->peer.name == mca_btl_segmsg.self.name;
    mca_btl_segmsg_modex_t *modex = NULL;
    if (endpoint->is_self) {
        endpoint->peer = mca_btl_segmsg.self;
        if (net->has_native_atomics) {
            mca_btl_segmsg_net_modex_t own = mca_btl_segmsg_net_own_modex(net);
            endpoint->link = make_link(net, endpoint, &own);
        }
    } else {
        modex = mca_btl_segmsg_modex_recv(proc);
        const mca_btl_segmsg_net_modex_t *published =
            modex == NULL ? NULL : mca_btl_segmsg_net_published(modex, net->rail);
        if (published != NULL && is_understood(net, published, proc)) {
            endpoint->peer = modex->owner;
            mca_btl_segmsg_modex_narrow(&net->super, modex);
            endpoint->link = make_link(net, endpoint, published);
        }
    }
    bool is_reached = endpoint->is_self || endpoint->link != NULL;
    free(modex);
    if (!is_reached) {
        /* The analyzer does not know that the last reference frees. */
        OBJ_RELEASE(endpoint); /* NOLINT(clang-analyzer-unix.Malloc) */
        return NULL;
    }
    endpoint->proc = proc;
    OBJ_RETAIN(proc);
    opal_list_append(&net->endpoints, &endpoint->super);
    (void) opal_hash_table_set_value_uint64(&net->by_name, endpoint->peer.name, endpoint);
    return endpoint;
}

mca_btl_segmsg_endpoint_t *mca_btl_segmsg_net_endpoint_get(mca_btl_segmsg_net_t *net,
                                                           opal_proc_t *proc)
{
    OPAL_THREAD_LOCK(&mca_btl_segmsg.lock);
    mca_btl_segmsg_endpoint_t *endpoint = find(net, mca_btl_segmsg_name_of(proc));
    if (endpoint == NULL) {
        endpoint = make(net, proc);
    }
    OPAL_THREAD_UNLOCK(&mca_btl_segmsg.lock);
    return endpoint;
}

mca_btl_segmsg_endpoint_t *mca_btl_segmsg_net_endpoint_of(mca_btl_segmsg_net_t *net, uint64_t name)
{
    OPAL_THREAD_LOCK(&mca_btl_segmsg.lock);
    mca_btl_segmsg_endpoint_t *endpoint = find(net, name);
    OPAL_THREAD_UNLOCK(&mca_btl_segmsg.lock);
    if (endpoint == NULL) {
        opal_process_name_t who = {.jobid = (opal_jobid_t) (name >> 32),
                                   .vpid = (opal_vpid_t) (name & UINT32_MAX)};
        opal_proc_t *proc = opal_proc_for_name(who);
        endpoint = proc == NULL ? NULL : mca_btl_segmsg_net_endpoint_get(net, proc);
    }
    return endpoint;
}

/* While goodbyes are said nothing else is listened to. The gate is held. */
static void listen_for_goodbyes(mca_btl_segmsg_net_t *net)
{
    (void) segmsg_ofi_poll(&net->ofi);
    net->ofi.failure = 0;
    segmsg_ofi_event_t event;
    while (segmsg_ofi_next(&net->ofi, &event)) {
        if (event.kind != SEGMSG_OFI_TOLD) {
            continue;
        }
        segmsg_control_message_t message;
        memcpy(&message, segmsg_ofi_slot_message(event.slot), sizeof(message));
        segmsg_ofi_heard(&net->ofi, event.slot);
        if (mca_btl_segmsg_net_is_proven(net, &message) && message.kind == SEGMSG_CONTROL_CLOSE) {
            mca_btl_segmsg_endpoint_t *endpoint = find(net, message.name);
            if (endpoint != NULL && endpoint->link != NULL
                && endpoint->peer.nonce == message.nonce) {
                endpoint->link->loss.has_left = true;
            }
        }
    }
}

/*
 * Both sides say goodbye, and wait for the other's for a moment. Whoever closes a connection without
 * having read what came resets it, and then what it sent last may be lost as well: the peer would
 * believe that we had died.
 */
static void say_goodbye(mca_btl_segmsg_link_t *link)
{
    enum { PATIENCE = 1000 * 1000 * 1000 /* ns */ };
    mca_btl_segmsg_net_t *net = link->net;
    if (!link->is_inserted || link->loss.is_lost) {
        return;
    }
    bool is_said = false;
    if (net->closing.end == 0) {
        net->closing = segmsg_deadline_in(PATIENCE);
    }
    opal_mutex_lock(&net->gate);
    do {
        if (!is_said && mca_btl_segmsg_link_flush(link) && mca_btl_segmsg_link_tell_waiting(link)) {
            segmsg_control_message_t message = {.kind = SEGMSG_CONTROL_CLOSE};
            mca_btl_segmsg_link_tell(link, &message);
            is_said = true;
        }
        listen_for_goodbyes(net);
        if (is_said && link->loss.has_left && opal_list_is_empty(&link->notes)) {
            break;
        }
        sched_yield(); /* no rest: a provider may send only while it is polled */
        (void) mca_btl_segmsg_link_tell_waiting(link);
    } while (!segmsg_deadline_is_over(&net->closing) && !link->loss.has_failed);
    opal_mutex_unlock(&net->gate);
}

/* With polling stopped. */
void mca_btl_segmsg_net_endpoint_release(mca_btl_segmsg_endpoint_t *endpoint)
{
    mca_btl_segmsg_link_t *link = endpoint->link;
    mca_btl_segmsg_net_t *net = (mca_btl_segmsg_net_t *) (void *) endpoint->btl;
    if (link != NULL) {
        say_goodbye(link);
    }
    OPAL_THREAD_LOCK(&mca_btl_segmsg.lock);
    mca_btl_segmsg_endpoint_clear_busy(endpoint);
    opal_list_remove_item(&net->endpoints, &endpoint->super);
    if (find(net, endpoint->peer.name) == endpoint || (link != NULL && link->loss.has_left)) {
        (void) opal_hash_table_remove_value_uint64(&net->by_name, endpoint->peer.name);
    }
    OPAL_THREAD_UNLOCK(&mca_btl_segmsg.lock);
    if (link != NULL) {
        opal_mutex_lock(&net->gate);
        if (link->stream.is_gathering) {
            opal_list_remove_item(&net->gathering, &link->super);
        }
        segmsg_targets_close(&net->targets, &link->inlet);
        mca_btl_segmsg_net_keepalive_forget(link);
        for (uint32_t group = 0; group < SEGMSG_GROUPS_MAX; ++group) {
            net->counts.past_messages[group] += link->source.messages[group];
            net->counts.past_partitions[group] += link->source.partitions[group];
        }
        net->counts.past_full += link->source.full;
        opal_mutex_unlock(&net->gate);
    }
    OBJ_RELEASE(endpoint);
}

void mca_btl_segmsg_link_free(mca_btl_segmsg_endpoint_t *endpoint)
{
    if (endpoint->link != NULL) {
        OBJ_RELEASE(endpoint->link);
        endpoint->link = NULL;
    }
}

#endif /* SEGMSG_HAVE_OFI */
