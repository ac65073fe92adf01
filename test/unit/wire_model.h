/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What a model of two hosts knows of each direction between them: what is on the way, what is out, and
 * which partitions are taken; where the next message has to go, and what both directories must say.
 */
#ifndef SEGMSG_TEST_WIRE_MODEL_H
#define SEGMSG_TEST_WIRE_MODEL_H

#include "wire.h"

enum {
    MODEL_MESSAGES = 1024, /* on the way or out at one time: more than there are partitions */
    MODEL_PLACES = 64,     /* taken and not published */
    MODEL_WORDS = 1024     /* return words under way */
};

/* A return word, by what the model knows of it. */
typedef struct {
    segmsg_return_t what; /* group SEGMSG_WIRE_NO_RETURN: none */
    uint64_t serial;      /* which one of its group, from 1 on */
} model_word_t;

typedef struct {
    uint64_t number; /* tells its content */
    uint32_t length;
    bool has_arrived;
    segmsg_place_t place;
    model_word_t ride;
} model_message_t;

/* One direction. */
typedef struct {
    wire_link_t link;
    model_message_t place[MODEL_PLACES]; /* taken, filled, not published */
    uint32_t places;
    model_message_t sent[MODEL_MESSAGES]; /* published, not delivered: by publishing order */
    uint64_t published, written, delivered;
    uint64_t until[WIRE_WRITES]; /* of each write under way: the messages from here on .. */
    uint64_t from[WIRE_WRITES];  /* .. to here are in it */
    segmsg_message_t out[MODEL_MESSAGES]; /* delivered, not returned */
    uint64_t out_number[MODEL_MESSAGES];
    uint32_t outs;
    model_word_t word[MODEL_WORDS]; /* told, not on a message, and not heard */
    uint32_t words;

    segmsg_source_state_t state[SEGMSG_GROUPS_MAX];
    uint32_t wants;
    uint64_t occupied[SEGMSG_GROUPS_MAX];             /* for the source */
    uint64_t used[SEGMSG_GROUPS_MAX];                 /* by messages that are out */
    uint64_t untold[SEGMSG_GROUPS_MAX];               /* returned since the last word */
    uint64_t told[SEGMSG_GROUPS_MAX][MODEL_MESSAGES]; /* what each word added, by serial */
    uint64_t serial[SEGMSG_GROUPS_MAX], heard[SEGMSG_GROUPS_MAX];
    uint8_t start[SEGMSG_GROUPS_MAX][64]; /* first partition of whoever had it last */
    uint8_t partitions[SEGMSG_GROUPS_MAX][64];
    uint64_t messages[SEGMSG_GROUPS_MAX], taken[SEGMSG_GROUPS_MAX];
    uint64_t writes, gathered, late, reformed; /* to see that all of it happened */
} model_way_t;

typedef struct {
    wire_host_t host[2];
    model_way_t way[2]; /* way[i] leads to host[i] */
    unit_random_t random;
    uint64_t numbers;
    size_t write_most;
} model_t;

static inline model_message_t *model_sent_at(model_way_t *way, uint64_t index)
{
    return &way->sent[index % MODEL_MESSAGES];
}

static inline const segmsg_geometry_t *model_geometry_of(const model_way_t *way)
{
    return &way->link.to->memory.config.geometry;
}

/* Partitions that `length` bytes and a header take; 0 if the group cannot carry them. */
static inline uint32_t model_needed_in(const model_way_t *way, uint32_t group, size_t length)
{
    const segmsg_group_geometry_t *g = &model_geometry_of(way)->group[group];
    uint32_t needed = 1;
    while (needed * (size_t) g->partition_size < length + 24) {
        ++needed;
    }
    return needed <= g->span_factor ? needed : 0;
}

static inline bool model_is_free(const model_way_t *way, uint32_t group, uint32_t first,
                                 uint32_t needed)
{
    return first + needed <= model_geometry_of(way)->group[group].partition_count
           && (way->occupied[group] & segmsg_extent_mask(first, needed)) == 0;
}

/* Where the place must be, or with what error; notes which group is asked for. */
static inline segmsg_error_t model_expect_place(model_way_t *way, size_t length,
                                                segmsg_place_t *place)
{
    const segmsg_geometry_t *geometry = model_geometry_of(way);
    const model_message_t *last = model_sent_at(way, way->published - 1);
    uint32_t groups = geometry->group_count;
    uint32_t fits = 0;
    while (fits < groups && model_needed_in(way, fits, length) == 0) {
        ++fits;
    }
    if (fits == groups) {
        return SEGMSG_ERR_TOO_LARGE;
    }
    if (way->written != way->published && last->place.group >= fits
        && way->state[last->place.group] == SEGMSG_SOURCE_FORMED) {
        place->group = last->place.group;
        place->first = last->place.first + last->place.partitions;
        place->partitions = model_needed_in(way, place->group, length);
        if (place->partitions != 0
            && model_is_free(way, place->group, place->first, place->partitions)) {
            return SEGMSG_OK;
        }
    }
    bool is_asked = false;
    for (uint32_t g = fits; g < groups; ++g) {
        uint32_t needed = model_needed_in(way, g, length);
        if (needed == 0) {
            continue;
        }
        if (way->state[g] == SEGMSG_SOURCE_FORMED) {
            for (uint32_t first = 0; first < 64; ++first) {
                if (model_is_free(way, g, first, needed)) {
                    *place = (segmsg_place_t){.group = g, .first = first, .partitions = needed};
                    return SEGMSG_OK;
                }
            }
        } else if (!is_asked && way->state[g] != SEGMSG_SOURCE_RECALLED) {
            way->wants |= way->state[g] == SEGMSG_SOURCE_ABSENT ? UINT32_C(1) << g : 0;
            way->state[g] = SEGMSG_SOURCE_ASKED;
            is_asked = true;
        }
    }
    return SEGMSG_ERR_FULL;
}

/* The word that the receiver of a way has to tell, if any. */
static inline model_word_t model_next_word(model_way_t *way, bool urgent)
{
    model_word_t word = {.what = WIRE_NO_RIDE};
    if (segmsg_inlet_due(&way->link.to->targets, &way->link.inlet, urgent, &word.what)) {
        uint32_t g = word.what.group;
        UNIT_CHECK(way->untold[g] != 0);
        word.serial = ++way->serial[g];
        way->told[g][word.serial % MODEL_MESSAGES] = way->untold[g];
        way->untold[g] = 0;
    }
    return word;
}

/* The source of a way hears a word; a late one changes nothing. */
static inline void model_hear(model_way_t *way, const model_word_t *word)
{
    UNIT_CHECK(segmsg_source_returned(&way->link.source, &word->what));
    uint32_t g = word->what.group;
    way->late += word->serial <= way->heard[g];
    while (way->heard[g] < word->serial) {
        way->occupied[g] &= ~way->told[g][++way->heard[g] % MODEL_MESSAGES];
    }
}

/* Occupancy and directory of every segment, on both sides, against the model; and the statistics. */
static inline void model_check(const model_way_t *way)
{
    const segmsg_source_t *source = &way->link.source;
    UNIT_EQUAL(source->wants, way->wants);
    for (uint32_t g = 0; g < model_geometry_of(way)->group_count; ++g) {
        const segmsg_source_segment_t *segment = &source->segment[g];
        uint32_t count = model_geometry_of(way)->group[g].partition_count;
        UNIT_EQUAL(segment->state, way->state[g]);
        UNIT_EQUAL(source->messages[g], way->messages[g]);
        UNIT_EQUAL(source->partitions[g], way->taken[g]);
        if (way->link.inlet.formed[g] == 0) {
            UNIT_EQUAL(way->occupied[g] | way->used[g] | way->untold[g], 0);
            continue;
        }
        const segmsg_target_slot_t *slot =
            &way->link.to->targets.slot[way->link.inlet.formed[g] - 1];
        UNIT_EQUAL(segment->slab.taken & segmsg_extent_mask(0, count), way->occupied[g]);
        UNIT_EQUAL(segment->slab.taken | segmsg_extent_mask(0, count), UINT64_MAX);
        UNIT_EQUAL(slot->used, way->used[g]);
        for (uint32_t p = 0; p < count; ++p) {
            uint32_t start = way->start[g][p];
            bool is_last = p + 1 == start + way->partitions[g][p];
            uint32_t entry = SEGMSG_DIRECTORY_USED | (start == p ? SEGMSG_DIRECTORY_FIRST : 0)
                             | (is_last ? SEGMSG_DIRECTORY_LAST : p + 1);
            UNIT_EQUAL(atomic_load(&segment->slab.directory[p]),
                       way->occupied[g] >> p & 1 ? entry : SEGMSG_DIRECTORY_FREE);
            if (g != 0) {
                UNIT_EQUAL(atomic_load(&slot->directory[p]),
                           way->used[g] >> p & 1 ? entry : SEGMSG_DIRECTORY_FREE);
            }
        }
    }
}

#endif
