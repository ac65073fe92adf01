/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_net.h"

#if SEGMSG_HAVE_OFI

#include "btl/btl_segmsg_variables.h"

/* 64 B x 63 and their control line are a page. docs/tuning.md says how these were chosen. */
#define DEFAULT_GROUPS "64:63:8,256:64:9,2K:64:9,8K:64:9,32K:64:3"
/* Within a host, for tests, or of no use. The names are those that mtl/ofi's users know. */
#define DEFAULT_EXCLUDE "shm,sockets,udp,usnic,net,rstream,lnx,off_coll"

mca_btl_segmsg_net_config_t mca_btl_segmsg_net_config;

void mca_btl_segmsg_net_register_params(void)
{
    mca_btl_segmsg_net_config_t *config = &mca_btl_segmsg_net_config;
    config->use = "auto";
    mca_btl_segmsg_register_text("ofi",
                                 "When to open libfabric: auto (if the job has processes on other "
                                 "hosts, or the run-time has room for more processes than this "
                                 "host has processors), always (for processes of other hosts that "
                                 "come later, by MPI_Comm_spawn or connect/accept)",
                                 &config->use);
    config->provider_include = "";
    mca_btl_segmsg_register_text("ofi_provider_include",
                                 "libfabric providers to use, a comma-separated list of names or "
                                 "beginnings of names (\"verbs,tcp;ofi_rxm\"); all others are "
                                 "ignored. Empty: see btl_segmsg_ofi_provider_exclude",
                                 &config->provider_include);
    config->provider_exclude = DEFAULT_EXCLUDE;
    mca_btl_segmsg_register_text(
        "ofi_provider_exclude",
        "libfabric providers not to use, a comma-separated list of names "
        "or beginnings of names; ignored if btl_segmsg_ofi_provider_include "
        "is set",
        &config->provider_exclude);
    config->domains = "";
    mca_btl_segmsg_register_text("ofi_domains",
                                 "libfabric domains (network interfaces, as fi_info names them) to "
                                 "use, a comma-separated list; empty: any",
                                 &config->domains);
    config->rails = 1;
    mca_btl_segmsg_register_unsigned("ofi_rails",
                                     "Most network interfaces to use at a time, those closest to "
                                     "the process first (1 to 8)",
                                     OPAL_INFO_LVL_5, &config->rails);
    config->groups = DEFAULT_GROUPS;
    mca_btl_segmsg_register_text("ofi_groups",
                                 "Segment groups between processes on different hosts, as "
                                 "btl_segmsg_groups; every group has at most 64 partitions",
                                 &config->groups);
    config->geometry_error =
        segmsg_geometry_parse(config->groups, &config->geometry, &config->geometry_bad_group);
    config->memory = 64;
    mca_btl_segmsg_register_unsigned("ofi_memory",
                                     "Most memory in MB for the segments that peers on other hosts "
                                     "send to; beyond it, groups that were not used for longest "
                                     "are given up (1 to 65536)",
                                     OPAL_INFO_LVL_5, &config->memory);
    config->gather = 64 * 1024;
    mca_btl_segmsg_register_unsigned("ofi_gather",
                                     "Bytes of short messages in a stream that leave together in "
                                     "one write (0: each leaves alone; at most 1048576)",
                                     OPAL_INFO_LVL_5, &config->gather);
    config->gather_wait = 100;
    mca_btl_segmsg_register_unsigned("ofi_gather_wait",
                                     "Microseconds after which they leave at the latest, whatever "
                                     "the process does (10 to 100000)",
                                     OPAL_INFO_LVL_5, &config->gather_wait);
    config->gather_gap = 1000;
    mca_btl_segmsg_register_unsigned("ofi_gather_gap",
                                     "Nanoseconds between two short messages within which they "
                                     "count as a stream, if progress was not called in between "
                                     "(0: never; at most 1000000000)",
                                     OPAL_INFO_LVL_9, &config->gather_gap);
    config->part = 0;
    mca_btl_segmsg_register_unsigned("ofi_part",
                                     "Where the kernel carries the bytes (TCP): bytes of a write "
                                     "after which the next part of it begins, so that the peer can "
                                     "take one while the next is on its way (0: every message "
                                     "leaves in one write; else 1024 to 1073741824)",
                                     OPAL_INFO_LVL_5, &config->part);
    config->get_part = 128 * 1024;
    mca_btl_segmsg_register_unsigned("ofi_get_part",
                                     "Where the kernel carries the bytes (TCP): bytes of a large "
                                     "message that are read, or put, in one operation; several are "
                                     "under way at a time (0: all in one; else at least 4096)",
                                     OPAL_INFO_LVL_5, &config->get_part);
    config->in_place = 8 * 1024;
    mca_btl_segmsg_register_unsigned(
        "ofi_in_place",
        "Shortest contiguous message in bytes that is sent from the "
        "program's memory, not copied into partitions first, where the "
        "provider needs no registered memory for that (0: none)",
        OPAL_INFO_LVL_5, &config->in_place);
    config->timeout = 60;
    mca_btl_segmsg_register_unsigned("ofi_timeout",
                                     "Seconds without an answer after which a peer is taken for "
                                     "lost (0: never, leave it to the provider; at most 86400)",
                                     OPAL_INFO_LVL_4, &config->timeout);
    config->look_every = 500;
    mca_btl_segmsg_register_unsigned("ofi_look_every",
                                     "Nanoseconds from one look at the network to the next, where "
                                     "there are peers on the same node as well (0 to 1000000)",
                                     OPAL_INFO_LVL_9, &config->look_every);
    config->eager_limit = 0;
    mca_btl_segmsg_register_unsigned("ofi_eager_limit",
                                     "Longest message in bytes, headers included, that is sent "
                                     "without asking (0: 64 KB where the kernel carries the bytes, "
                                     "16 KB elsewhere; else at least 256)",
                                     OPAL_INFO_LVL_4, &config->eager_limit);
    config->rndv_eager_limit = 32 * 1024;
    mca_btl_segmsg_register_unsigned("ofi_rndv_eager_limit",
                                     "Bytes that are sent with the announcement of a longer "
                                     "message (256 or more)",
                                     OPAL_INFO_LVL_4, &config->rndv_eager_limit);
    config->max_send_size = 64 * 1024 + 128;
    mca_btl_segmsg_register_unsigned("ofi_max_send_size",
                                     "Longest fragment in bytes (256 or more; at most what the "
                                     "largest group carries is used)",
                                     OPAL_INFO_LVL_4, &config->max_send_size);
    config->atomics = "auto";
    mca_btl_segmsg_register_text("ofi_atomics",
                                 "Atomic operations: auto (the provider's, unless it does them in "
                                 "software), native (the provider's), messages (the target's "
                                 "processor does them)",
                                 &config->atomics);
    config->pretend = "";
    mca_btl_segmsg_register_text("ofi_pretend",
                                 "For tests: what to believe of the provider, a comma-separated "
                                 "list of local, unordered, shuffle, no_inject, short_data, "
                                 "no_atomics, max_message=BYTES",
                                 &config->pretend);
}

bool mca_btl_segmsg_net_pretence(segmsg_ofi_pretence_t *pretence)
{
    memset(pretence, 0, sizeof(*pretence));
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {{"local", &pretence->local},           {"unordered", &pretence->unordered},
                 {"shuffle", &pretence->shuffle},       {"no_inject", &pretence->no_inject},
                 {"short_data", &pretence->short_data}, {"no_atomics", &pretence->no_atomics}};
    char *copy = strdup(mca_btl_segmsg_net_config.pretend);
    char *rest = NULL;
    bool is_good = copy != NULL;
    for (char *word = is_good ? strtok_r(copy, ",", &rest) : NULL; word != NULL;
         word = strtok_r(NULL, ",", &rest)) {
        bool is_known = sscanf(word, "max_message=%zu", &pretence->max_message) == 1;
        for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); ++i) {
            if (strcmp(word, flags[i].name) == 0) {
                *flags[i].flag = is_known = true;
            }
        }
        is_good = is_good && is_known;
    }
    free(copy);
    return is_good;
}

static bool check_geometry(const mca_btl_segmsg_net_config_t *config)
{
    segmsg_error_t error = config->geometry_error;
    uint32_t bad_group = config->geometry_bad_group;
    if (error == SEGMSG_OK && !segmsg_wire_geometry_fits(&config->geometry)) {
        error = SEGMSG_ERR_PARTITION_COUNT;
        bad_group = 0;
    }
    if (error != SEGMSG_OK) {
        MCA_BTL_SEGMSG_SAY_ONCE_A_NODE("ofi-bad-groups", opal_process_info.nodename, config->groups,
                                       bad_group, segmsg_error_text(error));
    }
    return error == SEGMSG_OK;
}

static bool check_word(const char *name, const char *word, const char *const *words)
{
    for (; *words != NULL; ++words) {
        if (strcmp(word, *words) == 0) {
            return true;
        }
    }
    MCA_BTL_SEGMSG_SAY_ONCE_A_NODE("bad-word", opal_process_info.nodename, name, word);
    return false;
}

bool mca_btl_segmsg_net_check_params(void)
{
    const mca_btl_segmsg_net_config_t *config = &mca_btl_segmsg_net_config;
    static const char *const uses[] = {"auto", "always", NULL};
    static const char *const atomics[] = {"auto", "native", "messages", NULL};
    static const char *const none[] = {NULL};
    segmsg_ofi_pretence_t pretence;
    if (!check_geometry(config)) {
        return false;
    }
    return check_word("ofi", config->use, uses)
           && check_word("ofi_atomics", config->atomics, atomics)
           && (mca_btl_segmsg_net_pretence(&pretence)
               || check_word("ofi_pretend", config->pretend, none))
           && mca_btl_segmsg_check_range("ofi_rails", config->rails, 1, MCA_BTL_SEGMSG_RAILS_MAX)
           && mca_btl_segmsg_check_range("ofi_memory", config->memory, 1, 65536)
           && mca_btl_segmsg_check_range("ofi_gather", config->gather, 0, 1 << 20)
           && mca_btl_segmsg_check_range("ofi_gather_wait", config->gather_wait, 10, 100000)
           && mca_btl_segmsg_check_range("ofi_gather_gap", config->gather_gap, 0, 1000000000)
           && (config->part == 0
               || mca_btl_segmsg_check_range("ofi_part", config->part, 1024, 1 << 30))
           && (config->get_part == 0
               || mca_btl_segmsg_check_range("ofi_get_part", config->get_part, 4096, UINT_MAX))
           && mca_btl_segmsg_check_range("ofi_timeout", config->timeout, 0, 86400)
           && mca_btl_segmsg_check_range("ofi_look_every", config->look_every, 0, 1000000)
           && (config->eager_limit == 0
               || mca_btl_segmsg_check_range("ofi_eager_limit", config->eager_limit, 256, UINT_MAX))
           && mca_btl_segmsg_check_range("ofi_rndv_eager_limit", config->rndv_eager_limit, 256,
                                         UINT_MAX)
           && mca_btl_segmsg_check_range("ofi_max_send_size", config->max_send_size, 256, UINT_MAX);
}

#endif /* SEGMSG_HAVE_OFI */
