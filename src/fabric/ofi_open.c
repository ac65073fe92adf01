/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "fabric/ofi_open.h"

#include "fabric/ofi_control.h"
#include "fabric/ofi_library.h"
#include "fabric/ofi_memory.h"

#if SEGMSG_HAVE_OFI

#include <rdma/fi_cm.h>
#include <rdma/fi_errno.h>

#include <stdlib.h>
#include <string.h>

enum { QUEUE = 8192 /* completions that the queue holds */ };

const char *segmsg_ofi_provider(const segmsg_ofi_t *ofi)
{
    return ofi->info->fabric_attr->prov_name;
}

/* Looks up in what the provider says of itself how it is to be used. */
static void learn(segmsg_ofi_t *ofi, const segmsg_ofi_wish_t *wish)
{
    const struct fi_info *info = ofi->info;
    const segmsg_ofi_pretence_t *pretence = &ofi->pretence;
    int mr_mode = info->domain_attr->mr_mode;
    ofi->inject = pretence->no_inject ? 0 : info->tx_attr->inject_size;
    ofi->max_message = info->ep_attr->max_msg_size;
    if (pretence->max_message != 0 && pretence->max_message < ofi->max_message) {
        ofi->max_message = pretence->max_message;
    }
    ofi->needs_local = pretence->local || (mr_mode & FI_MR_LOCAL) != 0;
    ofi->is_virtual = (mr_mode & FI_MR_VIRT_ADDR) != 0;
    ofi->pins = ofi->needs_local || (mr_mode & FI_MR_ALLOCATED) != 0;
    ofi->has_tokens = !pretence->short_data && info->domain_attr->cq_data_size >= wish->token_bytes;
    ofi->is_ordered = !pretence->unordered && (info->tx_attr->msg_order & FI_ORDER_WAW) != 0;
    const char *name = info->fabric_attr->prov_name;
    ofi->is_cpu_bound = strstr(name, "tcp") != NULL || strstr(name, "sockets") != NULL
                        || strstr(name, "net") != NULL || strstr(name, "udp") != NULL;
    ofi->names_failures =
        strstr(name, "tcp") != NULL && (info->mode & (FI_CONTEXT | FI_CONTEXT2)) == 0;
    /* Not sockets: it garbles writes of several pieces (libfabric 1.17 and 2.1). */
    ofi->takes_pieces = (strstr(name, "tcp") != NULL || strcmp(name, "net") == 0)
                        && info->tx_attr->iov_limit >= 2 && !ofi->needs_local;
    /* Not shm: one on the own memory ends the process (libfabric 1.17). */
    ofi->native_atomics =
        !pretence->no_atomics && (info->caps & FI_ATOMIC) != 0 && strcmp(name, "shm") != 0;
}

/* The steps of segmsg_ofi_open, in order. */
static int open_objects(segmsg_ofi_t *ofi, const segmsg_ofi_library_t *library, const char **step)
{
    *step = "fi_fabric";
    int rc = library->fabric(ofi->info->fabric_attr, &ofi->fabric, NULL);
    if (rc == 0) {
        *step = "fi_domain";
        rc = fi_domain(ofi->fabric, ofi->info, &ofi->domain, NULL);
    }
    if (rc == 0) {
        *step = "fi_cq_open";
        struct fi_cq_attr attr = {.format = FI_CQ_FORMAT_DATA, .size = QUEUE};
        rc = fi_cq_open(ofi->domain, &attr, &ofi->cq, NULL);
    }
    if (rc == 0) {
        *step = "fi_av_open";
        struct fi_av_attr attr = {.type = FI_AV_TABLE};
        rc = fi_av_open(ofi->domain, &attr, &ofi->av, NULL);
        if (rc == -FI_ENOSYS || rc == -FI_EOPNOTSUPP || rc == -FI_EINVAL) {
            attr.type = FI_AV_MAP;
            rc = fi_av_open(ofi->domain, &attr, &ofi->av, NULL);
        }
    }
    if (rc == 0) {
        *step = "fi_endpoint";
        rc = fi_endpoint(ofi->domain, ofi->info, &ofi->ep, NULL);
    }
    if (rc == 0) {
        *step = "fi_ep_bind";
        rc = fi_ep_bind(ofi->ep, &ofi->av->fid, 0);
    }
    if (rc == 0) {
        rc = fi_ep_bind(ofi->ep, &ofi->cq->fid, FI_TRANSMIT | FI_SELECTIVE_COMPLETION);
    }
    if (rc == 0) {
        rc = fi_ep_bind(ofi->ep, &ofi->cq->fid, FI_RECV);
    }
    if (rc == 0) {
        *step = "fi_enable";
        rc = fi_enable(ofi->ep);
    }
    if (rc == 0) {
        *step = "posting receives";
        rc = segmsg_ofi_make_slots(ofi);
    }
    return rc;
}

int segmsg_ofi_open(segmsg_ofi_t *ofi, const struct fi_info *info, const segmsg_ofi_wish_t *wish,
                    const char **step)
{
    memset(ofi, 0, sizeof(*ofi));
    ofi->pretence = wish->pretence;
    *step = "loading libfabric";
    const char *why;
    const segmsg_ofi_library_t *library = segmsg_ofi_library(&why);
    if (library == NULL || (ofi->info = library->dupinfo(info)) == NULL) {
        return -FI_ENOMEM;
    }
    /* What one thread at a time calls need not be locked. */
    ofi->info->domain_attr->threading = wish->threads ? FI_THREAD_SAFE : FI_THREAD_DOMAIN;
    learn(ofi, wish);
    int rc = open_objects(ofi, library, step);
    if (rc != 0) {
        segmsg_ofi_close(ofi);
    }
    return rc;
}

static void close_fid(void *object, struct fid *fid)
{
    if (object != NULL) {
        (void) fi_close(fid);
    }
}

void segmsg_ofi_close(segmsg_ofi_t *ofi)
{
    close_fid(ofi->ep, ofi->ep == NULL ? NULL : &ofi->ep->fid);
    segmsg_ofi_deregister(&ofi->slots.region);
    close_fid(ofi->av, ofi->av == NULL ? NULL : &ofi->av->fid);
    close_fid(ofi->cq, ofi->cq == NULL ? NULL : &ofi->cq->fid);
    close_fid(ofi->domain, ofi->domain == NULL ? NULL : &ofi->domain->fid);
    close_fid(ofi->fabric, ofi->fabric == NULL ? NULL : &ofi->fabric->fid);
    free(ofi->slots.all);
    const char *why;
    const segmsg_ofi_library_t *library = segmsg_ofi_library(&why);
    if (library != NULL && ofi->info != NULL) {
        library->freeinfo(ofi->info);
    }
    memset(ofi, 0, sizeof(*ofi));
}

int segmsg_ofi_name(const segmsg_ofi_t *ofi, void *name, size_t *bytes)
{
    return fi_getname(&ofi->ep->fid, name, bytes);
}

int segmsg_ofi_insert(segmsg_ofi_t *ofi, const void *name, fi_addr_t *address)
{
    int rc = fi_av_insert(ofi->av, name, 1, address, 0, NULL);
    return rc == 1 ? 0 : rc < 0 ? rc : -FI_EADDRNOTAVAIL;
}

#endif /* SEGMSG_HAVE_OFI */
