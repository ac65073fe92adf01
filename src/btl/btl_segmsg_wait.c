/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_wait.h"
#include "btl/btl_segmsg_polling.h"

enum { HABIT = MCA_BTL_SEGMSG_HABIT_MAX / 2 };

bool mca_btl_segmsg_waits(void)
{
    enum { SELDOM = 64 }; /* questions after which it is tried again */
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    if (opal_using_threads() ? !mca_btl_segmsg_polling_is_own() : !module->wait.delivers) {
        return false;
    }
    if (mca_btl_segmsg_is_waiting(module)) {
        return true;
    }
    if (module->wait.habit < HABIT && ++module->wait.denied >= SELDOM) {
        module->wait.habit = HABIT;
    }
    if (module->wait.habit < HABIT) {
        return false;
    }
    module->wait.denied = 0;
    return true;
}

void mca_btl_segmsg_watch(void)
{
    if (mca_btl_segmsg_polling_is_own() && !mca_btl_segmsg_is_waiting(&mca_btl_segmsg)) {
        mca_btl_segmsg.wait.watches = true;
    }
}

void mca_btl_segmsg_took(uint64_t now)
{
    if (mca_btl_segmsg_polling_is_own()) {
        mca_btl_segmsg.wait.called = now;
        mca_btl_segmsg.wait.looked_in_vain = 0;
        mca_btl_segmsg.idle.without_clock =
            0; /* the next call sees how long the program was away */
        mca_btl_segmsg.transfers.copied_until = now;
    }
}
