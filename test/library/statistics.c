/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * statistics: every message arrives exactly once, and what is counted adds up over all ranks.
 */
#include "content.h"

enum { TAGS = 5 };

/* How many messages one rank sends to another, itself among them. */
static int count_of(int from, int to)
{
    return 40 + (int) (check_mix(key_of(from, to, 0)) % 60);
}

static size_t size_of(const segmsg_t *handle, int from, int to, int n)
{
    size_t eager = segmsg_eager_limit(handle);
    const size_t sizes[] = {0, 8, eager, eager + 1, 64, 60000, 700, 150000, 2000};

    return sizes[check_mix(key_of(from, to, n)) % 9];
}

/* Sums of what the schedule has, of one rank. */
struct sums {
    uint64_t sent, bytes_sent, received, bytes_received, large_from_others;
};

static struct sums schedule(const segmsg_t *handle)
{
    struct sums sums = {0};

    for (int peer = 0; peer < check_size; peer++) {
        for (int n = 0; n < count_of(check_rank, peer); n++) {
            sums.sent++;
            sums.bytes_sent += size_of(handle, check_rank, peer, n);
        }
        for (int n = 0; n < count_of(peer, check_rank); n++) {
            size_t bytes = size_of(handle, peer, check_rank, n);

            sums.received++;
            sums.bytes_received += bytes;
            sums.large_from_others += peer != check_rank && bytes > segmsg_eager_limit(handle);
        }
    }
    return sums;
}

/* Each pair's messages, by all ranks. */
static void exchange(segmsg_t *handle)
{
    int sends = 0, most = 100 * check_size;
    segmsg_request_t **requests = check_allocate((size_t) most * sizeof(*requests));
    unsigned char **out = check_allocate((size_t) most * sizeof(*out));

    for (int to = 0; to < check_size; to++) {
        for (int n = 0; n < count_of(check_rank, to); n++, sends++) {
            size_t bytes = size_of(handle, check_rank, to, n);

            out[sends] = content_make(bytes, key_of(check_rank, to, n));
            SUCCEEDS(segmsg_isend(handle, to, n % TAGS, out[sends], bytes, &requests[sends]));
        }
    }
    for (int from = 0; from < check_size; from++) {
        for (int n = 0; n < count_of(from, check_rank); n++) {
            receive(handle, from, n % TAGS, size_of(handle, from, check_rank, n),
                    key_of(from, check_rank, n));
        }
    }
    check_doing("%s: %d sends", promise_now, sends);
    SUCCEEDS(segmsg_wait_all(handle, sends, requests, NULL));
    for (int n = 0; n < sends; n++) {
        free(out[n]);
    }
    free(out);
    free(requests);
}

static void every_message_arrives_exactly_once(void)
{
    segmsg_t *handle = open_world();
    int found;
    segmsg_info_t info;

    exchange(handle);
    barrier_serving(handle);
    for (int n = 0; n < 100; n++) {
        SUCCEEDS(segmsg_probe(handle, SEGMSG_ANY_SOURCE, SEGMSG_ANY_TAG, &found, &info));
        CHECK(!found, "one more message: from %d, tag %d, %zu bytes", info.source, info.tag,
              info.bytes);
    }
    close_empty(&handle);
}

#define EQUAL(found, wanted)                                              \
    CHECK((found) == (uint64_t) (wanted), "%s is %llu, not %llu", #found, \
          (unsigned long long) (found), (unsigned long long) (wanted))

static void what_the_program_sent_and_received_is_counted(void)
{
    segmsg_t *handle = open_world();
    struct sums sums = schedule(handle);
    segmsg_statistics_t statistics = statistics_of(handle);

    EQUAL(statistics.messages_sent, 0);
    EQUAL(statistics.messages_received, 0);
    EQUAL(statistics.bytes_sent, 0);
    EQUAL(statistics.bytes_received, 0);
    for (int round = 1; round <= 3; round++) {
        exchange(handle);
        statistics = statistics_of(handle);
        EQUAL(statistics.messages_sent, (uint64_t) round * sums.sent);
        EQUAL(statistics.bytes_sent, (uint64_t) round * sums.bytes_sent);
        EQUAL(statistics.messages_received, (uint64_t) round * sums.received);
        EQUAL(statistics.bytes_received, (uint64_t) round * sums.bytes_received);
        if (NULL == getenv("SEGMSG_MEMORY")) { /* with little, short ones may go like long ones */
            EQUAL(statistics.single_copies + statistics.streamed,
                  (uint64_t) round * sums.large_from_others);
        }
        EQUAL(statistics.in_place, 0); /* there was no handler */
    }
    close_empty(&handle);
}

/* The sum over all ranks of a count per group. */
static void sum_groups(const uint64_t *mine, uint64_t *all)
{
    MPI_Allreduce(mine, all, SEGMSG_STATISTICS_GROUPS, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
}

/* Also the library's own, which are received when their receivers poll. */
static void what_goes_through_a_group_comes_out_of_it(void)
{
    segmsg_t *handle = open_world();
    uint64_t sent[SEGMSG_STATISTICS_GROUPS], received[SEGMSG_STATISTICS_GROUPS], program = 0;
    segmsg_statistics_t statistics;
    bool same = false;

    exchange(handle);
    check_doing("%s: the counts", promise_now);
    for (int round = 0; round < 100 && !same; round++) {
        barrier_serving(handle);
        statistics = statistics_of(handle);
        sum_groups(statistics.sent_messages, sent);
        sum_groups(statistics.received_messages, received);
        same = 0 == memcmp(sent, received, sizeof(sent));
    }
    for (uint32_t g = 0; g < SEGMSG_STATISTICS_GROUPS; g++) {
        EQUAL(received[g], sent[g]);
        CHECK(statistics.sent_partitions[g] >= statistics.sent_messages[g],
              "group %u: fewer partitions than messages", g);
        if (g >= statistics.groups) {
            EQUAL(sent[g], 0);
            EQUAL(statistics.partition_bytes[g], 0);
        } else {
            CHECK(statistics.partition_bytes[g] >= 64
                      && (g == 0
                          || statistics.partition_bytes[g] > statistics.partition_bytes[g - 1]),
                  "group %u has partitions of %d bytes", g, (int) statistics.partition_bytes[g]);
        }
        program += sent[g];
    }
    for (int from = 0; from < check_size;
         from++) { /* each message is one or more of the engine's */
        for (int to = 0; to < check_size; to++) {
            program -= from == to ? 0 : (uint64_t) count_of(from, to);
        }
    }
    CHECK((int64_t) program >= 0, "%lld messages fewer than the program sent",
          -(long long) program);
    close_empty(&handle);
}

static void see(void *context, const segmsg_info_t *info, const void *data)
{
    (void) info;
    (void) data;
    ++*(int *) context;
}

/* Rank 1 sends; rank 0 takes some as they come, and keeps others first. */
static void what_is_seen_in_place_and_what_is_kept_is_counted(void)
{
    segmsg_t *handle = open_world();
    int seen = 0;

    for (int turn = 0; turn < 2 && promise_needs(2); turn++) {
        if (1 == check_rank) {
            for (int n = 0; n < 10; n++) {
                transmit(handle, 0, 1, 8, 0);
            }
            transmit(handle, 0, 2, 0, 0);
        }
        if (0 == check_rank && 0 == turn) { /* tag 2 is behind the others, which are kept */
            receive(handle, 1, 2, 0, 0);
            EQUAL(statistics_of(handle).kept, 10);
        }
        check_doing("%s: messages", promise_now);
        while (0 == check_rank && seen < (turn ? 21 : 10)) {
            SUCCEEDS(segmsg_poll(handle, see, &seen, NULL));
        }
        MPI_Barrier(MPI_COMM_WORLD);
    }
    if (0 == check_rank && check_size > 1) {
        EQUAL(statistics_of(handle).in_place, 11);
        EQUAL(statistics_of(handle).kept, 10);
        EQUAL(statistics_of(handle).messages_received, 22);
    }
    close_empty(&handle);
}

/* As many as there is room for, and then more, until the sender has met its limit. */
static void messages_without_room_are_counted(void)
{
    enum { MOST = 20000 };
    segmsg_t *handle = open_world();
    size_t bytes = segmsg_eager_limit(handle);
    segmsg_request_t *request = NULL;
    unsigned char *out = content_make(bytes, key_of(1, 0, 0));
    int sent = 0;

    if (1 == check_rank) {
        EQUAL(statistics_of(handle).full, 0);
        while (sent++ < MOST && NULL == request) {
            SUCCEEDS(segmsg_isend(handle, 0, 1, out, bytes, &request));
        }
        CHECK(statistics_of(handle).full > 0, "%d messages of %zu bytes, and never full", sent - 1,
              bytes);
        sent--;
    }
    MPI_Bcast(&sent, 1, MPI_INT, 1 % check_size, MPI_COMM_WORLD);
    for (int n = 0; n < sent && 0 == check_rank && promise_needs(2); n++) {
        receive(handle, 1, 1, bytes, key_of(1, 0, 0));
    }
    complete(handle, &request);
    free(out);
    close_empty(&handle);
}

/* A program that knows a shorter structure gets that much and no more. */
static void only_as_much_is_filled_in_as_there_is_room_for(void)
{
    segmsg_t *handle = open_world();
    segmsg_statistics_t whole, part;
    const size_t sizes[] = {offsetof(segmsg_statistics_t, messages_received),
                            offsetof(segmsg_statistics_t, bytes_sent), sizeof(size_t) + 4};

    exchange(handle);
    whole = statistics_of(handle);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        memset(&part, GUARD_BYTE, sizeof(part));
        part.size = sizes[i];
        SUCCEEDS(segmsg_statistics(handle, &part));
        CHECK(part.size == sizes[i], "size has become %zu", part.size);
        CHECK(0
                  == memcmp((char *) &part + sizeof(size_t), (char *) &whole + sizeof(size_t),
                            sizes[i] - sizeof(size_t)),
              "of %zu bytes not all are filled in", sizes[i]);
        for (size_t at = sizes[i]; at < sizeof(part); at++) {
            CHECK(GUARD_BYTE == ((unsigned char *) &part)[at], "byte %zu of %zu was written", at,
                  sizes[i]);
        }
    }
    close_empty(&handle);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(every_message_arrives_exactly_once),
        PROMISE(what_the_program_sent_and_received_is_counted),
        PROMISE(what_goes_through_a_group_comes_out_of_it),
        PROMISE(what_is_seen_in_place_and_what_is_kept_is_counted),
        PROMISE(messages_without_room_are_counted),
        PROMISE(only_as_much_is_filled_in_as_there_is_room_for),
    };

    return PROMISES_MAIN(argc, argv, "statistics", promises);
}
