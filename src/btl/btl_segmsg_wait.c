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
    if (opal_using_threads() ? !mca_btl_segmsg_polling_is_own() : !module->delivers) {
        return false;
    }
    if (mca_btl_segmsg_is_waiting(module)) {
        return true;
    }
    if (module->habit < HABIT && ++module->denied >= SELDOM) {
        module->habit = HABIT;
    }
    if (module->habit < HABIT) {
        return false;
    }
    module->denied = 0;
    return true;
}

void mca_btl_segmsg_watch(void)
{
    if (mca_btl_segmsg_polling_is_own() && !mca_btl_segmsg_is_waiting(&mca_btl_segmsg)) {
        mca_btl_segmsg.watches = true;
    }
}

void mca_btl_segmsg_took(uint64_t now)
{
    if (mca_btl_segmsg_polling_is_own()) {
        mca_btl_segmsg.called = now;
        mca_btl_segmsg.transfers.copied_until = now;
    }
}
