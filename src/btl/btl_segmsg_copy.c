/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Which copiers a peer has: what btl_segmsg_single_copy permits and works on it.
 */
#include "btl/btl_segmsg_copy.h"

#include "btl/btl_segmsg_mapped.h"
#include "copier/cma.h"

#include <errno.h>
#include <signal.h>

/* In order of preference. */
static const segmsg_copier_kind_t *const kinds[MCA_BTL_SEGMSG_COPIERS] = {
    &mca_btl_segmsg_mapped_kind,
    &segmsg_cma_kind,
};

static bool is_wanted(const segmsg_copier_kind_t *kind)
{
    int wanted = mca_btl_segmsg.config.copy.single_copy;
    return wanted == SEGMSG_COPY_AUTO || (wanted == SEGMSG_COPY_CMA && kind == &segmsg_cma_kind);
}

void mca_btl_segmsg_copy_init(void)
{
    for (unsigned k = 0; k < MCA_BTL_SEGMSG_COPIERS; ++k) {
        if (is_wanted(kinds[k]) && kinds[k]->permit != NULL) {
            kinds[k]->permit();
        }
    }
}

void mca_btl_segmsg_copy_try(mca_btl_segmsg_endpoint_t *endpoint,
                             const mca_btl_segmsg_modex_t *modex)
{
    mca_btl_segmsg_copy_way_t *way = &endpoint->copy;
    const segmsg_copier_peer_t peer = {.pid = (pid_t) modex->owner.pid,
                                       .proc = endpoint->proc,
                                       .probe = modex->probe,
                                       .nonce = modex->owner.nonce};
    for (unsigned k = 0; k < MCA_BTL_SEGMSG_COPIERS; ++k) {
        if (is_wanted(kinds[k])
            && segmsg_copier_open(&way->copier[way->copiers], kinds[k], &peer)) {
            way->pid_is_proved = way->pid_is_proved || kinds[k]->goes_by_pid;
            ++way->copiers;
        }
    }
    way->pid_is_visible = segmsg_shm_spaces_share_pids(mca_btl_segmsg.own.spaces, modex->spaces)
                          && (kill(peer.pid, 0) == 0 || errno == EPERM);
}

void mca_btl_segmsg_copy_forget(mca_btl_segmsg_endpoint_t *endpoint)
{
    while (endpoint->copy.copiers != 0) {
        segmsg_copier_close(&endpoint->copy.copier[--endpoint->copy.copiers]);
    }
    endpoint->copy.pid_is_proved = false;
}

bool mca_btl_segmsg_copy_is_alive(const mca_btl_segmsg_endpoint_t *endpoint)
{
    const mca_btl_segmsg_copy_way_t *way = &endpoint->copy;
    for (unsigned c = 0; c < way->copiers; ++c) {
        if (way->copier[c].kind->goes_by_pid) {
            return segmsg_copier_is_alive(&way->copier[c]);
        }
    }
    return !way->pid_is_visible || kill((pid_t) endpoint->peer.pid, 0) == 0 || errno != ESRCH;
}

bool mca_btl_segmsg_copy(const mca_btl_segmsg_endpoint_t *endpoint, bool to_peer, void *local,
                         uint64_t remote, size_t size)
{
    const mca_btl_segmsg_copy_way_t *way = &endpoint->copy;
    for (unsigned c = 0; c < way->copiers; ++c) {
        if (OPAL_LIKELY(segmsg_copier_copy(&way->copier[c], to_peer, local, remote, size))) {
            return true;
        }
    }
    return false;
}
