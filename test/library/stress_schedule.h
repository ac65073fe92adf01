/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * stress_schedule.h: what is sent in each round of stress, by whom and how; from the seed alone, so
 * that all ranks know all of it.
 */
#ifndef SEGMSG_TEST_STRESS_SCHEDULE_H
#define SEGMSG_TEST_STRESS_SCHEDULE_H

#include "content.h"

enum { PAIR_MOST = 6, TAGS = 4 };

/* How all receive in a round. */
typedef enum {
    BY_NAME,    /* source and tag are named */
    BY_WILD,    /* any source and any tag */
    BY_HANDLER, /* segmsg_poll with a handler, and nothing else */
    WAYS
} way_t;

struct round {
    uint64_t key;
    way_t way;
    int longest; /* 0: all are short; 3: many are long */
};

/* The n-th message of a pair in a round. */
struct message {
    int from, to, n, tag;
    size_t bytes;
    uint64_t key;    /* of its content */
    bool is_posted;  /* its receive is begun before anything is sent, so that sending may block */
    int sent_by;     /* 0: segmsg_send, where it cannot hang; 1: segmsg_isend; 2: reserved */
    int received_by; /* 0: segmsg_recv; 1: segmsg_irecv and wait; 2: and test; 3: probed before */
};

static inline struct round round_of(uint64_t seed, int number)
{
    struct round round = {.key = check_mix(seed * 1000003 + (uint64_t) number)};

    round.way = (way_t) (round.key % WAYS);
    round.longest = (int) (round.key >> 8) & 3;
    return round;
}

static inline int pair_count(const struct round *round, int from, int to)
{
    uint64_t random = check_mix(round->key ^ key_of(from, to, 999));

    return random % 3 ? (int) (random >> 8) % (PAIR_MOST + 1) : 0;
}

static inline size_t random_bytes(uint64_t random, int longest)
{
    unsigned kind = random % 100;
    size_t most = kind < 40                  ? 80
                  : kind < 70                ? 1000
                  : kind < 90                ? 10000
                  : kind < 95 || longest < 2 ? 20000
                  : longest < 3              ? 200000
                                             : 1500000;

    return (size_t) (random >> 16) % (longest ? most : most < 1000 ? most : 1000);
}

static inline struct message message_of(const struct round *round, int from, int to, int n)
{
    struct message message = {.from = from, .to = to, .n = n};
    uint64_t random = check_mix(round->key ^ key_of(from, to, n));

    message.key = random;
    message.tag = (int) (random % TAGS);
    message.bytes = random_bytes(check_mix(random), round->longest);
    message.is_posted = BY_NAME == round->way && random >> 10 & 1;
    message.sent_by = (int) (random >> 20) % 3;
    message.received_by = (int) (random >> 30 & 3);
    return message;
}

#endif
