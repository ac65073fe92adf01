/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "fabric/ofi_poll.h"

#include "fabric/ofi_control.h"

#if SEGMSG_HAVE_OFI

#include <rdma/fi_errno.h>

static segmsg_ofi_operation_t *operation_of(void *context)
{
    return (segmsg_ofi_operation_t *) context; /* its first member */
}

/* A receive has come to an end that no process of the job brings about: it is posted again. */
static void refuse(segmsg_ofi_t *ofi, segmsg_ofi_slot_t *slot)
{
    ++ofi->counts.strange;
    segmsg_ofi_heard(ofi, slot);
}

bool segmsg_ofi_is_ours(const segmsg_ofi_t *ofi, uint64_t flags)
{
    static const uint64_t OTHERS = FI_RECV | FI_REMOTE_READ | FI_REMOTE_WRITE;
    return (flags & OTHERS) == 0 && (flags != 0 || !ofi->names_failures);
}

/*
 * An operation has failed. Those that somebody keeps are told so. What fails of a receive is due to
 * whoever has sent, and it is posted again; if it was cancelled, the sender has ended in the midst of a
 * message, as a peer may. Of all others of ours it is noted.
 */
static void read_error(segmsg_ofi_t *ofi)
{
    struct fi_cq_err_entry entry = {0};
    if (fi_cq_readerr(ofi->cq, &entry, 0) <= 0) {
        return;
    }
    int error = entry.err > 0 ? -entry.err : -FI_EIO;
    if (entry.op_context == NULL) {
        bool is_ours = segmsg_ofi_is_ours(ofi, entry.flags);
        ofi->counts.unnamed += !is_ours;
        ofi->failure = is_ours ? error : ofi->failure;
    } else if (segmsg_ofi_is_receive(ofi, entry.op_context)) {
        if (entry.err == FI_ECANCELED) {
            ++ofi->counts.unnamed;
            segmsg_ofi_heard(ofi, entry.op_context);
        } else {
            refuse(ofi, entry.op_context);
        }
    } else if (operation_of(entry.op_context)->done != NULL) {
        operation_of(entry.op_context)->done(operation_of(entry.op_context), error);
    } else {
        ofi->failure = error;
    }
}

/* True if a completion is that of a message, whatever else it says: the flags may hold what the sender
 * wanted to be there, but not lack what belongs to a receive. */
static bool is_message(const segmsg_ofi_t *ofi, const struct fi_cq_data_entry *entry)
{
    return entry->op_context != NULL && segmsg_ofi_is_receive(ofi, entry->op_context)
           && ((ofi->info->mode & FI_RX_CQ_DATA) == 0 || (entry->flags & (FI_MSG | FI_RECV)) != 0);
}

static void add_message(segmsg_ofi_t *ofi, const struct fi_cq_data_entry *entry)
{
    if (entry->len != SEGMSG_OFI_CONTROL_BYTES || (entry->flags & FI_REMOTE_CQ_DATA) != 0) {
        refuse(ofi, entry->op_context);
        return;
    }
    ofi->events.event[ofi->events.count++] =
        (segmsg_ofi_event_t){.kind = SEGMSG_OFI_TOLD, .slot = entry->op_context};
}

static void add_arrival(segmsg_ofi_t *ofi, const struct fi_cq_data_entry *entry)
{
    ofi->events.event[ofi->events.count++] =
        (segmsg_ofi_event_t){.kind = SEGMSG_OFI_ARRIVED,
                             .data = ofi->has_tokens ? entry->data : (uint32_t) entry->data};
    if ((ofi->info->mode & FI_RX_CQ_DATA) != 0 && entry->op_context != NULL
        && segmsg_ofi_is_receive(ofi, entry->op_context)) {
        segmsg_ofi_heard(ofi, entry->op_context); /* the write has used it up */
    }
}

/* For tests: the events that have just been read change places. */
static void shuffle(segmsg_ofi_t *ofi)
{
    for (unsigned i = 0, j = ofi->events.count - 1; i < j; ++i, --j) {
        segmsg_ofi_event_t event = ofi->events.event[i];
        ofi->events.event[i] = ofi->events.event[j];
        ofi->events.event[j] = event;
    }
}

int segmsg_ofi_poll(segmsg_ofi_t *ofi)
{
    if (ofi->events.at != ofi->events.count) {
        return 0; /* somebody further up has events that come first */
    }
    ofi->events.at = ofi->events.count = 0;
    if (ofi->slots.unposted != NULL) {
        segmsg_ofi_post_again(ofi);
    }
    struct fi_cq_data_entry entry[SEGMSG_OFI_EVENTS];
    ssize_t count = fi_cq_read(ofi->cq, entry, SEGMSG_OFI_EVENTS);
    if (count <= 0) {
        if (count == -FI_EAVAIL) {
            read_error(ofi);
        } else if (count != -FI_EAGAIN && count != 0) {
            ofi->failure = (int) count;
        }
        return 0;
    }
    for (ssize_t i = 0; i < count; ++i) {
        void *context = entry[i].op_context;
        if (is_message(ofi, &entry[i])) {
            add_message(ofi, &entry[i]);
        } else if ((entry[i].flags & FI_REMOTE_CQ_DATA) != 0) {
            add_arrival(ofi, &entry[i]);
        } else if (context != NULL) {
            operation_of(context)->done(operation_of(context), 0);
        }
    }
    if (ofi->pretence.shuffle && ofi->events.count > 1) {
        shuffle(ofi);
    }
    return (int) count;
}

#endif /* SEGMSG_HAVE_OFI */
