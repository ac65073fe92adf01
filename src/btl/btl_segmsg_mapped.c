/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_mapped.h"

#include "base/copy_long.h"
#include "btl/btl_segmsg_compat.h"

static bool open_for(segmsg_copier_t *copier)
{
    copier->state = segmsg_compat_mapper_get(copier->peer.proc);
    return copier->state != NULL;
}

static bool copy(const segmsg_copier_t *copier, bool to_peer, void *local, uint64_t remote,
                 size_t size)
{
    void *there = NULL;
    void *mapping = segmsg_compat_map(copier->state, remote, size, &there);
    if (OPAL_UNLIKELY(mapping == NULL)) {
        return false;
    }
    segmsg_copy_long(to_peer ? there : local, to_peer ? local : there, size);
    segmsg_compat_unmap(mapping);
    return true;
}

static void close_for(segmsg_copier_t *copier)
{
    segmsg_compat_mapper_return(copier->state);
}

const segmsg_copier_kind_t mca_btl_segmsg_mapped_kind = {
    .name = "mapped",
    .open = open_for,
    .copy = copy,
    .close = close_for,
};
