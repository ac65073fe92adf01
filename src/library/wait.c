/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Progress, and waiting for requests.
 */
#include "library/wait.h"

#include "base/wait.h"
#include "library/alive.h"
#include "library/arrive.h"
#include "library/broken.h"
#include "library/busy.h"
#include "library/large.h"
#include "library/requests.h"
#include "library/text.h"
#include "library/transfers.h"

#include "transfer/initiator.h"

/* True if something is to be done for transfers that two processes carry out together. */
SEGMSG_INLINE bool has_transfers(const segmsg_t *handle)
{
    /* Relaxed: the handle has one thread. */
    return atomic_load_explicit(&handle->transfers.work, memory_order_relaxed) != 0;
}

/* What waits for room, or for the other process's part of a transfer. */
SEGMSG_INLINE int progress_waiting(segmsg_t *handle, uint32_t transfers)
{
    int count = 0;
    if (__builtin_expect(handle->busy != NULL, 0)) {
        count += segmsg_lib_serve_busy(handle);
    }
    if (__builtin_expect(has_transfers(handle), 0)) {
        bool copies = transfers != segmsg_transfers_started(&handle->transfers);
        if (!copies) { /* else what ended has ended in this very call */
            segmsg_lib_is_back(handle);
        }
        count += segmsg_transfers_progress(&handle->transfers, handle->waits.depth != 0, copies);
    }
    return count;
}

int segmsg_lib_progress(segmsg_t *handle)
{
    uint32_t transfers = segmsg_transfers_started(&handle->transfers);
    int count = segmsg_look(&handle->receiver, &handle->look, &segmsg_lib_look_ops, handle);
    return count + progress_waiting(handle, transfers);
}

int segmsg_lib_progress_but(segmsg_t *handle, const segmsg_reader_t *reader)
{
    segmsg_receiver_t *receiver = &handle->receiver;
    uint32_t transfers = segmsg_transfers_started(&handle->transfers);
    int count = 0;
    for (uint32_t r = 0; r < receiver->awake; ++r) {
        if (receiver->reader[r] != reader) {
            count += segmsg_look_at_reader(receiver, handle->look.burst, &segmsg_lib_look_ops,
                                           handle, receiver->reader[r]);
        }
    }
    count += segmsg_look_at_others(receiver, &handle->look, &segmsg_lib_look_ops, handle);
    return count + progress_waiting(handle, transfers);
}

enum {
    PATIENCE = 64,     /* looks at all, about a microsecond each, before the processor is yielded */
    CROWDED = 4,       /* the same where somebody needs it */
    BETWEEN = 2,       /* between two times */
    LOOKS = 1024,      /* at one, about a microsecond */
    LOOKS_CROWDED = 8, /* likewise */
    POLLS_IN_VAIN = 1024 /* calls that do not wait, until others are looked at */
};

segmsg_patience_t segmsg_lib_patience(segmsg_t *handle)
{
    bool is_soon = segmsg_yield_begins(&handle->waits.yield);
    return (segmsg_patience_t){
        .looks = is_soon ? LOOKS_CROWDED : LOOKS,
        .most = is_soon ? CROWDED : PATIENCE,
    };
}

void segmsg_lib_yield(segmsg_t *handle, segmsg_patience_t *patience)
{
    segmsg_lib_look_for_broken(handle);
    segmsg_lib_look_for_gone(handle);
    if (segmsg_yield_processor(&handle->waits.yield, &patience->since)) {
        patience->looks = LOOKS_CROWDED;
        patience->most = CROWDED;
    }
}

/* Sleeps, if the wait has lasted long enough and a message will end it. */
static bool sleep_if_due(segmsg_t *handle, segmsg_patience_t *patience)
{
    segmsg_sleep_t *sleep = &handle->waits.sleep;
    if (sleep->after == 0 || patience->is_alert || handle->busy != NULL || has_transfers(handle)) {
        return false;
    }
    int64_t used = segmsg_nanoseconds_used();
    if (patience->began == 0) {
        patience->began = segmsg_nanoseconds();
        patience->used = used;
        segmsg_sleep_end(sleep);
    }
    if (!segmsg_sleep_is_due(sleep, used - patience->used)) {
        return false;
    }
    segmsg_lib_look_for_broken(handle);
    segmsg_lib_look_for_gone(handle);
    if (handle->broken == SEGMSG_SUCCESS) {
        (void) segmsg_sleep(sleep, &handle->receiver,
                            segmsg_sleep_length(segmsg_nanoseconds() - patience->began), NULL,
                            NULL);
    }
    return true;
}

void segmsg_lib_lose_patience(segmsg_t *handle, segmsg_patience_t *patience, int found)
{
    if (found != 0) {
        patience->idle = 0;
        patience->since = patience->began = 0;
    } else if (++patience->idle >= patience->most) {
        if (!sleep_if_due(handle, patience)) {
            segmsg_lib_yield(handle, patience);
        }
        patience->idle = patience->most - BETWEEN;
    }
}

void segmsg_lib_poll_progress(segmsg_t *handle)
{
    if (segmsg_lib_progress(handle) != 0) {
        handle->waits.idle_polls = 0;
    } else if (++handle->waits.idle_polls >= POLLS_IN_VAIN) {
        handle->waits.idle_polls = 0;
        segmsg_lib_look_for_broken(handle);
        segmsg_lib_look_for_gone(handle);
    }
}

void segmsg_lib_wait_for(segmsg_t *handle, segmsg_patience_t *patience, segmsg_reader_t *reader)
{
    enum {
        TAKEN_MOST = 16
    }; /* who sends all the time must not keep the others from being served */
    int count;
    if (reader != NULL && handle->busy == NULL && !has_transfers(handle)
        && segmsg_lib_stare(reader, patience) && ++patience->taken % TAKEN_MOST != 0) {
        count = segmsg_look_at_reader(&handle->receiver, 1, &segmsg_lib_look_ops, handle, reader);
    } else {
        count = segmsg_lib_progress(handle);
    }
    segmsg_lib_lose_patience(handle, patience, count);
}

/* Where the next step of a request will be seen; NULL if that is not known. */
static segmsg_reader_t *awaited(const segmsg_request_t *request)
{
    segmsg_reader_t *reader = request->peer == NULL ? NULL : request->peer->reader;
    return reader == NULL || reader->is_guest ? NULL : reader;
}

void segmsg_lib_await(segmsg_t *handle, const segmsg_request_t *request)
{
    segmsg_patience_t patience = segmsg_lib_patience(handle);
    ++handle->waits.depth;
    while (!request->is_complete && handle->broken == SEGMSG_SUCCESS) {
        segmsg_lib_wait_for(handle, &patience, awaited(request));
    }
    --handle->waits.depth;
}

void segmsg_lib_abandon(segmsg_t *handle, segmsg_request_t *request)
{
    segmsg_lib_list_t *list = request->state == SEGMSG_LIB_SEND     ? &request->peer->sends
                              : request->state == SEGMSG_LIB_STREAM ? &request->peer->streams
                                                                    : NULL;
    segmsg_transfers_abandon(&handle->transfers, request);
    if (request->state == SEGMSG_LIB_POSTED) {
        segmsg_match_unpost(&handle->match, &request->match);
    } else if (list != NULL) {
        segmsg_lib_list_remove(list, request);
    }
    request->result = handle->broken;
}

segmsg_result_t segmsg_lib_request_end(segmsg_t *handle, segmsg_request_t *request,
                                       segmsg_info_t *info)
{
    if (request->is_complete) {
        --handle->requests.unended;
    } else {
        segmsg_lib_abandon(handle, request);
    }
    segmsg_result_t result = request->result;
    if (info != NULL) {
        *info = request->info;
    }
    segmsg_lib_request_free(handle, request);
    return result;
}

/* What is wrong with the arguments, or the moment, of a test or wait. */
static segmsg_result_t check(const segmsg_t *handle, segmsg_request_t **request)
{
    segmsg_result_t result =
        handle == NULL || request == NULL
                || (*request != NULL && !segmsg_lib_request_is_valid(handle, *request))
            ? SEGMSG_E_ARGUMENT
        : handle->handler.is_running                        ? SEGMSG_E_NESTED
        : handle->reserved.peer != NULL && *request != NULL ? SEGMSG_E_BUSY
                                                            : SEGMSG_SUCCESS;
    return result == SEGMSG_SUCCESS ? result : segmsg_lib_plain(result);
}

/* Ends a request that is complete, or never will be. */
static segmsg_result_t end(segmsg_t *handle, segmsg_request_t **request, segmsg_info_t *info)
{
    segmsg_request_t *ended = *request;
    *request = NULL;
    return segmsg_lib_request_end(handle, ended, info);
}

/* What is said about a request that was none. */
static void clear(segmsg_info_t *info)
{
    if (info != NULL) {
        *info = (segmsg_info_t){0};
    }
}

segmsg_result_t segmsg_test(segmsg_t *handle, segmsg_request_t **request, int *complete,
                            segmsg_info_t *info)
{
    if (complete == NULL) {
        return segmsg_lib_plain(SEGMSG_E_ARGUMENT);
    }
    *complete = 0;
    segmsg_result_t result = check(handle, request);
    if (result != SEGMSG_SUCCESS) {
        return result;
    }
    if (*request == NULL) {
        clear(info);
        *complete = 1;
        return SEGMSG_SUCCESS;
    }
    if (!(*request)->is_complete && handle->broken == SEGMSG_SUCCESS) {
        segmsg_lib_poll_progress(handle);
    }
    if (!(*request)->is_complete && handle->broken == SEGMSG_SUCCESS) {
        return SEGMSG_SUCCESS;
    }
    *complete = 1;
    return end(handle, request, info);
}

segmsg_result_t segmsg_wait(segmsg_t *handle, segmsg_request_t **request, segmsg_info_t *info)
{
    segmsg_result_t result = check(handle, request);
    if (result != SEGMSG_SUCCESS) {
        return result;
    }
    if (*request == NULL) {
        clear(info);
        return SEGMSG_SUCCESS;
    }
    segmsg_lib_await(handle, *request);
    return end(handle, request, info);
}

segmsg_result_t segmsg_wait_all(segmsg_t *handle, int count, segmsg_request_t **requests,
                                segmsg_info_t *infos)
{
    if (handle == NULL || count < 0 || (requests == NULL && count != 0)) {
        return segmsg_lib_plain(SEGMSG_E_ARGUMENT);
    }
    segmsg_result_t first = SEGMSG_SUCCESS;
    for (int i = 0; i < count; ++i) {
        segmsg_result_t result =
            segmsg_wait(handle, &requests[i], infos == NULL ? NULL : &infos[i]);
        first = first == SEGMSG_SUCCESS ? result : first;
    }
    return first;
}

segmsg_result_t segmsg_withdraw(segmsg_t *handle, segmsg_request_t **request)
{
    if (handle == NULL || request == NULL
        || (*request != NULL && !segmsg_lib_request_is_valid(handle, *request))) {
        return segmsg_lib_plain(SEGMSG_E_ARGUMENT);
    }
    segmsg_request_t *withdrawn = *request;
    if (withdrawn == NULL) {
        return SEGMSG_SUCCESS;
    }
    bool has_begun = withdrawn->state != SEGMSG_LIB_POSTED && withdrawn->state != SEGMSG_LIB_SEND;
    if (withdrawn->is_complete || (has_begun && handle->broken == SEGMSG_SUCCESS)) {
        return segmsg_lib_plain(SEGMSG_E_BUSY);
    }
    segmsg_lib_abandon(handle, withdrawn);
    segmsg_lib_request_free(handle, withdrawn);
    *request = NULL;
    return SEGMSG_SUCCESS;
}
