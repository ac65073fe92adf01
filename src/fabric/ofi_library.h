/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * libfabric's few functions that are symbols; all others are reached through its objects.
 */
#ifndef SEGMSG_OFI_LIBRARY_H
#define SEGMSG_OFI_LIBRARY_H

#if SEGMSG_HAVE_OFI

#include <rdma/fabric.h>

typedef struct {
    int (*getinfo)(uint32_t version, const char *node, const char *service, uint64_t flags,
                   const struct fi_info *hints, struct fi_info **info);
    void (*freeinfo)(struct fi_info *info);
    struct fi_info *(*dupinfo)(const struct fi_info *info);
    int (*fabric)(struct fi_fabric_attr *attr, struct fid_fabric **fabric, void *context);
    const char *(*strerror)(int error);
    uint32_t (*version)(void);
} segmsg_ofi_library_t;

/* The library, loaded now if it was not; NULL if that cannot be, and *why says so (not to be freed). */
const segmsg_ofi_library_t *segmsg_ofi_library(const char **why);

/* What the text of an error says. */
const char *segmsg_ofi_error_text(int error);

#endif /* SEGMSG_HAVE_OFI */
#endif
