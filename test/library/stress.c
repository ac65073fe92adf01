/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * stress: random traffic between all ranks, of all ways to send and to receive, every byte checked.
 *
 * SEGMSG_TEST_SEED is the first seed (1) and SEGMSG_TEST_ROUNDS the number of rounds (150). Seed and
 * number of ranks give the same messages each time.
 *
 * Why nothing hangs: in a round, a rank first begins all receives that are "posted". Then it sends; a
 * call that may wait for its receiver is used for these messages alone, and so waits at most until
 * the receiver has come to the same round. Short messages wait for nobody, since whoever waits serves
 * the others. Then it receives the rest. A round with wildcards or a handler ends with a barrier, as
 * these would take messages of the next round.
 */
#include "stress_schedule.h"

enum { MOST = 64 * PAIR_MOST };

static segmsg_t *handle;
static struct round current;

/* Of this rank, in this round: what it sends, and what it is to receive. */
static struct message outgoing[MOST], incoming[MOST];
static int outgoing_count, incoming_count;
static segmsg_request_t *sends[MOST], *receives[MOST];
static unsigned char *sent[MOST];
static struct room rooms[MOST];
static int taken[64]; /* messages of each source that have come, in this round */

static long setting(const char *name, long usual)
{
    const char *value = getenv(name);

    return value ? atol(value) : usual;
}

static void round_make(uint64_t seed, int number)
{
    current = round_of(seed, number);
    outgoing_count = incoming_count = 0;
    for (int peer = 0; peer < check_size; peer++) {
        taken[peer] = 0;
        for (int n = 0; n < pair_count(&current, peer, check_rank); n++) {
            incoming[incoming_count++] = message_of(&current, peer, check_rank, n);
        }
    }
    for (int n = 0; n < PAIR_MOST; n++) { /* by turns, so that peers are mixed */
        for (int i = 0; i < check_size; i++) {
            int peer = (check_rank + i) % check_size;

            if (n < pair_count(&current, check_rank, peer)) {
                outgoing[outgoing_count++] = message_of(&current, check_rank, peer, n);
            }
        }
    }
}

static void begin_receive(int i)
{
    const struct message *in = &incoming[i];

    rooms[i] = room_make(in->bytes, in->key % 7);
    SUCCEEDS(segmsg_irecv(handle, in->from, in->tag, rooms[i].data, in->bytes, &receives[i]));
}

static void check_received(int i, const segmsg_info_t *info)
{
    const struct message *in = &incoming[i];

    INFO(info, in->from, in->tag, in->bytes);
    ROOM(&rooms[i], in->bytes, in->key);
}

/* By a reservation, if there is room at once. */
static bool send_reserved(const struct message *out)
{
    void *place;
    segmsg_result_t result;

    if (out->bytes > segmsg_eager_limit(handle)) {
        return false;
    }
    result = segmsg_reserve(handle, out->to, out->bytes + out->key % 2, &place);
    if (SEGMSG_SUCCESS != result) {
        CHECK(SEGMSG_E_BUSY == result || SEGMSG_E_MEMORY == result
                  || out->bytes + out->key % 2 > segmsg_eager_limit(handle),
              "segmsg_reserve gave \"%s\"", segmsg_result_text(result));
        return false;
    }
    content_fill(place, out->bytes, out->key);
    SUCCEEDS(segmsg_publish(handle, out->tag, out->bytes));
    return true;
}

static void send_one(int i)
{
    const struct message *out = &outgoing[i];
    bool may_block = out->is_posted || out->bytes <= segmsg_eager_limit(handle);

    sends[i] = NULL;
    sent[i] = NULL;
    if (2 == out->sent_by && send_reserved(out)) {
        return;
    }
    sent[i] = content_make(out->bytes, out->key);
    if (0 == out->sent_by && may_block) {
        SUCCEEDS(segmsg_send(handle, out->to, out->tag, sent[i], out->bytes));
    } else {
        SUCCEEDS(segmsg_isend(handle, out->to, out->tag, sent[i], out->bytes, &sends[i]));
    }
}

/* A message whose receive was not begun. */
static void receive_late(int i)
{
    const struct message *in = &incoming[i];
    segmsg_info_t info = {-9, -9, 0};
    int found = 0;

    while (3 == in->received_by && !found) {
        SUCCEEDS(segmsg_probe(handle, in->from, in->tag, &found, &info));
        sched_yield();
    }
    if (found) {
        INFO(&info, in->from, in->tag, in->bytes);
    }
    if (1 == in->received_by || 2 == in->received_by) {
        begin_receive(i);
        for (int done = 0; 2 == in->received_by && !done;) {
            SUCCEEDS(segmsg_test(handle, &receives[i], &done, &info));
            sched_yield();
        }
        if (receives[i]) {
            info = complete(handle, &receives[i]);
        }
    } else {
        rooms[i] = room_make(in->bytes, in->key % 7);
        SUCCEEDS(segmsg_recv(handle, in->from, in->tag, rooms[i].data, in->bytes, &info));
    }
    check_received(i, &info);
}

/* Messages of a pair with the same tag are received in the order in which they are sent; so a late
 * one may not be followed by a posted one. */
static void order_receives(void)
{
    for (int i = 0; i < incoming_count; i++) {
        for (int j = i + 1; j < incoming_count && incoming[j].from == incoming[i].from; j++) {
            if (incoming[j].tag == incoming[i].tag) {
                incoming[j].is_posted = incoming[j].is_posted && incoming[i].is_posted;
            }
        }
    }
}

/* The sender has to know it as well. */
static void order_sends(void)
{
    for (int i = 0; i < outgoing_count; i++) {
        for (int j = i + 1; j < outgoing_count; j++) {
            if (outgoing[j].to == outgoing[i].to && outgoing[j].tag == outgoing[i].tag) {
                outgoing[j].is_posted = outgoing[j].is_posted && outgoing[i].is_posted;
            }
        }
    }
}

static void receive_by_name(void)
{
    for (int i = 0; i < incoming_count; i++) {
        check_doing("%s: round %#llx, %d bytes from %d, tag %d", promise_now,
                    (unsigned long long) current.key, (int) incoming[i].bytes, incoming[i].from,
                    incoming[i].tag);
        if (!incoming[i].is_posted) {
            receive_late(i);
        }
    }
    for (int i = 0; i < incoming_count; i++) {
        if (incoming[i].is_posted) {
            segmsg_info_t info = complete(handle, &receives[i]);

            check_received(i, &info);
        }
    }
}

/* Which message of this rank's is the next one of a source. */
static void check_next(const segmsg_info_t *info, const void *data)
{
    struct message next = {0};

    CHECK(info->source >= 0 && info->source < check_size, "source %d", info->source);
    if (taken[info->source] >= pair_count(&current, info->source, check_rank)) {
        CHECK(false, "one more message of %d: %zu bytes, tag %d", info->source, info->bytes,
              info->tag);
        return;
    }
    next = message_of(&current, info->source, check_rank, taken[info->source]++);
    INFO(info, next.from, next.tag, next.bytes);
    if (info->bytes == next.bytes) {
        CONTENT(data, next.bytes, next.key);
    }
}

static void receive_wild_ones(void)
{
    enum { LARGEST = 1500000 };
    unsigned char *room = check_allocate(LARGEST);

    for (int i = 0; i < incoming_count; i++) {
        segmsg_info_t info = {0, 0, 0};
        segmsg_request_t *request;

        check_doing("%s: round %#llx, message %d of %d", promise_now,
                    (unsigned long long) current.key, i, incoming_count);
        if (incoming[i].received_by % 2) {
            SUCCEEDS(
                segmsg_irecv(handle, SEGMSG_ANY_SOURCE, SEGMSG_ANY_TAG, room, LARGEST, &request));
            info = complete(handle, &request);
        } else {
            SUCCEEDS(segmsg_recv(handle, SEGMSG_ANY_SOURCE, SEGMSG_ANY_TAG, room, LARGEST, &info));
        }
        check_next(&info, room);
    }
    free(room);
}

static void see(void *context, const segmsg_info_t *info, const void *data)
{
    ++*(int *) context;
    check_next(info, data);
}

static void receive_by_handler(void)
{
    int seen = 0;

    check_doing("%s: round %#llx, %d messages for the handler", promise_now,
                (unsigned long long) current.key, incoming_count);
    while (seen < incoming_count) {
        SUCCEEDS(segmsg_poll(handle, see, &seen, NULL));
        sched_yield();
    }
}

static void round_run(void)
{
    order_receives();
    order_sends();
    for (int i = 0; i < incoming_count; i++) {
        if (incoming[i].is_posted) {
            begin_receive(i);
        }
    }
    for (int i = 0; i < outgoing_count; i++) {
        check_doing("%s: round %#llx, send %d of %d", promise_now, (unsigned long long) current.key,
                    i, outgoing_count);
        send_one(i);
    }
    if (BY_NAME == current.way) {
        receive_by_name();
    } else if (BY_WILD == current.way) {
        receive_wild_ones();
    } else {
        receive_by_handler();
    }
    check_doing("%s: round %#llx, the sends", promise_now, (unsigned long long) current.key);
    SUCCEEDS(segmsg_wait_all(handle, outgoing_count, sends, NULL));
    for (int i = 0; i < outgoing_count; i++) {
        free(sent[i]);
    }
    if (BY_NAME != current.way) {
        barrier_serving(handle);
    }
}

/* A round with wildcards must not begin while messages of a round before are under way either. */
static void random_traffic_arrives_whole(void)
{
    uint64_t seed = (uint64_t) setting("SEGMSG_TEST_SEED", 1);
    int rounds = (int) setting("SEGMSG_TEST_ROUNDS", 150);
    way_t before = BY_NAME;

    handle = open_world();
    for (int number = 0; number < rounds; number++) {
        round_make(seed, number);
        if (BY_NAME != current.way && BY_NAME == before) {
            barrier_serving(handle);
        }
        before = current.way;
        round_run();
    }
    if (atomic_load(&check_errors)) {
        fprintf(stderr, "stress: rank %d: seed %llu\n", check_rank, (unsigned long long) seed);
    }
    check_doing("%s: the others", promise_now);
    barrier_serving(handle);
    close_empty(&handle);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {PROMISE(random_traffic_arrives_whole)};

    return PROMISES_MAIN(argc, argv, "stress", promises);
}
