/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/net/btl_segmsg_net_modex.h"
#include "btl/net/btl_segmsg_net_keepalive.h"

#if SEGMSG_HAVE_OFI

mca_btl_segmsg_net_modex_t mca_btl_segmsg_net_own_modex(mca_btl_segmsg_net_t *net)
{
    mca_btl_segmsg_net_modex_t entry = {.wire_version = SEGMSG_WIRE_VERSION,
                                        .key = net->region.key,
                                        .secret = net->secret,
                                        .geometry = net->targets.geometry};
    size_t bytes = sizeof(entry.name);
    if (segmsg_ofi_name(&net->ofi, entry.name, &bytes) != 0) {
        bytes = 0;
    }
    entry.name_bytes = (uint32_t) bytes;
    snprintf(entry.provider, sizeof(entry.provider), "%s", segmsg_ofi_provider(&net->ofi));
    mca_btl_segmsg_net_keepalive_publish(net, &entry);
    return entry;
}

size_t mca_btl_segmsg_net_publish(void *to)
{
    mca_btl_segmsg_net_modex_t *modex = to;
    for (unsigned rail = 0; rail < mca_btl_segmsg_nets && modex != NULL; ++rail) {
        mca_btl_segmsg_net_modex_t entry = mca_btl_segmsg_net_own_modex(mca_btl_segmsg_net[rail]);
        memcpy(modex + rail, &entry, sizeof(entry));
    }
    return mca_btl_segmsg_nets * sizeof(mca_btl_segmsg_net_modex_t);
}

const mca_btl_segmsg_net_modex_t *mca_btl_segmsg_net_published(const mca_btl_segmsg_modex_t *modex,
                                                               uint32_t rail)
{
    if (rail >= modex->rails) {
        return NULL;
    }
    const char *at = (const char *) (modex + 1) + modex->descriptor_bytes;
    const mca_btl_segmsg_net_modex_t *entry =
        (const void *) (at + rail * sizeof(mca_btl_segmsg_net_modex_t));
    return entry->name_bytes == 0 ? NULL : entry;
}

bool mca_btl_segmsg_net_is_whole(const mca_btl_segmsg_modex_t *modex, size_t bytes)
{
    return modex->rails <= bytes / sizeof(mca_btl_segmsg_net_modex_t);
}

#endif /* SEGMSG_HAVE_OFI */
