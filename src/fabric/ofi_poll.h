/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What has come, and which operations are done.
 */
#ifndef SEGMSG_OFI_POLL_H
#define SEGMSG_OFI_POLL_H

#include "fabric/ofi_interface.h"

#if SEGMSG_HAVE_OFI

/*
 * True if an error that has no context may be that of an operation of this process, going by its flags.
 * Others it does not fail: what was under way from elsewhere, which whoever reaches the port can begin
 * and break off, and what a provider reports without flags where it names what fails of ours.
 */
bool segmsg_ofi_is_ours(const segmsg_ofi_t *ofi, uint64_t flags);

/* Reads completions, calls what belongs to operations that are done, and keeps the other events for
 * segmsg_ofi_next. Returns how many there were; an error is in ofi->failure. */
int segmsg_ofi_poll(segmsg_ofi_t *ofi);

/* The next event; false if there is none. */
static inline bool segmsg_ofi_next(segmsg_ofi_t *ofi, segmsg_ofi_event_t *event)
{
    if (ofi->events.at == ofi->events.count) {
        return false;
    }
    *event = ofi->events.event[ofi->events.at++];
    return true;
}

#endif /* SEGMSG_HAVE_OFI */
#endif
