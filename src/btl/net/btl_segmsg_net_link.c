/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * One peer behind a network interface: its source segments, and when what was published there leaves.
 *
 * A message leaves at once. But a write costs a processor microseconds where the kernel carries it, so
 * that a stream of short messages is faster if several leave with one write. Messages are gathered if
 * they come in a row: without a call to progress between them, and each so soon after the last that
 * whoever sends does nothing else. They leave when there are enough, when progress is called, or, should
 * the process turn to something else, when the gatherer has waited long enough for that
 * (btl_segmsg_net_gather.c).
 */
#include "btl/net/btl_segmsg_net_link.h"
#include "btl/net/btl_segmsg_net_failure.h"
#include "btl/net/btl_segmsg_net_gather.h"
#include "btl/btl_segmsg_busy.h"
#include "btl/net/btl_segmsg_net_tell.h"

#if SEGMSG_HAVE_OFI

#include "base/clock.h"

/* Takes note of when places are taken, before anything is copied there. The gate is held. */
static void watch_stream(mca_btl_segmsg_link_t *link)
{
    mca_btl_segmsg_net_t *net = link->net;
    uint64_t now = segmsg_clock_ticks();
    bool is_next = link->stream.progress_seen == net->times.progress
                   && now - link->stream.published_at < net->times.gap_ticks;
    link->stream.streak = is_next ? link->stream.streak + 1 : 0;
    link->stream.progress_seen = net->times.progress;
}

/* True if more messages will follow this one in a moment, as far as one can tell. */
static bool is_streaming(const mca_btl_segmsg_link_t *link)
{
    enum { STREAK = 2 }; /* messages in a row that leave at once */
    return link->stream.streak > STREAK;
}

segmsg_error_t mca_btl_segmsg_link_take(mca_btl_segmsg_link_t *link, size_t length,
                                        segmsg_place_t *place)
{
    if (OPAL_UNLIKELY(link->loss.is_lost || link->loss.has_left)) {
        return SEGMSG_ERR_FULL; /* it waits in the queue, and goes with it */
    }
    opal_mutex_lock(&link->net->gate);
    watch_stream(link);
    segmsg_error_t error = segmsg_source_take(&link->source, length, place);
    if (OPAL_UNLIKELY(error == SEGMSG_ERR_FULL)) {
        mca_btl_segmsg_link_ask(link, true);
    }
    opal_mutex_unlock(&link->net->gate);
    return error;
}

void mca_btl_segmsg_link_give_back(mca_btl_segmsg_link_t *link, const segmsg_place_t *place)
{
    opal_mutex_lock(&link->net->gate);
    segmsg_source_give_back(&link->source, place);
    mca_btl_segmsg_link_release_recalled(link);
    opal_mutex_unlock(&link->net->gate);
}

size_t mca_btl_segmsg_link_sure_capacity(mca_btl_segmsg_link_t *link)
{
    opal_mutex_lock(&link->net->gate);
    size_t capacity = segmsg_source_sure_capacity(&link->source);
    opal_mutex_unlock(&link->net->gate);
    return capacity;
}

bool mca_btl_segmsg_link_sends_in_place(const mca_btl_segmsg_link_t *link, size_t size)
{
    enum { GATHERED = 32 * 1024 }; /* bytes: in a stream, shorter ones are better gathered */
    unsigned from = mca_btl_segmsg.config.hosts.ofi_zero_copy_min;
    return from != 0 && size >= from && link->net->sends_in_place
           && (size >= GATHERED || !is_streaming(link));
}

/*
 * Longest part of a write in bytes. Where the processor carries the bytes, what the peer takes out of
 * the first part goes on while this process puts the second one in; a network interface does that by
 * itself, and in a stream the parts are whole messages.
 */
size_t mca_btl_segmsg_link_part(const mca_btl_segmsg_link_t *link)
{
    const segmsg_ofi_t *ofi = &link->net->ofi;
    size_t most = ofi->max_message;
    unsigned part = mca_btl_segmsg.config.hosts.ofi_write_chunk;
    bool pays = link->answered && ofi->is_cpu_bound && ofi->is_ordered && part != 0;
    return pays && part < most ? part : most;
}

bool mca_btl_segmsg_link_flush(mca_btl_segmsg_link_t *link)
{
    mca_btl_segmsg_net_t *net = link->net;
    segmsg_write_t write;
    if (link->in_place != NULL) {
        return link->in_place->flush(link);
    }
    if (link->loss.is_lost || link->loss.has_left || !segmsg_source_write(&link->source, &write)) {
        return true;
    }
    size_t most = mca_btl_segmsg_link_part(link);
    for (;;) {
        size_t left = write.bytes - link->written;
        /* The last part is the longest, and is the one that says that all of it is there. */
        bool is_last = left < 2 * most && left <= net->ofi.max_message;
        size_t bytes = is_last ? left : most;
        void *descriptor = link->region[write.group].descriptor;
        const char *local = (const char *) write.local + link->written;
        uint64_t remote = write.remote + link->written;
        int rc = is_last ? segmsg_ofi_write(&net->ofi, link->address, local, bytes, descriptor,
                                            remote, link->published.key, write.data, &link->writes)
                         : segmsg_ofi_part(&net->ofi, link->address, local, bytes, descriptor,
                                           remote, link->published.key, &link->writes);
        if (OPAL_UNLIKELY(rc != 0)) {
            if (rc != -FI_EAGAIN) {
                mca_btl_segmsg_link_failed(link, rc);
            }
            return false;
        }
        if (is_last) {
            break;
        }
        link->written += bytes;
    }
    link->written = 0;
    link->answered = false;
    segmsg_source_written(&link->source);
    return true;
}

void mca_btl_segmsg_link_add(mca_btl_segmsg_link_t *link, const segmsg_place_t *place, uint8_t tag,
                             uint32_t length)
{
    segmsg_return_t ride;
    if (!segmsg_inlet_due(&link->net->targets, &link->inlet, false, &ride)) {
        ride = (segmsg_return_t){.group = SEGMSG_WIRE_NO_RETURN};
    }
    segmsg_source_publish(&link->source, place, tag, length, &ride);
}

bool mca_btl_segmsg_link_publish(mca_btl_segmsg_link_t *link, const segmsg_place_t *place,
                                 uint8_t tag, uint32_t length)
{
    mca_btl_segmsg_net_t *net = link->net;
    bool waits = false;
    opal_mutex_lock(&net->gate);
    size_t gather = mca_btl_segmsg.config.hosts.ofi_coalesce_max;
    gather = gather < net->ofi.max_message ? gather : net->ofi.max_message;
    if (link->written != 0 || link->in_place != NULL
        || !segmsg_source_joins(&link->source, place, length, gather)) {
        if (!mca_btl_segmsg_link_flush(link)) {
            opal_mutex_unlock(&net->gate);
            return false;
        }
    }
    mca_btl_segmsg_link_add(link, place, tag, length);
    if (gather != 0 && is_streaming(link) && link->source.batch.bytes + length < gather
        && mca_btl_segmsg_net_gather_waits(mca_btl_segmsg_link_flush)) {
        waits = true;
        if (!link->stream.is_gathering) {
            link->stream.is_gathering = true;
            opal_list_append(&net->gathering, &link->super);
        }
    } else {
        waits = !mca_btl_segmsg_link_flush(link);
    }
    link->stream.published_at = segmsg_clock_ticks();
    opal_mutex_unlock(&net->gate);
    if (OPAL_UNLIKELY(waits)) {
        mca_btl_segmsg_endpoint_set_busy(link->endpoint);
    }
    return true;
}

int mca_btl_segmsg_link_serve(mca_btl_segmsg_link_t *link, bool *more)
{
    mca_btl_segmsg_net_t *net = link->net;
    opal_mutex_lock(&net->gate);
    uint64_t writes = link->source.writes;
    mca_btl_segmsg_link_ask(link, false);
    bool told = mca_btl_segmsg_link_tell_waiting(link);
    bool flushed = mca_btl_segmsg_link_flush(link);
    int count = (int) (link->source.writes - writes);
    opal_mutex_unlock(&net->gate);
    *more = !link->loss.is_lost && (!told || !flushed);
    return count;
}

#endif /* SEGMSG_HAVE_OFI */
