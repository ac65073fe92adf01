/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * within_handler: what a handler may call, and what it may not.
 */
#include "content.h"

static segmsg_t *handle;

static int next(void)
{
    return (check_rank + 1) % check_size;
}

static int before(void)
{
    return (check_rank + check_size - 1) % check_size;
}

static void try_what_asks(void)
{
    int ranks[1];

    CHECK(check_rank == segmsg_rank(handle), "rank %d", segmsg_rank(handle));
    CHECK(check_size == segmsg_size(handle), "size %d", segmsg_size(handle));
    CHECK(segmsg_is_reachable(handle, check_rank), "not reachable for itself");
    CHECK(segmsg_reachable(handle, ranks, 1) > 0, "nobody is reachable");
    CHECK(segmsg_eager_limit(handle) > 0, "no eager limit");
    CHECK(statistics_of(handle).groups > 0, "no groups");
    CHECK(segmsg_version() > 0, "no version");
    CHECK(NULL != segmsg_explanation(), "NULL");
}

static void try_what_is_refused(void)
{
    segmsg_t *same = handle;
    segmsg_request_t *requests[2] = {NULL, NULL};
    segmsg_info_t info;
    int flag;
    char byte = 0;
    void *place;

    GIVES(SEGMSG_E_NESTED, segmsg_close(&same));
    CHECK(same == handle, "the handle has been closed in a handler");
    GIVES(SEGMSG_E_NESTED, segmsg_send(handle, next(), 1, "x", 1));
    GIVES(SEGMSG_E_NESTED, segmsg_reserve(handle, next(), 8, &place));
    GIVES(SEGMSG_E_NESTED, segmsg_publish(handle, 1, 8));
    GIVES(SEGMSG_E_NESTED, segmsg_cancel(handle));
    GIVES(SEGMSG_E_NESTED, segmsg_poll(handle, NULL, NULL, NULL));
    GIVES(SEGMSG_E_NESTED, segmsg_poll_wait(handle, NULL, NULL, NULL));
    GIVES(SEGMSG_E_NESTED, segmsg_recv(handle, before(), 1, &byte, 1, &info));
    GIVES(SEGMSG_E_NESTED, segmsg_probe(handle, before(), 1, &flag, &info));
    GIVES(SEGMSG_E_NESTED, segmsg_test(handle, requests, &flag, &info));
    GIVES(SEGMSG_E_NESTED, segmsg_wait(handle, requests, &info));
    GIVES(SEGMSG_E_NESTED, segmsg_wait_all(handle, 2, requests, NULL));
}

static void try_calls(void *context, const segmsg_info_t *info, const void *data)
{
    (void) info;
    (void) data;
    ++*(int *) context;
    try_what_asks();
    try_what_is_refused();
}

static void what_may_not_be_called_is_refused(void)
{
    int seen = 0;

    handle = open_world();
    SUCCEEDS(segmsg_send(handle, next(), 2, "abcdefgh", 8));
    check_doing("%s", promise_now);
    while (0 == seen) {
        SUCCEEDS(segmsg_poll(handle, try_calls, &seen, NULL));
    }
    MPI_Barrier(MPI_COMM_WORLD); /* what follows is for no handler */
    /* Nothing of what was refused has been done, and the handle is as before. */
    transmit(handle, next(), 1, 8, key_of(check_rank, next(), 0));
    receive(handle, before(), 1, 8, key_of(before(), check_rank, 0));
    close_empty(&handle);
}

/*
 * Questions and answers. A question's handler receives the answer's question by segmsg_irecv and
 * sends the answer by segmsg_isend; ranks only poll till all is through.
 */
enum { QUESTIONS = 60, ASK = 0, TELL = 1000 };

struct exchange {
    int answered;                      /* questions of others */
    unsigned char *answers[QUESTIONS]; /* to these */
    segmsg_request_t *sends[QUESTIONS];
};

static size_t size_of(int n)
{
    static const size_t sizes[] = {0, 8, 500, 8321, 30000, 64, 4000, 200000};

    return sizes[n % 8];
}

static void answer(void *context, const segmsg_info_t *info, const void *data)
{
    struct exchange *exchange = context;
    int n = exchange->answered++;

    INFO(info, before(), ASK + n, size_of(n));
    CONTENT(data, size_of(n), key_of(before(), check_rank, n));
    exchange->answers[n] = content_make(size_of(n + 1), key_of(check_rank, before(), TELL + n));
    SUCCEEDS(segmsg_isend(handle, before(), TELL + n, exchange->answers[n], size_of(n + 1),
                          &exchange->sends[n]));
}

static void a_handler_may_begin_to_send(void)
{
    struct exchange exchange = {0};
    segmsg_request_t *asked[QUESTIONS], *told[QUESTIONS];
    unsigned char *questions[QUESTIONS];
    struct room rooms[QUESTIONS];

    handle = open_world();
    for (int n = 0; n < QUESTIONS; n++) {
        rooms[n] = room_make(size_of(n + 1), 0);
        questions[n] = content_make(size_of(n), key_of(check_rank, next(), n));
        SUCCEEDS(segmsg_irecv(handle, next(), TELL + n, rooms[n].data, rooms[n].bytes, &told[n]));
        SUCCEEDS(segmsg_isend(handle, next(), ASK + n, questions[n], size_of(n), &asked[n]));
    }
    while (exchange.answered < QUESTIONS) {
        check_doing("%s: question %d", promise_now, exchange.answered);
        SUCCEEDS(segmsg_poll(handle, answer, &exchange, NULL));
        sched_yield();
    }
    for (int n = 0; n < QUESTIONS; n++) {
        segmsg_info_t info;

        check_doing("%s: answer %d", promise_now, n);
        info = complete(handle, &told[n]);
        INFO(&info, next(), TELL + n, size_of(n + 1));
        ROOM(&rooms[n], size_of(n + 1), key_of(next(), check_rank, TELL + n));
        complete(handle, &asked[n]);
        complete(handle, &exchange.sends[n]);
        free(questions[n]);
        free(exchange.answers[n]);
    }
    close_empty(&handle);
}

/* The handler of a short message begins to receive what follows it, which it must not see. */
struct following {
    int heads, bodies;
    struct room rooms[QUESTIONS];
    segmsg_request_t *receives[QUESTIONS];
};

static void see_head(void *context, const segmsg_info_t *info, const void *data)
{
    struct following *following = context;
    int n = following->heads++;

    (void) data;
    INFO(info, before(), n, 8);
    following->rooms[n] = room_make(size_of(n), 0);
    SUCCEEDS(segmsg_irecv(handle, before(), TELL + n, following->rooms[n].data, size_of(n),
                          &following->receives[n]));
}

static void a_handler_may_begin_to_receive_what_follows(void)
{
    struct following following = {0};
    unsigned char *out[QUESTIONS];
    segmsg_request_t *sends[2 * QUESTIONS];

    handle = open_world();
    for (int n = 0; n < QUESTIONS; n++) {
        out[n] = content_make(size_of(n), key_of(check_rank, next(), n));
        SUCCEEDS(segmsg_isend(handle, next(), n, "abcdefgh", 8, &sends[2 * n]));
        SUCCEEDS(segmsg_isend(handle, next(), TELL + n, out[n], size_of(n), &sends[2 * n + 1]));
    }
    while (following.heads < QUESTIONS) {
        check_doing("%s: message %d", promise_now, following.heads);
        SUCCEEDS(segmsg_poll(handle, see_head, &following, NULL));
        sched_yield();
    }
    for (int n = 0; n < QUESTIONS; n++) {
        segmsg_info_t info = complete(handle, &following.receives[n]);

        INFO(&info, before(), TELL + n, size_of(n));
        ROOM(&following.rooms[n], size_of(n), key_of(before(), check_rank, n));
    }
    SUCCEEDS(segmsg_wait_all(handle, 2 * QUESTIONS, sends, NULL));
    for (int n = 0; n < QUESTIONS; n++) {
        free(out[n]);
    }
    close_empty(&handle);
}

/* A handler that begins to receive what is kept already gets it. */
static void see_first(void *context, const segmsg_info_t *info, const void *data)
{
    segmsg_request_t **request = context;
    static char room[100];

    (void) data;
    if (7 == info->tag) {
        SUCCEEDS(segmsg_irecv(handle, before(), 8, room, sizeof(room), request));
    } else {
        CHECK(9 == info->tag, "the handler saw tag %d, which was to be received", info->tag);
        *request = NULL;
    }
}

static void a_handler_may_begin_to_receive_what_was_kept(void)
{
    segmsg_request_t *request = NULL;
    segmsg_info_t info;
    unsigned handled, all = 0;

    handle = open_world();
    SUCCEEDS(segmsg_send(handle, next(), 7, "first", 5));
    SUCCEEDS(segmsg_send(handle, next(), 8, "second", 6));
    SUCCEEDS(segmsg_send(handle, next(), 9999, NULL, 0));
    SUCCEEDS(segmsg_recv(handle, before(), 9999, NULL, 0, NULL)); /* both are kept */
    check_doing("%s", promise_now);
    while (0 == all) {
        SUCCEEDS(segmsg_poll(handle, see_first, &request, &handled));
        all += handled;
    }
    CHECK(1 == all, "%u messages handled, not one", all);
    info = complete(handle, &request);
    INFO(&info, before(), 8, 6);
    close_empty(&handle);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(what_may_not_be_called_is_refused),
        PROMISE(a_handler_may_begin_to_send),
        PROMISE(a_handler_may_begin_to_receive_what_follows),
        PROMISE(a_handler_may_begin_to_receive_what_was_kept),
    };

    return PROMISES_MAIN(argc, argv, "within_handler", promises);
}
