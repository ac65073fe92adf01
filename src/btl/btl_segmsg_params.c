/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_params.h"
#include "btl/btl_segmsg_report.h"
#include "btl/net/btl_segmsg_net_params.h"
#include "btl/btl_segmsg_variables.h"

#include "engine/defaults.h"
#include "memory/kinds.h"
#include "transfer/defaults.h"

static size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

static const char *default_directory(void)
{
    return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : opal_process_info.job_session_dir;
}

/* Longest message that the geometry carries; of a geometry that is wrong, and said to be later, what
 * the default one would. */
static size_t capacity_of(const mca_btl_segmsg_config_t *config)
{
    return config->node_groups.error == SEGMSG_OK
               ? segmsg_geometry_capacity(&config->node_groups.geometry)
               : SEGMSG_DEFAULT_MAX_SEND;
}

/* ---- the table ---- */

#define FROM(least, most)                 .range.low = (least), .range.high = (most)
#define ZERO_OR(least, most)              .range.or_zero = true, FROM(least, most)
#define MINUS_ONE_OR(least, most)         .range.or_minus_one = true, FROM(least, most)
#define POWER_OF_TWO(least, most)         .range.power_of_two = true, FROM(least, most)
#define ZERO_OR_POWER_OF_TWO(least, most) .range.or_zero = true, POWER_OF_TWO(least, most)
#define ANY                               FROM(0, UINT_MAX)
#define WORDS(...)                        .words = ((const char *const[]){__VA_ARGS__, NULL})
#define FREE                              .words = NULL
#define WAS(old)                          .old_name = #old

#define HEADING(...)
#define SECTION(...)
#define END(...)
#define ENTRY(kind, id, place, value, info_level, words_of_help, ...) \
    {.type = MCA_BTL_SEGMSG_##kind,                                   \
     .name = #id,                                                     \
     .storage = &(place),                                             \
     .initial = {.kind = (value)},                                    \
     .level = OPAL_INFO_LVL_##info_level,                             \
     .help = (words_of_help),                                         \
     __VA_ARGS__},
#define ROW(kind, section, id, value, permitted, info_level, words_of_help, ...) \
    ENTRY(kind, id, config->section.id, value, info_level, words_of_help, permitted, __VA_ARGS__)
#define PLACED(part, member, id, permitted, info_level, words_of_help, ...)              \
    ENTRY(UNSIGNED, id, config->part.member, segmsg_default_##part().member, info_level, \
          words_of_help, permitted, __VA_ARGS__)
#define COMMON(id, permitted) {.type = MCA_BTL_SEGMSG_COMMON, .name = #id, permitted},

/* Calls `visit` for every variable; false if it was false for one. */
static bool for_each_variable(bool (*visit)(const mca_btl_segmsg_variable_t *))
{
    mca_btl_segmsg_config_t *config = &mca_btl_segmsg.config;
    const mca_btl_segmsg_variable_t variables[] = {
#include "btl/btl_segmsg_params.def"
    };
    bool is_good = true;
    for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); ++i) {
        is_good = visit(&variables[i]) && is_good;
    }
    return is_good;
}

/* ---- registering ---- */

/* The module's sizes follow the geometry unless the user says otherwise. */
static void set_module_defaults(mca_btl_base_module_t *btl, const mca_btl_segmsg_config_t *config)
{
    size_t capacity = capacity_of(config);
    btl->btl_exclusivity = MCA_BTL_EXCLUSIVITY_HIGH + 1024; /* before vader and sm */
    btl->btl_eager_limit = lesser(SEGMSG_DEFAULT_EAGER, capacity);
    btl->btl_rndv_eager_limit = lesser(SEGMSG_DEFAULT_RNDV_EAGER, capacity);
    btl->btl_max_send_size = lesser(SEGMSG_DEFAULT_MAX_SEND, capacity);
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

static void read_groups(const char *text, mca_btl_segmsg_groups_t *groups)
{
    groups->error = segmsg_geometry_parse(text, &groups->geometry, &groups->bad_group);
}

/* What follows from the variables, before they are checked. */
static void derive(mca_btl_segmsg_config_t *config)
{
    read_groups(config->memory.groups, &config->node_groups);
#if SEGMSG_HAVE_OFI
    read_groups(config->hosts.ofi_groups, &config->hosts_groups);
#endif
    if (mca_btl_segmsg_variable_is_default("two_copy_eager_limit")) {
        config->message.two_copy_eager_limit =
            (unsigned) lesser(SEGMSG_DEFAULT_TWO_COPY_EAGER, capacity_of(config));
    }
    if (!segmsg_cache_can_demote()) {
        config->cache.demote_lines = config->cache.answer_lines = 0;
    }
}

int mca_btl_segmsg_register_params(void)
{
    mca_btl_segmsg_config_t *config = &mca_btl_segmsg.config;
    (void) mca_base_var_group_component_register(&mca_btl_segmsg_component.btl_version,
                                                 "Segment-group messages over memory");
    if (!for_each_variable(mca_btl_segmsg_variable_register)) {
        return OPAL_ERR_OUT_OF_RESOURCE;
    }
    derive(config);
    set_module_defaults(&mca_btl_segmsg.super, config);
    return mca_btl_base_param_register(&mca_btl_segmsg_component.btl_version,
                                       &mca_btl_segmsg.super);
}

/* ---- checking ---- */

static bool check_geometry(const mca_btl_segmsg_config_t *config)
{
    if (config->node_groups.error == SEGMSG_OK) {
        return true;
    }
    MCA_BTL_SEGMSG_SAY_ONCE_A_NODE("bad-groups", opal_process_info.nodename, config->memory.groups,
                                   config->node_groups.bad_group,
                                   segmsg_error_text(config->node_groups.error));
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

static bool is_ofi(const char *word, size_t length)
{
    return SEGMSG_HAVE_OFI && length == 3 && strncmp(word, "ofi", length) == 0;
}

bool mca_btl_segmsg_uses_ofi(void)
{
    const char *list = mca_btl_segmsg.config.memory.interconnect;
    const char *word;
    size_t length;
    while ((length = next_word(&list, &word)) != 0) {
        if (is_ofi(word, length)) {
            return true;
        }
    }
    return false;
}

const segmsg_memory_kind_t *mca_btl_segmsg_memory_kind(void)
{
    const char *list = mca_btl_segmsg.config.memory.interconnect;
    const segmsg_memory_kind_t *kind = NULL;
    const char *word;
    size_t length;
    while (kind == NULL && (length = next_word(&list, &word)) != 0) {
        kind = segmsg_memory_kind(word, length);
    }
    return kind;
}

static bool check_interconnect(const mca_btl_segmsg_config_t *config)
{
    const char *list = config->memory.interconnect;
    const char *word;
    size_t length;
    unsigned memories = 0;
    bool any = false;
    bool all_known = true;
    while ((length = next_word(&list, &word)) != 0) {
        bool is_memory = segmsg_memory_kind(word, length) != NULL;
        memories += is_memory;
        any = true;
        all_known = all_known && (is_memory || is_ofi(word, length));
    }
    if (any && all_known && memories <= 1) {
        return true;
    }
    MCA_BTL_SEGMSG_SAY_ONCE_A_NODE("unknown-interconnect", opal_process_info.nodename,
                                   config->memory.interconnect);
    return false;
}

/* Who sets the size of fragments need not set the limits that may not exceed it. */
static void limit_to_fragments(void)
{
    mca_btl_base_module_t *btl = &mca_btl_segmsg.super;
    if (mca_btl_segmsg_variable_is_default("eager_limit")) {
        btl->btl_eager_limit = lesser(btl->btl_eager_limit, btl->btl_max_send_size);
    }
    if (mca_btl_segmsg_variable_is_default("rndv_eager_limit")) {
        btl->btl_rndv_eager_limit = lesser(btl->btl_rndv_eager_limit, btl->btl_max_send_size);
    }
}

/* One limit may depend on another. */
static bool check_limit(const char *name, size_t value, size_t least, size_t most, const char *why)
{
    if (value >= least && value <= most) {
        return true;
    }
    char permitted[128];
    (void) snprintf(permitted, sizeof(permitted), "%zu to %zu (%s)", least, most, why);
    return mca_btl_segmsg_variable_refuse(name, permitted);
}

static bool check_limits(const mca_btl_segmsg_config_t *config)
{
    enum { LEAST = 256 }; /* bytes: what the PML's headers and a little data take */
    static const char *const carried = "what the largest segment group carries";
    static const char *const fragment = "btl_segmsg_max_send_size";
    const mca_btl_base_module_t *btl = &mca_btl_segmsg.super;
    size_t capacity = segmsg_geometry_capacity(&config->node_groups.geometry);
    if ((btl->btl_flags & MCA_BTL_FLAGS_SEND) == 0) {
        return mca_btl_segmsg_variable_refuse(
            "flags", "send, and perhaps put, get, atomics, fetching-atomics");
    }
    limit_to_fragments();
    return check_limit("max_send_size", btl->btl_max_send_size, LEAST, capacity, carried)
           && check_limit("eager_limit", btl->btl_eager_limit, LEAST, btl->btl_max_send_size,
                          fragment)
           && check_limit("rndv_eager_limit", btl->btl_rndv_eager_limit, LEAST,
                          btl->btl_max_send_size, fragment)
           && check_limit("two_copy_eager_limit", config->message.two_copy_eager_limit, LEAST,
                          capacity, carried);
}

bool mca_btl_segmsg_check_params(void)
{
    const mca_btl_segmsg_config_t *config = &mca_btl_segmsg.config;
    return for_each_variable(mca_btl_segmsg_variable_check) && check_geometry(config)
           && check_interconnect(config) && check_limits(config)
           && mca_btl_segmsg_net_check_params();
}
