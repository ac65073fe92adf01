/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Messages that are sent from the user's memory: where a provider reads whatever memory it is given, to
 * copy a long message into a source segment first would only cost time. Its partitions are taken there
 * all the same, since they stand for those of the target; its headers lie in the first of them. It is
 * one message in contiguous target partitions like any other.
 */
#include "btl/net/btl_segmsg_net_in_place.h"
#include "btl/net/btl_segmsg_net_failure.h"
#include "btl/net/btl_segmsg_net_link.h"
#include "btl/btl_segmsg_busy.h"

#if SEGMSG_HAVE_OFI

#include "base/clock.h"

/* A message under way. */
typedef struct {
    mca_btl_segmsg_in_place_t super;
    segmsg_ofi_operation_t operation;
    mca_btl_segmsg_frag_t *frag;
    mca_btl_segmsg_link_t *link;
    size_t head; /* bytes of the headers */
    int status;
} in_place_t;
static OBJ_CLASS_INSTANCE(in_place_t, opal_list_item_t, NULL, NULL);

static void done(segmsg_ofi_operation_t *operation, int error)
{
    in_place_t *message = (void *) ((char *) operation - offsetof(in_place_t, operation));
    if (error != 0) {
        message->status = OPAL_ERR_UNREACH;
        mca_btl_segmsg_link_failed(message->link, error);
    }
    opal_list_append(&message->link->net->in_place, &message->super.super);
}

/* The bytes from `offset` on, `bytes` of them, of headers and user's memory; how many pieces. */
static size_t pieces(const in_place_t *message, const void *head, size_t offset, size_t bytes,
                     struct iovec iov[2])
{
    size_t count = 0;
    if (offset < message->head) {
        size_t here = message->head - offset < bytes ? message->head - offset : bytes;
        iov[count++] =
            (struct iovec){.iov_base = (char *) (uintptr_t) head + offset, .iov_len = here};
        offset += here;
        bytes -= here;
    }
    if (bytes != 0) {
        const mca_btl_base_segment_t *tail = &message->frag->tail;
        iov[count++] =
            (struct iovec){.iov_base = (char *) tail->seg_addr.pval + (offset - message->head),
                           .iov_len = bytes};
    }
    return count;
}

static bool flush(mca_btl_segmsg_link_t *link)
{
    mca_btl_segmsg_net_t *net = link->net;
    in_place_t *message = (in_place_t *) link->in_place;
    segmsg_write_t write;
    if (link->loss.is_lost || link->loss.has_left || !segmsg_source_write(&link->source, &write)) {
        link->in_place = NULL;
        done(&message->operation, -FI_ENOTCONN);
        return true;
    }
    size_t most = mca_btl_segmsg_link_part(link);
    for (bool is_last = false; !is_last;) {
        size_t left = write.bytes - link->written;
        is_last = left < 2 * most && left <= net->ofi.max_message;
        size_t bytes = is_last ? left : most;
        struct iovec iov[2];
        size_t count = pieces(message, write.local, link->written, bytes, iov);
        uint64_t remote = write.remote + link->written;
        int rc = segmsg_ofi_write_pieces(&net->ofi, link->address, iov, count, bytes, remote,
                                         link->published.key, write.data,
                                         is_last ? &message->operation : NULL, &link->writes);
        if (OPAL_UNLIKELY(rc != 0)) {
            if (rc != -FI_EAGAIN) {
                mca_btl_segmsg_link_failed(link, rc);
            }
            return false;
        }
        link->written += bytes;
    }
    link->written = 0;
    link->answered = false;
    link->in_place = NULL;
    segmsg_source_written(&link->source);
    return true;
}

bool mca_btl_segmsg_link_publish_in_place(mca_btl_segmsg_link_t *link, mca_btl_segmsg_frag_t *frag,
                                          uint32_t length)
{
    mca_btl_segmsg_net_t *net = link->net;
    in_place_t *message = OBJ_NEW(in_place_t);
    if (message == NULL) {
        return false;
    }
    opal_mutex_lock(&net->gate);
    if (!mca_btl_segmsg_link_flush(link)) {
        opal_mutex_unlock(&net->gate);
        /* The analyzer does not know that the last reference frees. */
        OBJ_RELEASE(message); /* NOLINT(clang-analyzer-unix.Malloc) */
        return false;
    }
    mca_btl_segmsg_link_add(link, &frag->place, frag->tag, length);
    message->super.flush = flush;
    message->operation.done = done;
    message->frag = frag;
    message->link = link;
    message->head = SEGMSG_WIRE_HEADER_BYTES + frag->segment.seg_len;
    message->status = OPAL_SUCCESS;
    link->in_place = &message->super;
    bool waits = !flush(link);
    link->stream.published_at = segmsg_clock_ticks();
    opal_mutex_unlock(&net->gate);
    if (OPAL_UNLIKELY(waits)) {
        mca_btl_segmsg_endpoint_set_busy(link->endpoint);
    }
    return true;
}

int mca_btl_segmsg_net_in_place_progress(mca_btl_segmsg_net_t *net,
                                         void (*tell)(mca_btl_segmsg_frag_t *frag, int status))
{
    int count = 0;
    for (;;) {
        opal_mutex_lock(&net->gate);
        in_place_t *message = (in_place_t *) opal_list_remove_first(&net->in_place);
        opal_mutex_unlock(&net->gate);
        if (message == NULL) {
            return count;
        }
        tell(message->frag, message->status);
        OBJ_RELEASE(message);
        ++count;
    }
}

#endif /* SEGMSG_HAVE_OFI */
