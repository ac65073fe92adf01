/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/net/btl_segmsg_net.h"
#include "queue/segments.h"
#include "btl/btl_segmsg_rdma.h"
#include "btl/btl_segmsg_transfers.h"
#include "btl/btl_segmsg_callers.h"
#include "btl/btl_segmsg_copy.h"
#include "btl/btl_segmsg_frag.h"
#include "btl/btl_segmsg_modex.h"
#include "btl/btl_segmsg_params.h"
#include "btl/btl_segmsg_procs.h"
#include "btl/btl_segmsg_progress.h"
#include "btl/btl_segmsg_pvars.h"
#include "btl/btl_segmsg_report.h"
#include "btl/btl_segmsg_send.h"

#include "base/copy.h"
#include "memory/numa.h"
#include "memory/shm.h"
#include "base/random.h"
#include "opal/runtime/opal.h"
#include "opal/version.h"

static int component_register(void);
static int component_open(void);
static int component_close(void);
static mca_btl_base_module_t **component_init(int *count, bool progress_threads, bool mpi_threads);

mca_btl_base_component_t mca_btl_segmsg_component = {
    .btl_version =
        {
            MCA_BTL_DEFAULT_VERSION("segmsg"),
            .mca_open_component = component_open,
            .mca_close_component = component_close,
            .mca_register_component_params = component_register,
        },
    .btl_init = component_init,
    .btl_progress = mca_btl_segmsg_progress,
};

static int register_error(mca_btl_base_module_t *btl, mca_btl_base_module_error_cb_fn_t cbfunc)
{
    ((mca_btl_segmsg_module_t *) btl)->error_cb = cbfunc;
    return OPAL_SUCCESS;
}

mca_btl_segmsg_module_t mca_btl_segmsg = {
    .super =
        {
            .btl_component = &mca_btl_segmsg_component,
            .btl_add_procs = mca_btl_segmsg_add_procs,
            .btl_del_procs = mca_btl_segmsg_del_procs,
            .btl_finalize = mca_btl_segmsg_finalize,
            .btl_alloc = mca_btl_segmsg_alloc,
            .btl_free = mca_btl_segmsg_free,
            .btl_prepare_src = mca_btl_segmsg_prepare_src,
            .btl_send = mca_btl_segmsg_send,
            .btl_sendi = mca_btl_segmsg_sendi,
            .btl_put = mca_btl_segmsg_put,
            .btl_get = mca_btl_segmsg_get,
            .btl_atomic_op = mca_btl_segmsg_atomic_op,
            .btl_atomic_fop = mca_btl_segmsg_atomic_fop,
            .btl_atomic_cswap = mca_btl_segmsg_atomic_cswap,
            .btl_dump = mca_btl_segmsg_dump,
            .btl_register_error = register_error,
        },
};

/*
 * The interfaces between Open MPI and a component change from release to release, and nothing
 * stops one release from finding what was built for another in the home folder.
 */
static bool version_matches(void)
{
    return strcmp(opal_version_string, OPAL_VERSION) == 0;
}

static int component_register(void)
{
    if (!version_matches()) {
        return OPAL_SUCCESS; /* a refusal would count as a missing component; init declines */
    }
    mca_btl_segmsg_find_help();
    int rc = mca_btl_segmsg_register_params();
    mca_btl_segmsg_register_pvars();
    return rc;
}

static int component_open(void)
{
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    if (!version_matches()) {
        return OPAL_SUCCESS;
    }
    OBJ_CONSTRUCT(&module->lock, opal_mutex_t);
    OBJ_CONSTRUCT(&module->peers.endpoints, opal_list_t);
    OBJ_CONSTRUCT(&module->peers.busy, opal_list_t);
    OBJ_CONSTRUCT(&module->pools.frags, opal_free_list_t);
    OBJ_CONSTRUCT(&module->pools.buffers, opal_free_list_t);
    OBJ_CONSTRUCT(&module->operations, opal_pointer_array_t);
    atomic_flag_clear(&module->polling);
    return OPAL_SUCCESS;
}

static int component_close(void)
{
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    if (!version_matches()) {
        return OPAL_SUCCESS;
    }
    if (module->initialised) {
        (void) mca_btl_segmsg_finalize(&module->super);
    }
    mca_btl_segmsg_net_close();
    mca_btl_segmsg_callers_close();
    OBJ_DESTRUCT(&module->operations);
    OBJ_DESTRUCT(&module->pools.buffers);
    OBJ_DESTRUCT(&module->pools.frags);
    OBJ_DESTRUCT(&module->peers.busy);
    OBJ_DESTRUCT(&module->peers.endpoints);
    OBJ_DESTRUCT(&module->lock);
    return OPAL_SUCCESS;
}

/* Fragments, and buffers for those that wait, but not for the longest that a program sends at once which works on its
 * data. What malloc gives is not kept when it is freed, and its pages
 * fault anew with every window of messages. */
static bool make_lists(mca_btl_segmsg_module_t *module)
{
    enum { BUFFERS_MAX = 256, BUFFERS_INC = 16 };
    const struct mca_btl_segmsg_config_message *config = &module->config.message;
    size_t eager = module->super.btl_eager_limit;
    module->pools.buffer_bytes =
        config->two_copy_eager_limit > eager ? config->two_copy_eager_limit : eager;
    return opal_free_list_init(&module->pools.frags, sizeof(mca_btl_segmsg_frag_t),
                               opal_cache_line_size, OBJ_CLASS(mca_btl_segmsg_frag_t),
                               config->inline_limit, opal_cache_line_size, config->free_list_num,
                               config->free_list_max, config->free_list_inc, NULL, 0, NULL, NULL,
                               NULL)
               == OPAL_SUCCESS
           && opal_free_list_init(&module->pools.buffers, sizeof(opal_free_list_item_t),
                                  opal_cache_line_size, OBJ_CLASS(opal_free_list_item_t),
                                  module->pools.buffer_bytes, opal_cache_line_size, 0, BUFFERS_MAX,
                                  BUFFERS_INC, NULL, 0, NULL, NULL, NULL)
                  == OPAL_SUCCESS;
}

static void identify(mca_btl_segmsg_module_t *module)
{
    module->self = (segmsg_identity_t){
        .name = mca_btl_segmsg_name_of(opal_proc_local_get()),
        .nonce = segmsg_random_nonce(),
        .pid = (uint32_t) getpid(),
    };
    module->own.probe.nonce = module->self.nonce;
}

static void say_why_no_export(const struct mca_btl_segmsg_config_memory *config,
                              segmsg_memory_status_t status,
                              const segmsg_memory_shortage_t *shortage)
{
    const char *directory = config->backing_directory;
    switch (status) {
    case SEGMSG_MEMORY_DIRECTORY_MISSING:
        MCA_BTL_SEGMSG_SAY_ONCE_A_NODE("directory-missing", opal_process_info.nodename, directory);
        break;
    case SEGMSG_MEMORY_DIRECTORY_NOT_WRITABLE:
        MCA_BTL_SEGMSG_SAY_ONCE_A_NODE("directory-not-writable", opal_process_info.nodename,
                                       directory);
        break;
    case SEGMSG_MEMORY_DIRECTORY_FULL:
        /* What is free changes while the processes of the node look. */
        mca_btl_segmsg_say_once_a_node(directory, "directory-full", opal_process_info.nodename,
                                       directory, (unsigned long) (shortage->needed >> 10),
                                       (unsigned long) (shortage->available >> 10));
        break;
    case SEGMSG_MEMORY_FILE_LIMIT:
        MCA_BTL_SEGMSG_SAY_ONCE_A_NODE("file-limit", opal_process_info.nodename,
                                       (unsigned long) (shortage->available >> 10),
                                       (unsigned long) (shortage->needed >> 10));
        break;
    case SEGMSG_MEMORY_LAYOUT_FAILED:
        MCA_BTL_SEGMSG_SAY_ONCE_A_NODE("export-too-small", opal_process_info.nodename, directory);
        break;
    case SEGMSG_MEMORY_NO_ADDRESS_SPACE:
        mca_btl_segmsg_say_no_address_space("its own receive region", shortage->needed,
                                            shortage->available);
        break;
    case SEGMSG_MEMORY_CREATE_FAILED:
        MCA_BTL_SEGMSG_SAY_ONCE_A_NODE("create-failed", opal_process_info.nodename, directory,
                                       strerror(shortage->error));
        break;
    case SEGMSG_MEMORY_OK:
        break;
    }
}

/* Processes that will open the own file by its name: those of the job on this node, all of them when
 * they start. Those of other jobs are not known yet. */
static uint32_t openers(const struct mca_btl_segmsg_config_memory *config)
{
    return config->keep_names ? UINT32_MAX : segmsg_compat_local_peers();
}

/* The policy stays with the file, whoever maps it later. */
static void bind_local(void *topology, void *at, size_t length)
{
    (void) segmsg_numa_bind_local(topology, at, length);
}

static bool make_export(mca_btl_segmsg_module_t *module)
{
    const struct mca_btl_segmsg_config_memory *config = &module->config.memory;
    const segmsg_geometry_t *geometry = &module->config.node_groups.geometry;
    if (opal_process_info.my_local_rank == 0) {
        module->own.kind->sweep(config->backing_directory);
    }
    uint32_t ring_full = geometry->group[0].partition_count;
    const segmsg_memory_wish_t wish = {
        .directory = config->backing_directory,
        .lay_out = segmsg_export_init,
        .config = {.geometry = *geometry,
                   .ring_starter = config->initial_ring_partitions < ring_full
                                       ? config->initial_ring_partitions
                                       : ring_full,
                   .groups_max = config->segment_table_entries,
                   .lobby = config->shared_inbox_partitions < ring_full
                                ? config->shared_inbox_partitions
                                : ring_full,
                   .openers = openers(config),
                   .owner = module->self},
        .peers = segmsg_compat_local_peers() + config->extra_peers,
    };
    segmsg_memory_shortage_t shortage = {0};
    segmsg_memory_status_t status =
        segmsg_memory_create(&module->memory, module->own.kind, &wish, &shortage);
    if (status != SEGMSG_MEMORY_OK) {
        say_why_no_export(config, status, &shortage);
        return false;
    }
    if (module->memory.path != NULL) {
        segmsg_compat_register_cleanup(module->memory.path);
    }
    if (config->numa_bind && !segmsg_numa_is_one_node()) {
        module->own.kind->visit(&module->memory, bind_local, segmsg_compat_topology());
    }
    return segmsg_receiver_init(&module->receiver, &module->memory.export);
}

/*
 * Leaves the node to other BTLs. The module stays, reaching nobody: where no BTL at all has one,
 * Open MPI 4.1 calls a function that it has not got, instead of saying that no peer can be reached.
 */
static void decline(mca_btl_segmsg_module_t *module)
{
    enum { HARMLESS = 4096 }; /* bytes: the PML checks the sizes of every module */
    module->declined = true;
    module->super.btl_flags = MCA_BTL_FLAGS_SEND;
    module->super.btl_eager_limit = HARMLESS;
    module->super.btl_rndv_eager_limit = HARMLESS;
    module->super.btl_max_send_size = HARMLESS;
}

/* Opens the way to other hosts, and adds its modules. Where there is none, the node is served all the
 * same. */
static void open_nets(bool mpi_threads, mca_btl_base_module_t **modules, int *count)
{
    unsigned nets = mca_btl_segmsg_net_open(mpi_threads);
    for (unsigned rail = 0; rail < nets; ++rail) {
        modules[(*count)++] = mca_btl_segmsg_net_module(rail);
    }
    if (nets != 0) {
        /* osc/rdma counts the own process twice for a module with this flag, and takes one that reaches
         * all but one of a window's processes for one that reaches them all. */
        for (int i = 0; i < *count; ++i) {
            modules[i]->btl_atomic_flags &= ~(uint32_t) MCA_BTL_ATOMIC_SUPPORTS_GLOB;
        }
    }
}

static mca_btl_base_module_t **component_init(int *count, bool progress_threads, bool mpi_threads)
{
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    const mca_btl_segmsg_config_t *config = &module->config;
    (void) progress_threads;
    *count = 0;
    if (!version_matches()) {
        mca_btl_segmsg_find_help();
        MCA_BTL_SEGMSG_SAY_ONCE_A_NODE("other-version", OPAL_VERSION, opal_version_string);
        return NULL;
    }
    mca_btl_base_module_t **modules = calloc(1 + MCA_BTL_SEGMSG_RAILS_MAX, sizeof(*modules));
    if (modules == NULL) {
        return NULL;
    }
    modules[0] = &module->super;
    *count = 1;
    if (!mca_btl_segmsg_check_params()) {
        decline(module);
        return modules;
    }
    const segmsg_memory_kind_t *kind = mca_btl_segmsg_memory_kind();
    module->serves_shm = kind != NULL;
    module->own.kind = kind != NULL ? kind : &segmsg_shm_kind;
    module->start = segmsg_clock_now();
    module->wait.habit = MCA_BTL_SEGMSG_HABIT_MAX; /* as long as nothing else is known */
    module->look = (segmsg_look_t){.burst = (int) config->message.poll_budget};
    identify(module);
    segmsg_processors_init(&module->node.processors);
    segmsg_processors_add(&module->node.processors, 0);
    segmsg_copy_set_string_from(config->copy.rep_movsb_min);
    mca_btl_segmsg_copy_init();
    bool is_up = make_lists(module) && make_export(module);
    if (is_up) {
        open_nets(mpi_threads, modules, count);
        is_up = mca_btl_segmsg_modex_send() == OPAL_SUCCESS;
    }
    if (!is_up) {
        mca_btl_segmsg_net_close();
        *count = 1;
        segmsg_receiver_destroy(&module->receiver);
        segmsg_memory_close(&module->memory);
        decline(module);
        return modules;
    }
    mca_btl_segmsg_transfers_init();
    module->initialised = true;
    return modules;
}
