/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Large transfers that both processes copy together (queue/split_work.h). The one that Open MPI
 * asked for the put or get owns it, claims and copies until nothing is left, and asks the other one,
 * by a message through group 0, to do the same. Who computes does not see the message, and loses
 * nothing; who waits in MPI has a core to spare, and the transfer takes half the time.
 *
 *   owner                                 partner
 *   JOIN                             -->  claims and copies in its progress, piece by piece
 *   claims and copies in get or put
 *   waits in its progress for what the
 *   partner has claimed and not reported
 *
 * Or, where segments are faster than the kernel (transfer/choice.h), the partner sends what it claims,
 * and the owner copies it out of the segments. It claims something itself only if nothing comes:
 *
 *   JOIN                             -->  claims and sends in its progress, unit by unit
 *   copies the unit to its place     <--  UNIT, header + data
 *   nothing comes for a while: claims
 *   and copies what is left
 */
#include "btl/btl_segmsg_rdma.h"

#include "base/copy_long.h"
#include "queue/split_work.h"

enum { HELPS_MAX = 256 }; /* requests to help that are kept; others are dropped */

/* The owner's side of a transfer under way; its record has the same index. */
typedef struct {
    mca_btl_segmsg_transfer_t transfer;
    segmsg_joint_cut_t cut;
    uint64_t begun;      /* ticks */
    uint64_t own_done;   /* when this process had copied all of its own part, ticks */
    uint64_t heard;      /* when a unit of it came last, ticks; or begun */
    uint64_t looked_at;  /* when it was last made sure that the partner lives, ticks */
    uint32_t generation; /* of the record */
    uint32_t own;        /* units that this process has claimed, */
    uint32_t arrived;    /* and those that have come, */
    bool is_mixed;       /* which did not come one after the other, from the back, */
    bool by_units;       /* if the partner sends what it claims */
    bool has_others;     /* others came at the same time */
    bool copied;         /* this process could copy all of its own */
    bool is_slow;        /* the kernel would have been there before the first unit was */
    bool taken_over;     /* it took too long: there is nothing left to claim, */
    uint64_t taken_at;   /* since then, ticks */
} joint_t;

/* A request to help. */
typedef struct {
    mca_btl_segmsg_endpoint_t *endpoint; /* the owner */
    mca_btl_segmsg_rdma_header_t header;
    segmsg_joint_cut_t cut;
    bool by_units;
    uint64_t asked_at; /* ticks; or when it was last made sure that the owner lives */
} help_t;

static joint_t joints[SEGMSG_JOINTS];
static _Atomic bool joints_committed;
static _Atomic uint64_t joints_free;    /* bit i: record i can be had */
static _Atomic uint64_t joints_waiting; /* bit i: for its partner, since nothing is left to claim */
static _Atomic uint32_t
    joints_unasked[SEGMSG_JOINTS]; /* generation of which the partner knows nothing */
static _Atomic uint32_t generations = 1;

/* Under `polling`. */
static help_t helps[HELPS_MAX];
static unsigned help_first;
static unsigned help_count;

static _Atomic uint64_t joint_transfers;
static _Atomic uint64_t helped_bytes;
static _Atomic uint64_t unit_bytes;

uint64_t mca_btl_segmsg_joint_transfers(void)
{
    return atomic_load_explicit(&joint_transfers, memory_order_relaxed);
}

uint64_t mca_btl_segmsg_joint_helped(void)
{
    return atomic_load_explicit(&helped_bytes, memory_order_relaxed);
}

uint64_t mca_btl_segmsg_joint_unit_bytes(void)
{
    return atomic_load_explicit(&unit_bytes, memory_order_relaxed);
}

void mca_btl_segmsg_joint_reset(void)
{
    atomic_store_explicit(&joints_free, 0, memory_order_relaxed);
    atomic_store_explicit(&joints_waiting, 0, memory_order_relaxed);
    atomic_store_explicit(&joints_committed, false, memory_order_relaxed);
    help_count = 0;
    atomic_store_explicit(&mca_btl_segmsg.joint_work, 0, memory_order_relaxed);
}

/* Commits the records when the first is needed; without memory for them there are none. */
static void commit_records(void)
{
    segmsg_export_t *export = &mca_btl_segmsg.shm.export;
    OPAL_THREAD_LOCK(&mca_btl_segmsg.lock);
    if (!atomic_load_explicit(&joints_committed, memory_order_relaxed)) {
        _Static_assert(SEGMSG_JOINTS == 64, "a bit a record");
        if (export->commit(export->commit_context, export->shape.joints,
                           SEGMSG_JOINTS * sizeof(segmsg_joint_t))
            == 0) {
            /* Release: the memory is there. */
            atomic_store_explicit(&joints_free, UINT64_MAX, memory_order_release);
        }
        atomic_store_explicit(&joints_committed, true, memory_order_release);
    }
    OPAL_THREAD_UNLOCK(&mca_btl_segmsg.lock);
}

/* Counts what progress has to look after; each thread what it adds, who polls what it ends. */
static void add_work(int count)
{
    /* Relaxed: a hint; what is missed now is seen the next time. */
    atomic_fetch_add_explicit(&mca_btl_segmsg.joint_work, (uint32_t) count, memory_order_relaxed);
}

/* Takes a record; -1 if all are in use. */
static int take_record(void)
{
    /* Acquire: what commit_records did. */
    if (OPAL_UNLIKELY(!atomic_load_explicit(&joints_committed, memory_order_acquire))) {
        commit_records();
    }
    /* Relaxed: the compare and swap makes sure. */
    uint64_t free = atomic_load_explicit(&joints_free, memory_order_relaxed);
    while (free != 0) {
        int index = __builtin_ctzll(free);
        /* Acquire: whoever had it is done with it. */
        if (atomic_compare_exchange_weak_explicit(&joints_free, &free, free & (free - 1),
                                                  memory_order_acquire, memory_order_relaxed)) {
            return index;
        }
    }
    return -1;
}

static void give_record(int index)
{
    /* Release: what we did with it comes before what others do. */
    atomic_fetch_or_explicit(&joints_free, UINT64_C(1) << index, memory_order_release);
}

static segmsg_joint_t *own_record(int index)
{
    return segmsg_export_joint(&mca_btl_segmsg.shm.export, (uint32_t) index);
}

/* Copies part of a transfer, to or from the peer. */
static bool copy_piece(const mca_btl_segmsg_endpoint_t *endpoint, bool to_peer, void *local,
                       uint64_t remote, uint64_t offset, uint64_t bytes)
{
    return mca_btl_segmsg_copy(endpoint, to_peer, (char *) local + offset, remote + offset, bytes);
}

/* False if there was no room to ask. */
static bool ask_for_help(const joint_t *joint, int index)
{
    const mca_btl_segmsg_transfer_t *transfer = &joint->transfer;
    mca_btl_segmsg_rdma_header_t header = {
        .kind = SEGMSG_RDMA_JOIN,
        .is_put = transfer->is_put,
        .operation = (uint32_t) index,
        .generation = joint->generation,
        .address = transfer->remote,
        .size = transfer->size,
        .operand = {joint->by_units ? 0 : (uint64_t) (uintptr_t) transfer->local,
                    joint->cut.unit_bytes},
    };
    return mca_btl_segmsg_rdma_send_now(transfer->endpoint, &header, NULL, 0);
}

/* Claims and copies until nothing is left; or claims it all if it cannot be copied. */
static void copy_own(joint_t *joint, segmsg_joint_t *record)
{
    const mca_btl_segmsg_transfer_t *transfer = &joint->transfer;
    for (;;) {
        segmsg_joint_piece_t piece = segmsg_joint_claim(record, joint->generation, &joint->cut,
                                                        SEGMSG_JOINT_UNITS_MAX, SEGMSG_JOINT_FRONT);
        if (piece.units == 0) {
            return;
        }
        joint->own += piece.units;
        if (OPAL_UNLIKELY(joint->own > segmsg_joint_units(&joint->cut))) {
            mca_btl_segmsg_fail(transfer->endpoint, SEGMSG_ERR_CORRUPT);
        }
        joint->copied = joint->copied
                        && copy_piece(transfer->endpoint, transfer->is_put, transfer->local,
                                      transfer->remote, piece.offset, piece.bytes);
    }
}

/* False if whoever helps takes the core from somebody. */
static bool has_core(const mca_btl_segmsg_endpoint_t *endpoint)
{
    return !endpoint->same_core
           && (mca_btl_segmsg.config.joint_crowded || !mca_btl_segmsg_is_crowded());
}

/*
 * True if there is hope of help. Some transfers of a stream are helped with and some not if both
 * processes have transfers of their own to do; to divide them all for that costs more than it gives,
 * also because cache lines then wander between the cores. So a peer that has not helped for a while is
 * not asked for a while.
 */
static bool may_ask(mca_btl_segmsg_endpoint_t *endpoint, size_t size)
{
    const mca_btl_segmsg_config_t *config = &mca_btl_segmsg.config;
    if (!has_core(endpoint)) {
        return false;
    }
    if (!segmsg_help_is_worth(&endpoint->help, segmsg_clock_ticks())) {
        return false;
    }
    /* Relaxed, all of them: hints. */
    if (atomic_load_explicit(&endpoint->unhelped, memory_order_relaxed) < config->joint_patience) {
        return true;
    }
    if (atomic_fetch_add_explicit(&endpoint->unasked, size, memory_order_relaxed) + size
        <= config->joint_pause) {
        return false;
    }
    atomic_store_explicit(&endpoint->unasked, 0, memory_order_relaxed);
    return true;
}

static bool is_claimed(const help_t *help);

/*
 * True if this process streams to a peer: it is asked for the units of many messages. Where both do, two processors
 * would have four copies to make of what the kernel makes two of.
 */
static bool streams_too(const mca_btl_segmsg_endpoint_t *endpoint)
{
    enum { WINDOW = 8 /* messages */ };
    unsigned asked = 0;
    if (OPAL_LIKELY(help_count <= WINDOW)) {
        return false;
    }
    for (unsigned h = 0; h < help_count && asked <= WINDOW; ++h) {
        const help_t *help = &helps[(help_first + h) % HELPS_MAX];
        asked += help->endpoint == endpoint && help->by_units && !is_claimed(help);
    }
    return asked > WINDOW;
}

/* True if a transfer is to come in units. That is for who waits, since the sender is to do its part then. */
static bool prefers_units(const mca_btl_segmsg_transfer_t *transfer)
{
    const mca_btl_segmsg_config_t *config = &mca_btl_segmsg.config;
    bool may_be = config->units_from != 0 && transfer->size >= config->units_from
                  && transfer->size <= config->units_to && !transfer->is_put
                  && transfer->size / config->stream_piece < SEGMSG_JOINT_UNITS_MAX
                  && mca_btl_segmsg.row_ticks != 0 && has_core(transfer->endpoint);
    if (!may_be || config->units_always) {
        return may_be;
    }
    if (!mca_btl_segmsg_waits()) {
        return false;
    }
    /* Only who polls comes here. */
    mca_btl_segmsg_endpoint_t *endpoint = transfer->endpoint;
    if (OPAL_UNLIKELY(endpoint->large_seen < config->units_after)) {
        ++endpoint->large_seen;
        return false;
    }
    bool peer_asks = (int64_t) (endpoint->unit_sent - endpoint->large_began) > 0;
    endpoint->large_began = segmsg_clock_ticks();
    return !streams_too(endpoint)
           && segmsg_choice_units(&endpoint->choice, transfer->size, peer_asks);
}

void mca_btl_segmsg_has_copied(const mca_btl_segmsg_transfer_t *transfer, uint64_t begun)
{
    const mca_btl_segmsg_config_t *config = &mca_btl_segmsg.config;
    if (config->units_from == 0) {
        return;
    }
    uint64_t now = segmsg_clock_ticks();
    mca_btl_segmsg_took(now);
    if (!transfer->is_put && transfer->size >= config->units_from) {
        segmsg_choice_note_copy(&transfer->endpoint->choice, transfer->size, now - begun);
    }
}

/* Notes how many bytes of a transfer the peer has copied, and whether that was worth while. */
static void note_help(const joint_t *joint, uint64_t bytes)
{
    const mca_btl_segmsg_transfer_t *transfer = &joint->transfer;
    segmsg_help_note_rate(&transfer->endpoint->help, transfer->size - bytes,
                          joint->own_done - joint->begun);
    if (bytes != 0 && mca_btl_segmsg.row_ticks != 0) {
        uint64_t now = segmsg_clock_ticks();
        segmsg_help_note(&transfer->endpoint->help, bytes, now - joint->own_done, now,
                         mca_btl_segmsg.row_ticks);
    }
    /* Relaxed, all of them: hints, which may be lost, and statistics. */
    _Atomic uint64_t *unhelped = &transfer->endpoint->unhelped;
    uint64_t so_far = atomic_load_explicit(unhelped, memory_order_relaxed);
    if (bytes == 0) {
        so_far += transfer->size;
    } else {
        so_far -= transfer->size < so_far ? transfer->size : so_far;
        atomic_fetch_add_explicit(&helped_bytes, bytes, memory_order_relaxed);
    }
    uint64_t most = (uint64_t) mca_btl_segmsg.config.joint_patience;
    atomic_store_explicit(unhelped, so_far < most ? so_far : most, memory_order_relaxed);
}

static bool is_waiting(int index)
{
    /* Acquire: what the thread that started it has written. */
    return (atomic_load_explicit(&joints_waiting, memory_order_acquire) >> index & 1) != 0;
}

static segmsg_joint_state_t state_of(int index)
{
    const joint_t *joint = &joints[index];
    segmsg_joint_t *record = own_record(index);
    return segmsg_joint_state(record, segmsg_joint_units(&joint->cut) - joint->own);
}

/* Ends a transfer that nobody else touches any more. */
static void finish(int index)
{
    const joint_t joint = joints[index];
    const mca_btl_segmsg_transfer_t *transfer = &joint.transfer;
    segmsg_joint_t *record = own_record(index);
    uint32_t others = segmsg_joint_units(&joint.cut) - joint.own;
    uint64_t offset = joint.own * joint.cut.unit_bytes;
    bool undone = !joint.by_units && state_of(index) == SEGMSG_JOINT_UNDONE;
    segmsg_joint_describe(record, &(segmsg_joint_cut_t){0}, 0, false);
    give_record(index);
    if (joint.by_units) {
        segmsg_choice_note_message(&transfer->endpoint->choice,
                                   !joint.is_slow && !joint.taken_over);
    } else {
        note_help(&joint, others == 0 || undone ? 0 : transfer->size - offset);
    }
    bool copied = joint.copied;
    if (OPAL_UNLIKELY(copied && undone)) {
        copied = copy_piece(transfer->endpoint, transfer->is_put, transfer->local, transfer->remote,
                            offset, transfer->size - offset);
    }
    if (OPAL_LIKELY(copied)) {
        mca_btl_segmsg_transfer_done(transfer, OPAL_SUCCESS);
    } else if (mca_btl_segmsg_transfer_by_messages(transfer) != OPAL_SUCCESS) {
        mca_btl_segmsg_transfer_done(transfer, OPAL_ERR_OUT_OF_RESOURCE);
    }
}

/*
 * Waits a moment for the partner, which is copying its last piece as a rule. Whoever computes and tests
 * now and then would else learn of the end at its next test, and its partner with it. The processor is not
 * given up: where others want it, it would come back a time slice later. What takes longer than a moment
 * is waited for in progress.
 */
static segmsg_joint_state_t await_partner(int index)
{
    enum { LOOKS = 1000, MOMENT = 100 /* times 1000 ns */ };
    uint64_t row = mca_btl_segmsg.row_ticks;
    uint64_t begin = segmsg_clock_ticks();
    for (unsigned looks = 0;; ++looks) {
        segmsg_joint_state_t state = state_of(index);
        bool is_over = row == 0 ? looks == LOOKS : segmsg_clock_ticks() - begin > MOMENT * row;
        if (state != SEGMSG_JOINT_AWAITED || is_over) {
            return state;
        }
        segmsg_clock_relax();
    }
}

/* Units that are as long as messages of a stream may be, or somewhat shorter so that all are alike. */
static segmsg_joint_cut_t cut_for_units(uint64_t bytes)
{
    uint64_t count = (bytes - 1) / mca_btl_segmsg.config.stream_piece + 1;
    uint64_t unit = ((bytes - 1) / count / SEGMSG_LINE + 1) * SEGMSG_LINE;
    return (segmsg_joint_cut_t){.bytes = bytes, .unit_bytes = unit};
}

/* From now on the transfer belongs to whoever polls. */
static void start_waiting(int index)
{
    add_work(1);
    /* Release: what the thread that polls will need. */
    atomic_fetch_or_explicit(&joints_waiting, UINT64_C(1) << index, memory_order_release);
}

/* Asks the partner to send what it claims. */
static void ask_for_units(int index)
{
    /* It may be over, and the record another transfer's, as soon as it is waited for. */
    const joint_t joint = joints[index];
    /* Relaxed: a hint. */
    atomic_fetch_add_explicit(&mca_btl_segmsg.under_way, 1, memory_order_relaxed);
    start_waiting(index);
    mca_btl_segmsg_watch();
    if (OPAL_UNLIKELY(!ask_for_help(&joint, index))) {
        /* Relaxed: a hint; the transfer is not waited for any longer, if it is still the same. */
        atomic_store_explicit(&joints_unasked[index], joint.generation, memory_order_relaxed);
    }
}

bool mca_btl_segmsg_joint_start(const mca_btl_segmsg_transfer_t *transfer)
{
    const mca_btl_segmsg_config_t *config = &mca_btl_segmsg.config;
    bool by_units = prefers_units(transfer);
    bool is_long = config->joint_from != 0 && transfer->size >= config->joint_from;
    if (!by_units && !is_long) {
        return false;
    }
    /* Relaxed: a hint. */
    atomic_fetch_add_explicit(&mca_btl_segmsg.own_transfers, 1, memory_order_relaxed);
    bool asks = by_units || may_ask(transfer->endpoint, transfer->size);
    int index = asks ? take_record() : -1;
    if (OPAL_UNLIKELY(index < 0)) {
        return false;
    }
    uint64_t begun = segmsg_clock_ticks();
    joint_t *joint = &joints[index];
    segmsg_joint_t *record = own_record(index);
    /* Relaxed: a number that differs from those before. */
    uint32_t generation = atomic_fetch_add_explicit(&generations, 1, memory_order_relaxed);
    *joint = (joint_t){.transfer = *transfer,
                       .cut = by_units ? cut_for_units(transfer->size)
                                       : segmsg_joint_cut(transfer->size, config->joint_unit),
                       .copied = true,
                       .by_units = by_units,
                       .generation = generation,
                       .begun = begun,
                       .heard = begun};
    segmsg_joint_describe(record, &joint->cut, transfer->endpoint->peer.name, transfer->is_put);
    segmsg_joint_start(record, generation, segmsg_joint_units(&joint->cut));
    atomic_fetch_add_explicit(&joint_transfers, 1, memory_order_relaxed);
    if (by_units) {
        ask_for_units(index);
        return true;
    }
    (void) ask_for_help(joint, index);
    copy_own(joint, record);
    joint->own_done = segmsg_clock_ticks();
    if (await_partner(index) != SEGMSG_JOINT_AWAITED) {
        mca_btl_segmsg_has_copied(transfer, begun);
        finish(index);
    } else {
        joint->looked_at = segmsg_clock_ticks();
        start_waiting(index);
    }
    return true;
}

/* True if the partner, of which we wait for something, is no more; looked at now and then. */
static bool partner_is_gone(joint_t *joint)
{
    uint64_t now = segmsg_clock_ticks();
    if (now - joint->looked_at < mca_btl_segmsg.alive_ticks) {
        return false;
    }
    joint->looked_at = now;
    if (OPAL_UNLIKELY(!segmsg_joint_is_sound(own_record((int) (joint - joints)), joint->generation,
                                             segmsg_joint_units(&joint->cut), joint->own))) {
        mca_btl_segmsg_fail(joint->transfer.endpoint, SEGMSG_ERR_CORRUPT);
    }
    return !mca_btl_segmsg_copy_is_alive(joint->transfer.endpoint);
}

static void stop_waiting(int index)
{
    /* Relaxed: only who polls clears it, and gives the record back afterwards. */
    atomic_fetch_and_explicit(&joints_waiting, ~(UINT64_C(1) << index), memory_order_relaxed);
    add_work(-1);
    if (joints[index].by_units) {
        atomic_fetch_sub_explicit(&mca_btl_segmsg.under_way, 1, memory_order_relaxed);
    }
}

/* Nobody waits for the partner any more. What it has claimed will not come, or nobody knows when: the
 * record is not used again. */
static void give_up(int index)
{
    stop_waiting(index);
    mca_btl_segmsg_transfer_done(&joints[index].transfer, OPAL_ERR_UNREACH);
}

static void end(int index)
{
    stop_waiting(index);
    finish(index);
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return (int64_t) (a - b) > 0 ? a : b;
}

/* When something came from the partner last, or could have: while this process copies it hears nothing. */
static uint64_t silent_since(const joint_t *joint)
{
    return later(later(joint->begun, joint->transfer.endpoint->heard), mca_btl_segmsg.took);
}

/*
 * True if the partner should have sent something by now: it has not seen the request, since it computes,
 * or has no core. While this process copies something it hears nothing, but not for ever. And if it does
 * not wait but looks in now and then, the transfer is not to wait for that.
 */
static bool is_late(int index, bool waits, uint64_t now)
{
    enum { MOST = 1000 /* times as long */ };
    const joint_t *joint = &joints[index];
    uint64_t patience = mca_btl_segmsg.config.units_patience * mca_btl_segmsg.row_ticks;
    /* Relaxed: a hint. */
    if (atomic_load_explicit(&joints_unasked[index], memory_order_relaxed) == joint->generation) {
        return true;
    }
    if (!waits) {
        return now - joint->begun > patience;
    }
    return now - silent_since(joint) > patience || now - joint->heard > MOST * patience;
}

/* Copies what the partner has not claimed. */
static void take_over(int index)
{
    joint_t *joint = &joints[index];
    joint->taken_over = true;
    copy_own(joint, own_record(index));
    joint->taken_at = segmsg_clock_ticks();
    joint->looked_at = joint->taken_at;
    mca_btl_segmsg_took(joint->taken_at);
}

/*
 * Copies what the partner has claimed and not sent, if that is due: it lost its core in between, as a rule.
 * It does not write to this process's memory, so what it sends when it is back is of no use and no harm:
 * the record has another generation by then.
 */
static void copy_claimed(int index)
{
    joint_t *joint = &joints[index];
    const mca_btl_segmsg_transfer_t *transfer = &joint->transfer;
    uint64_t patience = mca_btl_segmsg.config.units_patience * mca_btl_segmsg.row_ticks;
    uint32_t missing = segmsg_joint_units(&joint->cut) - joint->own - joint->arrived;
    if (missing == 0 || joint->is_mixed || !joint->copied
        || segmsg_clock_ticks() - later(joint->taken_at, joint->heard) <= patience) {
        return;
    }
    segmsg_joint_piece_t piece = segmsg_joint_piece(&joint->cut, joint->own, missing);
    if (copy_piece(transfer->endpoint, transfer->is_put, transfer->local, transfer->remote,
                   piece.offset, piece.bytes)) {
        joint->own += missing;
    } else {
        joint->is_mixed = true; /* what was claimed is waited for */
    }
    mca_btl_segmsg_took(segmsg_clock_ticks());
}

/* Goes on with a transfer whose units come in messages: ends it, if it is done. *late counts those that
 * are taken over: one at a time, since others may have arrived meanwhile. */
static bool end_if_arrived(int index, bool waits, unsigned *late)
{
    joint_t *joint = &joints[index];
    if (!joint->taken_over && *late == 0 && is_late(index, waits, segmsg_clock_ticks())) {
        take_over(index);
        ++*late;
    } else if (joint->taken_over) {
        copy_claimed(index);
    }
    if (joint->own + joint->arrived == segmsg_joint_units(&joint->cut)) {
        end(index);
        return true;
    }
    if (joint->taken_over && OPAL_UNLIKELY(partner_is_gone(joint))) {
        give_up(index);
        return true;
    }
    return false;
}

/* True if the kernel would have copied much of a transfer in so many ticks. */
static bool is_slow(const joint_t *joint, uint64_t ticks)
{
    enum { AT_LEAST = 4 /* times 1000 ns */ };
    return ticks > AT_LEAST * mca_btl_segmsg.row_ticks
           && ticks > segmsg_choice_copy_ticks(&joint->transfer.endpoint->choice, joint->cut.bytes)
                          / 2;
}

/* What else there was while units of a transfer came, so far. */
static segmsg_traffic_t traffic_of(joint_t *joint)
{
    /* Relaxed: a hint. */
    uint64_t waiting = atomic_load_explicit(&joints_waiting, memory_order_relaxed);
    joint->has_others = joint->has_others || (waiting & (waiting - 1)) != 0;
    return !joint->has_others ? SEGMSG_TRAFFIC_ALONE
           : (int64_t) (joint->transfer.endpoint->unit_sent - joint->begun) > 0
               ? SEGMSG_TRAFFIC_BOTH_WAYS
               : SEGMSG_TRAFFIC_STREAM;
}

void mca_btl_segmsg_joint_came(mca_btl_segmsg_endpoint_t *endpoint,
                               const mca_btl_segmsg_rdma_header_t *header, const void *data)
{
    uint32_t index = header->operation;
    if (index >= SEGMSG_JOINTS) {
        mca_btl_segmsg_fail(endpoint, SEGMSG_ERR_CORRUPT);
    }
    joint_t *joint = &joints[index];
    if (!is_waiting((int) index) || !joint->by_units || joint->generation != header->generation) {
        return; /* given up meanwhile */
    }
    uint32_t units = segmsg_joint_units(&joint->cut);
    uint64_t unit = header->address / joint->cut.unit_bytes;
    if (joint->transfer.endpoint != endpoint || unit >= units
        || header->address % joint->cut.unit_bytes != 0
        || header->size != segmsg_joint_piece(&joint->cut, (uint32_t) unit, 1).bytes
        || unit < joint->own || joint->own + joint->arrived == units) {
        mca_btl_segmsg_fail(endpoint, SEGMSG_ERR_CORRUPT);
    }
    uint64_t begun = segmsg_clock_ticks();
    if (joint->arrived == 0) {
        joint->is_slow = is_slow(joint, begun - silent_since(joint));
    }
    joint->is_mixed = joint->is_mixed || unit != units - 1 - joint->arrived;
    segmsg_copy_long((char *) joint->transfer.local + header->address, data, header->size);
    uint64_t now = segmsg_clock_ticks();
    mca_btl_segmsg_took(now);
    endpoint->heard = now;
    joint->heard = now;
    segmsg_traffic_t traffic = traffic_of(joint);
    segmsg_choice_note_unit(&endpoint->choice, header->size, now - begun, traffic);
    atomic_fetch_add_explicit(&unit_bytes, header->size, memory_order_relaxed);
    if (joint->own + ++joint->arrived == units) {
        if (traffic == SEGMSG_TRAFFIC_ALONE && joint->own == 0 && !joint->is_slow) {
            segmsg_choice_note_whole(&endpoint->choice, joint->cut.bytes, now - joint->begun);
        }
        end((int) index);
    }
}

/* Ends a transfer if the partner has reported, or is dead. */
static bool end_if_done(int index, bool waits, unsigned *late)
{
    if (!is_waiting(index)) {
        return false; /* ended meanwhile, in a callback that called progress */
    }
    if (joints[index].by_units) {
        return end_if_arrived(index, waits, late);
    }
    if (OPAL_UNLIKELY(state_of(index) == SEGMSG_JOINT_AWAITED)) {
        if (!partner_is_gone(&joints[index])) {
            return false;
        }
        if (state_of(index) == SEGMSG_JOINT_AWAITED) { /* it did not report before it died */
            give_up(index);
            return true;
        }
    }
    end(index);
    return true;
}

static void drop_help(void)
{
    add_work(-1);
    help_first = (help_first + 1) % HELPS_MAX;
    --help_count;
}

/* The record of a transfer with which somebody wants help. */
static segmsg_joint_t *record_of(const help_t *help)
{
    return segmsg_export_joint(&help->endpoint->shm.export, help->header.operation);
}

static bool owner_has_left(const help_t *help)
{
    return help->endpoint == NULL || help->endpoint->retired;
}

/* True if nothing is left of a transfer with which somebody wanted help. */
static bool is_claimed(const help_t *help)
{
    return owner_has_left(help)
           || segmsg_joint_is_claimed(record_of(help), help->header.generation);
}

/* Takes the first request to the end of the queue. */
static void postpone_help(void)
{
    helps[(help_first + help_count) % HELPS_MAX] = helps[help_first];
    help_first = (help_first + 1) % HELPS_MAX;
}

/* Drops the requests of transfers of which nothing is left: this process did not come to help. */
static void drop_claimed(void)
{
    for (unsigned h = help_count; h != 0; --h) {
        if (is_claimed(&helps[help_first])) {
            drop_help();
        } else {
            postpone_help();
        }
    }
}

void mca_btl_segmsg_joint_asked(mca_btl_segmsg_endpoint_t *endpoint,
                                const mca_btl_segmsg_rdma_header_t *header)
{
    const segmsg_joint_cut_t cut = {.bytes = header->size, .unit_bytes = header->operand[1]};
    bool by_units = header->operand[0] == 0;
    if (header->operation >= SEGMSG_JOINTS || cut.bytes == 0 || cut.unit_bytes == 0
        || (cut.bytes - 1) / cut.unit_bytes >= SEGMSG_JOINT_UNITS_MAX
        || (by_units && (header->is_put || cut.unit_bytes > MCA_BTL_SEGMSG_PIECE_MAX))
        || endpoint->link != NULL) {
        mca_btl_segmsg_fail(endpoint, SEGMSG_ERR_CORRUPT);
    }
    if (help_count == HELPS_MAX) {
        drop_claimed();
    }
    if (help_count < HELPS_MAX && (by_units || endpoint->single_copy)) {
        helps[(help_first + help_count) % HELPS_MAX] = (help_t){.endpoint = endpoint,
                                                                .header = *header,
                                                                .cut = cut,
                                                                .by_units = by_units,
                                                                .asked_at = segmsg_clock_ticks()};
        ++help_count;
        add_work(1);
    }
}

/* True if the owner of a transfer is no more, and its process number perhaps another process's. */
static bool owner_is_gone(help_t *help)
{
    uint64_t now = segmsg_clock_ticks();
    if (owner_has_left(help)) {
        return true;
    }
    if (now - help->asked_at < mca_btl_segmsg.alive_ticks) {
        return false;
    }
    help->asked_at = now;
    return !mca_btl_segmsg_copy_is_alive(help->endpoint);
}

/* What became of an attempt to help. */
typedef enum { HELP_GIVEN, HELP_NO_ROOM, HELP_OVER } help_outcome_t;

/* Copies a piece; no more, since whoever calls MPI_Test between computations is not to lose time. */
static help_outcome_t copy_for(help_t *help, segmsg_joint_t *record)
{
    const mca_btl_segmsg_rdma_header_t *header = &help->header;
    uint64_t most = mca_btl_segmsg.config.joint_help / help->cut.unit_bytes;
    segmsg_joint_piece_t piece =
        segmsg_joint_claim(record, header->generation, &help->cut, most == 0 ? 1 : (uint32_t) most,
                           SEGMSG_JOINT_BACK);
    if (piece.units == 0) {
        return HELP_OVER;
    }
    bool copied = copy_piece(help->endpoint, !header->is_put, (void *) (uintptr_t) header->address,
                             header->operand[0], piece.offset, piece.bytes);
    segmsg_joint_report(record, piece.units, copied);
    return OPAL_LIKELY(copied) ? HELP_GIVEN : HELP_OVER;
}

/* Claims a unit and writes it to `to`, as a message. Returns its length in bytes; 0: nothing is left. */
static size_t write_unit(const help_t *help, segmsg_joint_t *record, void *to)
{
    const mca_btl_segmsg_rdma_header_t *asked = &help->header;
    segmsg_joint_piece_t piece =
        segmsg_joint_claim(record, asked->generation, &help->cut, 1, SEGMSG_JOINT_BACK);
    if (piece.units == 0) {
        return 0;
    }
    const mca_btl_segmsg_rdma_header_t header = {
        .kind = SEGMSG_RDMA_UNIT,
        .operation = asked->operation,
        .generation = asked->generation,
        .address = piece.offset,
        .size = piece.bytes,
    };
    uint64_t begun = segmsg_clock_ticks();
    mca_btl_segmsg_rdma_write(to, &header, (const char *) (uintptr_t) asked->address + piece.offset,
                              (size_t) piece.bytes);
    uint64_t now = segmsg_clock_ticks();
    segmsg_choice_note_in(&help->endpoint->choice, piece.bytes, now - begun);
    help->endpoint->unit_sent = now;
    return mca_btl_segmsg_rdma_length((size_t) piece.bytes);
}

/* Longest message with a unit, in bytes. */
static size_t longest_unit(const help_t *help)
{
    const segmsg_joint_cut_t *cut = &help->cut;
    return mca_btl_segmsg_rdma_length(
        (size_t) (cut->bytes < cut->unit_bytes ? cut->bytes : cut->unit_bytes));
}

/* Sends a unit through a group 0 of this process's own, under the lock. Whatever there must be room for
 * is had before the unit is claimed: the owner then waits for it, and this process may turn to something
 * else. */
static help_outcome_t send_through_ring(const help_t *help, segmsg_joint_t *record)
{
    segmsg_sender_t *sender = &help->endpoint->sender;
    segmsg_place_t place;
    segmsg_error_t error = segmsg_sender_take_lasting(sender, longest_unit(help), &place);
    if (error != SEGMSG_OK) {
        return error == SEGMSG_ERR_TOO_LARGE ? HELP_OVER : HELP_NO_ROOM;
    }
    if (!segmsg_ring_has_room(&sender->ring, 1)) {
        segmsg_sender_give_back(sender, &place);
        return HELP_NO_ROOM;
    }
    size_t length = write_unit(help, record, place.data);
    if (length == 0) {
        segmsg_sender_give_back(sender, &place);
        return HELP_OVER;
    }
    (void) segmsg_sender_publish(sender, &place, MCA_BTL_SEGMSG_TAG, (uint32_t) length);
    return HELP_GIVEN;
}

/* The same in a fragment, which may wait until it can be announced: where all share a group 0. */
static help_outcome_t send_fragment(const help_t *help, segmsg_joint_t *record)
{
    mca_btl_segmsg_endpoint_t *endpoint = help->endpoint;
    mca_btl_base_descriptor_t *descriptor =
        mca_btl_segmsg_alloc_place(endpoint, MCA_BTL_NO_ORDER, longest_unit(help),
                                   MCA_BTL_DES_FLAGS_BTL_OWNERSHIP);
    if (descriptor == NULL) {
        return HELP_NO_ROOM;
    }
    mca_btl_base_segment_t *segment = &descriptor->des_segments[0];
    size_t length = write_unit(help, record, segment->seg_addr.pval);
    if (length == 0) {
        (void) mca_btl_segmsg_free(endpoint->btl, descriptor);
        return HELP_OVER;
    }
    segment->seg_len = length;
    (void) mca_btl_segmsg_send(endpoint->btl, endpoint, descriptor, MCA_BTL_SEGMSG_TAG);
    return HELP_GIVEN;
}

static help_outcome_t send_unit(const help_t *help, segmsg_joint_t *record)
{
    mca_btl_segmsg_endpoint_t *endpoint = help->endpoint;
    help_outcome_t outcome = HELP_NO_ROOM;
    OPAL_THREAD_LOCK(&endpoint->lock);
    bool may_send = !endpoint->retired && opal_list_is_empty(&endpoint->pending);
    bool has_ring = endpoint->sender.ring.line != NULL;
    if (may_send && has_ring) {
        outcome = send_through_ring(help, record);
    }
    OPAL_THREAD_UNLOCK(&endpoint->lock);
    return may_send && !has_ring ? send_fragment(help, record) : outcome;
}

/* Sends as many units as go out at a time. */
static help_outcome_t send_units(const help_t *help, segmsg_joint_t *record)
{
    for (unsigned sent = 0; sent < mca_btl_segmsg.config.stream_burst; ++sent) {
        help_outcome_t outcome = send_unit(help, record);
        if (outcome != HELP_GIVEN) {
            return sent != 0 ? HELP_GIVEN : outcome;
        }
    }
    return HELP_GIVEN;
}

/* Does something for somebody who asked, if that can be done now. */
static help_outcome_t help_with(help_t *help, bool has_own)
{
    if (owner_is_gone(help) || is_claimed(help)) {
        return HELP_OVER;
    }
    if (help->by_units) {
        return send_units(help, record_of(help));
    }
    return has_own ? HELP_NO_ROOM : copy_for(help, record_of(help));
}

/* Helps the first of those who asked that can be helped now; false if there is none. */
static bool help_once(bool has_own)
{
    for (unsigned tries = help_count; tries != 0 && help_count != 0; --tries) {
        switch (help_with(&helps[help_first], has_own)) {
        case HELP_GIVEN:
            return true;
        case HELP_NO_ROOM:
            postpone_help();
            break;
        case HELP_OVER:
            drop_help();
            break;
        }
    }
    return false;
}

int mca_btl_segmsg_joint_progress(bool waits, bool has_own)
{
    int count = 0;
    unsigned late = 0;
    /* First, since the other one may be about to do what it waits for itself. */
    waits = waits || mca_btl_segmsg.config.units_always;
    if (waits && help_once(has_own)) {
        mca_btl_segmsg_took(segmsg_clock_ticks());
        ++count;
    }
    /* Relaxed: a hint; each is looked at again. */
    uint64_t waiting = atomic_load_explicit(&joints_waiting, memory_order_relaxed);
    for (; waiting != 0; waiting &= waiting - 1) {
        count += end_if_done(__builtin_ctzll(waiting), waits, &late);
    }
    return count;
}

void mca_btl_segmsg_joint_forget(const mca_btl_segmsg_endpoint_t *endpoint)
{
    for (unsigned h = 0; h < help_count; ++h) {
        help_t *help = &helps[(help_first + h) % HELPS_MAX];
        if (help->endpoint == endpoint) {
            help->endpoint = NULL;
        }
    }
    for (int index = 0; index < SEGMSG_JOINTS; ++index) {
        if (is_waiting(index) && joints[index].transfer.endpoint == endpoint) {
            give_up(index);
        }
    }
}
