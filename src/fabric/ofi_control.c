/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "fabric/ofi_control.h"

#include "fabric/ofi_memory.h"

#if SEGMSG_HAVE_OFI

#include <rdma/fi_errno.h>

#include <stdlib.h>
#include <string.h>

static int post_receive(segmsg_ofi_t *ofi, segmsg_ofi_slot_t *slot)
{
    return (int) fi_recv(ofi->ep, slot->message, sizeof(slot->message),
                         ofi->slots.region.descriptor, FI_ADDR_UNSPEC, &slot->operation.context);
}

int segmsg_ofi_make_slots(segmsg_ofi_t *ofi)
{
    size_t bytes = (SEGMSG_OFI_RECEIVES + SEGMSG_OFI_SENDS) * sizeof(segmsg_ofi_slot_t);
    ofi->slots.all = aligned_alloc(_Alignof(segmsg_ofi_slot_t), bytes);
    if (ofi->slots.all == NULL) {
        return -FI_ENOMEM;
    }
    memset(ofi->slots.all, 0, bytes);
    int rc = segmsg_ofi_register(ofi, ofi->slots.all, bytes, FI_SEND | FI_RECV, &ofi->slots.region);
    for (unsigned i = 0; rc == 0 && i < SEGMSG_OFI_RECEIVES + SEGMSG_OFI_SENDS; ++i) {
        segmsg_ofi_slot_t *slot = &ofi->slots.all[i];
        slot->ofi = ofi;
        if (i < SEGMSG_OFI_RECEIVES) {
            rc = post_receive(ofi, slot);
        } else {
            slot->next = ofi->slots.sends;
            ofi->slots.sends = slot;
        }
    }
    return rc;
}

static void told(segmsg_ofi_operation_t *operation, int error)
{
    segmsg_ofi_slot_t *slot = (segmsg_ofi_slot_t *) (void *) operation;
    segmsg_ofi_t *ofi = slot->ofi;
    slot->next = ofi->slots.sends;
    ofi->slots.sends = slot;
    if (error != 0) {
        ofi->failure = error;
    }
}

int segmsg_ofi_tell(segmsg_ofi_t *ofi, fi_addr_t to, const void *message)
{
    ssize_t rc;
    if (ofi->inject >= SEGMSG_OFI_CONTROL_BYTES) {
        rc = fi_inject(ofi->ep, message, SEGMSG_OFI_CONTROL_BYTES, to);
    } else {
        segmsg_ofi_slot_t *slot = ofi->slots.sends;
        if (slot == NULL) {
            return -FI_EAGAIN;
        }
        ofi->slots.sends = slot->next;
        memcpy(slot->message, message, sizeof(slot->message));
        slot->operation.done = told;
        const struct iovec iov = {.iov_base = slot->message, .iov_len = sizeof(slot->message)};
        void *descriptor = ofi->slots.region.descriptor;
        const struct fi_msg msg = {.msg_iov = &iov,
                                   .desc = &descriptor,
                                   .iov_count = 1,
                                   .addr = to,
                                   .context = &slot->operation.context};
        rc = fi_sendmsg(ofi->ep, &msg, FI_COMPLETION);
        if (rc != 0) {
            slot->next = ofi->slots.sends;
            ofi->slots.sends = slot;
        }
    }
    ofi->counts.tells += rc == 0;
    return (int) rc;
}

const void *segmsg_ofi_slot_message(const segmsg_ofi_slot_t *slot)
{
    return slot->message;
}

void segmsg_ofi_heard(segmsg_ofi_t *ofi, segmsg_ofi_slot_t *slot)
{
    if (post_receive(ofi, slot) != 0) {
        slot->next = ofi->slots.unposted;
        ofi->slots.unposted = slot;
    }
}

void segmsg_ofi_post_again(segmsg_ofi_t *ofi)
{
    while (ofi->slots.unposted != NULL && post_receive(ofi, ofi->slots.unposted) == 0) {
        ofi->slots.unposted = ofi->slots.unposted->next;
    }
}

#endif /* SEGMSG_HAVE_OFI */
