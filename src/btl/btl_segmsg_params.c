/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_net.h"
#include "btl/btl_segmsg_rdma.h"
#include "btl/btl_segmsg_variables.h"

#include "core/segmsg_defaults.h"

enum {
    DEFAULT_EAGER = 8 * 1024 + 128,
    DEFAULT_RNDV_EAGER = 32 * 1024,
    DEFAULT_MAX_SEND = 64 * 1024 + 128
};

static mca_base_var_enum_value_t copy_values[] = {
    {.value = SEGMSG_COPY_AUTO, .string = "auto"},
    {.value = SEGMSG_COPY_CMA, .string = "cma"},
    {.value = SEGMSG_COPY_NONE, .string = "none"},
    {.string = NULL},
};

static size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Longest message that the geometry carries; of a geometry that is wrong, and said to be later, what
 * the default one would. */
static size_t capacity_of(const mca_btl_segmsg_config_t *config)
{
    return config->geometry_error == SEGMSG_OK ? segmsg_geometry_capacity(&config->geometry)
                                               : DEFAULT_MAX_SEND;
}

void mca_btl_segmsg_register_text(const char *name, const char *help, char **storage)
{
    (void) mca_base_component_var_register(&mca_btl_segmsg_component.btl_version, name, help,
                                           MCA_BASE_VAR_TYPE_STRING, NULL, 0, 0, OPAL_INFO_LVL_3,
                                           MCA_BASE_VAR_SCOPE_READONLY, storage);
}

void mca_btl_segmsg_register_unsigned(const char *name, const char *help,
                                      mca_base_var_info_lvl_t level, unsigned *storage)
{
    (void) mca_base_component_var_register(&mca_btl_segmsg_component.btl_version, name, help,
                                           MCA_BASE_VAR_TYPE_UNSIGNED_INT, NULL, 0, 0, level,
                                           MCA_BASE_VAR_SCOPE_READONLY, storage);
}

static void register_int(const char *name, const char *help, int *storage)
{
    (void) mca_base_component_var_register(&mca_btl_segmsg_component.btl_version, name, help,
                                           MCA_BASE_VAR_TYPE_INT, NULL, 0, 0, OPAL_INFO_LVL_9,
                                           MCA_BASE_VAR_SCOPE_READONLY, storage);
}

static void register_bool(const char *name, const char *help, bool *storage)
{
    (void) mca_base_component_var_register(&mca_btl_segmsg_component.btl_version, name, help,
                                           MCA_BASE_VAR_TYPE_BOOL, NULL, 0, 0, OPAL_INFO_LVL_5,
                                           MCA_BASE_VAR_SCOPE_READONLY, storage);
}

static void register_groups(mca_btl_segmsg_config_t *config)
{
    /* Only read; what the user gives replaces it. */
    config->groups = (char *) segmsg_default_groups();
    mca_btl_segmsg_register_text(
        "groups",
        "Segment groups between two processes, by rising partition size, each as "
        "SIZE:COUNT:SPAN: partition size in bytes (power of two, K and M understood, "
        "64 to 4M; group 0 is 64), number of partitions (group 0: 8 to 65535, above: 1 "
        "to 64), span factor: most partitions of one message (at most COUNT; in group "
        "0 at most COUNT/2-1). 2 to 8 groups",
        &config->groups);
    config->geometry_error =
        segmsg_geometry_parse(config->groups, &config->geometry, &config->geometry_bad_group);
    config->ring_starter = SEGMSG_DEFAULT_STARTER;
    mca_btl_segmsg_register_unsigned(
        "starter_partitions",
        "Partitions of the first, short segment of group 0 that a pair of processes "
        "gets; a pair that talks much gets a full one (8 to 65535; at most group 0's "
        "COUNT are used)",
        OPAL_INFO_LVL_6, &config->ring_starter);
    config->lobby = SEGMSG_DEFAULT_LOBBY;
    mca_btl_segmsg_register_unsigned(
        "lobby_partitions",
        "Partitions of the segment of group 0 that all senders share which talk "
        "little (0: each gets one of its own at once; else 64 to 65535; at most group "
        "0's COUNT are used)",
        OPAL_INFO_LVL_6, &config->lobby);
    segmsg_growth_t *growth = &config->growth;
    *growth = segmsg_default_growth();
    mca_btl_segmsg_register_unsigned(
        "own_after",
        "Messages through the shared segments before a sender gets a group 0 of its "
        "own",
        OPAL_INFO_LVL_6, &growth->own_after);
    mca_btl_segmsg_register_unsigned(
        "own_crowd",
        "If that many senders have a group 0 of their own, others need 64 times as "
        "many messages",
        OPAL_INFO_LVL_6, &growth->own_crowd);
    mca_btl_segmsg_register_unsigned(
        "grow_after",
        "Messages in the short segment of group 0 before a full one replaces it, "
        "when it has no room",
        OPAL_INFO_LVL_6, &growth->grow_after);
    mca_btl_segmsg_register_unsigned(
        "long_after",
        "Messages of a size that the sender's own segments do not hold, which go "
        "through shared ones, before it gets larger segments of its own",
        OPAL_INFO_LVL_6, &growth->long_after);
    config->max_groups = SEGMSG_DEFAULT_GROUPS_MAX;
    mca_btl_segmsg_register_unsigned(
        "max_groups",
        "Most segment groups that a process offers at one time to all its senders "
        "(32 to 65536); each takes 128 bytes of tables once it is used",
        OPAL_INFO_LVL_6, &config->max_groups);
    config->extra_peers = 16;
    mca_btl_segmsg_register_unsigned(
        "extra_peers",
        "Processes on the node, beyond those of the own job at start-up, for which "
        "address space is set aside (MPI_Comm_spawn, connect/accept; 0 to 65536)",
        OPAL_INFO_LVL_6, &config->extra_peers);
}

static void register_memory(mca_btl_segmsg_config_t *config)
{
    config->interconnect = SEGMSG_HAVE_OFI ? "shm,ofi" : "shm";
    mca_btl_segmsg_register_text(
        "interconnect",
        "Memory interconnects to use, a comma-separated list of: shm (shared memory "
        "within a node), ofi (libfabric, between nodes, if it was there when segmsg was "
        "built)",
        &config->interconnect);
    config->backing_directory =
        access("/dev/shm", W_OK) == 0 ? "/dev/shm" : opal_process_info.job_session_dir;
    mca_btl_segmsg_register_text(
        "backing_directory",
        "Directory of the files behind the shared memory; it should be in memory, and "
        "the same for all processes that are to talk through it",
        &config->backing_directory);
    config->numa_bind = true;
    register_bool("numa_bind", "Bind the own shared memory to the NUMA node of the process",
                  &config->numa_bind);
    config->single_copy = SEGMSG_COPY_AUTO;
    mca_base_var_enum_t *copies;
    if (mca_base_var_enum_create("btl_segmsg_single_copy", copy_values, &copies) == OPAL_SUCCESS) {
        (void) mca_base_component_var_register(
            &mca_btl_segmsg_component.btl_version, "single_copy",
            "Single copy for large messages and one-sided communication: auto (the best that "
            "works: "
            "mapping the peer's memory with Open MPI 5's smsc framework, or the kernel's "
            "process_vm_readv), cma (only the latter, and say so where it does not work), none",
            MCA_BASE_VAR_TYPE_INT, copies, 0, 0, OPAL_INFO_LVL_3, MCA_BASE_VAR_SCOPE_READONLY,
            &config->single_copy);
        OBJ_RELEASE(copies);
    }
}

static void register_joint(mca_btl_segmsg_config_t *config)
{
    config->joint_from = SEGMSG_DEFAULT_JOINT_FROM;
    mca_btl_segmsg_register_unsigned(
        "joint_from",
        "Shortest transfer in bytes that both processes copy, if the kernel permits "
        "it and the peer waits (0: none; 4096 to 4294967295)",
        OPAL_INFO_LVL_5, &config->joint_from);
    config->joint_unit = SEGMSG_DEFAULT_JOINT_UNIT;
    mca_btl_segmsg_register_unsigned(
        "joint_unit",
        "Smallest part in bytes of such a transfer that one of them copies (power of "
        "two, 4096 to 16777216)",
        OPAL_INFO_LVL_9, &config->joint_unit);
    config->joint_help = SEGMSG_DEFAULT_JOINT_HELP;
    mca_btl_segmsg_register_unsigned(
        "joint_help",
        "Most bytes that a process copies for another one in one call to progress "
        "(4096 to 1073741824)",
        OPAL_INFO_LVL_9, &config->joint_help);
    config->joint_crowded = false;
    register_bool("joint_crowded",
                  "Ask for help also where the node has more processes of the job than processors",
                  &config->joint_crowded);
    config->joint_patience = 4 << 20;
    mca_btl_segmsg_register_unsigned(
        "joint_patience",
        "Bytes of transfers with which a peer did not help before it is not asked for "
        "a while (0 to 4294967295)",
        OPAL_INFO_LVL_9, &config->joint_patience);
    config->joint_pause = 16 << 20;
    mca_btl_segmsg_register_unsigned(
        "joint_pause", "Bytes of transfers for which it then is not asked (0 to 4294967295)",
        OPAL_INFO_LVL_9, &config->joint_pause);
}

static void register_fragments(mca_btl_segmsg_config_t *config)
{
    config->inline_limit = 256;
    mca_btl_segmsg_register_unsigned(
        "inline_limit",
        "Longest message in bytes (64 to 4096) that waits in a local buffer, and "
        "not in partitions, between its allocation by the PML and its sending",
        OPAL_INFO_LVL_9, &config->inline_limit);
    config->stream_piece = segmsg_default_piece();
    mca_btl_segmsg_register_unsigned(
        "stream_piece",
        "Bytes that one message carries of a large transfer that the kernel may not "
        "copy (256 to 65536)",
        OPAL_INFO_LVL_9, &config->stream_piece);
    /* What goes without a rendezvous is shorter. */
    config->units_from = segmsg_default_cache().piece_segment != 0 ? 8 << 10 : 0;
    mca_btl_segmsg_register_unsigned(
        "units_from",
        "Shortest message in bytes that goes through segments, in pieces, though the kernel may "
        "copy it, where that is measured to be faster (0: none; else at least 4096)",
        OPAL_INFO_LVL_5, &config->units_from);
    config->units_to = 2 << 20;
    mca_btl_segmsg_register_unsigned("units_to",
                                     "Longest such message in bytes (4096 to 4294967295)",
                                     OPAL_INFO_LVL_5, &config->units_to);
    config->units_always = false;
    register_bool("units_always",
                  "The same whether it is faster or not, and whether the receiver waits or not",
                  &config->units_always);
    config->units_patience = 20;
    mca_btl_segmsg_register_unsigned(
        "units_patience",
        "Microseconds for which nothing has come of such a message before the kernel copies the "
        "rest of it (1 to 1000000)",
        OPAL_INFO_LVL_9, &config->units_patience);
    config->stream_burst = 16;
    mca_btl_segmsg_register_unsigned(
        "stream_burst",
        "Messages of such transfers to one peer that go out in one call to progress; "
        "transfers that are under way at the same time take turns (1 to 65536)",
        OPAL_INFO_LVL_9, &config->stream_burst);
    config->parts = 1;
    mca_btl_segmsg_register_unsigned(
        "parts",
        "Fragments of a long message that is not contiguous which go out in a row; "
        "then others that are under way to the same peer have their turn (1 to 65536)",
        OPAL_INFO_LVL_9, &config->parts);
    config->nocopy_eager_limit = (unsigned) lesser(DEFAULT_EAGER, capacity_of(config));
    mca_btl_segmsg_register_unsigned(
        "nocopy_eager_limit",
        "Eager limit in bytes where the kernel's single copy works with no peer, "
        "instead of btl_segmsg_eager_limit if that is not set (256 to what the "
        "largest group carries; at most btl_segmsg_max_send_size is used)",
        OPAL_INFO_LVL_4, &config->nocopy_eager_limit);
    config->queue_limit = 16 << 20;
    mca_btl_segmsg_register_unsigned(
        "queue_limit",
        "Most bytes of messages that are kept in local buffers for a peer that has "
        "no room, before the PML must keep them (0 to 4294967295)",
        OPAL_INFO_LVL_9, &config->queue_limit);
    config->free_list_num = 8;
    register_int("free_list_num", "Fragment descriptors to begin with", &config->free_list_num);
    config->free_list_max = -1;
    register_int("free_list_max",
                 "Most fragment descriptors, but for short control messages of the PML, which "
                 "have no limit (-1: no limit)",
                 &config->free_list_max);
    config->free_list_inc = 64;
    register_int("free_list_inc", "Fragment descriptors to add when none is left",
                 &config->free_list_inc);
    config->burst = SEGMSG_DEFAULT_BURST;
    mca_btl_segmsg_register_unsigned(
        "burst",
        "Most messages taken from one peer before the next peer is looked at (1 to "
        "65536)",
        OPAL_INFO_LVL_9, &config->burst);
    config->report = false;
    register_bool("report", "Print the message counts of every process when it ends",
                  &config->report);
}

static void register_cache(mca_btl_segmsg_config_t *config)
{
    segmsg_cache_policy_t *cache = &config->cache;
    *cache = segmsg_default_cache();
    mca_btl_segmsg_register_unsigned(
        "own_near",
        "Cache lines of group 0, besides as many as the message had, that a sender "
        "asks for anew after every message (0 to 1024)",
        OPAL_INFO_LVL_9, &cache->near);
    mca_btl_segmsg_register_unsigned(
        "own_most",
        "Most cache lines of group 0 that a sender asks for anew after a message (0 "
        "to 1024; 0: none)",
        OPAL_INFO_LVL_9, &cache->most);
    mca_btl_segmsg_register_unsigned(
        "own_far",
        "How many cache lines ahead a sender asks for the lines of group 0 a first "
        "time (0 to 65535; 0: not at all)",
        OPAL_INFO_LVL_9, &cache->far);
    mca_btl_segmsg_register_unsigned(
        "demote_lines",
        "Longest message of a stream, in cache lines, whose lines are pushed towards "
        "the shared cache, where the processor can (CLDEMOTE; 0 to 65535)",
        OPAL_INFO_LVL_9, &cache->demote_lines);
    mca_btl_segmsg_register_unsigned(
        "demote_answer_lines",
        "The same for a message that goes to a peer from which one has come since "
        "the last: somebody waits for it",
        OPAL_INFO_LVL_9, &cache->answer_lines);
    mca_btl_segmsg_register_unsigned(
        "stream_lines",
        "Longest message of a stream, in cache lines, in group 0; longer ones are "
        "faster through a larger group, unless somebody waits for them (8 to 65535)",
        OPAL_INFO_LVL_9, &cache->stream_lines);
    mca_btl_segmsg_register_unsigned(
        "reply_lines",
        "The same for a message that goes to a peer from which one has come since the last (8 to "
        "65535)",
        OPAL_INFO_LVL_9, &cache->reply_lines);
    mca_btl_segmsg_register_unsigned(
        "lap_lines",
        "Cache lines of group 0 that a sender uses over and over while the receiver keeps up; "
        "partitions above it are then used again as soon as they can be (0, or 8 to 65535; 0: one "
        "after the other, all that there are)",
        OPAL_INFO_LVL_9, &cache->lap);
    mca_btl_segmsg_register_unsigned(
        "piece_segment",
        "Pieces of long transfers that the kernel may not copy go to the first group above group 0 "
        "whose segment has at least so many bytes, if the piece is more than half of a partition "
        "(0 to 268435456; 0: to the best group for their length)",
        OPAL_INFO_LVL_9, &cache->piece_segment);
    config->look_every = 40;
    mca_btl_segmsg_register_unsigned(
        "look_every",
        "Nanoseconds that progress waits, after it has found nothing, before it looks "
        "again (0 to 100000); to look all the time takes the lines away from those "
        "who are about to write them",
        OPAL_INFO_LVL_9, &config->look_every);
    if (!segmsg_cache_can_demote()) {
        cache->demote_lines = cache->answer_lines = 0;
    }
}

/* The module's sizes follow the geometry unless the user says otherwise. */
static void set_module_defaults(mca_btl_base_module_t *btl, const mca_btl_segmsg_config_t *config)
{
    size_t capacity = capacity_of(config);
    btl->btl_exclusivity = MCA_BTL_EXCLUSIVITY_HIGH + 1024; /* before vader and sm */
    btl->btl_eager_limit = lesser(DEFAULT_EAGER, capacity);
    btl->btl_rndv_eager_limit = lesser(DEFAULT_RNDV_EAGER, capacity);
    btl->btl_max_send_size = lesser(DEFAULT_MAX_SEND, capacity);
    btl->btl_rdma_pipeline_send_length = btl->btl_eager_limit;
    btl->btl_rdma_pipeline_frag_size = btl->btl_eager_limit;
    /* ob1 would put what it pipelines, in the sender's length, beyond a receive that is shorter. */
    btl->btl_min_rdma_pipeline_size = SIZE_MAX;
    btl->btl_latency = 1;       /* microseconds */
    btl->btl_bandwidth = 40000; /* Mbit/s */
    btl->btl_flags = MCA_BTL_FLAGS_SEND | MCA_BTL_FLAGS_RDMA | MCA_BTL_FLAGS_ATOMIC_OPS
                     | MCA_BTL_FLAGS_ATOMIC_FOPS | SEGMSG_FLAGS_REMOTE_COMPLETION;
    btl->btl_atomic_flags =
        MCA_BTL_ATOMIC_SUPPORTS_ADD | MCA_BTL_ATOMIC_SUPPORTS_AND | MCA_BTL_ATOMIC_SUPPORTS_OR
        | MCA_BTL_ATOMIC_SUPPORTS_XOR | MCA_BTL_ATOMIC_SUPPORTS_SWAP | MCA_BTL_ATOMIC_SUPPORTS_MIN
        | MCA_BTL_ATOMIC_SUPPORTS_MAX | (SEGMSG_OFFERS_CSWAP ? MCA_BTL_ATOMIC_SUPPORTS_CSWAP : 0)
        | MCA_BTL_ATOMIC_SUPPORTS_32BIT | MCA_BTL_ATOMIC_SUPPORTS_GLOB;
    btl->btl_get_limit = SIZE_MAX;
    btl->btl_put_limit = SIZE_MAX;
    btl->btl_get_alignment = 0;
    btl->btl_put_alignment = 0;
}

/* True if the user has not set a parameter. */
static bool is_default(const char *name)
{
    mca_base_var_source_t source = MCA_BASE_VAR_SOURCE_DEFAULT;
    int index = mca_base_var_find("opal", "btl", "segmsg", name);
    return index >= 0 && mca_base_var_get_value(index, NULL, &source, NULL) == OPAL_SUCCESS
           && source == MCA_BASE_VAR_SOURCE_DEFAULT;
}

void mca_btl_segmsg_choose_eager_limit(void)
{
    static size_t usual; /* as it was registered */
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    if (!is_default("eager_limit")) {
        return;
    }
    usual = usual == 0 ? module->super.btl_eager_limit : usual;
    bool any_peer = false;
    bool any_copy = false;
    mca_btl_segmsg_endpoint_t *endpoint;
    OPAL_THREAD_LOCK(&module->lock);
    OPAL_LIST_FOREACH (endpoint, &module->endpoints, mca_btl_segmsg_endpoint_t) {
        any_peer = any_peer || !endpoint->is_self;
        any_copy = any_copy || endpoint->single_copy;
    }
    OPAL_THREAD_UNLOCK(&module->lock);
    /* With whom the copy works, what is longer than the eager limit is copied once. */
    module->super.btl_eager_limit =
        any_peer && !any_copy
            ? lesser(module->config.nocopy_eager_limit, module->super.btl_max_send_size)
            : usual;
}

int mca_btl_segmsg_register_params(void)
{
    mca_btl_segmsg_config_t *config = &mca_btl_segmsg.config;
    (void) mca_base_var_group_component_register(&mca_btl_segmsg_component.btl_version,
                                                 "Segment-group messages over memory");
    register_groups(config);
    register_memory(config);
    register_fragments(config);
    register_joint(config);
    register_cache(config);
    mca_btl_segmsg_net_register_params();
    set_module_defaults(&mca_btl_segmsg.super, config);
    return mca_btl_base_param_register(&mca_btl_segmsg_component.btl_version,
                                       &mca_btl_segmsg.super);
}

static bool check_geometry(const mca_btl_segmsg_config_t *config)
{
    if (config->geometry_error == SEGMSG_OK) {
        return true;
    }
    MCA_BTL_SEGMSG_SAY_ONCE_A_NODE("bad-groups", opal_process_info.nodename,
                                   config->groups == NULL ? "" : config->groups,
                                   config->geometry_bad_group,
                                   segmsg_error_text(config->geometry_error));
    return false;
}

bool mca_btl_segmsg_check_range(const char *name, unsigned long value, unsigned long low,
                                unsigned long high)
{
    if (value >= low && value <= high) {
        return true;
    }
    MCA_BTL_SEGMSG_SAY_ONCE_A_NODE("out-of-range", opal_process_info.nodename, name, value, low,
                                   high);
    return false;
}

/* Takes the next word out of a comma-separated list; 0: there is none. */
static size_t next_word(const char **list, const char **word)
{
    *list += strspn(*list, ",");
    *word = *list;
    size_t length = strcspn(*list, ",");
    *list += length;
    return length;
}

bool mca_btl_segmsg_uses(const char *interconnect)
{
    const char *list = mca_btl_segmsg.config.interconnect;
    const char *word;
    size_t length;
    while (list != NULL && (length = next_word(&list, &word)) != 0) {
        if (length == strlen(interconnect) && strncmp(word, interconnect, length) == 0) {
            return true;
        }
    }
    return false;
}

static bool check_interconnect(const mca_btl_segmsg_config_t *config)
{
    const char *list = config->interconnect == NULL ? "" : config->interconnect;
    const char *word;
    size_t length;
    unsigned known = 0;
    unsigned unknown = 0;
    while ((length = next_word(&list, &word)) != 0) {
        bool is_known = (length == 3 && strncmp(word, "shm", length) == 0)
                        || (SEGMSG_HAVE_OFI && length == 3 && strncmp(word, "ofi", length) == 0);
        known += is_known;
        unknown += !is_known;
    }
    if (known != 0 && unknown == 0) {
        return true;
    }
    MCA_BTL_SEGMSG_SAY_ONCE_A_NODE("unknown-interconnect", opal_process_info.nodename,
                                   config->interconnect == NULL ? "" : config->interconnect);
    return false;
}

static bool check_free_list_max(const mca_btl_segmsg_config_t *config)
{
    return config->free_list_max == -1
           || mca_btl_segmsg_check_range("free_list_max", (unsigned long) config->free_list_max, 1,
                                         INT_MAX);
}

static bool check_cache(const segmsg_cache_policy_t *cache)
{
    return mca_btl_segmsg_check_range("own_near", cache->near, 0, 1024)
           && mca_btl_segmsg_check_range("own_most", cache->most, 0, 1024)
           && mca_btl_segmsg_check_range("own_far", cache->far, 0, SEGMSG_RING_MAX)
           && mca_btl_segmsg_check_range("demote_lines", cache->demote_lines, 0, SEGMSG_RING_MAX)
           && mca_btl_segmsg_check_range("demote_answer_lines", cache->answer_lines, 0,
                                         SEGMSG_RING_MAX)
           && mca_btl_segmsg_check_range("stream_lines", cache->stream_lines, SEGMSG_RING_MIN,
                                         SEGMSG_RING_MAX)
           && mca_btl_segmsg_check_range("reply_lines", cache->reply_lines, SEGMSG_RING_MIN,
                                         SEGMSG_RING_MAX)
           && (cache->lap == 0
               || mca_btl_segmsg_check_range("lap_lines", cache->lap, SEGMSG_RING_MIN,
                                             SEGMSG_RING_MAX))
           && mca_btl_segmsg_check_range("piece_segment", cache->piece_segment, 0, 256 << 20);
}

static bool check_power_of_two(const char *name, unsigned long value)
{
    if ((value & (value - 1)) == 0) {
        return true;
    }
    MCA_BTL_SEGMSG_SAY_ONCE_A_NODE("no-power-of-two", opal_process_info.nodename, name, value);
    return false;
}

static bool check_joint(const mca_btl_segmsg_config_t *config)
{
    return (config->joint_from == 0
            || mca_btl_segmsg_check_range("joint_from", config->joint_from, 4096, UINT_MAX))
           && mca_btl_segmsg_check_range("joint_unit", config->joint_unit, 4096, 16 << 20)
           && check_power_of_two("joint_unit", config->joint_unit)
           && mca_btl_segmsg_check_range("joint_help", config->joint_help, 4096, 1 << 30);
}

/* Who sets the size of fragments need not set the limits that may not exceed it. */
static void limit_to_fragments(void)
{
    mca_btl_base_module_t *btl = &mca_btl_segmsg.super;
    if (is_default("eager_limit")) {
        btl->btl_eager_limit = lesser(btl->btl_eager_limit, btl->btl_max_send_size);
    }
    if (is_default("rndv_eager_limit")) {
        btl->btl_rndv_eager_limit = lesser(btl->btl_rndv_eager_limit, btl->btl_max_send_size);
    }
}

bool mca_btl_segmsg_check_params(void)
{
    const mca_btl_segmsg_config_t *config = &mca_btl_segmsg.config;
    const mca_btl_base_module_t *btl = &mca_btl_segmsg.super;
    if (!check_geometry(config) || !check_interconnect(config)) {
        return false;
    }
    size_t capacity = segmsg_geometry_capacity(&config->geometry);
    limit_to_fragments();
    return mca_btl_segmsg_check_range("starter_partitions", config->ring_starter, SEGMSG_RING_MIN,
                                      SEGMSG_RING_MAX)
           && (config->lobby == 0
               || mca_btl_segmsg_check_range("lobby_partitions", config->lobby, 64,
                                             SEGMSG_RING_MAX))
           && mca_btl_segmsg_check_range("max_groups", config->max_groups, 32, 65536)
           && mca_btl_segmsg_check_range("extra_peers", config->extra_peers, 0, 65536)
           && mca_btl_segmsg_check_range("burst", config->burst, 1, 65536)
           && mca_btl_segmsg_check_range("stream_piece", config->stream_piece, 256,
                                         MCA_BTL_SEGMSG_PIECE_MAX)
           && (config->units_from == 0
               || mca_btl_segmsg_check_range("units_from", config->units_from, 4096, UINT_MAX))
           && mca_btl_segmsg_check_range("units_to", config->units_to, 4096, UINT_MAX)
           && mca_btl_segmsg_check_range("units_patience", config->units_patience, 1, 1000000)
           && mca_btl_segmsg_check_range("stream_burst", config->stream_burst, 1, 65536)
           && mca_btl_segmsg_check_range("parts", config->parts, 1, 65536) && check_joint(config)
           && check_cache(&config->cache)
           && mca_btl_segmsg_check_range("look_every", config->look_every, 0, 100000)
           && mca_btl_segmsg_check_range("inline_limit", config->inline_limit, 64, 4096)
           && mca_btl_segmsg_check_range("free_list_num", (unsigned long) config->free_list_num, 0,
                                         1 << 20)
           && check_free_list_max(config)
           && mca_btl_segmsg_check_range("free_list_inc", (unsigned long) config->free_list_inc, 1,
                                         1 << 20)
           && mca_btl_segmsg_check_range("max_send_size", btl->btl_max_send_size, 256, capacity)
           && mca_btl_segmsg_check_range("eager_limit", btl->btl_eager_limit, 256,
                                         btl->btl_max_send_size)
           && mca_btl_segmsg_check_range("nocopy_eager_limit", config->nocopy_eager_limit, 256,
                                         capacity)
           && mca_btl_segmsg_check_range("rndv_eager_limit", btl->btl_rndv_eager_limit, 256,
                                         btl->btl_max_send_size)
           && mca_btl_segmsg_net_check_params();
}
