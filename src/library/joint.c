/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Cooperative copies: the receiver copies a long message out of its sender's memory from the front, and the
 * sender, if it waits, into the receiver's memory from the back (queue/split_work.h).
 *
 * What the sender has claimed it may write until it reports, so the receive is not complete before that,
 * even if the sender was stopped. The receiver does not stand still meanwhile: the transfer becomes one of
 * the things that progress looks at, one at a time for each handle. A sender that died is found out by
 * segmsg_lib_look_for_gone.
 */
#include "library/joint.h"

#include "library/alive.h"
#include "library/broken.h"
#include "library/peer.h"
#include "engine/defaults.h"
#include "copier/cma.h"

#include <time.h>

/* Looks at the record before the transfer is left to progress: some microseconds, in which a helper that
 * has a core copies what it may claim at a time. */
enum { LOOKS = 4000 };

enum {
    UNHELPED_MAX = 8,   /* transfers without help, and one is asked for each */
    UNHELPED_PAUSE = 64 /* transfers without asking afterwards */
};

/* Who helps takes the processor from somebody where there are too few; a sender that did not help for a while
 * does something else; and help that was late lately costs more than it brings. */
bool segmsg_lib_joint_may_begin(const segmsg_t *handle, segmsg_lib_peer_t *peer, uint64_t bytes)
{
    if (handle->waits.is_crowded || handle->waits.contended != 0
        || bytes < SEGMSG_DEFAULT_JOINT_FROM || handle->joint.request != NULL
        || !segmsg_help_is_worth(&peer->help, (uint64_t) segmsg_lib_nanoseconds())) {
        return false;
    }
    if (peer->unhelped >= UNHELPED_MAX && ++peer->unhelped < UNHELPED_MAX + UNHELPED_PAUSE) {
        return false;
    }
    peer->unhelped = peer->unhelped >= UNHELPED_MAX ? UNHELPED_MAX - 1 : peer->unhelped;
    return true;
}

static bool copy_piece(const segmsg_lib_joint_t *joint, uint64_t offset, uint64_t bytes)
{
    const segmsg_request_t *request = joint->request;
    return segmsg_kernel_read((pid_t) request->peer->identity.pid, request->buffer + offset,
                              joint->from + offset, bytes);
}

/* Claims and copies until nothing is left. Returns how many units were copied here. */
static uint32_t copy_own(segmsg_lib_joint_t *joint, const segmsg_joint_cut_t *cut,
                         segmsg_joint_t *record, uint32_t generation)
{
    uint32_t own = 0;
    for (;;) {
        segmsg_joint_piece_t piece =
            segmsg_joint_claim(record, generation, cut, SEGMSG_JOINT_UNITS_MAX, SEGMSG_JOINT_FRONT);
        if (piece.units == 0 || own + piece.units > segmsg_joint_units(cut)) {
            return own;
        }
        own += piece.units;
        joint->copied = joint->copied && copy_piece(joint, piece.offset, piece.bytes);
    }
}

static segmsg_joint_state_t state_of(segmsg_t *handle)
{
    return segmsg_joint_state(segmsg_export_joint(&handle->win.own, 0), handle->joint.others);
}

/* True if the record of the transfer can still be what both have made of it. */
static bool is_sound(segmsg_t *handle)
{
    const segmsg_lib_joint_t *joint = &handle->joint;
    return segmsg_joint_is_sound(segmsg_export_joint(&handle->win.own, 0), handle->joint_generation,
                                 joint->units, joint->units - joint->others);
}

static void note_help(const segmsg_lib_joint_t *joint, segmsg_lib_peer_t *peer, uint64_t bytes)
{
    enum { MICROSECOND = 1000 }; /* the clock counts nanoseconds */
    uint64_t now = (uint64_t) segmsg_lib_nanoseconds();
    segmsg_help_note_rate(&peer->help, joint->own_bytes, joint->own_done - joint->begun);
    if (bytes == 0) {
        ++peer->unhelped;
        return;
    }
    peer->unhelped = 0;
    segmsg_help_note(&peer->help, bytes, now - joint->own_done, now, MICROSECOND);
}

/* Ends the transfer. True if all of it is here. */
static bool finish(segmsg_t *handle, segmsg_joint_state_t state)
{
    segmsg_lib_joint_t joint = handle->joint;
    segmsg_lib_peer_t *peer = joint.request->peer;
    handle->joint.request = NULL;
    segmsg_joint_describe(segmsg_export_joint(&handle->win.own, 0), &(segmsg_joint_cut_t){0}, 0,
                          false);
    uint64_t helped =
        joint.others != 0 && state == SEGMSG_JOINT_DONE ? joint.bytes - joint.own_bytes : 0;
    note_help(&joint, peer, helped);
    handle->statistics.helped_bytes += helped;
    bool has_rest = state == SEGMSG_JOINT_DONE
                    || copy_piece(&joint, joint.own_bytes, joint.bytes - joint.own_bytes);
    return joint.copied && has_rest;
}

segmsg_lib_copied_t segmsg_lib_joint_copy(segmsg_t *handle, segmsg_request_t *request,
                                          const segmsg_lib_long_t *header, uint64_t bytes)
{
    const segmsg_joint_cut_t cut = segmsg_joint_cut(bytes, SEGMSG_DEFAULT_JOINT_UNIT);
    segmsg_joint_t *record = segmsg_export_joint(&handle->win.own, 0);
    segmsg_lib_joint_t *joint = &handle->joint;
    *joint = (segmsg_lib_joint_t){
        .request = request,
        .send = header->send,
        .from = header->address,
        .bytes = bytes,
        .copied = true,
        .begun = (uint64_t) segmsg_lib_nanoseconds(),
    };
    const segmsg_lib_join_t join = {
        .send = header->send,
        .bytes = cut.bytes,
        .unit_bytes = cut.unit_bytes,
        .address = (uint64_t) (uintptr_t) request->buffer,
        .generation = ++handle->joint_generation,
    };
    segmsg_joint_describe(record, &cut, request->peer->identity.name, false);
    segmsg_joint_start(record, join.generation, segmsg_joint_units(&cut));
    (void) segmsg_lib_note_now(request->peer, SEGMSG_LIB_JOIN, &join, sizeof(join));
    uint32_t own = copy_own(joint, &cut, record, join.generation);
    joint->units = segmsg_joint_units(&cut);
    joint->others = joint->units - own;
    joint->own_bytes = joint->others == 0 ? bytes : own * cut.unit_bytes;
    joint->own_done = (uint64_t) segmsg_lib_nanoseconds();
    segmsg_joint_state_t state = SEGMSG_JOINT_DONE;
    for (int look = 0; joint->others != 0 && look < LOOKS; ++look) {
        state = state_of(handle);
        if (state != SEGMSG_JOINT_AWAITED) {
            break;
        }
    }
    if (state == SEGMSG_JOINT_AWAITED) {
        return SEGMSG_LIB_COPY_WAITS;
    }
    return finish(handle, state) ? SEGMSG_LIB_COPY_DONE : SEGMSG_LIB_COPY_FAILED;
}

bool segmsg_lib_joint_is_over(segmsg_t *handle, bool *copied)
{
    segmsg_joint_state_t state = state_of(handle);
    if (state == SEGMSG_JOINT_AWAITED) {
        if (__builtin_expect(!is_sound(handle), 0) && handle->broken == SEGMSG_SUCCESS) {
            segmsg_lib_corrupt(handle, NULL); /* it would be waited for without end */
        }
        return false;
    }
    *copied = finish(handle, state);
    return true;
}

void segmsg_lib_joint_abandon(segmsg_t *handle)
{
    const struct timespec pause = {.tv_nsec = 200000};
    while (handle->joint.request != NULL && state_of(handle) == SEGMSG_JOINT_AWAITED
           && is_sound(handle) && segmsg_lib_is_alive(handle->joint.request->peer)) {
        (void) nanosleep(&pause, NULL);
    }
    handle->joint.request = NULL;
}
