/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What the engine of large transfers needs of the BTL: requests and chunks go as messages of segmsg's own.
 */
#include "btl/btl_segmsg_transfers.h"
#include "btl/btl_segmsg_copy.h"
#include "btl/btl_segmsg_frag.h"
#include "btl/btl_segmsg_callers.h"
#include "btl/btl_segmsg_report.h"
#include "btl/btl_segmsg_send.h"
#include "btl/btl_segmsg_wait.h"
#include "btl/btl_segmsg_jobs.h"
#include "btl/btl_segmsg_operations.h"

#include "transfer/chunked.h"
#include "transfer/helper.h"
#include "transfer/initiator.h"

static bool copy(void *context, void *user, bool to_peer, void *local, uint64_t remote,
                 uint64_t bytes)
{
    (void) context;
    return mca_btl_segmsg_copy(user, to_peer, local, remote, bytes);
}

static bool ask(void *context, void *user, const segmsg_transfer_want_t *want,
                const segmsg_transfer_request_t *request)
{
    (void) context, (void) want;
    const mca_btl_segmsg_rdma_header_t header = {
        .kind = SEGMSG_RDMA_JOIN,
        .is_put = request->is_put,
        .operation = request->record,
        .generation = request->generation,
        .address = request->at_helper,
        .size = request->bytes,
        .operand = {request->at_initiator, request->unit_bytes},
    };
    return mca_btl_segmsg_rdma_send_now(user, &header, NULL, 0);
}

/* Claims a chunk and writes it to `to`, as a message. Returns its length in bytes; 0: nothing is left. */
static size_t write_chunk(const segmsg_transfer_help_t *help, void *to)
{
    const segmsg_transfer_chunk_t chunk = segmsg_helper_claim(help);
    if (chunk.bytes == 0) {
        return 0;
    }
    const mca_btl_segmsg_rdma_header_t header = {
        .kind = SEGMSG_RDMA_UNIT,
        .operation = chunk.record,
        .generation = chunk.generation,
        .address = chunk.offset,
        .size = chunk.bytes,
    };
    uint64_t begun = segmsg_clock_ticks();
    mca_btl_segmsg_rdma_write(to, &header, chunk.data, (size_t) chunk.bytes);
    segmsg_helper_wrote(help, &chunk, begun);
    return mca_btl_segmsg_rdma_length((size_t) chunk.bytes);
}

static size_t longest(const segmsg_transfer_help_t *help)
{
    return mca_btl_segmsg_rdma_length((size_t) segmsg_helper_chunk_most(help));
}

/* Sends a chunk through an ordered ring of this process's own, with the endpoint's lock held. */
static segmsg_help_outcome_t send_through_ring(mca_btl_segmsg_endpoint_t *endpoint,
                                               const segmsg_transfer_help_t *help)
{
    segmsg_sender_t *sender = &endpoint->sender;
    segmsg_place_t place;
    segmsg_error_t error = segmsg_sender_take_lasting(sender, longest(help), &place);
    if (error != SEGMSG_OK) {
        return error == SEGMSG_ERR_TOO_LARGE ? SEGMSG_HELP_OVER : SEGMSG_HELP_NO_ROOM;
    }
    bool has_room = segmsg_ring_has_room(&sender->ring, 1);
    size_t length = has_room ? write_chunk(help, place.data) : 0;
    if (length == 0) {
        segmsg_sender_give_back(sender, &place);
        return has_room ? SEGMSG_HELP_OVER : SEGMSG_HELP_NO_ROOM;
    }
    (void) segmsg_sender_publish(sender, &place, MCA_BTL_SEGMSG_TAG, (uint32_t) length);
    return SEGMSG_HELP_GIVEN;
}

/* The same in a fragment, which may wait until it can be announced: where senders share an inbox. */
static segmsg_help_outcome_t send_fragment(mca_btl_segmsg_endpoint_t *endpoint,
                                           const segmsg_transfer_help_t *help)
{
    mca_btl_base_descriptor_t *descriptor =
        mca_btl_segmsg_alloc_place(endpoint, MCA_BTL_NO_ORDER, longest(help),
                                   MCA_BTL_DES_FLAGS_BTL_OWNERSHIP);
    if (descriptor == NULL) {
        return SEGMSG_HELP_NO_ROOM;
    }
    mca_btl_base_segment_t *segment = &descriptor->des_segments[0];
    size_t length = write_chunk(help, segment->seg_addr.pval);
    if (length == 0) {
        (void) mca_btl_segmsg_free(endpoint->btl, descriptor);
        return SEGMSG_HELP_OVER;
    }
    segment->seg_len = length;
    (void) mca_btl_segmsg_send(endpoint->btl, endpoint, descriptor, MCA_BTL_SEGMSG_TAG);
    return SEGMSG_HELP_GIVEN;
}

static segmsg_help_outcome_t send_chunk(void *context, void *user,
                                        const segmsg_transfer_help_t *help)
{
    (void) context;
    mca_btl_segmsg_endpoint_t *endpoint = user;
    segmsg_help_outcome_t outcome = SEGMSG_HELP_NO_ROOM;
    OPAL_THREAD_LOCK(&endpoint->lock);
    bool may_send = !endpoint->retired && opal_list_is_empty(&endpoint->queue.pending);
    bool has_ring = segmsg_sender_has_ring(&endpoint->sender);
    if (may_send && has_ring) {
        outcome = send_through_ring(endpoint, help);
    }
    OPAL_THREAD_UNLOCK(&endpoint->lock);
    return may_send && !has_ring ? send_fragment(endpoint, help) : outcome;
}

static bool is_alive(void *context, void *user)
{
    (void) context;
    return mca_btl_segmsg_copy_is_alive(user);
}

static bool has_left(void *context, void *user)
{
    (void) context;
    return ((const mca_btl_segmsg_endpoint_t *) user)->retired;
}

static bool has_processor(void *context, void *user)
{
    (void) context;
    return !((const mca_btl_segmsg_endpoint_t *) user)->same_core
           && (mca_btl_segmsg.config.copy.cooperative_oversubscribed
               || !mca_btl_segmsg_is_crowded());
}

static bool waits(void *context)
{
    (void) context;
    return mca_btl_segmsg_waits();
}

static void expects_wait(void *context)
{
    (void) context;
    mca_btl_segmsg_watch();
}

static void streams(void *context, int change)
{
    mca_btl_segmsg_module_t *module = context;
    /* Relaxed: a hint. */
    (void) atomic_fetch_add_explicit(&module->idle.under_way, (uint32_t) change,
                                     memory_order_relaxed);
}

static void copied_until(void *context, uint64_t now)
{
    (void) context;
    mca_btl_segmsg_took(now);
}

/* What Open MPI has asked for. */
static mca_btl_segmsg_transfer_t asked_for(const segmsg_transfer_want_t *want)
{
    return (mca_btl_segmsg_transfer_t){
        .endpoint = want->peer->user,
        .is_put = want->is_put,
        .local = want->local,
        .remote = want->remote,
        .size = want->bytes,
        .local_handle = want->asker.argument[0],
        .cbfunc = (mca_btl_base_rdma_completion_fn_t) want->asker.function,
        .cbcontext = want->asker.argument[1],
        .cbdata = want->asker.argument[2],
    };
}

static void done(void *context, const segmsg_transfer_want_t *want, segmsg_transfer_end_t end)
{
    (void) context;
    const mca_btl_segmsg_transfer_t transfer = asked_for(want);
    if (OPAL_LIKELY(end == SEGMSG_TRANSFER_DONE)) {
        mca_btl_segmsg_transfer_done(&transfer, OPAL_SUCCESS);
    } else if (end == SEGMSG_TRANSFER_PEER_GONE) {
        mca_btl_segmsg_transfer_done(&transfer, OPAL_ERR_UNREACH);
    } else if (mca_btl_segmsg_transfer_by_messages(&transfer) != OPAL_SUCCESS) {
        mca_btl_segmsg_transfer_done(&transfer, OPAL_ERR_OUT_OF_RESOURCE);
    }
}

static void corrupt(void *context, void *user)
{
    (void) context;
    mca_btl_segmsg_fail(user, SEGMSG_ERR_CORRUPT);
}

void mca_btl_segmsg_transfers_init(void)
{
    static const segmsg_transfer_ops_t ops = {
        .copy = copy,
        .ask = ask,
        .send_chunk = send_chunk,
        .is_alive = is_alive,
        .has_left = has_left,
        .has_processor = has_processor,
        .waits = waits,
        .expects_wait = expects_wait,
        .streams = streams,
        .copied_until = copied_until,
        .done = done,
        .corrupt = corrupt,
    };
    const struct mca_btl_segmsg_config_copy *given = &mca_btl_segmsg.config.copy;
    const segmsg_transfer_config_t config = {
        .cooperative_from = given->cooperative_min,
        .unit_bytes = given->cooperative_grain,
        .help_bytes = given->cooperative_help_max,
        .used_from = given->cooperative_used_min,
        .unhelped_bytes = given->cooperative_retry_limit,
        .unasked_bytes = given->cooperative_backoff,
        .chunks_from = given->chunked_min,
        .chunks_to = given->chunked_max,
        .chunk_bytes = given->chunk_size,
        .chunk_most = MCA_BTL_SEGMSG_PIECE_MAX,
        .chunks_after = given->chunked_after,
        .chunk_timeout = given->chunked_timeout,
        .chunk_budget = given->chunk_batch,
        .chunks_always = given->chunked_always,
    };
    segmsg_transfers_init(&mca_btl_segmsg.transfers, &ops, &mca_btl_segmsg,
                          &mca_btl_segmsg.memory.export, &config);
}

bool mca_btl_segmsg_transfers_start(const mca_btl_segmsg_transfer_t *transfer)
{
    const segmsg_transfer_want_t want = {
        .peer = &transfer->endpoint->transfers,
        .local = transfer->local,
        .remote = transfer->remote,
        .bytes = transfer->size,
        .is_put = transfer->is_put,
        .asker = {.function = (void (*)(void)) transfer->cbfunc,
                  .argument = {transfer->local_handle, transfer->cbcontext, transfer->cbdata}},
    };
    return segmsg_transfers_start(&mca_btl_segmsg.transfers, &want);
}

void mca_btl_segmsg_transfers_asked(mca_btl_segmsg_endpoint_t *endpoint,
                                    const mca_btl_segmsg_rdma_header_t *header)
{
    const segmsg_transfer_request_t request = {
        .record = header->operation,
        .generation = header->generation,
        .is_put = header->is_put != 0,
        .bytes = header->size,
        .unit_bytes = header->operand[1],
        .at_helper = header->address,
        .at_initiator = header->operand[0],
    };
    if (endpoint->link != NULL
        || !segmsg_helper_asked(&mca_btl_segmsg.transfers, &endpoint->transfers, &request,
                                endpoint->copy.copiers != 0)) {
        mca_btl_segmsg_fail(endpoint, SEGMSG_ERR_CORRUPT);
    }
}

void mca_btl_segmsg_transfers_came(mca_btl_segmsg_endpoint_t *endpoint,
                                   const mca_btl_segmsg_rdma_header_t *header, const void *data)
{
    const segmsg_transfer_chunk_t chunk = {
        .record = header->operation,
        .generation = header->generation,
        .offset = header->address,
        .bytes = header->size,
        .data = data,
    };
    if (!segmsg_chunked_came(&mca_btl_segmsg.transfers, &endpoint->transfers, &chunk)) {
        mca_btl_segmsg_fail(endpoint, SEGMSG_ERR_CORRUPT);
    }
}
