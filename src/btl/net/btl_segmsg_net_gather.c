/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A thread that sleeps unless messages are being gathered. Then it looks every now and then for what
 * has waited too long, and sends it: whoever has sent a message may compute for an hour without a call
 * into MPI, and the message must not wait for that. It calls nothing of Open MPI's.
 */
#include "btl/net/btl_segmsg_net_gather.h"

#if SEGMSG_HAVE_OFI

#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>

static enum { GATHERER_NONE, GATHERER_RUNS, GATHERER_FAILED } gatherer;
static pthread_t thread;
static bool (*send_batch)(mca_btl_segmsg_link_t *link); /* set before the thread starts */
static sem_t wanted;
static _Atomic bool is_awake; /* it will look soon */
static _Atomic bool has_news; /* something was gathered since it looked last */
static _Atomic bool must_end;

/* Sends what waits on one interface. */
static void look(mca_btl_segmsg_net_t *net)
{
    opal_mutex_lock(&net->gate);
    uint64_t now = segmsg_clock_ticks();
    uint64_t patience =
        segmsg_clock_ticks_in(&mca_btl_segmsg.start,
                              (uint64_t) mca_btl_segmsg.config.hosts.ofi_coalesce_timeout
                                  * 500 /* ns: half of a microsecond each */);
    mca_btl_segmsg_link_t *link;
    OPAL_LIST_FOREACH (link, &net->gathering, mca_btl_segmsg_link_t) {
        if (now - link->stream.published_at > patience) {
            (void) send_batch(link);
        }
    }
    opal_mutex_unlock(&net->gate);
}

static void *gather(void *unused)
{
    (void) unused;
    const struct timespec pause = {
        .tv_nsec = (long) mca_btl_segmsg.config.hosts.ofi_coalesce_timeout * 1000 /* ns */};
    for (;;) {
        while (sem_wait(&wanted) != 0 && errno == EINTR) {
        }
        do {
            if (atomic_load_explicit(&must_end, memory_order_acquire)) {
                return NULL;
            }
            atomic_store_explicit(&has_news, false, memory_order_relaxed);
            nanosleep(&pause, NULL);
            for (unsigned rail = 0; rail < mca_btl_segmsg_nets; ++rail) {
                look(mca_btl_segmsg_net[rail]);
            }
        } while (atomic_load_explicit(&has_news, memory_order_relaxed));
        /* Sequentially consistent, as in mca_btl_segmsg_net_gather_waits: either that finds us asleep,
         * or we find its news. */
        atomic_store_explicit(&is_awake, false, memory_order_seq_cst);
        if (atomic_load_explicit(&has_news, memory_order_seq_cst)
            && !atomic_exchange_explicit(&is_awake, true, memory_order_seq_cst)) {
            (void) sem_post(&wanted);
        }
    }
}

/* Starts a thread in which no signal is handled: signals are the program's. */
static bool start_thread(pthread_t *id, void *(*run)(void *) )
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(id, NULL, run, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc == 0;
}

static bool start(void)
{
    if (sem_init(&wanted, 0, 0) != 0) {
        return false;
    }
    atomic_store_explicit(&must_end, false, memory_order_relaxed);
    return start_thread(&thread, gather);
}

bool mca_btl_segmsg_net_gather_waits(bool (*flush)(mca_btl_segmsg_link_t *link))
{
    if (OPAL_UNLIKELY(gatherer == GATHERER_NONE)) {
        send_batch = flush;
        gatherer = start() ? GATHERER_RUNS : GATHERER_FAILED;
    }
    if (gatherer != GATHERER_RUNS) {
        return false;
    }
    atomic_store_explicit(&has_news, true, memory_order_seq_cst);
    if (!atomic_load_explicit(&is_awake, memory_order_seq_cst)
        && !atomic_exchange_explicit(&is_awake, true, memory_order_seq_cst)) {
        (void) sem_post(&wanted);
    }
    return true;
}

void mca_btl_segmsg_net_gather_close(void)
{
    if (gatherer == GATHERER_RUNS) {
        atomic_store_explicit(&must_end, true, memory_order_release);
        (void) sem_post(&wanted);
        (void) pthread_join(thread, NULL);
        (void) sem_destroy(&wanted);
        atomic_store_explicit(&is_awake, false, memory_order_relaxed);
    }
    gatherer = GATHERER_NONE;
}

#endif /* SEGMSG_HAVE_OFI */
