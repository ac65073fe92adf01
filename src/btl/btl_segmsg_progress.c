/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_net_link.h"
#include "btl/btl_segmsg_net_progress.h"
#include "btl/btl_segmsg_way.h"
#include "btl/btl_segmsg_callers.h"
#include "btl/btl_segmsg_endpoint.h"
#include "btl/btl_segmsg_pieces.h"
#include "btl/btl_segmsg_progress.h"
#include "btl/btl_segmsg_report.h"
#include "btl/btl_segmsg_send.h"
#include "btl/btl_segmsg_serve.h"
#include "btl/btl_segmsg_verify.h"
#include "btl/btl_segmsg_busy.h"
#include "btl/btl_segmsg_polling.h"
#include "btl/btl_segmsg_wait.h"
#include "btl/btl_segmsg_deliver.h"
#include "btl/btl_segmsg_jobs.h"
#include "btl/btl_segmsg_reassembly.h"

#include "transfer/initiator.h"
#include "engine/groups.h"

/* Finds senders that are new, and who they are. */
static void welcome_senders(void *context)
{
    mca_btl_segmsg_module_t *module = context;
    module->receiver.has_newcomers = false;
    segmsg_error_t error = segmsg_receiver_find_groups(&module->receiver);
    if (OPAL_UNLIKELY(error != SEGMSG_OK)) {
        const segmsg_reader_t *suspect = module->receiver.suspect;
        mca_btl_segmsg_fail(suspect == NULL ? NULL : suspect->user, error);
    }
    for (uint32_t r = 0; r < module->receiver.reader_count; ++r) {
        segmsg_reader_t *reader = module->receiver.reader[r];
        if (reader->user == NULL) {
            reader->user = mca_btl_segmsg_endpoint_of(&reader->sender);
        }
    }
}

/* Messages of segmsg's own; they need an endpoint, to answer or to keep what has come. */
static void receive_own(segmsg_reader_t *reader, const segmsg_message_t *message)
{
    if (reader->user == NULL) {
        reader->user = mca_btl_segmsg_endpoint_of(&reader->sender);
    }
    if (message->tag == MCA_BTL_SEGMSG_TAG) {
        mca_btl_segmsg_rdma_receive(reader->user, message->data, message->length);
    } else {
        mca_btl_segmsg_receive_piece(reader->user, message->data, message->length);
    }
}

SEGMSG_INLINE void receive(mca_btl_segmsg_module_t *module, segmsg_reader_t *reader,
                           const segmsg_message_t *message)
{
    if (OPAL_UNLIKELY(message->tag == MCA_BTL_SEGMSG_TAG
                      || message->tag == MCA_BTL_SEGMSG_PIECE_TAG)) {
        receive_own(reader, message);
    } else {
        mca_btl_segmsg_deliver_fragment(module, reader->user, message->tag, message->data,
                                        message->length);
    }
}

/* Delivers a message and returns its partitions. */
SEGMSG_INLINE void take(void *context, segmsg_reader_t *reader, const segmsg_message_t *message)
{
    mca_btl_segmsg_module_t *module = context;
    if (OPAL_UNLIKELY(reader->user == NULL)) {
        reader->user = mca_btl_segmsg_endpoint_of(&reader->sender); /* found on the way here */
    }
    mca_btl_segmsg_endpoint_t *endpoint = reader->user;
    if (OPAL_LIKELY(endpoint != NULL)) {
        segmsg_sender_answers(&endpoint->sender);
        if (message->partitions == 1 && !opal_using_threads()) {
            segmsg_sender_own_next(&endpoint->sender);
        }
    }
    receive(module, reader, message);
    segmsg_message_return(&module->receiver, reader, message);
}

static void forget(void *context, void *user)
{
    (void) context;
    if (user != NULL) {
        mca_btl_segmsg_endpoint_retire(user);
    }
}

static void give_up(void *context, segmsg_reader_t *reader)
{
    (void) context;
    mca_btl_segmsg_fail(reader == NULL ? NULL : reader->user,
                        mca_btl_segmsg.receiver.is_short_of_addresses ? SEGMSG_ERR_UNMAPPED
                                                                      : SEGMSG_ERR_CORRUPT);
}

static int poll_readers(mca_btl_segmsg_module_t *module)
{
    static const segmsg_look_ops_t ops = {
        .take = take,
        .closed = forget,
        .corrupt = give_up,
        .welcome = welcome_senders,
        .verify = mca_btl_segmsg_verify,
    };
    return segmsg_look(&module->receiver, &module->look, &ops, module);
}

/* Goes on with what had to wait for one peer. */
static int serve_endpoint(mca_btl_segmsg_endpoint_t *endpoint)
{
    int count = mca_btl_segmsg_send_pending(endpoint) + mca_btl_segmsg_jobs_progress(endpoint);
    bool more = false;
    if (endpoint->link != NULL) {
        count += mca_btl_segmsg_link_serve(endpoint->link, &more);
    }
    OPAL_THREAD_LOCK(&endpoint->lock);
    mca_btl_segmsg_check_sender(endpoint);
    /* The PML, which is next, tries again what it keeps. */
    mca_btl_segmsg_endpoint_unblock(endpoint);
    if ((endpoint->queue.blocked && !endpoint->retired)
        || !opal_list_is_empty(&endpoint->queue.pending)
        || !opal_list_is_empty(&endpoint->queue.jobs) || more) {
        mca_btl_segmsg_endpoint_set_busy(endpoint);
    }
    OPAL_THREAD_UNLOCK(&endpoint->lock);
    return count;
}

/* Goes on with what had to wait, each peer once. */
static int serve_busy(mca_btl_segmsg_module_t *module)
{
    OPAL_THREAD_LOCK(&module->lock);
    size_t turns = opal_list_get_size(&module->peers.busy);
    OPAL_THREAD_UNLOCK(&module->lock);
    int count = 0;
    mca_btl_segmsg_endpoint_t *endpoint;
    while (turns-- != 0 && (endpoint = mca_btl_segmsg_endpoint_next_busy()) != NULL) {
        count += serve_endpoint(endpoint);
    }
    return count;
}

/* True if something depends on how progress is called: transfers of two processes, or answers in a stream. */
static bool needs_clock(const mca_btl_segmsg_module_t *module)
{
    /* Relaxed, both: hints. */
    return (atomic_load_explicit(&module->transfers.work, memory_order_relaxed)
            | atomic_load_explicit(&module->under_way, memory_order_relaxed))
           != 0;
}

/*
 * Sees whether calls come so far apart that each looks anyway: a program that tests between its computations.
 * RDTSC waits for the loads that are under way, and such a program has many: 12 ns of a random update become 190.
 * So a number of calls then go without; twice as many each time that this is found again.
 */
static void count_apart(mca_btl_segmsg_module_t *module, uint64_t gap)
{
    enum { APART = 4 /* calls */, FIRST = 16, MOST = 512 };
    if (module->wait.looked_in_vain == 0) {
        return; /* the last call had something to do, or went without the clock */
    }
    if (OPAL_LIKELY(gap < module->wait.look_ticks)) {
        module->wait.apart = 0;
        module->wait.unclocked_most = 0;
        return;
    }
    if (++module->wait.apart > APART && !needs_clock(module)) {
        mca_btl_segmsg_end_row(module);
        module->wait.apart = APART;
        module->wait.unclocked =
            module->wait.unclocked_most < FIRST ? FIRST : module->wait.unclocked_most;
        module->wait.unclocked_most =
            2 * module->wait.unclocked < MOST ? 2 * module->wait.unclocked : MOST;
    }
}

/*
 * Polls, unless the last look was in vain and only a moment ago. A look takes the line of the next
 * header away from the sender that is about to write it, which must then fetch it back. Whoever waits
 * calls progress every few nanoseconds: to look a little less often finds a message sooner.
 */
SEGMSG_INLINE int look(mca_btl_segmsg_module_t *module)
{
    if (module->wait.row_ticks == 0) {
        return poll_readers(module); /* no clock */
    }
    uint64_t now = segmsg_clock_ticks();
    uint64_t gap = now - module->wait.called;
    ++module->wait.calls_in_a_row;
    count_apart(module, gap);
    if (OPAL_UNLIKELY(gap >= module->wait.row_ticks)
        && (module->wait.looked_in_vain != 0 || gap >= 4 * module->wait.row_ticks)) {
        mca_btl_segmsg_end_row(module); /* and not because the last call found something */
    }
    module->wait.called = now;
    /* Relaxed: a hint. */
    if (atomic_load_explicit(&module->under_way, memory_order_relaxed) == 0
        && now - module->wait.looked_in_vain < module->wait.look_ticks) {
        return 0;
    }
    int count = poll_readers(module);
    module->wait.looked_in_vain = count == 0 ? now : 0;
    return count;
}

/* The same without the clock, as long as that goes on and nothing needs it. */
static int look_unclocked(mca_btl_segmsg_module_t *module)
{
    if (OPAL_UNLIKELY(module->wait.unclocked == 0)) {
        return look(module); /* another thread was faster */
    }
    if (--module->wait.unclocked != 0 && !needs_clock(module)) {
        return poll_readers(module);
    }
    module->wait.unclocked = 0;
    module->wait.looked_in_vain = 0;            /* when the last call was, and what it found, */
    module->wait.called = segmsg_clock_ticks(); /* is not known */
    return look(module);
}

/*
 * True if a call that goes without the clock has nothing to do. It costs little more than the lines that it
 * looks at: the program computes, and has many instructions under way that a longer call would keep out.
 */
SEGMSG_INLINE bool is_vain(const mca_btl_segmsg_module_t *module)
{
    enum { WHOLE_LOOK_EVERY = 16 };
    return module->wait.unclocked > 1 && module->wait.unclocked % WHOLE_LOOK_EVERY != 0
           && !needs_clock(module) && !module->peers.any_busy && mca_btl_segmsg_nets == 0
           && segmsg_look_is_vain(&module->receiver);
}

static uint32_t own_transfers(mca_btl_segmsg_module_t *module)
{
    /* Relaxed: a hint. */
    return atomic_load_explicit(&module->transfers.started, memory_order_relaxed);
}

/* Looks at everything. */
SEGMSG_INLINE int progress(mca_btl_segmsg_module_t *module, bool unclocked)
{
    bool threads = opal_using_threads();
    if (threads) {
        mca_btl_segmsg_callers_count();
        if (!mca_btl_segmsg_polling_try()) {
            return 0;
        }
    }
    int count = 0;
    if (OPAL_LIKELY(module->initialised)) {
        uint32_t transfers = own_transfers(module);
        count = unclocked ? look_unclocked(module) : look(module);
        if (mca_btl_segmsg_nets != 0) {
            count += mca_btl_segmsg_net_progress(module);
        }
        if (OPAL_UNLIKELY(module->peers.any_busy)) {
            count += serve_busy(module);
        }
        /* Relaxed: a hint; what is missed now is seen the next time. */
        if (OPAL_UNLIKELY(atomic_load_explicit(&module->transfers.work, memory_order_relaxed)
                          != 0)) {
            count +=
                segmsg_transfers_progress(&module->transfers, mca_btl_segmsg_is_waiting(module),
                                          transfers != own_transfers(module));
            if (count != 0 && module->wait.row_ticks != 0) {
                module->wait.called = segmsg_clock_ticks(); /* that took its time, too */
            }
        }
    }
    if (threads) {
        mca_btl_segmsg_polling_resume();
    }
    return count;
}

/* Apart, both: so that what goes before needs none of their registers. */
__attribute__((noinline)) static int progress_clocked(mca_btl_segmsg_module_t *module)
{
    return progress(module, false);
}

__attribute__((noinline)) static int progress_unclocked(mca_btl_segmsg_module_t *module)
{
    return progress(module, true);
}

int mca_btl_segmsg_progress(void)
{
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    if (OPAL_LIKELY(module->wait.unclocked == 0)) {
        return progress_clocked(module);
    }
    if (opal_using_threads() || !is_vain(module)) {
        return progress_unclocked(module);
    }
    --module->wait.unclocked;
    return 0;
}
