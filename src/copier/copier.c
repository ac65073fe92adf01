/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "copier/copier.h"

#include <errno.h>

static bool read_nonce(const segmsg_copier_t *copier, uint64_t *nonce)
{
    uint64_t where = copier->peer.probe + offsetof(segmsg_copier_probe_t, nonce);
    return segmsg_copier_copy(copier, false, nonce, where, sizeof(*nonce));
}

/* Nothing is written to a process that has turned out to be another. */
static bool works(const segmsg_copier_t *copier)
{
    uint64_t nonce = 0;
    return read_nonce(copier, &nonce) && nonce == copier->peer.nonce
           && segmsg_copier_copy(copier, true, &nonce,
                                 copier->peer.probe + offsetof(segmsg_copier_probe_t, scratch),
                                 sizeof(nonce));
}

bool segmsg_copier_open(segmsg_copier_t *copier, const segmsg_copier_kind_t *kind,
                        const segmsg_copier_peer_t *peer)
{
    *copier = (segmsg_copier_t){.kind = kind, .peer = *peer};
    if (!kind->open(copier)) {
        *copier = (segmsg_copier_t){.kind = NULL};
    } else if (!works(copier)) {
        segmsg_copier_close(copier);
    }
    return copier->kind != NULL;
}

void segmsg_copier_close(segmsg_copier_t *copier)
{
    if (copier->kind != NULL) {
        if (copier->kind->close != NULL) {
            copier->kind->close(copier);
        }
        *copier = (segmsg_copier_t){.kind = NULL};
    }
}

bool segmsg_copier_is_alive(const segmsg_copier_t *copier)
{
    uint64_t nonce = 0;
    if (!read_nonce(copier, &nonce)) {
        return errno != ESRCH; /* it may have become unreadable, and be alive */
    }
    return nonce == copier->peer.nonce;
}
