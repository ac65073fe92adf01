/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/net/btl_segmsg_net_progress.h"
#include "btl/btl_segmsg_callers.h"
#include "btl/btl_segmsg_deliver.h"
#include "btl/btl_segmsg_disturb.h"
#include "btl/btl_segmsg_eager.h"
#include "btl/btl_segmsg_endpoint.h"
#include "btl/btl_segmsg_jobs.h"
#include "btl/btl_segmsg_ob1.h"
#include "btl/btl_segmsg_pieces.h"
#include "btl/btl_segmsg_polling.h"
#include "btl/btl_segmsg_progress.h"
#include "btl/btl_segmsg_reassembly.h"
#include "btl/btl_segmsg_report.h"
#include "btl/btl_segmsg_resume.h"
#include "btl/btl_segmsg_sample.h"
#include "btl/btl_segmsg_serve.h"
#include "btl/btl_segmsg_sleep.h"
#include "btl/btl_segmsg_verify.h"
#include "btl/btl_segmsg_wait.h"
#include "btl/btl_segmsg_welcome.h"
#include "btl/btl_segmsg_yield.h"

#include "transfer/initiator.h"

#include <sched.h>

/* Messages of segmsg's own; they need an endpoint, to answer or to keep what has come. */
static void receive_own(segmsg_reader_t *reader, const segmsg_message_t *message)
{
    if (reader->user == NULL) {
        mca_btl_segmsg_find_user(reader);
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
SEGMSG_INLINE void take_short(mca_btl_segmsg_module_t *module, segmsg_reader_t *reader,
                              const segmsg_message_t *message)
{
    if (OPAL_UNLIKELY(reader->user == NULL)) {
        mca_btl_segmsg_find_user(reader); /* found on the way here */
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

/* The same, of a message that says something of the program. */
__attribute__((noinline)) static void
take_long(mca_btl_segmsg_module_t *module, segmsg_reader_t *reader, const segmsg_message_t *message)
{
    if (message->tag != MCA_BTL_SEGMSG_TAG && mca_btl_segmsg_ob1_numbers(message->tag)) {
        mca_btl_segmsg_eager_note(message->length); /* and not each part of a longer one */
    }
    take_short(module, reader, message);
    mca_btl_segmsg_took(segmsg_clock_ticks());
}

SEGMSG_INLINE void take(void *context, segmsg_reader_t *reader, const segmsg_message_t *message)
{
    if (OPAL_LIKELY(message->length < SEGMSG_USE_FROM)) {
        take_short(context, reader, message);
    } else {
        take_long(context, reader, message);
    }
}

static void forget(void *context, void *user)
{
    (void) context;
    if (user != NULL) {
        mca_btl_segmsg_endpoint_retire(user);
    }
}

static int poll_readers(mca_btl_segmsg_module_t *module)
{
    static const segmsg_look_ops_t ops = {
        .take = take,
        .closed = forget,
        .corrupt = mca_btl_segmsg_corrupt,
        .welcome = mca_btl_segmsg_welcome,
        .verify = mca_btl_segmsg_verify,
    };
    return segmsg_look(&module->receiver, &module->look, &ops, module);
}
/* True if something depends on how progress is called: transfers of two processes, or answers in a stream. */
static bool needs_clock(const mca_btl_segmsg_module_t *module)
{
    /* Relaxed, both: hints. */
    return (atomic_load_explicit(&module->transfers.work, memory_order_relaxed)
            | atomic_load_explicit(&module->idle.under_way, memory_order_relaxed))
           != 0;
}

/*
 * Sees whether calls come so far apart that each looks anyway: a program that tests between its computations.
 * RDTSC waits for the loads that are under way, and such a program has many: 12 ns of a random update become 190.
 * So a number of calls then go without; twice as many each time that this is found again.
 */
static void count_apart(mca_btl_segmsg_module_t *module, uint64_t gap)
{
    enum { APART = 4 /* calls */, FIRST = 16, MOST = 2048 };
    if (module->wait.looked_in_vain == 0) {
        module->wait.away += gap; /* since the last call, which had something to do */
        return;
    }
    mca_btl_segmsg_wait_t *wait = &module->wait;
    if (OPAL_LIKELY(gap < wait->look_ticks)
        || (wait->turn != 0 && gap < (1U + wait->turn) * wait->look_ticks)) {
        wait->apart = 0;
        wait->unclocked_most = 0;
        return;
    }
    if (++wait->apart > APART && !needs_clock(module)) {
        mca_btl_segmsg_end_row(module);
        wait->apart = APART;
        module->idle.unclocked =
            (uint16_t) (module->wait.unclocked_most < FIRST ? FIRST : module->wait.unclocked_most);
        module->wait.unclocked_most =
            2U * module->idle.unclocked < MOST ? 2U * module->idle.unclocked : MOST;
    }
}

/* True if a call within a turn has nothing to do. */
SEGMSG_INLINE bool goes_by(mca_btl_segmsg_module_t *module)
{
    mca_btl_segmsg_idle_t *idle = &module->idle;
    if (needs_clock(module) || idle->any_busy) {
        idle->left = 0;
        return false;
    }
    if ((idle->left & idle->between) == 0 && !segmsg_watch_is_vain(&idle->watch)) {
        idle->left = 0;
        module->wait.looked_in_vain = 1; /* long ago: so that it is looked for */
        return false;
    }
    --idle->left;
    return true;
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
    if (OPAL_UNLIKELY(module->wait.calls_in_a_row % MCA_BTL_SEGMSG_SAMPLE_EVERY
                      == MCA_BTL_SEGMSG_SAMPLE_EVERY - 1)) {
        mca_btl_segmsg_sample(module, gap);
    }
    /* Relaxed: a hint. */
    if (atomic_load_explicit(&module->idle.under_way, memory_order_relaxed) == 0
        && now - module->wait.looked_in_vain < module->wait.look_ticks) {
        return 0;
    }
    int count = poll_readers(module);
    if (OPAL_LIKELY(count == 0)) {
        module->wait.looked_in_vain = now;
        return 0;
    }
    module->wait.looked_in_vain = 0;
    module->idle.without_clock = 0; /* that this call began; the next ones may be far apart */
    return count;
}

/* Calls read the clock again, as if this one had found something. */
static void go_by_the_clock(mca_btl_segmsg_module_t *module)
{
    module->idle.unclocked = 0;
    module->idle.watch.headers = 0;
    module->wait.turn = module->wait.samples = 0;
    module->wait.looked_in_vain = 0;
    module->wait.called = segmsg_clock_ticks();
}

enum { WHOLE_LOOK_EVERY = 128 /* calls without the clock */ };

/* The same without the clock, as long as that goes on and nothing needs it. */
static int look_unclocked(mca_btl_segmsg_module_t *module)
{
    if (--module->idle.unclocked != 0 && !needs_clock(module)) {
        int count = poll_readers(module);
        if (count != 0) {
            module->idle.watch.headers = 0;
            module->wait.samples = 0;
            if (OPAL_UNLIKELY(module->wait.use_calls != 0)) {
                --module->wait.use_calls;
                go_by_the_clock(module);
            }
        } else if (OPAL_UNLIKELY(
                       mca_btl_segmsg_sleep_falls_due(module, module->idle.watch.headers != 0
                                                                  ? WHOLE_LOOK_EVERY
                                                                  : 1))) {
            go_by_the_clock(module);
            module->idle.yields = true;
        } else if (module->wait.samples++ != 0
                   && mca_btl_segmsg_nets == 0) { /* the second in a row */
            module->wait.samples = 1;
            segmsg_watch_set(&module->idle.watch, &module->receiver);
        }
        return count;
    }
    go_by_the_clock(module); /* when the last call was, and what it found, is not known */
    return look(module);
}

/*
 * True if a call that goes without the clock has nothing to do. It costs little more than the lines that it
 * looks at: the program computes, and has many instructions under way that a longer call would keep out.
 */
SEGMSG_INLINE bool is_vain(const mca_btl_segmsg_module_t *module)
{
    return module->idle.unclocked > 1 && module->idle.unclocked % WHOLE_LOOK_EVERY != 0
           && module->idle.watch.headers != 0 && !needs_clock(module) && !module->idle.any_busy
           && segmsg_watch_is_vain(&module->idle.watch);
}

/* Looks at everything. */
SEGMSG_INLINE int progress(mca_btl_segmsg_module_t *module, bool unclocked)
{
    if (OPAL_UNLIKELY(!module->initialised)) {
        return 0;
    }
    uint32_t transfers = segmsg_transfers_started(&module->transfers);
    int count = unclocked ? look_unclocked(module) : look(module);
    if (mca_btl_segmsg_nets != 0) {
        int by_nets = mca_btl_segmsg_net_progress(module);
        if (by_nets != 0) {
            mca_btl_segmsg_begin_wait(module);
        }
        count += by_nets;
    }
    if (OPAL_UNLIKELY(module->idle.any_busy)) {
        count += mca_btl_segmsg_resume(module);
    }
    /* Relaxed: a hint; what is missed now is seen the next time. */
    if (OPAL_UNLIKELY(atomic_load_explicit(&module->transfers.work, memory_order_relaxed) != 0)) {
        count +=
            segmsg_transfers_progress(&module->transfers, mca_btl_segmsg_is_waiting(module),
                                      transfers != segmsg_transfers_started(&module->transfers));
        if (count != 0 && module->wait.row_ticks != 0) {
            module->wait.called = segmsg_clock_ticks(); /* that took its time, too */
        }
    }
    return count;
}

/* Apart, these: so that what goes before needs none of their registers. */
__attribute__((noinline)) static int progress_clocked(mca_btl_segmsg_module_t *module)
{
    return progress(module, false);
}

__attribute__((noinline)) static int progress_unclocked(mca_btl_segmsg_module_t *module)
{
    return progress(module, true);
}

/* Sleeps if a call has found nothing, where no other thread is in MPI. Returns what has been found by then. */
static int sleep_alone(mca_btl_segmsg_module_t *module, int count)
{
    if (count == 0 && mca_btl_segmsg_sleep_falls_due(module, 1)
        && mca_btl_segmsg_sleep(module) == MCA_BTL_SEGMSG_SLEEP_FOUND) {
        count = progress_clocked(module);
    }
    if (count != 0) {
        mca_btl_segmsg_sleep_end(module);
    }
    return count;
}

/* One thread at a time. */
__attribute__((noinline)) static int progress_of_threads(mca_btl_segmsg_module_t *module)
{
    if (OPAL_UNLIKELY(module->peers.have_backs)) {
        mca_btl_segmsg_endpoint_forget_backs();
    }
    mca_btl_segmsg_callers_count();
    if (!mca_btl_segmsg_polling_try()) {
        mca_btl_segmsg_disturb();
        if (module->idle.yields) {
            sched_yield(); /* perhaps to who polls */
        }
        return 0;
    }
    mca_btl_segmsg_wait_as_threads();
    int count = module->idle.unclocked == 0 ? progress_clocked(module) : progress_unclocked(module);
    if (OPAL_UNLIKELY(module->idle.yields)) {
        count = sleep_alone(module, count);
    }
    mca_btl_segmsg_polling_resume();
    if (OPAL_UNLIKELY(module->idle.yields) && count == 0) {
        sched_yield();
    }
    return count;
}

/* Where somebody else needs the processor. */
__attribute__((noinline)) static int progress_yielding(mca_btl_segmsg_module_t *module)
{
    module->idle.without_clock = 0;
    int count = progress_clocked(module);
    if (count == 0 && mca_btl_segmsg_rest(module)) {
        count = progress_clocked(module);
        if (count == 0) {
            sched_yield(); /* perhaps to who has not quite sent it */
        }
    }
    if (count != 0) {
        mca_btl_segmsg_found(module);
    }
    return count;
}

int mca_btl_segmsg_progress(void)
{
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    if (OPAL_UNLIKELY(opal_using_threads())) {
        return progress_of_threads(module);
    }
    if (OPAL_LIKELY(module->idle.is_special == 0)) {
        return progress_clocked(module);
    }
    if (OPAL_UNLIKELY(module->idle.yields)) {
        return progress_yielding(module);
    }
    if (module->idle.unclocked == 0) {
        return goes_by(module) ? 0 : progress_clocked(module);
    }
    if (!is_vain(module)) {
        return progress_unclocked(module);
    }
    --module->idle.unclocked;
    return 0;
}
