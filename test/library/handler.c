/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * handler: what segmsg_poll hands to a handler: where it lies, what comes first, and what goes to
 * receives instead. Each rank sends to the next one, unless a promise needs more.
 */
#include "content.h"

static int next(void)
{
    return (check_rank + 1) % check_size;
}

static int before(void)
{
    return (check_rank + check_size - 1) % check_size;
}

/* What a handler has seen; its context. */
struct seen {
    int count;
    int wanted_source; /* the n-th message is the n-th content of this rank, with tag first_tag + n */
    int first_tag;
    int shared;          /* messages that lay in memory that is shared */
    const size_t *sizes; /* of the n-th message */
};

/* Whether an address lies in memory that this process shares with others. */
static bool is_shared(const void *address)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    unsigned long begin, end, at = (unsigned long) (uintptr_t) address;
    char line[600], rights[5];
    bool shared = false;

    while (maps && fgets(line, sizeof(line), maps)) {
        if (3 == sscanf(line, "%lx-%lx %4s", &begin, &end, rights) && begin <= at && at < end) {
            shared = 's' == rights[3];
        }
    }
    if (maps) {
        fclose(maps);
    }
    return shared;
}

static void see(void *context, const segmsg_info_t *info, const void *data)
{
    struct seen *seen = context;
    int n = seen->count++;

    INFO(info, seen->wanted_source, seen->first_tag + n, seen->sizes[n]);
    CHECK(0 == (uintptr_t) data % 8, "%zu bytes are aligned to %d", info->bytes,
          (int) ((uintptr_t) data % 8));
    seen->shared += is_shared(data);
    if (info->bytes == seen->sizes[n]) {
        CONTENT(data, info->bytes, key_of(seen->wanted_source, check_rank, info->tag));
    }
    check_step();
}

/* Poll with the handler until it has seen so many. */
static unsigned poll_for(segmsg_t *handle, struct seen *seen, int count)
{
    unsigned handled, all = 0;

    check_doing("%s: message %d of %d", promise_now, seen->count, count);
    while (seen->count < count) {
        SUCCEEDS(segmsg_poll(handle, see, seen, &handled));
        all += handled;
        if (!handled) {
            sched_yield();
        }
    }
    return all;
}

/* Begin to send messages of these sizes with tags from `first` on; the contents follow the tags. */
static void begin_sends(segmsg_t *handle, const size_t *sizes, int count, int first,
                        unsigned char **out, segmsg_request_t **requests)
{
    for (int n = 0; n < count; n++) {
        out[n] = content_make(sizes[n], key_of(check_rank, next(), first + n));
        SUCCEEDS(segmsg_isend(handle, next(), first + n, out[n], sizes[n], &requests[n]));
    }
}

static void end_sends(segmsg_t *handle, int count, unsigned char **out, segmsg_request_t **requests)
{
    check_doing("%s: %d sends", promise_now, count);
    SUCCEEDS(segmsg_wait_all(handle, count, requests, NULL));
    for (int n = 0; n < count; n++) {
        free(out[n]);
    }
}

/* Sizes up to the eager limit, those around it among them. */
static int eager_sizes(const segmsg_t *handle, size_t *sizes)
{
    size_t eager = segmsg_eager_limit(handle);
    long *all = sizes_of(handle, (long) eager);
    int count = 0;

    for (; all[count] >= 0; count++) {
        sizes[count] = (size_t) all[count];
    }
    free(all);
    return count;
}

/* One at a time, so that none need be kept. */
static void messages_up_to_the_eager_limit_are_seen_in_place(void)
{
    segmsg_t *handle = open_world();
    size_t sizes[500];
    int count = eager_sizes(handle, sizes);
    struct seen seen = {.wanted_source = before(), .sizes = sizes};

    for (int n = 0; n < count && promise_needs(2); n++) {
        unsigned char *out;
        segmsg_request_t *request;

        begin_sends(handle, &sizes[n], 1, n, &out, &request);
        poll_for(handle, &seen, n + 1);
        end_sends(handle, 1, &out, &request);
    }
    if (check_size > 1) {
        segmsg_statistics_t statistics = statistics_of(handle);

        /* Waiting for its own send, a rank may have had to keep the next message. */
        CHECK(statistics.in_place + statistics.kept == (uint64_t) count,
              "%d messages: %d in place, %d kept", count, (int) statistics.in_place,
              (int) statistics.kept);
        CHECK(seen.shared >= (int) statistics.in_place,
              "%d in place, and %d where others can have put them", (int) statistics.in_place,
              seen.shared);
        CHECK(statistics.in_place > 0, "none of %d messages in place", count);
    }
    close_empty(&handle);
}

static void larger_messages_are_seen_whole(void)
{
    static const size_t sizes[] = {9000, 8, 70001, 0, 1, 400000, 64, 65, 3000001, 5000, 300};
    const int count = sizeof(sizes) / sizeof(sizes[0]);
    segmsg_t *handle = open_world();
    struct seen seen = {.wanted_source = before(), .sizes = sizes};
    unsigned char *out[20];
    segmsg_request_t *requests[20];

    begin_sends(handle, sizes, count, 0, out, requests);
    poll_for(handle, &seen, count);
    end_sends(handle, count, out, requests);
    close_empty(&handle);
}

static const size_t few[] = {8, 100, 20000, 0, 5000, 64, 120000, 7};
enum { FEW = sizeof(few) / sizeof(few[0]) };

/* A message behind all others, and received by its tag: after it all others have come. */
static void pass_mark(segmsg_t *handle)
{
    SUCCEEDS(segmsg_send(handle, next(), 9999, NULL, 0));
    SUCCEEDS(segmsg_recv(handle, before(), 9999, NULL, 0, NULL));
}

static void kept_messages_come_first(void)
{
    segmsg_t *handle = open_world();
    struct seen seen = {.wanted_source = before(), .sizes = few};
    unsigned char *out[2 * FEW];
    segmsg_request_t *requests[2 * FEW];
    unsigned handled = 77;

    begin_sends(handle, few, FEW / 2, 0, out, requests);
    pass_mark(handle); /* the first half is kept by now */
    SUCCEEDS(segmsg_poll(handle, NULL, NULL, &handled));
    CHECK(0 == handled, "%u messages handled without a handler", handled);
    begin_sends(handle, few + FEW / 2, FEW - FEW / 2, FEW / 2, out + FEW / 2, requests + FEW / 2);
    handled = poll_for(handle, &seen, FEW);
    CHECK(FEW == handled, "%u messages handled, as segmsg_poll says; not %d", handled, FEW);
    end_sends(handle, FEW, out, requests);
    close_empty(&handle);
}

/* A pending receive gets its message though there is a handler; the handler gets the others. */
static void pending_receives_come_before_the_handler(void)
{
    segmsg_t *handle = open_world();
    struct seen seen = {.wanted_source = before(), .sizes = few};
    struct room rooms[2] = {room_make(few[2], 0), room_make(few[0], 0)};
    segmsg_request_t *receives[2], *sends[2 * FEW + 2];
    unsigned char *out[2 * FEW + 2];
    segmsg_info_t infos[2];

    /* Tags from 0 on go to the handler; 1002 and 1000 to the receives. */
    SUCCEEDS(segmsg_irecv(handle, before(), 1002, rooms[0].data, few[2], &receives[0]));
    SUCCEEDS(segmsg_irecv(handle, SEGMSG_ANY_SOURCE, 1000, rooms[1].data, few[0], &receives[1]));
    begin_sends(handle, few + 2, 1, 1002, out, sends);
    begin_sends(handle, few, FEW, 0, out + 1, sends + 1);
    begin_sends(handle, few, 1, 1000, out + 1 + FEW, sends + 1 + FEW);
    poll_for(handle, &seen, FEW);
    SUCCEEDS(segmsg_wait_all(handle, 2, receives, infos));
    INFO(&infos[0], before(), 1002, few[2]);
    INFO(&infos[1], before(), 1000, few[0]);
    ROOM(&rooms[0], few[2], key_of(before(), check_rank, 1002));
    ROOM(&rooms[1], few[0], key_of(before(), check_rank, 1000));
    end_sends(handle, FEW + 2, out, sends);
    CHECK(FEW == seen.count, "the handler saw %d messages, not %d", seen.count, FEW);
    close_empty(&handle);
}

static void count_only(void *context, const segmsg_info_t *info, const void *data)
{
    (void) info;
    (void) data;
    ++*(int *) context;
}

/* No other call hands anything to a handler, and messages that it did not see can be received. */
static void only_polling_calls_a_handler(void)
{
    segmsg_t *handle = open_world();
    int count = 0, found, done;
    unsigned char *out[FEW];
    segmsg_request_t *sends[FEW], *none = NULL;
    segmsg_info_t info;

    MPI_Barrier(MPI_COMM_WORLD);
    SUCCEEDS(segmsg_poll(handle, count_only, &count, NULL));
    MPI_Barrier(MPI_COMM_WORLD);
    begin_sends(handle, few, FEW, 0, out, sends);
    pass_mark(handle);
    SUCCEEDS(segmsg_probe(handle, before(), 0, &found, &info));
    SUCCEEDS(segmsg_test(handle, &none, &done, &info));
    CHECK(found, "a message that has come is not there");
    for (int n = FEW - 1; n >= 0; n--) {
        receive(handle, before(), n, few[n], key_of(before(), check_rank, n));
    }
    CHECK(0 == count, "%d messages went to the handler of a poll that was over", count);
    end_sends(handle, FEW, out, sends);
    SUCCEEDS(segmsg_poll(handle, count_only, &count, NULL));
    CHECK(0 == count, "a message for the handler, though all were received");
    close_empty(&handle);
}

/* It returns though nothing comes, which a time limit of the driver would show otherwise. */
static void polling_never_waits(void)
{
    segmsg_t *handle = open_world();
    unsigned handled = 77;

    check_doing("%s", promise_now);
    for (int n = 0; n < 1000; n++) {
        SUCCEEDS(segmsg_poll(handle, see, NULL, &handled));
        CHECK(0 == handled, "%u messages handled, where none was sent", handled);
        SUCCEEDS(segmsg_poll(handle, NULL, NULL, NULL));
    }
    close_empty(&handle);
}

/* A long message and a short one behind it, with the same tag. */
static const size_t pair[] = {1 << 20, 8};

static void see_pair(void *context, const segmsg_info_t *info, const void *data)
{
    int n = (*(int *) context)++;

    INFO(info, before(), 5, pair[n % 2]);
    CONTENT(data, pair[n % 2], key_of(before(), check_rank, n % 2));
}

/* Receive the n-th of the pair, whoever may be next. */
static void receive_pair(segmsg_t *handle, int n, bool begin)
{
    struct room room = room_make(pair[0], 0);
    segmsg_info_t info = {-9, -9, 0};

    if (begin) {
        segmsg_request_t *request;

        SUCCEEDS(segmsg_irecv(handle, SEGMSG_ANY_SOURCE, 5, room.data, pair[0], &request));
        info = complete(handle, &request);
    } else {
        SUCCEEDS(segmsg_recv(handle, before(), SEGMSG_ANY_TAG, room.data, pair[0], &info));
    }
    INFO(&info, before(), 5, pair[n]);
    ROOM(&room, pair[n], key_of(before(), check_rank, n));
}

/* The long one may be on its way to the handler when the program asks for it by a receive: which must
 * not get the short one before it. */
static void what_a_handler_has_not_seen_is_received_in_order(void)
{
    segmsg_t *handle = open_world();

    for (int polls = 0; polls < 60; polls++) {
        unsigned char *out[2];
        segmsg_request_t *sends[2];
        int seen = 0;

        for (int n = 0; n < 2; n++) {
            out[n] = content_make(pair[n], key_of(check_rank, next(), n));
            SUCCEEDS(segmsg_isend(handle, next(), 5, out[n], pair[n], &sends[n]));
        }
        check_doing("%s: after %d polls", promise_now, polls / 2);
        for (int n = 0; n < polls / 2; n++) {
            SUCCEEDS(segmsg_poll(handle, see_pair, &seen, NULL));
        }
        while (seen < 2) {
            receive_pair(handle, seen++, polls % 2);
        }
        end_sends(handle, 2, out, sends);
        MPI_Barrier(MPI_COMM_WORLD);
    }
    close_empty(&handle);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(messages_up_to_the_eager_limit_are_seen_in_place),
        PROMISE(larger_messages_are_seen_whole),
        PROMISE(kept_messages_come_first),
        PROMISE(pending_receives_come_before_the_handler),
        PROMISE(only_polling_calls_a_handler),
        PROMISE(polling_never_waits),
        PROMISE(what_a_handler_has_not_seen_is_received_in_order),
    };

    return PROMISES_MAIN(argc, argv, "handler", promises);
}
