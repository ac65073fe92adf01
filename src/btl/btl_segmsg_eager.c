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

void mca_btl_segmsg_eager_note(size_t bytes)
{
    enum {
        USE_CALLS =
            4 /* a long message, and what is said of it and of those that go the other way */
    };
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    if (mca_btl_segmsg_polling_is_own()) {
        segmsg_use_note(&module->transfers.use, bytes, module->wait.away, module->wait.row_ticks);
        module->wait.away = 0;
        module->wait.use_calls = USE_CALLS;
        follow(module);
    }
}

void mca_btl_segmsg_eager_took(uint64_t begun)
{
    if (mca_btl_segmsg_polling_is_own()) {
        mca_btl_segmsg.wait.called += segmsg_clock_ticks() - begun;
    }
}
