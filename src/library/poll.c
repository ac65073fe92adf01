/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Receiving by a handler.
 */
#include "library/arrive.h"
#include "library/library.h"
#include "library/text.h"
#include "library/wait.h"

/* Begins to show messages to a handler. Returns what is wrong with the arguments or the moment. */
static segmsg_result_t begin_poll(segmsg_t *handle, segmsg_handler_t handler, void *context,
                                  unsigned *handled)
{
    if (handled != NULL) {
        *handled = 0;
    }
    if (handle == NULL) {
        return segmsg_lib_plain(SEGMSG_E_ARGUMENT);
    }
    if (handle->handler.is_running || handle->reserved.peer != NULL) {
        return segmsg_lib_plain(handle->handler.is_running ? SEGMSG_E_NESTED : SEGMSG_E_BUSY);
    }
    handle->handler.function = handler;
    handle->handler.context = context;
    handle->handler.handled = 0;
    if (handler != NULL && handle->kept != 0) {
        segmsg_lib_show_kept(handle);
    }
    return SEGMSG_SUCCESS;
}

/* Shows the handler what a look has brought it. */
static void show_new(segmsg_t *handle)
{
    if (handle->handler.function != NULL && handle->kept != 0) {
        segmsg_lib_show_kept(handle);
    }
}

static segmsg_result_t end_poll(segmsg_t *handle, unsigned *handled)
{
    handle->handler.function = NULL;
    if (handled != NULL) {
        *handled = handle->handler.handled;
    }
    return handle->broken;
}

segmsg_result_t segmsg_poll(segmsg_t *handle, segmsg_handler_t handler, void *context,
                            unsigned *handled)
{
    segmsg_result_t result = begin_poll(handle, handler, context, handled);
    if (result != SEGMSG_SUCCESS) {
        return result;
    }
    if (handle->broken == SEGMSG_SUCCESS) {
        segmsg_lib_poll_progress(handle);
        show_new(handle);
    }
    return end_poll(handle, handled);
}

/* The only one from whom anything can come now; NULL if there are others. */
static segmsg_reader_t *only_sender(const segmsg_t *handle)
{
    const segmsg_receiver_t *receiver = &handle->receiver;
    return receiver->reader_count == 1 && handle->ranks.node_size == 2
                   && !receiver->reader[0]->is_guest
               ? receiver->reader[0]
               : NULL;
}

segmsg_result_t segmsg_poll_wait(segmsg_t *handle, segmsg_handler_t handler, void *context,
                                 unsigned *handled)
{
    segmsg_result_t result = begin_poll(handle, handler, context, handled);
    if (result != SEGMSG_SUCCESS) {
        return result;
    }
    if (handler == NULL && handle->requests.pending == 0) {
        return segmsg_lib_plain(SEGMSG_E_ARGUMENT); /* it would wait without end */
    }
    const bool was_unended = handle->requests.unended != 0;
    segmsg_patience_t patience = segmsg_lib_patience(handle);
    ++handle->waits.depth;
    bool is_over = handle->broken != SEGMSG_SUCCESS;
    while (!is_over) {
        /* Once at least: what is complete already must not keep the rest from moving. */
        segmsg_lib_wait_for(handle, &patience,
                            handle->requests.unended == 0 ? only_sender(handle) : NULL);
        show_new(handle);
        is_over = handle->handler.handled != 0 || handle->requests.unended != 0
                  || handle->broken != SEGMSG_SUCCESS;
    }
    --handle->waits.depth;
    if (handle->handler.handled == 0 && was_unended) {
        segmsg_lib_yield(handle, &patience); /* the caller calls again, and ends nothing */
    }
    return end_poll(handle, handled);
}
