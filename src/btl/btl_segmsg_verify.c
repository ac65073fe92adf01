/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A defect of any process that maps it can overwrite shared memory. What is used for messages is checked where
 * it is used; but a credit that was taken away, or a header that was wiped out, is never used: two processes
 * wait for one another. So a process that waits compares, now and then, what lies there with what it knows.
 */
#include "btl/btl_segmsg_way.h"
#include "btl/btl_segmsg_report.h"
#include "btl/btl_segmsg_verify.h"
#include "engine/verify.h"

/* Compares what one peer's export says of this sender, unless a thread is sending just now. */
static void verify_sender(mca_btl_segmsg_endpoint_t *endpoint)
{
    if (endpoint->link != NULL || endpoint->is_self || OPAL_THREAD_TRYLOCK(&endpoint->lock) != 0) {
        return;
    }
    bool is_right = endpoint->retired || segmsg_sender_verify(&endpoint->sender);
    OPAL_THREAD_UNLOCK(&endpoint->lock);
    if (OPAL_UNLIKELY(!is_right)) {
        mca_btl_segmsg_fail(endpoint, SEGMSG_ERR_CORRUPT);
    }
}

/*
 * A sender that shares the lobby claims a line and fills it at once. If nothing comes for so long, its claim
 * was written by somebody else, or the header was wiped out, or the sender was stopped or died in between.
 */
static void verify_lobby(mca_btl_segmsg_module_t *module)
{
    enum { STUCK_SECONDS = 20 };
    uint64_t now = segmsg_clock_ticks();
    uint64_t second = UINT64_C(1000000) * module->wait.row_ticks; /* which is a microsecond */
    bool is_stuck = second != 0 && segmsg_lobby_is_stuck(&module->receiver);
    if (!is_stuck || module->stuck.since == 0
        || module->stuck.at != module->receiver.lobby.ring.position) {
        module->stuck.since = is_stuck ? now : 0;
        module->stuck.at = module->receiver.lobby.ring.position;
    } else if (now - module->stuck.since > STUCK_SECONDS * second) {
        mca_btl_segmsg_fail(NULL, SEGMSG_ERR_CORRUPT);
    }
}

void mca_btl_segmsg_verify(void *context)
{
    mca_btl_segmsg_module_t *module = context;
    if (segmsg_receiver_verify(&module->receiver) != SEGMSG_OK) {
        const segmsg_reader_t *suspect = module->receiver.suspect;
        mca_btl_segmsg_fail(suspect == NULL ? NULL : suspect->user, SEGMSG_ERR_CORRUPT);
    }
    verify_lobby(module);
    OPAL_THREAD_LOCK(&module->lock);
    mca_btl_segmsg_endpoint_t *endpoint;
    OPAL_LIST_FOREACH (endpoint, &module->peers.endpoints, mca_btl_segmsg_endpoint_t) {
        verify_sender(endpoint);
    }
    OPAL_THREAD_UNLOCK(&module->lock);
}

void mca_btl_segmsg_corrupt(void *context, segmsg_reader_t *reader)
{
    const mca_btl_segmsg_module_t *module = context;
    mca_btl_segmsg_fail(reader == NULL ? NULL : reader->user, module->receiver.is_short_of_addresses
                                                                  ? SEGMSG_ERR_UNMAPPED
                                                                  : SEGMSG_ERR_CORRUPT);
}
