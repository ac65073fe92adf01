/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * stress_schedule.h: which messages the stress test sends in which round. Every rank computes it
 * alike from the seed, so that nothing about it is exchanged and every rank knows what must arrive.
 */
#ifndef SEGMSG_TEST_STRESS_SCHEDULE_H
#define SEGMSG_TEST_STRESS_SCHEDULE_H

#include "elements.h"

#include <math.h>

#define SMALL_LIMIT       (64u << 10) /* bytes; most sizes are drawn up to here */
#define ROUND_LIMIT       (32u << 20) /* bytes that a rank sends in a round, about */
#define POSTED_WILD_LIMIT (64u << 20) /* bytes of receive buffers in a wild round, about */
#define FLOOD_LIMIT       1024u       /* bytes of a message in a flood round, at most */

enum {
    ALL_COMMS = 3,         /* communicators that hold all ranks */
    COMMS = ALL_COMMS + 1, /* the last one holds every other rank */
    TAGS = 8,
    MANY_PIECES = 1024, /* of a message's data type, for one that is not contiguous */
};

struct options {
    uint64_t messages; /* stop after so many, over all ranks and threads; 0: no limit */
    double seconds;    /* stop after so many; 0: no limit */
    uint64_t seed;
    size_t min, max; /* bytes */
    double large;    /* percentage of messages above SMALL_LIMIT */
    int burst;       /* messages that a rank sends in a round, about */
    int threads;     /* per rank */
    bool contiguous; /* no other data types */
};

static struct options options = {
    .messages = 200000,
    .max = 4 << 20,
    .large = 3.0,
    .burst = 128,
    .threads = 1,
};

enum way_to_send {
    WAY_ISEND,
    WAY_SEND,
    WAY_ISSEND,
    WAY_SSEND,
    WAY_PERSISTENT,
    WAY_BSEND,
};

struct message {
    uint64_t key; /* the source of all further choices */
    size_t size;  /* bytes of data */
    int source, dest;
    int tag;
    int comm;                      /* one of COMMS */
    const struct element *element; /* what the sender sends it as */
    enum way_to_send way;
    bool late; /* received by a blocking call after the sends, not posted before */
};

enum round_kind {
    ROUND_PLAIN,
    ROUND_FLOOD, /* many small messages */
    ROUND_WILD,  /* received with wildcards only */
};

enum wildcard {
    WILD_SOURCE, /* any source, the tag of the round */
    WILD_TAG,    /* any tag, from each source */
    WILD_BOTH,
};

struct round {
    uint64_t key;
    enum round_kind kind;
    enum wildcard wildcard;
    bool late;       /* of a wild round: all its messages are */
    const int *tags; /* TAGS of them */
    int tag;         /* the only one in a wild round of kind WILD_SOURCE */
    int shift;       /* at the end, each rank sends to the one so many above it */
};

/* What choose() is asked for; keeps the choices independent of each other. */
enum purpose {
    FOR_LARGE = 1,
    FOR_SIZE,
    FOR_ZERO,
    FOR_SNAP,
    FOR_SNAP_BY,
    FOR_TAG,
    FOR_COMM,
    FOR_ELEMENT,
    FOR_PIECES,
    FOR_WAY,
    FOR_CONTENT,
    FOR_KIND,
    FOR_COUNT,
    FOR_LATE,
    FOR_WILDCARD,
    FOR_SHIFT,
    FOR_EXCHANGE,
    FOR_RECEIVE,
    FOR_PRIVATE,
    FOR_ALIGNMENT,
    FOR_COMPLETION,
    FOR_ORDER,
};

static inline uint64_t hash_with(uint64_t key, uint64_t value)
{
    return check_mix(key ^ check_mix(value));
}

/* A number in [0, below). */
static inline uint64_t choose(uint64_t key, enum purpose purpose, uint64_t below)
{
    return ((hash_with(key, purpose) >> 32) * below) >> 32;
}

/* A number in [0, 1). */
static inline double choose_fraction(uint64_t key, enum purpose purpose)
{
    return (double) (hash_with(key, purpose) >> 11) / (double) (UINT64_C(1) << 53);
}

static inline size_t clamp(size_t size, size_t min, size_t max)
{
    return size < min ? min : size > max ? max : size;
}

/* Bytes of a message: log-uniform, now and then a power of two or close to one. */
static size_t choose_size(uint64_t key, size_t max)
{
    bool large = max > SMALL_LIMIT && 100.0 * choose_fraction(key, FOR_LARGE) < options.large;
    double low = log2((double) clamp(large ? SMALL_LIMIT : 1, options.min, max));
    double high = log2((double) clamp(large ? max : SMALL_LIMIT, options.min, max));
    double drawn = low + (high - low) * choose_fraction(key, FOR_SIZE);
    size_t size = (size_t) exp2(drawn);

    if (0 == options.min && 0 == choose(key, FOR_ZERO, 32)) {
        return 0;
    }
    if (0 == choose(key, FOR_SNAP, 8)) {
        size_t by = choose(key, FOR_SNAP_BY, 129);

        size = ((size_t) 1 << (int) (drawn + 0.5)) + by;
        size = size > 64 ? size - 64 : size;
    }
    return clamp(size, options.min, max);
}

/* The wildest mixture that a round's kind allows; tags as in struct round. */
static struct round schedule_round(uint64_t stream_key, uint64_t number, const int *tags)
{
    static const enum round_kind kinds[8] = {ROUND_PLAIN, ROUND_PLAIN, ROUND_PLAIN, ROUND_PLAIN,
                                             ROUND_PLAIN, ROUND_WILD,  ROUND_WILD,  ROUND_FLOOD};
    uint64_t key = hash_with(stream_key, number);

    return (struct round){
        .key = key,
        .kind = kinds[choose(key, FOR_KIND, 8)],
        .wildcard = (enum wildcard) choose(key, FOR_WILDCARD, 3),
        .late = choose(key, FOR_LATE, 2),
        .tags = tags,
        .tag = tags[choose(key, FOR_TAG, TAGS)],
        .shift = (int) choose(key, FOR_SHIFT, (uint64_t) check_size),
    };
}

static uint64_t pair_key(const struct round *round, int source, int dest)
{
    return hash_with(round->key, ((uint64_t) source << 32) | (uint32_t) dest);
}

/* Number of messages from one rank to another in this round. */
static size_t schedule_count(const struct round *round, int source, int dest)
{
    int most = options.burst / check_size;

    most = most < 1 ? 1 : most;
    if (ROUND_FLOOD == round->kind && options.min < FLOOD_LIMIT) {
        most *= 8;
    }
    return choose(pair_key(round, source, dest), FOR_COUNT, 2 * (uint64_t) most + 1);
}

static enum way_to_send choose_way(const struct message *message)
{
    static const enum way_to_send ways[16] = {WAY_ISEND, WAY_ISEND,      WAY_ISEND, WAY_ISEND,
                                              WAY_ISEND, WAY_ISEND,      WAY_SEND,  WAY_SEND,
                                              WAY_SEND,  WAY_SEND,       WAY_SEND,  WAY_ISSEND,
                                              WAY_SSEND, WAY_PERSISTENT, WAY_BSEND, WAY_SEND};
    enum way_to_send way = ways[choose(message->key, FOR_WAY, 16)];

    if (message->late || message->source == message->dest) { /* must not block */
        way = WAY_SEND == way ? WAY_ISEND : WAY_SSEND == way ? WAY_ISSEND : way;
    }
    return way;
}

static size_t largest_in_round(const struct round *round)
{
    if (ROUND_FLOOD == round->kind) {
        return FLOOD_LIMIT;
    }
    if (ROUND_WILD == round->kind && !round->late) {
        return POSTED_WILD_LIMIT / (4 * (size_t) options.burst);
    }
    return options.max;
}

/* Give the message a size of at most max and a data type that can carry it. */
static void choose_shape(struct message *message, size_t max)
{
    const struct element *element =
        &elements[choose(message->key, FOR_ELEMENT, (uint64_t) element_count)];
    size_t size = choose_size(message->key, max), whole = size - size % element->size;
    size_t pieces = size / element->size * (size_t) element->pieces;

    /* MPI needs so long for many pieces that little else would be tested. */
    if (pieces > MANY_PIECES && !element_contiguous(element)
        && choose(message->key, FOR_PIECES, 64)) {
        whole = 0;
    }
    if (whole > 0 && whole >= options.min) {
        message->element = element;
        message->size = whole;
    } else {
        message->element = &elements[0];
        message->size = size;
    }
}

/* Write down the messages from one rank to another, in the order in which they are sent. */
static void schedule_pair(const struct round *round, int source, int dest, struct message *messages)
{
    uint64_t key = pair_key(round, source, dest);
    size_t count = schedule_count(round, source, dest), total = 0;
    size_t budget = ROUND_LIMIT / (size_t) check_size, largest = largest_in_round(round);

    for (size_t i = 0; i < count; i++) {
        struct message *message = &messages[i];
        size_t max = total > budget ? FLOOD_LIMIT : largest;
        uint64_t tag;

        message->key = hash_with(key, i);
        message->source = source;
        message->dest = dest;
        choose_shape(message, clamp(max, options.min, options.max));
        total += message->size;
        tag = choose(message->key, FOR_TAG, TAGS);
        message->tag = round->tags[tag];
        if (ROUND_WILD == round->kind) {
            message->comm = (int) choose(round->key, FOR_COMM, ALL_COMMS);
            message->late = round->late;
            if (WILD_SOURCE == round->wildcard) {
                message->tag = round->tag;
            }
        } else {
            int comms = (source ^ dest) & 1 ? ALL_COMMS : COMMS;

            message->comm = (int) choose(message->key, FOR_COMM, (uint64_t) comms);
            message->late = tag & 1; /* so that messages of one envelope are of one class */
        }
        message->way = choose_way(message);
    }
}

/* The message that a rank sends by MPI_Sendrecv at the end of a round. */
static struct message schedule_exchange(const struct round *round, int source)
{
    struct message message = {
        .key = hash_with(round->key + FOR_EXCHANGE, (uint64_t) source),
        .source = source,
        .dest = (source + round->shift) % check_size,
        .tag = round->tag,
        .comm = (int) choose(round->key, FOR_COMM, ALL_COMMS),
        .way = WAY_SEND,
    };

    choose_shape(&message, options.max);
    return message;
}

/* Number of messages of all ranks in the round. */
static uint64_t schedule_total(const struct round *round)
{
    uint64_t total = (uint64_t) check_size; /* the exchange */

    for (int source = 0; source < check_size; source++) {
        for (int dest = 0; dest < check_size; dest++) {
            total += schedule_count(round, source, dest);
        }
    }
    return total;
}

#endif
