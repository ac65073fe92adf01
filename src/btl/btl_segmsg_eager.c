/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_eager.h"
#include "btl/btl_segmsg_callers.h"
#include "btl/btl_segmsg_polling.h"
#include "btl/btl_segmsg_variables.h"

#include "base/clock.h"

/* Longest messages, headers included, without a rendezvous. By who polls. */
static struct {
    size_t registered; /* as the variable says */
    size_t usual;
    size_t
        used; /* while the program works on what it receives; usual, or less: that makes no difference */
} limits;

/* Since the last message that was noted. */
static struct {
    uint64_t delivered;       /* counts.delivered_fragments then. By who polls */
    _Atomic uint64_t sending; /* ticks spent in sends of long messages. By any thread */
} noted;

static size_t lesser(size_t one, size_t other)
{
    return one < other ? one : other;
}

/* True if there are peers, and the kernel copies from none. */
static bool copies_twice(mca_btl_segmsg_module_t *module)
{
    bool any_peer = false;
    bool any_copy = false;
    mca_btl_segmsg_endpoint_t *endpoint;
    OPAL_THREAD_LOCK(&module->lock);
    OPAL_LIST_FOREACH (endpoint, &module->peers.endpoints, mca_btl_segmsg_endpoint_t) {
        any_peer = any_peer || !endpoint->is_self;
        any_copy = any_copy || endpoint->copy.copiers != 0;
    }
    OPAL_THREAD_UNLOCK(&module->lock);
    return any_peer && !any_copy;
}

/* The PML reads the limit whenever it sends. */
static void follow(mca_btl_segmsg_module_t *module)
{
    if (limits.used > limits.usual) {
        module->super.btl_eager_limit =
            segmsg_use_is_likely(&module->transfers.use) ? limits.used : limits.usual;
    }
}

void mca_btl_segmsg_choose_eager_limit(void)
{
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    limits.usual = limits.used = 0;
    if (!mca_btl_segmsg_variable_is_default("eager_limit")) {
        return;
    }
    limits.registered = limits.registered == 0 ? module->super.btl_eager_limit : limits.registered;
    const struct mca_btl_segmsg_config_message *config = &module->config.message;
    size_t most = module->super.btl_max_send_size;
    bool twice = copies_twice(module);
    /* Each part of a rendezvous waits for a processor where there are too few. */
    limits.usual = twice || mca_btl_segmsg_is_crowded() ? lesser(config->two_copy_eager_limit, most)
                                                        : limits.registered;
    limits.used = twice ? 0 : lesser(config->used_eager_limit, most);
    module->super.btl_eager_limit = limits.usual;
    follow(module);
}

/* What of the time between two calls of progress was MPI's, and not the program's. */
static uint64_t spent(mca_btl_segmsg_module_t *module)
{
    enum {
        A_MESSAGE_NS = 300, /* what MPI does about a short one, outside of progress */
        OF_THE_LONG =
            2 /* that belong to the long one: its announcement, and the end of one's own */
    };
    uint64_t others = module->counts.delivered_fragments - noted.delivered;
    others -= others < OF_THE_LONG ? others : OF_THE_LONG;
    noted.delivered = module->counts.delivered_fragments;
    /* Relaxed: a sum. */
    return atomic_exchange_explicit(&noted.sending, 0, memory_order_relaxed)
           + others * module->wait.row_ticks * A_MESSAGE_NS / 1000;
}

void mca_btl_segmsg_eager_note(size_t bytes)
{
    enum { USE_CALLS = 4 /* it, and what is said of it and of those that go the other way */ };
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    if (mca_btl_segmsg_polling_is_own()) {
        uint64_t away = module->wait.away;
        uint64_t less = spent(module);
        segmsg_use_note(&module->transfers.use, bytes, away < less ? 0 : away - less,
                        module->wait.row_ticks);
        module->wait.away = 0;
        module->wait.use_calls = USE_CALLS;
        follow(module);
    }
}

void mca_btl_segmsg_eager_note_get(size_t bytes)
{
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    bool is_program = !opal_using_threads() && !module->wait.delivers
                      && module->wait.looked_in_vain == 0 && module->wait.row_ticks != 0;
    if (is_program) {
        uint64_t now = segmsg_clock_ticks();
        module->wait.away += now - module->wait.called;
        module->wait.called = now;
    }
    mca_btl_segmsg_eager_note(bytes);
}

void mca_btl_segmsg_eager_sent(uint64_t begun)
{
    /* Relaxed: a sum. */
    (void) atomic_fetch_add_explicit(&noted.sending, segmsg_clock_ticks() - begun,
                                     memory_order_relaxed);
}
