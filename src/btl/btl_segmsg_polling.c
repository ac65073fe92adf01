/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_polling.h"
#include "btl/btl_segmsg_disturb.h"

#include <sched.h>

/* How often the calling thread holds module->polling. */
static _Thread_local unsigned polling_depth;

static bool take(void)
{
    /* Acquire, and release when it is given back: what the last thread that polled has written. */
    return !atomic_flag_test_and_set_explicit(&mca_btl_segmsg.polling, memory_order_acquire);
}

void mca_btl_segmsg_polling_stop(void)
{
    if (opal_using_threads() && polling_depth++ == 0) {
        while (!take()) {
            mca_btl_segmsg_disturb();
            sched_yield();
        }
    }
}

bool mca_btl_segmsg_polling_try(void)
{
    if (!take()) {
        return false;
    }
    polling_depth = 1;
    return true;
}

void mca_btl_segmsg_polling_resume(void)
{
    if (opal_using_threads() && --polling_depth == 0) {
        atomic_flag_clear_explicit(&mca_btl_segmsg.polling, memory_order_release);
    }
}

bool mca_btl_segmsg_polling_is_own(void)
{
    return !opal_using_threads() || polling_depth != 0;
}
