/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/net/btl_segmsg_net.h"
#include "memory/kinds.h"
#include "memory/shm.h"
#include "queue/segments.h"
#include "btl/net/btl_segmsg_net_gather.h"
#include "btl/net/btl_segmsg_net_params.h"
#include "btl/net/btl_segmsg_net_peer.h"
#include "btl/net/btl_segmsg_net_rdma.h"

#if SEGMSG_HAVE_OFI

#include "btl/btl_segmsg_params.h"
#include "btl/btl_segmsg_report.h"
#include "btl/btl_segmsg_send.h"
#include "btl/btl_segmsg_polling.h"
#include "btl/net/btl_segmsg_net_keepalive.h"
#include "btl/btl_segmsg_times.h"
#include "base/random.h"

mca_btl_segmsg_net_t *mca_btl_segmsg_net[MCA_BTL_SEGMSG_RAILS_MAX];
unsigned mca_btl_segmsg_nets;

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
    segmsg_memory_close(&net->memory);
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
    segmsg_memory_wish_t wish = {
        .directory = mca_btl_segmsg.config.memory.backing_directory,
        .lay_out = segmsg_export_init,
        .config = {.geometry = mca_btl_segmsg.config.hosts_groups.geometry,
                   .ring_starter =
                       mca_btl_segmsg.config.hosts_groups.geometry.group[0].partition_count,
                   .groups_max = SEGMSG_WIRE_SEGMENTS < config->ofi_memory_mb * 64
                                     ? SEGMSG_WIRE_SEGMENTS
                                     : config->ofi_memory_mb * 64,
                   .openers = 0, /* nobody maps it */
                   .owner = mca_btl_segmsg.self},
        .is_whole = true,
    };
    uint64_t one = segmsg_export_bytes_for(&wish.config, 1);
    uint64_t each = segmsg_export_bytes_for(&wish.config, 2) - one;
    uint64_t peers = ((uint64_t) config->ofi_memory_mb << 20) / each;
    wish.peers = peers < 1 ? 1 : (uint32_t) peers;
    segmsg_memory_shortage_t shortage = {0};
    segmsg_memory_status_t status =
        segmsg_memory_create(&net->memory, &segmsg_shm_kind, &wish, &shortage);
    if (status != SEGMSG_MEMORY_OK) {
        MCA_BTL_SEGMSG_SAY_ONCE_A_NODE("ofi-no-memory", opal_process_info.nodename, wish.directory,
                                       segmsg_memory_status_text(status, &shortage));
        return false;
    }
    return segmsg_targets_init(&net->targets, &net->memory.export);
}

/* Peers may write to the segments, and do nothing else; the tables before them are this process's. */
static int register_arena(mca_btl_segmsg_net_t *net)
{
    const segmsg_export_t *export = &net->memory.export;
    uint64_t arena = export->shape.arena;
    return segmsg_ofi_register(&net->ofi, export->base + arena, export->bytes - arena,
                               FI_REMOTE_WRITE, &net->region);
}

/* Memory that the network pins must be there: a file in a full file system would end the process. */
static bool commit_pinned(mca_btl_segmsg_net_t *net)
{
    segmsg_export_t *export = &net->memory.export;
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
    if (!mca_btl_segmsg_uses_ofi() || !is_needed()) {
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
    mca_btl_segmsg_net_keepalive_open();
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
    mca_btl_segmsg_net_keepalive_close(); /* after the links, whose probes may hold its reserve */
    mca_btl_segmsg_nets = 0;
}

#endif /* SEGMSG_HAVE_OFI */
