/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/net/btl_segmsg_net_params.h"

#if SEGMSG_HAVE_OFI

#include "btl/btl_segmsg_variables.h"
#include "btl/btl_segmsg_report.h"

#include "base/number.h"

static bool read_max_message(const char *word, size_t *bytes)
{
    static const char name[] = "max_message=";
    bool is_negative;
    uint64_t number;
    if (strncmp(word, name, sizeof(name) - 1) != 0
        || !segmsg_number_parse(word + sizeof(name) - 1, 10, &is_negative, &number)
        || is_negative) {
        return false;
    }
    *bytes = (size_t) number;
    return true;
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
    char *copy = strdup(mca_btl_segmsg.config.hosts.ofi_pretend);
    char *rest = NULL;
    bool is_good = copy != NULL;
    for (char *word = is_good ? strtok_r(copy, ",", &rest) : NULL; word != NULL;
         word = strtok_r(NULL, ",", &rest)) {
        bool is_known = read_max_message(word, &pretence->max_message);
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

static bool check_geometry(const mca_btl_segmsg_groups_t *groups)
{
    segmsg_error_t error = groups->error;
    uint32_t bad_group = groups->bad_group;
    if (error == SEGMSG_OK && !segmsg_wire_geometry_fits(&groups->geometry)) {
        error = SEGMSG_ERR_PARTITION_COUNT;
        bad_group = 0;
    }
    if (error != SEGMSG_OK) {
        MCA_BTL_SEGMSG_SAY_ONCE_A_NODE("ofi-bad-groups", opal_process_info.nodename,
                                       mca_btl_segmsg.config.hosts.ofi_groups, bad_group,
                                       segmsg_error_text(error));
    }
    return error == SEGMSG_OK;
}

bool mca_btl_segmsg_net_check_params(void)
{
    segmsg_ofi_pretence_t pretence;
    if (!check_geometry(&mca_btl_segmsg.config.hosts_groups)) {
        return false;
    }
    return mca_btl_segmsg_net_pretence(&pretence)
           || mca_btl_segmsg_variable_refuse("ofi_pretend",
                                             "a list of local, unordered, shuffle, no_inject, "
                                             "short_data, no_atomics, max_message=BYTES");
}

#endif /* SEGMSG_HAVE_OFI */
