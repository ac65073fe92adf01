/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Which of libfabric's providers, and which of its interfaces: by what they can do.
 */
#include "fabric/ofi_select.h"

#include "fabric/ofi_library.h"

#if SEGMSG_HAVE_OFI

#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What this layer can deal with. */
static const uint64_t MODES = FI_CONTEXT | FI_CONTEXT2 | FI_RX_CQ_DATA;
static const int MR_MODES =
    FI_MR_LOCAL | FI_MR_VIRT_ADDR | FI_MR_ALLOCATED | FI_MR_PROV_KEY | FI_MR_ENDPOINT;
static const uint64_t CAPS = FI_MSG | FI_RMA;

enum { API_MINOR = 9 }; /* of libfabric's interface, whose rules we follow */

/* True if the beginning of `name` is in a comma-separated list. */
static bool is_listed(const char *list, const char *name)
{
    while (list != NULL && *list != '\0') {
        size_t length = strcspn(list, ",");
        if (length != 0 && strncasecmp(list, name, length) == 0) {
            return true;
        }
        list += length;
        list += *list == ',';
    }
    return false;
}

/* True if `name` is in a comma-separated list. */
static bool is_exactly_listed(const char *list, const char *name)
{
    while (list != NULL && *list != '\0') {
        size_t length = strcspn(list, ",");
        if (length == strlen(name) && strncasecmp(list, name, length) == 0) {
            return true;
        }
        list += length;
        list += *list == ',';
    }
    return false;
}

/* What an interface lacks; NULL: nothing. */
static const char *lack(const struct fi_info *info, const segmsg_ofi_wish_t *wish)
{
    const char *provider = info->fabric_attr->prov_name;
    if (wish->include != NULL && *wish->include != '\0') {
        if (!is_listed(wish->include, provider)) {
            return "not in btl_segmsg_ofi_provider_include";
        }
    } else if (is_listed(wish->exclude, provider)) {
        return "in btl_segmsg_ofi_provider_exclude";
    }
    if (wish->domains != NULL && *wish->domains != '\0'
        && !is_exactly_listed(wish->domains, info->domain_attr->name)) {
        return "not in btl_segmsg_ofi_domains";
    }
    if (info->ep_attr->type != FI_EP_RDM) {
        return "no reliable datagram endpoints (FI_EP_RDM)";
    }
    if ((info->caps & FI_RMA) == 0 || (info->caps & FI_WRITE) == 0
        || (info->caps & FI_REMOTE_WRITE) == 0) {
        return "no RMA writes (FI_RMA)";
    }
    if ((info->caps & FI_MSG) == 0) {
        return "no messages (FI_MSG)";
    }
    if (info->domain_attr->cq_data_size < wish->data_bytes) {
        return "too little remote completion data (cq_data_size)";
    }
    if ((info->domain_attr->mr_mode & ~MR_MODES) != 0) {
        return "wants memory registered in a way that segmsg does not know (mr_mode)";
    }
    if ((info->mode & ~MODES) != 0) {
        return "wants what segmsg does not know (mode)";
    }
    if (info->ep_attr->max_msg_size < wish->message_min) {
        return "messages are too short (max_msg_size)";
    }
    return NULL;
}

static bool is_loopback(const struct fi_info *info)
{
    if (info->src_addr == NULL) {
        return false;
    }
    const struct sockaddr *address = info->src_addr;
    if (address->sa_family == AF_INET) {
        return ntohl(((const struct sockaddr_in *) info->src_addr)->sin_addr.s_addr) >> 24 == 127;
    }
    return address->sa_family == AF_INET6
           && IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *) info->src_addr)->sin6_addr);
}

/* How good an address is: an address that is valid only on its link must name that link's index on the
 * peer, which nobody knows. */
static int worth(const struct fi_info *info, const segmsg_ofi_wish_t *wish)
{
    const struct sockaddr *address = info->src_addr;
    bool is_ip = info->addr_format == FI_SOCKADDR_IN || info->addr_format == FI_SOCKADDR_IN6
                 || info->addr_format == FI_SOCKADDR;
    if (!is_ip || address == NULL) {
        return 3;
    }
    if (is_loopback(info)) {
        return wish->job_spans ? -1 : 1;
    }
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *six = info->src_addr;
        return IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr) ? -1 : 2;
    }
    return 3;
}

static int get_infos(const segmsg_ofi_library_t *library, bool anything, struct fi_info **infos)
{
    struct fi_info *hints = library->dupinfo(NULL);
    if (hints == NULL) {
        return -FI_ENOMEM;
    }
    hints->mode = MODES;
    hints->domain_attr->mr_mode = MR_MODES;
    hints->domain_attr->threading = FI_THREAD_UNSPEC;
    if (anything) {
        hints->mode = ~UINT64_C(0);
        hints->domain_attr->mr_mode = MR_MODES | FI_MR_RAW | FI_MR_MMU_NOTIFY | FI_MR_RMA_EVENT;
    } else {
        hints->caps = CAPS;
        hints->ep_attr->type = FI_EP_RDM;
    }
    int rc = library->getinfo(FI_VERSION(1, API_MINOR), NULL, NULL, 0, hints, infos);
    library->freeinfo(hints);
    return rc;
}

/* One line a provider: what its best interface lacks. */
static char *explain(const segmsg_ofi_library_t *library, const segmsg_ofi_wish_t *wish)
{
    struct fi_info *all = NULL;
    int rc = get_infos(library, true, &all);
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (out == NULL) {
        return NULL;
    }
    if (rc != 0) {
        fprintf(out, "    libfabric offers nothing: %s\n", library->strerror(-rc));
    }
    for (const struct fi_info *info = all; rc == 0 && info != NULL; info = info->next) {
        const char *name = info->fabric_attr->prov_name;
        bool is_told = false;
        for (const struct fi_info *before = all; before != info; before = before->next) {
            is_told = is_told || strcmp(before->fabric_attr->prov_name, name) == 0;
        }
        if (is_told) {
            continue;
        }
        const char *lacks = lack(info, wish);
        for (const struct fi_info *later = info->next; later != NULL; later = later->next) {
            /* What counts is what keeps its endpoint of the right kind away. */
            if (strcmp(later->fabric_attr->prov_name, name) == 0 && lacks != NULL
                && later->ep_attr->type == FI_EP_RDM && info->ep_attr->type != FI_EP_RDM) {
                lacks = lack(later, wish);
            }
        }
        fprintf(out, "    %-16s %s\n", name,
                lacks != NULL ? lacks : "no interface that reaches other hosts");
    }
    library->freeinfo(all);
    fclose(out);
    return text;
}

/* The same interface with what was not asked for at first, since not all have it, of what it has. */
static struct fi_info *refined(const segmsg_ofi_library_t *library, const struct fi_info *info,
                               const segmsg_ofi_wish_t *wish)
{
    const struct {
        uint64_t caps;
        uint64_t order;
    } extras[] = {{FI_ATOMIC, FI_ORDER_WAW}, {0, FI_ORDER_WAW}, {FI_ATOMIC, 0}};
    for (size_t i = 0; i < sizeof(extras) / sizeof(*extras); ++i) {
        struct fi_info *hints = library->dupinfo(info);
        struct fi_info *found = NULL;
        if (hints == NULL || (extras[i].caps != 0 && !wish->atomics)) {
            library->freeinfo(hints);
            continue;
        }
        hints->caps = CAPS | extras[i].caps;
        hints->tx_attr->caps = hints->rx_attr->caps = 0;
        hints->tx_attr->msg_order = hints->rx_attr->msg_order = extras[i].order;
        hints->domain_attr->mr_mode = MR_MODES;
        hints->mode = MODES;
        int rc = library->getinfo(FI_VERSION(1, API_MINOR), NULL, NULL, 0, hints, &found);
        library->freeinfo(hints);
        if (rc == 0 && lack(found, wish) == NULL) {
            struct fi_info *copy = library->dupinfo(found); /* the first of the list only */
            library->freeinfo(found);
            return copy;
        }
        if (rc == 0) {
            library->freeinfo(found);
        }
    }
    return library->dupinfo(info);
}

static bool is_same_domain(const struct fi_info *a, const struct fi_info *b)
{
    return strcmp(a->domain_attr->name, b->domain_attr->name) == 0
           && strcmp(a->fabric_attr->prov_name, b->fabric_attr->prov_name) == 0;
}

/* True if an interface may carry messages beside those that were chosen. */
static bool fits_beside(const struct fi_info *info, struct fi_info *const *chosen, unsigned count)
{
    for (unsigned i = 0; i < count; ++i) {
        if (is_same_domain(info, chosen[i])) {
            return false;
        }
    }
    return count == 0
           || strcmp(info->fabric_attr->prov_name, chosen[0]->fabric_attr->prov_name) == 0;
}

/* The best interface that fits beside those that were chosen; NULL if there is none. */
static const struct fi_info *best(const struct fi_info *all, const segmsg_ofi_wish_t *wish,
                                  struct fi_info *const *chosen, unsigned count)
{
    const struct fi_info *found = NULL;
    int found_worth = 0;
    for (const struct fi_info *info = all; info != NULL; info = info->next) {
        int its_worth = worth(info, wish);
        if (lack(info, wish) != NULL || its_worth < 0 || !fits_beside(info, chosen, count)) {
            continue;
        }
        /* Of the same provider only: libfabric lists the better provider first. */
        bool is_better =
            found == NULL
            || (its_worth > found_worth
                && strcmp(info->fabric_attr->prov_name, found->fabric_attr->prov_name) == 0);
        if (is_better) {
            found = info;
            found_worth = its_worth;
        }
    }
    return found;
}

unsigned segmsg_ofi_select(const segmsg_ofi_wish_t *wish, struct fi_info ***infos, char **why)
{
    *infos = NULL;
    *why = NULL;
    const char *reason;
    const segmsg_ofi_library_t *library = segmsg_ofi_library(&reason);
    if (library == NULL) {
        *why = strdup(reason);
        return 0;
    }
    struct fi_info *all = NULL;
    unsigned count = 0;
    struct fi_info **chosen = calloc(wish->rails, sizeof(*chosen));
    if (chosen != NULL && get_infos(library, false, &all) == 0) {
        const struct fi_info *info;
        while (count < wish->rails && (info = best(all, wish, chosen, count)) != NULL
               && (chosen[count] = refined(library, info, wish)) != NULL) {
            ++count;
        }
        library->freeinfo(all);
    }
    if (count == 0) {
        free(chosen);
        *why = explain(library, wish);
        return 0;
    }
    *infos = chosen;
    return count;
}

void segmsg_ofi_free_infos(struct fi_info **infos, unsigned count)
{
    const char *reason;
    const segmsg_ofi_library_t *library = segmsg_ofi_library(&reason);
    for (unsigned i = 0; i < count && library != NULL; ++i) {
        library->freeinfo(infos[i]);
    }
    free(infos);
}

#endif /* SEGMSG_HAVE_OFI */
