/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Control messages: those that go, and the receives for those that come.
 */
#ifndef SEGMSG_OFI_CONTROL_H
#define SEGMSG_OFI_CONTROL_H

#include "fabric/ofi_interface.h"

#if SEGMSG_HAVE_OFI

enum {
    SEGMSG_OFI_RECEIVES = 128, /* control messages that may come between two polls */
    SEGMSG_OFI_SENDS = 64      /* control messages on their way that could not be injected */
};

struct segmsg_ofi_slot_t {
    segmsg_ofi_operation_t operation;
    segmsg_ofi_t *ofi;
    segmsg_ofi_slot_t *next; /* in ofi->slots.sends */
    _Alignas(64) unsigned char message[SEGMSG_OFI_CONTROL_BYTES];
};

/* Posts receives, and makes room for what goes. 0 or an error. */
int segmsg_ofi_make_slots(segmsg_ofi_t *ofi);

/* Sends a control message of SEGMSG_OFI_CONTROL_BYTES. 0, -FI_EAGAIN (later) or an error. */
int segmsg_ofi_tell(segmsg_ofi_t *ofi, fi_addr_t to, const void *message);

/* The message in a slot that has come; and it was read. */
const void *segmsg_ofi_slot_message(const segmsg_ofi_slot_t *slot);
void segmsg_ofi_heard(segmsg_ofi_t *ofi, segmsg_ofi_slot_t *slot);

/* Posts what could not be posted at once. */
void segmsg_ofi_post_again(segmsg_ofi_t *ofi);

static inline bool segmsg_ofi_is_receive(const segmsg_ofi_t *ofi, const void *context)
{
    const segmsg_ofi_slot_t *slot = context;
    return slot >= ofi->slots.all && slot < ofi->slots.all + SEGMSG_OFI_RECEIVES;
}

#endif /* SEGMSG_HAVE_OFI */
#endif
