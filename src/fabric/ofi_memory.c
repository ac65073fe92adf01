/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "fabric/ofi_memory.h"

#include "base/random.h"

#if SEGMSG_HAVE_OFI

#include <rdma/fi_errno.h>

/* A key for a new region: a random number of as many bits as the provider's keys have. False if the
 * kernel has none to give. */
static bool draw_key(segmsg_ofi_t *ofi, uint64_t *key)
{
    size_t bytes = ofi->info->domain_attr->mr_key_size;
    bool is_short = bytes != 0 && bytes < sizeof(*key);
    uint64_t mask = is_short ? (UINT64_C(1) << (8 * bytes)) - 1 : UINT64_MAX;
    do {
        if (ofi->keys.left == 0) {
            if (!segmsg_random_bytes(ofi->keys.key, sizeof(ofi->keys.key))) {
                return false;
            }
            ofi->keys.left = SEGMSG_OFI_KEYS;
        }
        *key = ofi->keys.key[--ofi->keys.left] & mask;
        ofi->keys.key[ofi->keys.left] = 0;
    } while (*key == (FI_KEY_NOTAVAIL & mask) || *key == 0);
    return true;
}

/* Registers with a key that is drawn, and once more where another region has it. */
static int register_with_key(segmsg_ofi_t *ofi, void *base, size_t bytes, uint64_t access,
                             struct fid_mr **mr)
{
    enum { TRIES = 64 }; /* of short keys some are in use */
    bool is_made_there = (ofi->info->domain_attr->mr_mode & FI_MR_PROV_KEY) != 0;
    int rc = -FI_ENOKEY;
    for (int i = 0; i < TRIES && (rc == -FI_ENOKEY || rc == -FI_EKEYREJECTED); ++i) {
        uint64_t key = 0;
        if (!is_made_there && !draw_key(ofi, &key)) {
            return -FI_EKEYREJECTED;
        }
        rc = fi_mr_reg(ofi->domain, base, bytes, access, 0, key, 0, mr, NULL);
    }
    return rc;
}

int segmsg_ofi_register(segmsg_ofi_t *ofi, void *base, size_t bytes, uint64_t access,
                        segmsg_ofi_region_t *region)
{
    static const uint64_t REMOTE = FI_REMOTE_READ | FI_REMOTE_WRITE;
    *region = (segmsg_ofi_region_t){.base = ofi->is_virtual ? 0 : (uint64_t) (uintptr_t) base};
    if (!ofi->needs_local) {
        /* FI_SEND, in particular, makes some providers let peers read the memory. */
        access &= REMOTE;
    }
    if (access == 0) {
        return 0;
    }
    int rc = register_with_key(ofi, base, bytes, access, &region->mr);
    if (rc == 0 && (ofi->info->domain_attr->mr_mode & FI_MR_ENDPOINT) != 0) {
        rc = fi_mr_bind(region->mr, &ofi->ep->fid, 0);
        rc = rc == 0 ? fi_mr_enable(region->mr) : rc;
        if (rc != 0) {
            segmsg_ofi_deregister(region);
        }
    }
    if (rc != 0) {
        region->mr = NULL;
        return rc;
    }
    region->descriptor = fi_mr_desc(region->mr);
    region->key = fi_mr_key(region->mr);
    return 0;
}

void segmsg_ofi_deregister(segmsg_ofi_region_t *region)
{
    if (region->mr != NULL) {
        (void) fi_close(&region->mr->fid);
        region->mr = NULL;
    }
}

#endif /* SEGMSG_HAVE_OFI */
