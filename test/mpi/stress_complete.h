/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * stress_complete.h: every way in which the stress test waits for what it began.
 */
#ifndef SEGMSG_TEST_STRESS_COMPLETE_H
#define SEGMSG_TEST_STRESS_COMPLETE_H

#include "stress_receive.h"
#include "stress_send.h"

/* Wait for all requests in one of the ways that MPI has; statuses may be NULL. */
static void complete(struct stream *stream, MPI_Request *requests, MPI_Status *statuses,
                     size_t count, const char *what)
{
    enum { FEW = 128 }; /* MPI_Waitany takes time proportional to the number, for each */
    int way = (int) choose(stream->round.key + count, FOR_COMPLETION, count <= FEW ? 4 : 3);
    int flag = 0, index;

    doing(stream, what, NULL);
    switch (way) {
    case 0:
        MPI_Waitall((int) count, requests, statuses ? statuses : MPI_STATUSES_IGNORE);
        break;
    case 1:
        for (size_t i = 0; i < count; i++) {
            MPI_Wait(&requests[i], statuses ? &statuses[i] : MPI_STATUS_IGNORE);
            check_step();
        }
        break;
    case 2:
        while (!flag) {
            MPI_Testall((int) count, requests, &flag, statuses ? statuses : MPI_STATUSES_IGNORE);
        }
        break;
    default:
        for (size_t i = 0; i < count; i++) {
            MPI_Status status;

            MPI_Waitany((int) count, requests, &index, &status);
            if (MPI_UNDEFINED != index && statuses) {
                statuses[index] = status;
            }
        }
        break;
    }
}

/* Persistent requests are still there when they have completed. */
static void free_requests(struct list *requests)
{
    for (size_t i = 0; i < requests->count; i++) {
        MPI_Request *request = &LIST(requests, MPI_Request)[i];

        if (MPI_REQUEST_NULL != *request) {
            MPI_Request_free(request);
        }
    }
}

static void complete_receives(struct stream *stream)
{
    size_t count = stream->receive_requests.count;

    while (stream->statuses.count < count) {
        LIST_ADD(&stream->statuses, MPI_Status);
    }
    complete(stream, LIST(&stream->receive_requests, MPI_Request),
             LIST(&stream->statuses, MPI_Status), count, "completion of receives");
    free_requests(&stream->receive_requests);
    for (size_t i = 0; i < count; i++) {
        const struct buffer *buffer = &LIST(&stream->receives, struct buffer)[i];
        const MPI_Status *status = &LIST(&stream->statuses, MPI_Status)[i];
        const struct message *message = buffer->message;

        if (NULL == message) {
            message = wild_message(stream, status);
        }
        if (message) {
            receive_check(stream, buffer, message, status);
        }
    }
}

static void complete_sends(struct stream *stream)
{
    complete(stream, LIST(&stream->send_requests, MPI_Request), NULL, stream->send_requests.count,
             "completion of sends");
    free_requests(&stream->send_requests);
    for (size_t i = 0; i < stream->sends.count; i++) {
        send_scrub(&LIST(&stream->sends, struct buffer)[i]);
    }
    if (stream->bsend_count) {
        int size;

        doing(stream, "detaching the buffer of MPI_Bsend", NULL);
        MPI_Buffer_detach(&stream->bsend_space, &size);
        MPI_Buffer_attach(stream->bsend_space, size);
    }
}

#endif
