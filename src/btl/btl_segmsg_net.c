/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_net_gather.h"

#if SEGMSG_HAVE_OFI

#include "base/clock.h"
#include "btl/btl_segmsg_rdma.h"
#include "btl/btl_segmsg_modex.h"
#include "btl/btl_segmsg_params.h"
#include "btl/btl_segmsg_procs.h"
#include "btl/btl_segmsg_progress.h"
#include "btl/btl_segmsg_report.h"
#include "btl/btl_segmsg_send.h"
#include "base/random.h"

#include <sched.h>
#include <signal.h>

mca_btl_segmsg_net_t *mca_btl_segmsg_net[MCA_BTL_SEGMSG_RAILS_MAX];
unsigned mca_btl_segmsg_nets;

static void link_construct(mca_btl_segmsg_link_t *link)
{
    memset((char *) link + sizeof(link->super), 0, sizeof(*link) - sizeof(link->super));
    link->probe = SEGMSG_PROBE_NONE;
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

/* ---- peers ---- */

static mca_btl_segmsg_endpoint_t *find(mca_btl_segmsg_net_t *net, uint64_t name)
{
    void *found = NULL;
    if (opal_hash_table_get_value_uint64(&net->by_name, name, &found) != OPAL_SUCCESS) {
        return NULL;
    }
    mca_btl_segmsg_endpoint_t *endpoint = found;
    return endpoint->link == NULL || !endpoint->link->has_left ? endpoint : NULL;
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

/* What this process publishes of an interface. */
static mca_btl_segmsg_net_modex_t published_of(mca_btl_segmsg_net_t *net)
{
    mca_btl_segmsg_net_modex_t entry = {.wire_version = SEGMSG_WIRE_VERSION,
                                        .key = net->region.key,
                                        .secret = net->secret,
                                        .geometry = net->targets.geometry};
    size_t bytes = sizeof(entry.name);
    if (segmsg_ofi_name(&net->ofi, entry.name, &bytes) != 0) {
        bytes = 0;
    }
    entry.name_bytes = (uint32_t) bytes;
    snprintf(entry.provider, sizeof(entry.provider), "%s", segmsg_ofi_provider(&net->ofi));
    mca_btl_segmsg_net_alive_publish(net, &entry);
    return entry;
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
            mca_btl_segmsg_net_modex_t own = published_of(net);
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
                endpoint->link->has_left = true;
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
    enum { PATIENCE = 1000 * 1000 /* in row_ticks, that is us */ };
    mca_btl_segmsg_net_t *net = link->net;
    if (!link->is_inserted || link->is_lost) {
        return;
    }
    bool is_said = false;
    uint64_t now = segmsg_clock_ticks();
    if (net->closing == 0) {
        net->closing = now;
    }
    opal_mutex_lock(&net->gate);
    do {
        if (!is_said && mca_btl_segmsg_link_flush(link) && mca_btl_segmsg_link_tell_waiting(link)) {
            segmsg_control_message_t message = {.kind = SEGMSG_CONTROL_CLOSE};
            mca_btl_segmsg_link_tell(link, &message);
            is_said = true;
        }
        listen_for_goodbyes(net);
        if (is_said && link->has_left && opal_list_is_empty(&link->notes)) {
            break;
        }
        sched_yield();
        (void) mca_btl_segmsg_link_tell_waiting(link);
        now = segmsg_clock_ticks();
    } while (now - net->closing < PATIENCE * (mca_btl_segmsg.row_ticks + 1) && !link->has_failed);
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
    if (endpoint->busy) {
        opal_list_remove_item(&mca_btl_segmsg.busy, &endpoint->busy_item);
        mca_btl_segmsg.any_busy = !opal_list_is_empty(&mca_btl_segmsg.busy);
        endpoint->busy = false;
    }
    opal_list_remove_item(&net->endpoints, &endpoint->super);
    if (find(net, endpoint->peer.name) == endpoint || (link != NULL && link->has_left)) {
        (void) opal_hash_table_remove_value_uint64(&net->by_name, endpoint->peer.name);
    }
    OPAL_THREAD_UNLOCK(&mca_btl_segmsg.lock);
    if (link != NULL) {
        opal_mutex_lock(&net->gate);
        if (link->is_gathering) {
            opal_list_remove_item(&net->gathering, &link->super);
        }
        segmsg_targets_close(&net->targets, &link->inlet);
        mca_btl_segmsg_net_alive_forget(link);
        for (uint32_t group = 0; group < SEGMSG_GROUPS_MAX; ++group) {
            net->past_messages[group] += link->source.messages[group];
            net->past_partitions[group] += link->source.partitions[group];
        }
        net->past_full += link->source.full;
        opal_mutex_unlock(&net->gate);
    }
    OBJ_RELEASE(endpoint);
}

/* ---- what Open MPI calls ---- */

static int add_procs(mca_btl_base_module_t *btl, size_t count, opal_proc_t **procs,
                     mca_btl_base_endpoint_t **peers, opal_bitmap_t *reachable)
{
    mca_btl_segmsg_net_t *net = (mca_btl_segmsg_net_t *) btl;
    for (size_t p = 0; p < count; ++p) {
        peers[p] = net->is_open ? mca_btl_segmsg_net_endpoint_get(net, procs[p]) : NULL;
        if (peers[p] == NULL) {
            continue;
        }
        if (reachable != NULL) {
            int rc = opal_bitmap_set_bit(reachable, (int) p);
            if (rc != OPAL_SUCCESS) {
                return rc;
            }
        }
        ++peers[p]->users;
    }
    mca_btl_segmsg_choose_times();
    return OPAL_SUCCESS;
}

static int del_procs(mca_btl_base_module_t *btl, size_t count, opal_proc_t **procs,
                     mca_btl_base_endpoint_t **peers)
{
    (void) btl, (void) procs;
    for (size_t p = 0; p < count; ++p) {
        if (peers[p] != NULL && --peers[p]->users == 0) {
            mca_btl_segmsg_polling_stop();
            mca_btl_segmsg_net_endpoint_release(peers[p]);
            mca_btl_segmsg_polling_resume();
        }
    }
    return OPAL_SUCCESS;
}

static void close_net(mca_btl_segmsg_net_t *net)
{
    if (!net->is_open) {
        return;
    }
    net->is_open = false;
    while (!opal_list_is_empty(&net->endpoints)) {
        mca_btl_segmsg_net_endpoint_release(
            (mca_btl_segmsg_endpoint_t *) opal_list_get_first(&net->endpoints));
    }
    mca_btl_segmsg_net_rdma_close(net);
    segmsg_ofi_deregister(&net->region);
    segmsg_ofi_close(&net->ofi);
    segmsg_targets_destroy(&net->targets);
    segmsg_shm_destroy(&net->shm);
}

static int finalize(mca_btl_base_module_t *btl)
{
    mca_btl_segmsg_net_t *net = (mca_btl_segmsg_net_t *) btl;
    mca_btl_segmsg_net_gather_close();
    mca_btl_segmsg_polling_stop();
    close_net(net);
    mca_btl_segmsg_polling_resume();
    return OPAL_SUCCESS;
}

static int register_error(mca_btl_base_module_t *btl, mca_btl_base_module_error_cb_fn_t cbfunc)
{
    ((mca_btl_segmsg_net_t *) btl)->error_cb = cbfunc;
    return OPAL_SUCCESS;
}

/* ---- opening ---- */

static void set_module(mca_btl_segmsg_net_t *net)
{
    const struct mca_btl_segmsg_config_hosts *config = &mca_btl_segmsg.config.hosts;
    enum {
        EAGER_HARDWARE = 16 * 1024 + 128, /* bytes: longer ones are read by the network itself */
        EAGER_KERNEL = 64 * 1024 + 128    /* a message costs a trip less than reading it does */
    };
    mca_btl_base_module_t *btl = &net->super;
    size_t capacity = segmsg_wire_geometry_capacity(&mca_btl_segmsg.config.hosts_groups.geometry);
    size_t longest = net->ofi.max_message - SEGMSG_WIRE_HEADER_BYTES;
    capacity = capacity < longest ? capacity : longest;
    size_t eager = config->ofi_eager_limit != 0 ? config->ofi_eager_limit
                   : net->ofi.is_cpu_bound      ? EAGER_KERNEL
                                                : EAGER_HARDWARE;
    *btl =
        mca_btl_segmsg.super; /* the functions are those of shared memory, but for what follows */
    btl->btl_add_procs = add_procs;
    btl->btl_del_procs = del_procs;
    btl->btl_finalize = finalize;
    btl->btl_register_error = register_error;
    btl->btl_sendi = mca_btl_segmsg_net_sendi;
    net->sends_in_place =
        config->ofi_zero_copy_min != 0 && net->ofi.is_ordered && net->ofi.takes_pieces;
    btl->btl_flags |= net->sends_in_place ? MCA_BTL_FLAGS_SEND_INPLACE : 0;
    btl->btl_exclusivity = MCA_BTL_EXCLUSIVITY_HIGH - 1; /* after every way within a node */
    btl->btl_max_send_size =
        config->ofi_max_send_size < capacity ? config->ofi_max_send_size : capacity;
    btl->btl_eager_limit = eager < btl->btl_max_send_size ? eager : btl->btl_max_send_size;
    btl->btl_rndv_eager_limit = config->ofi_rndv_eager_limit < btl->btl_max_send_size
                                    ? config->ofi_rndv_eager_limit
                                    : btl->btl_max_send_size;
    btl->btl_rdma_pipeline_send_length = btl->btl_eager_limit;
    btl->btl_rdma_pipeline_frag_size = btl->btl_eager_limit;
    /* ob1 would put what it pipelines, in the sender's length, beyond a receive that is shorter. */
    btl->btl_min_rdma_pipeline_size = SIZE_MAX;
    btl->btl_latency = 10;      /* microseconds */
    btl->btl_bandwidth = 10000; /* Mbit/s */
}

static bool make_export(mca_btl_segmsg_net_t *net)
{
    const struct mca_btl_segmsg_config_hosts *config = &mca_btl_segmsg.config.hosts;
    const segmsg_export_config_t export_config = {
        .geometry = mca_btl_segmsg.config.hosts_groups.geometry,
        .ring_starter = mca_btl_segmsg.config.hosts_groups.geometry.group[0].partition_count,
        .groups_max = SEGMSG_WIRE_SEGMENTS < config->ofi_memory_mb * 64
                          ? SEGMSG_WIRE_SEGMENTS
                          : config->ofi_memory_mb * 64,
        .openers = 0, /* nobody maps it */
        .owner = mca_btl_segmsg.self,
    };
    uint64_t one = segmsg_export_bytes_for(&export_config, 1);
    uint64_t each = segmsg_export_bytes_for(&export_config, 2) - one;
    uint64_t peers = ((uint64_t) config->ofi_memory_mb << 20) / each;
    segmsg_shm_shortage_t shortage = {0};
    segmsg_shm_status_t status =
        segmsg_shm_create(&net->shm, mca_btl_segmsg.config.memory.backing_directory, &export_config,
                          peers < 1 ? 1 : (uint32_t) peers, SEGMSG_SHM_WHOLE, &shortage);
    if (status != SEGMSG_SHM_OK) {
        MCA_BTL_SEGMSG_SAY_ONCE_A_NODE("ofi-no-memory", opal_process_info.nodename,
                                       mca_btl_segmsg.config.memory.backing_directory,
                                       segmsg_shm_status_text(status, &shortage));
        return false;
    }
    return segmsg_targets_init(&net->targets, &net->shm.export);
}

/* Peers may write to the segments, and do nothing else; the tables before them are this process's. */
static int register_arena(mca_btl_segmsg_net_t *net)
{
    const segmsg_export_t *export = &net->shm.export;
    uint64_t arena = export->shape.arena;
    return segmsg_ofi_register(&net->ofi, export->base + arena, export->bytes - arena,
                               FI_REMOTE_WRITE, &net->region);
}

/* Memory that the network pins must be there: a file in a full file system would end the process. */
static bool commit_pinned(mca_btl_segmsg_net_t *net)
{
    segmsg_export_t *export = &net->shm.export;
    return (net->ofi.info->domain_attr->mr_mode & FI_MR_ALLOCATED) == 0
           || export->commit(export->commit_context, 0, export->bytes) == 0;
}

static mca_btl_segmsg_net_t *open_net(const struct fi_info *info, const segmsg_ofi_wish_t *wish,
                                      uint32_t rail)
{
    mca_btl_segmsg_net_t *net = calloc(1, sizeof(*net));
    if (net == NULL) {
        return NULL;
    }
    net->rail = rail;
    OBJ_CONSTRUCT(&net->gate, opal_mutex_t);
    OBJ_CONSTRUCT(&net->endpoints, opal_list_t);
    OBJ_CONSTRUCT(&net->by_name, opal_hash_table_t);
    (void) opal_hash_table_init(&net->by_name, 64);
    OBJ_CONSTRUCT(&net->gathering, opal_list_t);
    OBJ_CONSTRUCT(&net->in_place, opal_list_t);
    const char *step = "";
    int rc = segmsg_ofi_open(&net->ofi, info, wish, &step);
    if (rc != 0) {
        mca_btl_segmsg_say("ofi-failed", opal_process_info.nodename, info->fabric_attr->prov_name,
                           info->domain_attr->name, step, segmsg_ofi_error_text(rc));
        free(net);
        return NULL;
    }
    net->is_open = true;
    bool is_made = make_export(net);
    if (is_made) {
        rc = !commit_pinned(net)                                       ? -FI_ENOMEM
             : !segmsg_random_bytes(&net->secret, sizeof(net->secret)) ? -FI_EKEYREJECTED
                                                                       : register_arena(net);
        is_made = rc == 0;
        if (!is_made) {
            mca_btl_segmsg_say("ofi-failed", opal_process_info.nodename,
                               info->fabric_attr->prov_name, info->domain_attr->name,
                               "registering memory", segmsg_ofi_error_text(rc));
        }
    }
    if (!is_made || !mca_btl_segmsg_net_rdma_open(net)) {
        close_net(net);
        free(net);
        return NULL;
    }
    set_module(net);
    mca_btl_segmsg_net_rdma_set_module(net);
    return net;
}

static bool job_spans_hosts(void)
{
    return segmsg_compat_job_size() > segmsg_compat_local_peers() + 1;
}

/* True if the job has, or may get, peers on other hosts: there is room for more processes than this
 * one has processors. */
static bool is_needed(void)
{
    return strcmp(mca_btl_segmsg.config.hosts.ofi_open, "always") == 0 || job_spans_hosts()
           || (long) segmsg_compat_universe_size() > sysconf(_SC_NPROCESSORS_ONLN);
}

unsigned mca_btl_segmsg_net_open(bool mpi_threads)
{
    const struct mca_btl_segmsg_config_hosts *config = &mca_btl_segmsg.config.hosts;
    if (!mca_btl_segmsg_uses("ofi") || !is_needed()) {
        return 0;
    }
    segmsg_ofi_wish_t wish = {.include = config->ofi_provider_include,
                              .exclude = config->ofi_provider_exclude,
                              .domains = config->ofi_domains,
                              .rails = config->ofi_rails,
                              .threads = mpi_threads,
                              .data_bytes = SEGMSG_WIRE_DATA_BYTES,
                              .token_bytes = SEGMSG_WIRE_TOKEN_BYTES,
                              .message_min = SEGMSG_CAPACITY_MIN,
                              .atomics = strcmp(config->ofi_atomics, "messages") != 0,
                              .job_spans =
                                  segmsg_compat_job_size() > segmsg_compat_local_peers() + 1};
    (void) mca_btl_segmsg_net_pretence(&wish.pretence); /* it was checked */
    struct fi_info **infos;
    char *why;
    unsigned count = segmsg_ofi_select(&wish, &infos, &why);
    if (count == 0) {
        MCA_BTL_SEGMSG_SAY_ONCE_A_NODE("ofi-no-provider", opal_process_info.nodename,
                                       why == NULL ? "    (no memory)\n" : why);
        free(why);
        return 0;
    }
    mca_btl_segmsg_net_alive_open();
    for (unsigned i = 0; i < count; ++i) {
        mca_btl_segmsg_net_t *net = open_net(infos[i], &wish, mca_btl_segmsg_nets);
        if (net != NULL) {
            mca_btl_segmsg_net[mca_btl_segmsg_nets++] = net;
            opal_output_verbose(20, opal_btl_base_framework.framework_output,
                                "segmsg: rail %u: provider %s, domain %s, inject %zu B, %s",
                                net->rail, segmsg_ofi_provider(&net->ofi),
                                net->ofi.info->domain_attr->name, net->ofi.inject,
                                net->ofi.is_ordered ? "ordered" : "unordered");
        }
    }
    segmsg_ofi_free_infos(infos, count);
    return mca_btl_segmsg_nets;
}

bool mca_btl_segmsg_net_start_thread(pthread_t *thread, void *(*run)(void *) )
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(thread, NULL, run, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc == 0;
}

void mca_btl_segmsg_net_close(void)
{
    mca_btl_segmsg_net_gather_close();
    for (unsigned rail = 0; rail < mca_btl_segmsg_nets; ++rail) {
        mca_btl_segmsg_net_t *net = mca_btl_segmsg_net[rail];
        close_net(net);
        OBJ_DESTRUCT(&net->in_place);
        OBJ_DESTRUCT(&net->gathering);
        OBJ_DESTRUCT(&net->by_name);
        OBJ_DESTRUCT(&net->endpoints);
        OBJ_DESTRUCT(&net->gate);
        free(net);
        mca_btl_segmsg_net[rail] = NULL;
    }
    mca_btl_segmsg_net_alive_close(); /* after the links, whose probes may hold its reserve */
    mca_btl_segmsg_nets = 0;
}

/* ---- what is published ---- */

size_t mca_btl_segmsg_net_publish(void *to)
{
    mca_btl_segmsg_net_modex_t *modex = to;
    for (unsigned rail = 0; rail < mca_btl_segmsg_nets && modex != NULL; ++rail) {
        mca_btl_segmsg_net_modex_t entry = published_of(mca_btl_segmsg_net[rail]);
        memcpy(modex + rail, &entry, sizeof(entry));
    }
    return mca_btl_segmsg_nets * sizeof(mca_btl_segmsg_net_modex_t);
}

const mca_btl_segmsg_net_modex_t *mca_btl_segmsg_net_published(const mca_btl_segmsg_modex_t *modex,
                                                               uint32_t rail)
{
    if (rail >= modex->rails) {
        return NULL;
    }
    const char *at = (const char *) (modex + 1) + modex->descriptor_bytes;
    const mca_btl_segmsg_net_modex_t *entry =
        (const void *) (at + rail * sizeof(mca_btl_segmsg_net_modex_t));
    return entry->name_bytes == 0 ? NULL : entry;
}

bool mca_btl_segmsg_net_is_whole(const mca_btl_segmsg_modex_t *modex, size_t bytes)
{
    return modex->rails <= bytes / sizeof(mca_btl_segmsg_net_modex_t);
}

void mca_btl_segmsg_link_free(mca_btl_segmsg_endpoint_t *endpoint)
{
    if (endpoint->link != NULL) {
        OBJ_RELEASE(endpoint->link);
        endpoint->link = NULL;
    }
}

void mca_btl_segmsg_net_choose_times(void)
{
    const segmsg_clock_moment_t *start = &mca_btl_segmsg.start;
    for (unsigned rail = 0; rail < mca_btl_segmsg_nets; ++rail) {
        mca_btl_segmsg_net_t *net = mca_btl_segmsg_net[rail];
        net->look_ticks =
            segmsg_clock_ticks_in(start, mca_btl_segmsg.config.hosts.ofi_poll_interval);
        net->gap_ticks = segmsg_clock_ticks_in(start, mca_btl_segmsg.config.hosts.ofi_coalesce_gap);
        net->check_ticks = segmsg_clock_ticks_in(start, UINT64_C(250000000) /* ns */);
    }
}

/* ---- losses ---- */

static void set_failure(mca_btl_segmsg_link_t *link, const char *why)
{
    if (!link->has_failed && !link->is_lost) {
        link->has_failed = true;
        link->failure = why;
        link->net->has_failures = true;
    }
}

void mca_btl_segmsg_link_failed(mca_btl_segmsg_link_t *link, int error)
{
    set_failure(link, segmsg_ofi_error_text(error));
}

void mca_btl_segmsg_link_broken(mca_btl_segmsg_link_t *link, segmsg_error_t error)
{
    set_failure(link, segmsg_error_text(error));
}

void mca_btl_segmsg_link_lost(mca_btl_segmsg_link_t *link, const char *why)
{
    mca_btl_segmsg_endpoint_t *endpoint = link->endpoint;
    mca_btl_segmsg_net_t *net = link->net;
    if (link->is_lost || link->has_left || net->closing != 0) {
        return;
    }
    link->is_lost = true;
    mca_btl_segmsg_say("ofi-lost", opal_process_info.nodename,
                       OPAL_NAME_PRINT(endpoint->proc->proc_name),
                       opal_get_proc_hostname(endpoint->proc), why);
    mca_btl_segmsg_fail_pending(endpoint);
    mca_btl_segmsg_net_rdma_cancel(net, endpoint);
    mca_btl_segmsg_rdma_cancel(endpoint);
    if (net->error_cb != NULL) {
        net->error_cb(&net->super, MCA_BTL_ERROR_FLAGS_NONFATAL, endpoint->proc, (char *) why);
    }
}

void mca_btl_segmsg_net_lost(mca_btl_segmsg_net_t *net, const char *why)
{
    mca_btl_segmsg_say("ofi-lost", opal_process_info.nodename, "?", "?", why);
    if (net->error_cb != NULL) {
        net->error_cb(&net->super, MCA_BTL_ERROR_FLAGS_FATAL, NULL, (char *) why);
    }
}

#endif /* SEGMSG_HAVE_OFI */
