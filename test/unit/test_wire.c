/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Two hosts that send to each other, doing what they may in random order, over a network on which
 * writes and return words overtake each other, against a model that knows at every moment what is on
 * the way, what is out, which partitions are taken, what the directories say, and where the next
 * message has to go.
 */
#include "wire_model.h"

static size_t random_length(model_t *model, const model_way_t *way)
{
    const segmsg_geometry_t *geometry = model_geometry_of(way);
    uint32_t g = (uint32_t) unit_below(&model->random, geometry->group_count);
    size_t capacity = segmsg_wire_capacity(geometry, g);
    switch (unit_below(&model->random, 8)) {
    case 0:
        return 1;
    case 1:
        return capacity;
    case 2:
        return segmsg_wire_geometry_capacity(geometry) + unit_below(&model->random, 2);
    case 3:
    case 4:
        return 1 + unit_below(&model->random, capacity < 200 ? capacity : 200);
    default:
        return 1 + unit_below(&model->random, capacity);
    }
}

/* Takes a place where the model expects it, and fills it. */
static bool take(model_t *model, model_way_t *way, model_message_t *message)
{
    size_t length = random_length(model, way);
    segmsg_place_t expected = {0};
    segmsg_error_t error = model_expect_place(way, length, &expected);
    segmsg_place_t *place = &message->place;
    *message = (model_message_t){.number = ++model->numbers, .length = (uint32_t) length};
    UNIT_EQUAL(segmsg_source_take(&way->link.source, length, place), error);
    if (error != SEGMSG_OK || unit_has_failed()) {
        return false;
    }
    UNIT_EQUAL(place->group, expected.group);
    UNIT_EQUAL(place->first, expected.first);
    UNIT_EQUAL(place->partitions, expected.partitions);
    memory_fill(place->data, length, message->number);
    way->occupied[place->group] |= segmsg_extent_mask(place->first, place->partitions);
    for (uint32_t p = place->first; p < place->first + place->partitions; ++p) {
        way->start[place->group][p] = (uint8_t) place->first;
        way->partitions[place->group][p] = (uint8_t) place->partitions;
    }
    return true;
}

/* The write that waits leaves: one, of all messages since the last one, from first to last byte. */
static void flush(model_t *model, model_way_t *way)
{
    if (way->written == way->published) {
        UNIT_CHECK(!wire_flush(&way->link));
        return;
    }
    const model_message_t *first = model_sent_at(way, way->written);
    const model_message_t *last = model_sent_at(way, way->published - 1);
    const segmsg_write_t *write = &way->link.write[way->link.writes];
    way->from[way->link.writes] = way->written;
    way->until[way->link.writes] = way->published;
    UNIT_CHECK(wire_flush(&way->link));
    UNIT_CHECK((const char *) write->local + 24 == first->place.data);
    UNIT_CHECK((const char *) write->local + write->bytes
               == (const char *) last->place.data + last->length);
    UNIT_EQUAL(write->group, first->place.group);
    UNIT_EQUAL(segmsg_wire_data_first(write->data), first->place.first);
    UNIT_CHECK(first == last || write->bytes <= model->write_most);
    way->gathered += first != last;
    way->written = way->published;
    ++way->writes;
}

static void publish(model_t *model, int to, const model_message_t *message)
{
    model_way_t *way = &model->way[to];
    const segmsg_place_t *place = &message->place;
    bool joins = segmsg_source_joins(&way->link.source, place, message->length, model->write_most);
    bool expected = true;
    if (way->written != way->published) {
        const model_message_t *first = model_sent_at(way, way->written);
        const model_message_t *last = model_sent_at(way, way->published - 1);
        expected =
            place->group == last->place.group
            && place->first == last->place.first + last->place.partitions
            && (size_t) ((char *) place->data + message->length - ((char *) first->place.data - 24))
                   <= model->write_most;
    }
    UNIT_EQUAL(joins, expected);
    if (!joins) {
        flush(model, way);
    }
    model_message_t *sent = model_sent_at(way, way->published);
    *sent = *message;
    sent->ride = (model_word_t){.what = WIRE_NO_RIDE};
    if (unit_below(&model->random, 3) != 0) {
        sent->ride = model_next_word(&model->way[!to], false);
    }
    segmsg_source_publish(&way->link.source, place, (uint8_t) message->number, message->length,
                          &sent->ride.what);
    ++way->published;
    ++way->messages[place->group];
    way->taken[place->group] += place->partitions;
    if (unit_below(&model->random, 3) == 0) {
        flush(model, way);
    }
}

/* Publishes, or gives back, any of the places that were taken for later. */
static void finish_place(model_t *model, int to, bool is_published)
{
    model_way_t *way = &model->way[to];
    if (way->places == 0) {
        return;
    }
    uint32_t any = (uint32_t) unit_below(&model->random, way->places);
    model_message_t message = way->place[any];
    way->place[any] = way->place[--way->places];
    UNIT_CHECK(memory_holds(message.place.data, message.length, message.number));
    if (is_published) {
        publish(model, to, &message);
    } else {
        segmsg_source_give_back(&way->link.source, &message.place);
        way->occupied[message.place.group] &=
            ~segmsg_extent_mask(message.place.first, message.place.partitions);
    }
}

static void arrive(model_way_t *way, uint32_t index)
{
    for (uint64_t m = way->from[index]; m < way->until[index]; ++m) {
        model_sent_at(way, m)->has_arrived = true;
    }
    wire_arrive(&way->link, index);
    for (uint32_t w = index; w < way->link.writes; ++w) {
        way->from[w] = way->from[w + 1];
        way->until[w] = way->until[w + 1];
    }
}

static bool receive(model_t *model, int to)
{
    model_way_t *way = &model->way[to];
    const model_message_t *expected = model_sent_at(way, way->delivered);
    segmsg_message_t message;
    if (way->delivered == way->written || !expected->has_arrived) {
        UNIT_EQUAL(wire_next(&way->link, &message), SEGMSG_POLL_NONE);
        return false;
    }
    wire_expect(&way->link, expected->length, expected->number, &message);
    if (unit_has_failed()) {
        return false;
    }
    UNIT_EQUAL(message.group, expected->place.group);
    UNIT_EQUAL(message.first, expected->place.first);
    UNIT_EQUAL(message.partitions, expected->place.partitions);
    const segmsg_wire_header_t *header = segmsg_message_header(&message);
    UNIT_EQUAL(header->return_group, expected->ride.what.group);
    if (header->return_group != SEGMSG_WIRE_NO_RETURN) {
        UNIT_EQUAL(header->return_word, expected->ride.what.word);
        UNIT_EQUAL(header->return_number, expected->ride.what.number);
        model_hear(&model->way[!to], &expected->ride);
    }
    way->used[message.group] |= segmsg_extent_mask(message.first, message.partitions);
    way->out[way->outs] = message;
    way->out_number[way->outs++] = expected->number;
    ++way->delivered;
    return true;
}

static void tell(model_way_t *way, bool urgent)
{
    while (way->words < MODEL_WORDS) {
        model_word_t word = model_next_word(way, urgent);
        if (word.what.group == SEGMSG_WIRE_NO_RETURN) {
            return;
        }
        way->word[way->words++] = word;
    }
}

/* Returns any of the messages that are out; its content must have stayed. */
static void return_one(model_t *model, model_way_t *way)
{
    if (way->outs == 0) {
        return;
    }
    uint32_t any = (uint32_t) unit_below(&model->random, way->outs);
    segmsg_message_t message = way->out[any];
    UNIT_CHECK(memory_holds(message.data, message.length, way->out_number[any]));
    uint64_t mask = segmsg_extent_mask(message.first, message.partitions);
    way->used[message.group] &= ~mask;
    way->untold[message.group] |= mask;
    way->out[any] = way->out[--way->outs];
    way->out_number[any] = way->out_number[way->outs];
    bool is_half = 2 * (uint32_t) __builtin_popcountll(way->untold[message.group])
                   >= model_geometry_of(way)->group[message.group].partition_count;
    bool is_urgent = wire_return(&way->link, &message);
    UNIT_CHECK(is_urgent || !is_half);
    if (is_urgent) {
        tell(way, true);
    }
}

/* Any word that is under way reaches the source. */
static void hear_one(model_t *model, model_way_t *way)
{
    if (way->words != 0) {
        uint32_t any = (uint32_t) unit_below(&model->random, way->words);
        model_word_t word = way->word[any];
        way->word[any] = way->word[--way->words];
        model_hear(way, &word);
    }
}

/* What the sender has asked for is answered. */
static void answer(model_way_t *way)
{
    UNIT_EQUAL(wire_answer(&way->link), way->wants);
    for (; way->wants != 0; way->wants &= way->wants - 1) {
        way->state[__builtin_ctz(way->wants)] = SEGMSG_SOURCE_FORMED;
    }
}

/* Recalls a group; or has one given up that was recalled, which it is as soon as it is empty. */
static void recall_or_release(model_t *model, model_way_t *way)
{
    uint32_t g = (uint32_t) unit_below(&model->random, model_geometry_of(way)->group_count);
    if (way->state[g] == SEGMSG_SOURCE_FORMED && !way->link.source.segment[g].is_fresh
        && unit_below(&model->random, 64) == 0) {
        wire_recall(&way->link, g);
        way->state[g] = SEGMSG_SOURCE_RECALLED;
    }
    bool expected = way->state[g] == SEGMSG_SOURCE_RECALLED && way->occupied[g] == 0;
    UNIT_EQUAL(wire_release(&way->link, g), expected);
    if (expected) {
        way->state[g] = SEGMSG_SOURCE_ABSENT;
        UNIT_EQUAL(way->heard[g], way->serial[g]);
        ++way->reformed;
    }
}

static void step(model_t *model)
{
    int to = (int) unit_below(&model->random, 2);
    model_way_t *way = &model->way[to];
    model_message_t message;
    switch (unit_below(&model->random, 14)) {
    case 0:
    case 1:
    case 2:
        if (take(model, way, &message)) {
            publish(model, to, &message);
        }
        break;
    case 3:
        if (way->places < MODEL_PLACES && take(model, way, &way->place[way->places])) {
            ++way->places;
        }
        break;
    case 4:
        finish_place(model, to, unit_below(&model->random, 4) != 0);
        break;
    case 5:
    case 6:
        if (way->link.writes != 0) {
            arrive(way, (uint32_t) unit_below(&model->random, way->link.writes));
        }
        break;
    case 7:
    case 8:
        (void) receive(model, to);
        break;
    case 9:
    case 10:
        return_one(model, way);
        break;
    case 11:
        hear_one(model, way);
        break;
    case 12:
        answer(way);
        break;
    default:
        recall_or_release(model, way);
        if (unit_below(&model->random, 16) == 0) {
            tell(way, false);
        }
        break;
    }
}

/* Everything arrives and is read, and only then both senders say that they are stuck: they are told of
 * all that was returned. */
static void drain(model_t *model)
{
    for (int to = 0; to < 2 && !unit_has_failed(); ++to) {
        model_way_t *way = &model->way[to];
        while (way->places != 0) {
            finish_place(model, to, true);
        }
        flush(model, way);
        while (way->link.writes != 0) {
            arrive(way, way->link.writes - 1);
        }
        while (receive(model, to)) {
        }
        UNIT_EQUAL(way->delivered, way->published);
        while (way->outs != 0) {
            return_one(model, way);
        }
    }
    for (int to = 0; to < 2; ++to) {
        model_way_t *way = &model->way[to];
        uint32_t due = way->link.inlet.due;
        UNIT_EQUAL(segmsg_inlet_asked(&way->link.inlet, way->link.source.sequence), due != 0);
        tell(way, true);
        while (way->words != 0) {
            hear_one(model, way);
        }
        model_check(way);
        for (uint32_t g = 0; g < SEGMSG_GROUPS_MAX; ++g) {
            UNIT_EQUAL(way->occupied[g], 0);
        }
    }
}

/* What a run is for has happened: words that came late, and groups that were given back and formed anew. */
static bool has_seen_all(const model_t *model)
{
    const model_way_t *way = model->way;
    return way[0].late != 0 && way[0].reformed != 0 && way[1].late != 0 && way[1].reformed != 0;
}

/* That many steps with these groups at either end; more of them if chance has left something out. */
static void run_model(const char *groups, const char *back, size_t write_most, uint64_t steps)
{
    model_t *model = calloc(1, sizeof(*model));
    if (model == NULL) {
        abort();
    }
    const char *list[2] = {groups, back};
    model->random = unit_random(write_most);
    model->write_most = write_most;
    for (uint32_t i = 0; i < 2; ++i) {
        wire_open_host(&model->host[i], list[i], 16, 1);
        wire_open(&model->way[i].link, &model->host[i], i);
        /* Numbers are about to wrap around. */
        model->way[i].link.source.sequence = model->way[i].link.inlet.expected = UINT32_MAX - 50;
    }
    uint64_t most = steps + 1000000;
    for (uint64_t s = 0; (s < steps || (s < most && !has_seen_all(model))) && !unit_has_failed();
         ++s) {
        step(model);
        model_check(&model->way[0]);
        model_check(&model->way[1]);
        if (s % 2048 == 2047) {
            drain(model);
        }
    }
    drain(model);
    UNIT_CHECK(has_seen_all(model));
    for (int to = 0; to < 2; ++to) {
        const model_way_t *way = &model->way[to];
        UNIT_CHECK(way->published > steps / 40 && way->writes == way->link.source.writes);
        UNIT_CHECK((way->gathered != 0) == (write_most > 256));
        wire_close(&model->way[to].link);
    }
    wire_close_host(&model->host[0]);
    wire_close_host(&model->host[1]);
    free(model);
}

static void tiny_groups_agree_with_the_model(void)
{
    run_model("64:8:3,128:2:2,512:2:2", "64:9:3,128:1:1,256:3:2,1K:1:1", 700,
              unit_repetitions(300000));
}

static void odd_groups_agree_with_the_model(void)
{
    run_model("64:16:7,256:5:3,512:7:7,1K:64:9", "64:31:2,128:64:64", 4096,
              unit_repetitions(300000));
}

static void groups_whose_larger_carry_less_agree_with_the_model(void)
{
    run_model("64:64:31,128:8:2,256:8:8,1K:1:1", "64:64:31,1K:2:1,2K:1:1", 1500,
              unit_repetitions(300000));
}

static void groups_of_everyday_size_agree_with_the_model(void)
{
    run_model("64:64:16,1K:64:16,8K:16:8,64K:4:2", "64:64:16,1K:64:16,8K:16:8", 9000,
              unit_repetitions(150000));
}

static void without_gathering_each_message_is_a_write(void)
{
    run_model("64:16:7,256:8:8", "64:64:31,1K:4:4", 0, unit_repetitions(150000));
}

static const unit_case_t cases[] = {
    UNIT_CASE(tiny_groups_agree_with_the_model),
    UNIT_CASE(odd_groups_agree_with_the_model),
    UNIT_CASE(groups_whose_larger_carry_less_agree_with_the_model),
    UNIT_CASE(groups_of_everyday_size_agree_with_the_model),
    UNIT_CASE(without_gathering_each_message_is_a_write),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
