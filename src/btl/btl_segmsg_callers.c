/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * How many threads of this process call progress (MPI_THREAD_MULTIPLE). Threads that wait in MPI want a
 * processor each, as ranks do.
 */
#include "btl/btl_segmsg_callers.h"

#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t ends; /* its value in a thread that counts is not NULL; set while `is_there` */
static bool is_there;

static void forget(void *value)
{
    (void) value;
    /* Relaxed: a hint. */
    atomic_fetch_sub_explicit(&mca_btl_segmsg.node.callers, 1, memory_order_relaxed);
}

static void make_key(void)
{
    is_there = pthread_key_create(&ends, forget) == 0;
}

void mca_btl_segmsg_callers_count(void)
{
    static _Thread_local bool is_counted;
    if (OPAL_LIKELY(is_counted)) {
        return;
    }
    is_counted = true;
    (void) pthread_once(&once, make_key);
    if (is_there && pthread_setspecific(ends, &mca_btl_segmsg) == 0) {
        /* Relaxed: a hint. */
        atomic_fetch_add_explicit(&mca_btl_segmsg.node.callers, 1, memory_order_relaxed);
    }
}

void mca_btl_segmsg_callers_close(void)
{
    if (is_there) {
        is_there = false;
        (void) pthread_key_delete(ends);
    }
}

bool mca_btl_segmsg_is_crowded(void)
{
    /* Relaxed: a hint. All processes are taken to have as many threads. */
    unsigned callers = atomic_load_explicit(&mca_btl_segmsg.node.callers, memory_order_relaxed);
    unsigned long wanted = mca_btl_segmsg.node.processes * (callers == 0 ? 1 : callers);
    return wanted > (unsigned long) mca_btl_segmsg.node.processor_count;
}
