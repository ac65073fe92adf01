/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A sender and a receiver in one thread, doing what they may in random order, against a model that
 * knows at every moment what is on the way, what is out, which partitions are taken, what the
 * directories say, and where the next message has to go.
 */
#include "engine/receiver.h"
#include "engine/sender.h"
#include "engine/groups.h"
#include "memory.h"
#include "unit.h"

enum {
    MODEL_MESSAGES = 4096, /* on the way or out at one time */
    MODEL_PLACES = 256     /* taken and not published */
};

typedef struct {
    uint64_t number; /* tells its content */
    uint32_t length;
    segmsg_place_t place;
} model_message_t;

typedef struct {
    memory_t memory;
    segmsg_receiver_t receiver;
    segmsg_export_t image;
    segmsg_sender_t sender;
    unit_random_t random;

    model_message_t place[MODEL_PLACES]; /* taken, filled, not published */
    uint32_t places;
    model_message_t sent[MODEL_MESSAGES]; /* published, not delivered: a queue */
    uint32_t sent_first, sent_count;
    segmsg_message_t out[MODEL_MESSAGES]; /* delivered, not returned */
    uint64_t out_number[MODEL_MESSAGES];
    uint32_t outs;

    uint64_t occupied[SEGMSG_GROUPS_MAX]; /* partitions that are a message's */
    uint8_t start[SEGMSG_GROUPS_MAX][64]; /* first partition of whoever had it last */
    uint8_t partitions[SEGMSG_GROUPS_MAX][64];
    uint64_t numbers; /* messages made */
    uint64_t messages[SEGMSG_GROUPS_MAX], bytes[SEGMSG_GROUPS_MAX], taken[SEGMSG_GROUPS_MAX];
} model_t;

static model_message_t *sent_at(model_t *model, uint32_t index)
{
    return &model->sent[(model->sent_first + index) % MODEL_MESSAGES];
}

static segmsg_reader_t *reader_of(model_t *model)
{
    if (segmsg_receiver_has_new_groups(&model->receiver)) {
        UNIT_EQUAL(segmsg_receiver_find_groups(&model->receiver), SEGMSG_OK);
    }
    UNIT_CHECK(model->receiver.reader_count <= 1);
    return model->receiver.reader_count == 0 ? NULL : model->receiver.reader[0];
}

/* The first group from group `from` on in which a message of `length` finds a run; group_count if none. */
static uint32_t expected_group(const model_t *model, uint32_t from, size_t length)
{
    const segmsg_geometry_t *geometry = &model->memory.config.geometry;
    uint32_t g = from;
    for (; g < geometry->group_count; ++g) {
        uint32_t count = geometry->group[g].partition_count;
        uint32_t needed = segmsg_group_partitions(geometry, g, length);
        if (needed > geometry->group[g].span_factor) {
            continue;
        }
        for (uint32_t first = 0; first + needed <= count; ++first) {
            if ((model->occupied[g] & segmsg_extent_mask(first, needed)) == 0) {
                return g;
            }
        }
    }
    return g;
}

/* The first group where a piece of `length` bytes may go: that of the policy, if it fits well. */
static uint32_t first_for_piece(const model_t *model, size_t length)
{
    const segmsg_geometry_t *geometry = &model->memory.config.geometry;
    uint32_t least = model->sender.use.cache.piece_segment;
    for (uint32_t g = 1; least != 0 && g < geometry->group_count; ++g) {
        const segmsg_group_geometry_t *group = &geometry->group[g];
        if (group->partition_size * group->partition_count >= least) {
            uint32_t needed = segmsg_group_partitions(geometry, g, length);
            return needed <= group->span_factor && 2 * length > group->partition_size ? g : 1;
        }
    }
    return 1;
}

/* Whether group 0 can take a message that needs `lines`, counting what the receiver returned. */
static bool ring_has_room(const segmsg_ring_writer_t *ring, uint32_t lines)
{
    uint64_t used = ring->head - atomic_load(&ring->control->word);
    uint32_t skipped = ring->at + lines > ring->count ? ring->count - ring->at : 0;
    return used + skipped + lines + 1 + ring->spare <= ring->count;
}

static void note_place(model_t *model, const segmsg_place_t *place)
{
    if (place->group == 0) {
        return;
    }
    uint64_t mask = segmsg_extent_mask(place->first, place->partitions);
    uint32_t count = model->memory.config.geometry.group[place->group].partition_count;
    UNIT_CHECK(place->first + place->partitions <= count);
    UNIT_EQUAL(model->occupied[place->group] & mask, 0);
    model->occupied[place->group] |= mask;
    for (uint32_t p = place->first; p < place->first + place->partitions; ++p) {
        model->start[place->group][p] = (uint8_t) place->first;
        model->partitions[place->group][p] = (uint8_t) place->partitions;
    }
}

static void note_sent(model_t *model, const model_message_t *message)
{
    *sent_at(model, model->sent_count++) = *message;
    uint32_t g = message->place.group;
    ++model->messages[g];
    model->bytes[g] += message->length;
    model->taken[g] += message->place.partitions;
}

static size_t random_length(model_t *model)
{
    const segmsg_geometry_t *geometry = &model->memory.config.geometry;
    uint32_t g = (uint32_t) unit_below(&model->random, geometry->group_count);
    size_t capacity = segmsg_group_capacity(geometry, g);
    switch (unit_below(&model->random, 8)) {
    case 0:
        return 0;
    case 1:
        return capacity;
    case 2:
        return unit_below(&model->random, capacity < 200 ? capacity : 200);
    default:
        return unit_below(&model->random, capacity + 1);
    }
}

/* Takes a place, fills it with what looks like headers, and thinks better of it. */
static void take_in_vain(model_t *model)
{
    segmsg_place_t place;
    size_t length = random_length(model);
    if (segmsg_sender_take(&model->sender, length, &place) == SEGMSG_OK) {
        memset(place.data, 1, length);
        if (place.group != 0) {
            segmsg_sender_give_back(&model->sender, &place);
        }
    }
}

static void send_now(model_t *model)
{
    if (unit_below(&model->random, 8) == 0) {
        take_in_vain(model);
    }
    const segmsg_geometry_t *geometry = &model->memory.config.geometry;
    segmsg_sender_t *sender = &model->sender;
    model_message_t message = {.number = ++model->numbers,
                               .length = (uint32_t) random_length(model)};
    segmsg_ring_writer_t before = sender->ring;
    bool fits_ring = message.length <= segmsg_sender_ring_capacity(sender) && before.line != NULL;
    bool room =
        fits_ring && ring_has_room(&before, segmsg_group_partitions(geometry, 0, message.length));
    bool room_to_announce = before.line != NULL && ring_has_room(&before, 1);
    uint32_t larger = expected_group(model, 1, message.length);

    segmsg_error_t error = segmsg_sender_take(sender, message.length, &message.place);
    UNIT_CHECK(error == SEGMSG_OK || error == SEGMSG_ERR_FULL);
    if (sender->ring.line == before.line && before.line != NULL) {
        /* No group 0 was formed on the way: it had to go just there, or nowhere. */
        bool placed = room || (room_to_announce && larger < geometry->group_count);
        UNIT_EQUAL(error, placed ? SEGMSG_OK : SEGMSG_ERR_FULL);
        if (error == SEGMSG_OK) {
            UNIT_EQUAL(message.place.group, room ? 0 : larger);
        }
    }
    if (error != SEGMSG_OK) {
        return;
    }
    note_place(model, &message.place);
    memory_fill(message.place.data, message.length, message.number);
    UNIT_CHECK(
        segmsg_sender_publish(sender, &message.place, (uint8_t) message.number, message.length));
    note_sent(model, &message);
}

static void take_for_later(model_t *model)
{
    if (model->places == MODEL_PLACES) {
        return;
    }
    const segmsg_geometry_t *geometry = &model->memory.config.geometry;
    model_message_t message = {.number = ++model->numbers,
                               .length = (uint32_t) random_length(model)};
    uint32_t larger = expected_group(model, first_for_piece(model, message.length), message.length);
    segmsg_error_t error =
        segmsg_sender_take_lasting(&model->sender, message.length, &message.place);
    if (larger == geometry->group_count) {
        UNIT_CHECK(error == SEGMSG_ERR_FULL || error == SEGMSG_ERR_TOO_LARGE);
        return;
    }
    UNIT_EQUAL(error, SEGMSG_OK);
    if (error == SEGMSG_OK) {
        UNIT_EQUAL(message.place.group, larger);
        note_place(model, &message.place);
        memory_fill(message.place.data, message.length, message.number);
        model->place[model->places++] = message;
    }
}

/* Publishes, or gives back, any of the places that were taken for later. */
static void finish_place(model_t *model, bool publish)
{
    if (model->places == 0) {
        return;
    }
    uint32_t any = (uint32_t) unit_below(&model->random, model->places);
    model_message_t message = model->place[any];
    UNIT_CHECK(memory_holds(message.place.data, message.length, message.number));
    if (publish) {
        bool room = ring_has_room(&model->sender.ring, 1);
        bool done = segmsg_sender_publish(&model->sender, &message.place, (uint8_t) message.number,
                                          message.length);
        UNIT_EQUAL(done, room);
        if (!done) {
            return;
        }
        note_sent(model, &message);
    } else {
        segmsg_sender_give_back(&model->sender, &message.place);
        model->occupied[message.place.group] &=
            ~segmsg_extent_mask(message.place.first, message.place.partitions);
    }
    model->place[any] = model->place[--model->places];
}

static bool receive_one(model_t *model)
{
    segmsg_reader_t *reader = reader_of(model);
    if (reader == NULL) {
        UNIT_EQUAL(model->sent_count, 0);
        return false;
    }
    segmsg_message_t message;
    segmsg_poll_t poll = segmsg_reader_poll(&model->receiver, reader, &message);
    if (model->sent_count == 0) {
        UNIT_EQUAL(poll, SEGMSG_POLL_NONE);
        return false;
    }
    if (poll == SEGMSG_POLL_NONE && model->outs != 0) {
        /* Allowed only where the sender went to a longer segment. */
        uint64_t header = atomic_load(&reader->ring.line[reader->ring.at].header);
        UNIT_EQUAL(segmsg_header_kind(header), SEGMSG_KIND_SWITCH);
        return false;
    }
    UNIT_EQUAL(poll, SEGMSG_POLL_MESSAGE);
    if (poll != SEGMSG_POLL_MESSAGE) {
        return false;
    }
    const model_message_t *expected = sent_at(model, 0);
    UNIT_CHECK(message.data == expected->place.data);
    UNIT_EQUAL(message.length, expected->length);
    UNIT_EQUAL(message.tag, (uint8_t) expected->number);
    UNIT_EQUAL(message.group, expected->place.group);
    UNIT_EQUAL(message.partitions, expected->place.partitions);
    UNIT_CHECK(memory_holds(message.data, message.length, expected->number));
    model->out[model->outs] = message;
    model->out_number[model->outs++] = expected->number;
    model->sent_first = (model->sent_first + 1) % MODEL_MESSAGES;
    --model->sent_count;
    return true;
}

/* Returns any of the messages that are out; its content must have stayed. */
static void return_one(model_t *model)
{
    if (model->outs == 0) {
        return;
    }
    uint32_t any = (uint32_t) unit_below(&model->random, model->outs);
    segmsg_message_t message = model->out[any];
    UNIT_CHECK(memory_holds(message.data, message.length, model->out_number[any]));
    segmsg_message_return(&model->receiver, model->receiver.reader[0], &message);
    if (message.group != 0) {
        model->occupied[message.group] &= ~segmsg_extent_mask(message.first, message.partitions);
    }
    model->out[any] = model->out[--model->outs];
    model->out_number[any] = model->out_number[model->outs];
}

/* Occupancy and directory of every run against the model. */
static void check_partitions(const model_t *model)
{
    const segmsg_geometry_t *geometry = &model->memory.config.geometry;
    for (uint32_t g = 1; g < geometry->group_count; ++g) {
        const segmsg_run_image_t *run = model->sender.run[g];
        if (run == NULL) {
            UNIT_EQUAL(model->occupied[g], 0);
            continue;
        }
        /* What the sender holds for taken, less what was returned since it last looked. */
        uint64_t flipped = atomic_load(&run->control->word) ^ run->slab.returned;
        UNIT_EQUAL(flipped & ~run->slab.taken, 0);
        UNIT_EQUAL(run->slab.taken & run->slab.exists & ~flipped, model->occupied[g]);
        for (uint32_t p = 0; p < geometry->group[g].partition_count; ++p) {
            uint32_t expected = SEGMSG_DIRECTORY_FREE;
            if (run->slab.taken >> p & 1) {
                uint32_t start = model->start[g][p];
                bool is_last = p + 1 == start + model->partitions[g][p];
                expected = SEGMSG_DIRECTORY_USED | (start == p ? SEGMSG_DIRECTORY_FIRST : 0)
                           | (is_last ? SEGMSG_DIRECTORY_LAST : p + 1);
            }
            UNIT_EQUAL(atomic_load(&run->slab.directory[p]), expected);
        }
    }
}

/* The statistics in the control blocks against the model; and the sender's own. */
static void check_statistics(const model_t *model, bool grows)
{
    const segmsg_export_t *export = &model->memory.export;
    uint32_t groups = atomic_load(&segmsg_export_head(export)->group_count);
    for (uint32_t g = 0; g < model->memory.config.geometry.group_count; ++g) {
        UNIT_EQUAL(model->sender.messages[g], model->messages[g]);
        UNIT_EQUAL(model->sender.partitions[g], model->taken[g]);
    }
    for (uint32_t e = 0; e < groups; ++e) {
        segmsg_group_entry_t *entry = segmsg_export_group(export, e);
        if (atomic_load(&entry->state) != SEGMSG_GROUP_FORMED || (entry->group == 0 && grows)) {
            continue; /* what a starter carried is forgotten with it */
        }
        const segmsg_control_t *control =
            memory_view(export, segmsg_export_segment(export, entry->segment)).control;
        UNIT_EQUAL(atomic_load(&control->messages), model->messages[entry->group]);
        UNIT_EQUAL(atomic_load(&control->bytes), model->bytes[entry->group]);
        UNIT_EQUAL(atomic_load(&control->partitions), model->taken[entry->group]);
    }
}

static void drain(model_t *model)
{
    while (model->places != 0 || model->sent_count != 0 || model->outs != 0) {
        if (unit_has_failed()) {
            return;
        }
        finish_place(model, true);
        if (!receive_one(model)) {
            return_one(model);
        }
    }
}

/* All partitions of every group are free again, and the longest message finds its place in group 0
 * wherever that stands. */
static void check_all_free(model_t *model)
{
    const segmsg_geometry_t *geometry = &model->memory.config.geometry;
    check_partitions(model);
    for (uint32_t g = 1; g < geometry->group_count; ++g) {
        UNIT_EQUAL(model->occupied[g], 0);
    }
    const segmsg_ring_writer_t *ring = &model->sender.ring;
    if (ring->line == NULL) {
        return;
    }
    UNIT_EQUAL(atomic_load(&ring->control->word), ring->head);
    model_message_t message = {.number = ++model->numbers,
                               .length = (uint32_t) segmsg_sender_ring_capacity(&model->sender)};
    UNIT_EQUAL(segmsg_sender_take(&model->sender, message.length, &message.place), SEGMSG_OK);
    UNIT_EQUAL(message.place.group, 0);
    memory_fill(message.place.data, message.length, message.number);
    UNIT_CHECK(segmsg_sender_publish(&model->sender, &message.place, (uint8_t) message.number,
                                     message.length));
    note_sent(model, &message);
    UNIT_CHECK(receive_one(model));
    return_one(model);
}

static uint32_t model_lines; /* of the ring at the end of the last run */

static void run_model(const char *list, uint32_t starter, uint32_t grow_after,
                      const segmsg_cache_policy_t *policy, uint64_t steps)
{
    model_t *model = calloc(1, sizeof(*model));
    UNIT_REQUIRE(model != NULL);
    memory_open_export(&model->memory, list, starter, 16, 2);
    model->random = unit_random(starter);
    model->image = memory_image(&model->memory);
    UNIT_CHECK(segmsg_receiver_init(&model->receiver, &model->memory.export));
    segmsg_identity_t self = memory_sender(1);
    segmsg_growth_t growth = memory_growth(grow_after);
    segmsg_sender_init(&model->sender, &model->image, &self, &growth);
    segmsg_sender_set_cache(&model->sender, policy);

    unsigned eagerness = 50; /* of the receiver, of 100 */
    for (uint64_t step = 0; step < steps && !unit_has_failed(); ++step) {
        if (step % 256 == 0) {
            eagerness = 20 + (unsigned) unit_below(&model->random, 70);
        }
        bool receives = unit_below(&model->random, 100) < eagerness;
        unsigned choice = (unsigned) unit_below(&model->random, 10);
        if (receives) {
            choice < 5 ? (void) receive_one(model) : return_one(model);
        } else if (choice < 6) {
            send_now(model);
        } else if (choice < 8) {
            take_for_later(model);
        } else {
            finish_place(model, choice < 9 || unit_below(&model->random, 2) == 0);
        }
        if (unit_below(&model->random, 4) == 0) {
            segmsg_sender_answers(&model->sender);
        }
        check_partitions(model);
        if (unit_below(&model->random, 2000) == 0) {
            drain(model);
            check_all_free(model);
        }
    }
    send_now(model); /* at least one message in all */
    drain(model);
    check_all_free(model);
    model_lines = model->sender.ring.count;
    check_statistics(model, starter != model->memory.config.geometry.group[0].partition_count);
    segmsg_sender_destroy(&model->sender);
    segmsg_receiver_destroy(&model->receiver);
    memory_close(&model->memory);
    free(model);
}

static const segmsg_cache_policy_t as_it_comes = {0};
/* A lap of 8 lines where groups are tiny. */
static const segmsg_cache_policy_t reusing = {.lap = 8, .reply_lines = 2};

static void tiny_groups_agree_with_the_model(void)
{
    run_model("64:8:3,128:2:2,512:2:2", 8, UINT32_MAX, &as_it_comes, unit_repetitions(200000));
    run_model("64:9:3,128:1:1,256:3:2,1K:1:1", 9, UINT32_MAX, &as_it_comes,
              unit_repetitions(200000));
}

static void odd_groups_agree_with_the_model(void)
{
    run_model("64:16:7,256:5:3,512:7:7,1K:64:9", 16, UINT32_MAX, &as_it_comes,
              unit_repetitions(200000));
    run_model("64:31:2,128:64:64", 31, UINT32_MAX, &as_it_comes, unit_repetitions(200000));
}

static void groups_of_default_size_agree_with_the_model(void)
{
    run_model("64:1023:129,1K:64:16,8K:16:8,64K:4:2", 1023, UINT32_MAX, &as_it_comes,
              unit_repetitions(50000));
}

static void growing_groups_agree_with_the_model(void)
{
    for (uint64_t round = 0; round < unit_repetitions(200); ++round) {
        unit_random_t random = unit_random(round);
        run_model("64:40:19,128:8:8,1K:4:4", 8 + (uint32_t) unit_below(&random, 32),
                  (uint32_t) unit_below(&random, 300), round % 2 == 0 ? &as_it_comes : &reusing,
                  1000);
    }
}

static void groups_whose_lines_are_used_again_agree_with_the_model(void)
{
    run_model("64:31:3,128:8:2,512:8:2", 31, UINT32_MAX, &reusing, unit_repetitions(200000));
    const segmsg_cache_policy_t lap = {.lap = 160, .reply_lines = 44, .stream_lines = 66};
    run_model("64:1023:129,1K:64:16,8K:16:8,64K:4:2", 1023, UINT32_MAX, &lap,
              unit_repetitions(50000));
    run_model("64:200:99,8K:2:2", 200, UINT32_MAX, &lap, unit_repetitions(100000));
}

/* Runs until one has come to a wide segment: it takes chance, and some ten thousand steps. */
static void run_wide(const char *list, uint32_t starter, uint32_t grow_after, uint32_t wide)
{
    static const segmsg_cache_policy_t policy = {.calm = 60, .reply_lines = 44, .stream_lines = 66};
    enum { TRIES = 20, STEPS = 100000 /* under sanitizers as well: fewer never come so far */ };
    model_lines = 0;
    for (uint32_t t = 0; (t == 0 || model_lines != wide) && t < TRIES && !unit_has_failed(); ++t) {
        run_model(list, starter + t, grow_after, &policy, STEPS);
    }
    UNIT_EQUAL(model_lines, wide);
}

static void groups_that_become_wide_agree_with_the_model(void)
{
    run_wide("64:1100:99,256:8:7,1K:64:16", 8, 20, 1100);
    run_wide("64:2000:129,8K:2:2", 500, 0, 2000);
}

static void groups_of_which_one_is_for_pieces_agree_with_the_model(void)
{
    const segmsg_cache_policy_t policy = {.lap = 8, .reply_lines = 2, .piece_segment = 2048};
    run_model("64:31:3,128:8:2,512:4:2", 31, UINT32_MAX, &policy, unit_repetitions(200000));
    run_model("64:31:3,128:8:2,256:8:7,1K:2:2", 31, UINT32_MAX, &policy, unit_repetitions(200000));
    run_model("64:31:3,128:8:2,256:7:7", 31, UINT32_MAX, &policy, unit_repetitions(200000));
}

/* A sender whose lines and partitions are watched, and its receiver. */
typedef struct {
    memory_t memory;
    segmsg_receiver_t receiver;
    segmsg_export_t image;
    segmsg_sender_t sender;
    bool answers; /* the receiver, to every message */
} watched_t;

static void open_watched_of(watched_t *pair, const char *groups, uint32_t starter,
                            const segmsg_cache_policy_t *policy)
{
    memory_open_export(&pair->memory, groups, starter, 16, 2);
    UNIT_CHECK(segmsg_receiver_init(&pair->receiver, &pair->memory.export));
    pair->image = memory_image(&pair->memory);
    const segmsg_identity_t self = memory_sender(1);
    const segmsg_growth_t growth = memory_growth(UINT32_MAX);
    segmsg_sender_init(&pair->sender, &pair->image, &self, &growth);
    segmsg_sender_set_cache(&pair->sender, policy);
    pair->answers = true;
}

static void open_watched(watched_t *pair, const segmsg_cache_policy_t *policy)
{
    open_watched_of(pair, "64:1023:129,1K:64:16,8K:64:8", 1023, policy);
}

static void close_watched(watched_t *pair)
{
    segmsg_sender_destroy(&pair->sender);
    segmsg_receiver_destroy(&pair->receiver);
    memory_close(&pair->memory);
}

static void publish_watched(watched_t *pair, const segmsg_place_t *place, size_t length,
                            uint64_t number)
{
    memory_fill(place->data, length, number);
    UNIT_CHECK(segmsg_sender_publish(&pair->sender, place, 1, (uint32_t) length));
}

/* Receives message `number`, which the receiver answers. */
static void receive_watched(watched_t *pair, size_t length, uint64_t number)
{
    UNIT_EQUAL(segmsg_receiver_find_groups(&pair->receiver), SEGMSG_OK);
    segmsg_message_t message;
    segmsg_reader_t *reader = pair->receiver.reader[0];
    UNIT_EQUAL(segmsg_reader_poll(&pair->receiver, reader, &message), SEGMSG_POLL_MESSAGE);
    UNIT_CHECK(memory_holds(message.data, length, number));
    segmsg_message_return(&pair->receiver, reader, &message);
    if (pair->answers) {
        segmsg_sender_answers(&pair->sender);
    }
}

/* Sends `count` messages of `length` bytes. The first `behind` are read when all of them are sent, the others at
 * once. *line receives the highest line of group 0, *partition the highest partition above it, that the last
 * half of the messages used. */
static void see_use(const segmsg_cache_policy_t *policy, uint32_t count, uint32_t behind,
                    size_t length, uint32_t *line, uint32_t *partition)
{
    watched_t pair;
    open_watched(&pair, policy);
    uint32_t received = 0;
    *line = *partition = 0;
    for (uint32_t m = 0; m < count && !unit_has_failed(); ++m) {
        segmsg_place_t place;
        UNIT_EQUAL(segmsg_sender_take(&pair.sender, length, &place), SEGMSG_OK);
        if (unit_has_failed()) {
            break;
        }
        uint32_t end = place.first + place.partitions - 1;
        uint32_t *most = place.group == 0 ? line : partition;
        *most = m >= count / 2 && end > *most ? end : *most;
        publish_watched(&pair, &place, length, m);
        while (m + 1 >= behind && received <= m) {
            receive_watched(&pair, length, received);
            ++received;
        }
    }
    UNIT_EQUAL(received, count);
    close_watched(&pair);
}

/* Lines beyond the lap are for a receiver that is behind, and no longer than it is. */
static void a_receiver_that_keeps_up_sees_few_lines(void)
{
    const segmsg_cache_policy_t lap = {.lap = 160, .reply_lines = SEGMSG_RING_MAX};
    uint32_t line, partition;
    for (size_t length = 0; length <= 4000; length += 100) {
        see_use(&lap, 400, 0, length, &line, &partition);
        UNIT_CHECK(line < 160);
        see_use(&as_it_comes, 4000, 0, length, &line, &partition);
        UNIT_CHECK(line > 800);
    }
    see_use(&lap, 900, 900, 10, &line, &partition);
    UNIT_EQUAL(line, 899);
    for (size_t length = 10; length <= 200; length += 95) {
        see_use(&lap, 4000, 250, length, &line, &partition);
        UNIT_CHECK(line < 160);
    }
}

static void who_answers_finds_the_partitions_of_the_last_message(void)
{
    const segmsg_cache_policy_t lap = {.lap = 160, .reply_lines = 44, .stream_lines = 44};
    uint32_t line, partition;
    see_use(&lap, 100, 0, 8000, &line, &partition);
    UNIT_EQUAL(partition, 7); /* of 1 KB */
    see_use(&lap, 8, 8, 8000, &line, &partition);
    UNIT_EQUAL(partition, 63);
}

/* The highest line that the last half of some messages uses, each of them read at once, which the receiver
 * answers, or not; or something of its own is there whenever one was sent, if they cross. */
static uint32_t lines_of_watched(watched_t *pair, size_t length, bool answers, bool crosses)
{
    enum { COUNT = 4000 };
    segmsg_line_t line_back = {.header = crosses ? 1 : 0};
    const segmsg_ring_reader_t back = {.line = &line_back, .count = 1};
    uint32_t line = 0;
    pair->answers = answers;
    segmsg_sender_set_back(&pair->sender, &back);
    for (uint32_t m = 0; m < COUNT && !unit_has_failed(); ++m) {
        segmsg_place_t place;
        UNIT_EQUAL(segmsg_sender_take(&pair->sender, length, &place), SEGMSG_OK);
        UNIT_EQUAL(place.group, 0);
        uint32_t end = place.first + place.partitions - 1;
        line = m >= COUNT / 2 && end > line ? end : line;
        publish_watched(pair, &place, length, m);
        receive_watched(pair, length, m);
    }
    segmsg_sender_set_back(&pair->sender, NULL);
    return line;
}

static const segmsg_cache_policy_t calm = {.calm = 160,
                                           .reply_lines = SEGMSG_RING_MAX,
                                           .stream_lines = SEGMSG_RING_MAX};

/* Few lines are for dialogues: not for streams, nor for long messages that cross others. */
static void a_dialogue_uses_few_lines_and_a_stream_all(void)
{
    for (size_t length = 0; length <= 4000; length += 250) {
        bool is_long = length > SEGMSG_LONG_LINES * SEGMSG_LINE;
        watched_t pair;
        open_watched(&pair, &calm);
        UNIT_CHECK(lines_of_watched(&pair, length, true, false) < 160);
        UNIT_CHECK(lines_of_watched(&pair, length, false, false) > 900);
        UNIT_CHECK(lines_of_watched(&pair, length, true, false) < 160);
        uint32_t crossing = lines_of_watched(&pair, length, true, true);
        UNIT_CHECK(is_long ? crossing > 900 : crossing < 160);
        UNIT_CHECK(lines_of_watched(&pair, length, true, false) < 160);
        close_watched(&pair);
    }
}

/* A stream gets a wide segment, if there is memory and the receiver has not too many senders. */
static void a_stream_gets_a_wide_segment(void)
{
    for (int lacks = 0; lacks < 4; ++lacks) {
        watched_t pair;
        bool needs_all = lacks == 3; /* for its longest messages */
        open_watched_of(&pair, needs_all ? "64:4000:600,1K:64:16" : "64:4000:129,1K:64:16",
                        needs_all ? 4000 : 1023, &calm);
        (void) lines_of_watched(&pair, 1000, true, false);
        UNIT_EQUAL(pair.sender.ring.count, needs_all ? 4000 : 1023);
        if (lacks == 1) {
            atomic_store(pair.memory.left, 8);
        } else if (lacks == 2) {
            pair.sender.growth.own_crowd = 0;
        }
        uint32_t line = lines_of_watched(&pair, 1000, false, false);
        bool is_wide = lacks == 0 || needs_all;
        UNIT_EQUAL(pair.sender.ring.count, is_wide ? 4000 : 1023);
        UNIT_CHECK(is_wide ? line > 3900 : line > 900 && line < 1023);
        UNIT_CHECK(lines_of_watched(&pair, 1000, true, false) < 160);
        UNIT_CHECK(!segmsg_sender_is_corrupt(&pair.sender));
        close_watched(&pair);
    }
}

/* So many pieces of `length` bytes, each read at once, as one that answers. Returns how many partitions of
 * their group were ever used. */
static uint32_t partitions_of(const segmsg_cache_policy_t *policy, uint32_t pieces, size_t length,
                              uint32_t *group)
{
    watched_t pair;
    open_watched(&pair, policy);
    uint64_t used = 0;
    for (uint32_t m = 0; m < pieces && !unit_has_failed(); ++m) {
        segmsg_place_t place;
        UNIT_EQUAL(segmsg_sender_take_lasting(&pair.sender, length, &place), SEGMSG_OK);
        UNIT_CHECK(m == 0 || place.group == *group);
        *group = place.group;
        used |= segmsg_extent_mask(place.first, place.partitions);
        publish_watched(&pair, &place, length, m);
        receive_watched(&pair, length, m);
    }
    close_watched(&pair);
    return (uint32_t) __builtin_popcountll(used);
}

static uint32_t partitions_of_pieces(uint32_t piece_segment, size_t length, uint32_t *group)
{
    const segmsg_cache_policy_t policy = {.lap = 160,
                                          .reply_lines = 44,
                                          .stream_lines = 44,
                                          .piece_segment = piece_segment};
    return partitions_of(&policy, 200, length, group);
}

/* Memory that nobody has touched yet is had slowly where what has come back would do: for one message more after
 * 16 looks at that, which are the fewer the more memory there is, and after twice as many each time. */
static void new_memory_is_had_slowly(void)
{
    const segmsg_cache_policy_t policy = {.reply_lines = 44, .stream_lines = 44};
    uint32_t group;
    UNIT_EQUAL(partitions_of(&policy, 16, 8000, &group), 8);
    UNIT_EQUAL(group, 1);
    UNIT_EQUAL(partitions_of(&policy, 64, 8000, &group), 16);
    UNIT_EQUAL(partitions_of(&policy, 1000, 8000, &group), 32);
    UNIT_EQUAL(partitions_of(&policy, 100000, 8000, &group), 64); /* all, in the end */
}

/* What should have left the caches before it is read goes round in all of a large segment. */
static void pieces_go_round_in_a_large_segment(void)
{
    uint32_t group;
    UNIT_EQUAL(partitions_of_pieces(8 * 64 << 10, 8000, &group), 64);
    UNIT_EQUAL(group, 2);
    UNIT_EQUAL(partitions_of_pieces(8 * 64 << 10, 4097, &group), 64);
    UNIT_EQUAL(group, 2);
    UNIT_EQUAL(partitions_of_pieces(8 * 64 << 10, 4096, &group), 4); /* half of it would be empty */
    UNIT_EQUAL(group, 1);
    UNIT_EQUAL(partitions_of_pieces((8 * 64 << 10) + 1, 8000, &group), 8); /* none is that large */
    UNIT_EQUAL(group, 1);
    UNIT_EQUAL(partitions_of_pieces(0, 8000, &group), 8);
    UNIT_EQUAL(group, 1);
}

static const unit_case_t cases[] = {
    UNIT_CASE(tiny_groups_agree_with_the_model),
    UNIT_CASE(odd_groups_agree_with_the_model),
    UNIT_CASE(groups_of_default_size_agree_with_the_model),
    UNIT_CASE(growing_groups_agree_with_the_model),
    UNIT_CASE(groups_whose_lines_are_used_again_agree_with_the_model),
    UNIT_CASE(groups_that_become_wide_agree_with_the_model),
    UNIT_CASE(groups_of_which_one_is_for_pieces_agree_with_the_model),
    UNIT_CASE(pieces_go_round_in_a_large_segment),
    UNIT_CASE(new_memory_is_had_slowly),
    UNIT_CASE(a_receiver_that_keeps_up_sees_few_lines),
    UNIT_CASE(a_dialogue_uses_few_lines_and_a_stream_all),
    UNIT_CASE(a_stream_gets_a_wide_segment),
    UNIT_CASE(who_answers_finds_the_partitions_of_the_last_message),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
