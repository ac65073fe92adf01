/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Words of shared memory that say who may write where, overwritten while messages pass: credits, claims,
 * tables. Either every message arrives as it was sent, or a process says that its memory is corrupt; nothing
 * arrives changed, and nobody waits for ever.
 */
#include "engine/guest.h"
#include "engine/lobby.h"
#include "engine/receiver.h"
#include "engine/sender.h"
#include "engine/groups.h"
#include "engine/lobby_poll.h"
#include "engine/verify.h"
#include "memory.h"
#include "unit.h"

#include <stddef.h>

enum { SENDERS = 3, LOBBY = 40, GROUPS = 24, MESSAGES = 2000, LENGTHS = 8 };

/* The first stays in the lobby; the others form groups of their own. */
typedef struct {
    memory_t memory;
    segmsg_receiver_t receiver;
    segmsg_export_t image[SENDERS];
    segmsg_sender_t sender[SENDERS];
    uint32_t length[SENDERS][MESSAGES];
    uint32_t sent[SENDERS];
    uint32_t received[SENDERS];
    unit_random_t random;
    bool is_corrupt; /* somebody has said so */
} scene_t;

static void open_scene(scene_t *scene, uint64_t stream)
{
    memset(scene, 0, sizeof(*scene));
    segmsg_export_config_t config = memory_config("64:64:20,128:8:8,1K:4:4", 8, GROUPS);
    config.lobby = LOBBY;
    memory_open_config(&scene->memory, &config, 5);
    memory_unlock(&scene->memory);
    UNIT_CHECK(segmsg_receiver_init(&scene->receiver, &scene->memory.export));
    scene->random = unit_random(stream);
    for (uint32_t s = 0; s < SENDERS; ++s) {
        scene->image[s] = memory_image(&scene->memory);
        segmsg_identity_t self = memory_sender(s);
        segmsg_growth_t growth = {.own_after = s == 0 ? UINT32_MAX : 4 * s,
                                  .own_crowd = 8,
                                  .grow_after = 10,
                                  .long_after = s == 0 ? UINT32_MAX : 2 * s};
        segmsg_sender_init(&scene->sender[s], &scene->image[s], &self, &growth);
    }
}

static void close_scene(scene_t *scene)
{
    for (uint32_t s = 0; s < SENDERS; ++s) {
        segmsg_sender_destroy(&scene->sender[s]);
    }
    segmsg_receiver_destroy(&scene->receiver);
    memory_close(&scene->memory);
}

static uint64_t number_of(uint32_t s, uint32_t m)
{
    return (uint64_t) s << 32 | m;
}

/* Sends the next message of sender `s`, if there is room. */
static bool send_next(scene_t *scene, uint32_t s)
{
    static const uint32_t lengths[LENGTHS] = {0, 20, 300, 700, 900, 1200, 3000, 4096};
    segmsg_sender_t *sender = &scene->sender[s];
    uint32_t length = lengths[unit_below(&scene->random, LENGTHS)];
    segmsg_place_t place;
    segmsg_error_t error = segmsg_sender_take(sender, length, &place);
    scene->is_corrupt = scene->is_corrupt || error == SEGMSG_ERR_CORRUPT;
    if (error != SEGMSG_OK || scene->sent[s] == MESSAGES) {
        UNIT_CHECK(error != SEGMSG_ERR_TOO_LARGE);
        return false;
    }
    memory_fill(place.data, length, number_of(s, scene->sent[s]));
    if (!segmsg_sender_publish(sender, &place, 1, length)) {
        segmsg_sender_give_back(sender, &place);
        return false;
    }
    scene->length[s][scene->sent[s]++] = length;
    return true;
}

/* A message has come: it must be the next of its sender. */
static void found(scene_t *scene, segmsg_poll_t poll, segmsg_reader_t *reader,
                  const segmsg_message_t *message)
{
    scene->is_corrupt = scene->is_corrupt || poll == SEGMSG_POLL_CORRUPT;
    if (poll != SEGMSG_POLL_MESSAGE) {
        return;
    }
    uint32_t s = (uint32_t) reader->sender.name;
    segmsg_identity_t known = memory_sender(s);
    if (reader->sender.name != known.name || reader->sender.nonce != known.nonce) {
        scene->is_corrupt = true; /* whoever receives knows its peers */
        return;
    }
    uint32_t m = scene->received[s]++;
    bool is_right = m < scene->sent[s] && message->length == scene->length[s][m]
                    && memory_holds(message->data, message->length, number_of(s, m));
    segmsg_message_return(&scene->receiver, reader, message);
    /* What was found out on the return is said before the message is used. */
    scene->is_corrupt = scene->is_corrupt || scene->receiver.is_corrupt;
    if (!scene->is_corrupt) {
        UNIT_CHECK(is_right);
    }
}

static void find_groups(scene_t *scene)
{
    segmsg_receiver_t *receiver = &scene->receiver;
    receiver->has_newcomers = false;
    if (segmsg_receiver_find_groups(receiver) == SEGMSG_ERR_CORRUPT) {
        scene->is_corrupt = true;
    }
}

static void receive_some(scene_t *scene)
{
    segmsg_receiver_t *receiver = &scene->receiver;
    if (segmsg_receiver_has_new_groups(receiver) || receiver->has_newcomers) {
        find_groups(scene);
    }
    segmsg_message_t message;
    segmsg_reader_t *reader = NULL;
    void *user = NULL;
    if (!scene->is_corrupt) {
        segmsg_poll_t poll = segmsg_lobby_poll(receiver, &reader, &message, &user);
        found(scene, poll, reader, &message);
    }
    for (uint32_t r = 0; r < receiver->reader_count && !scene->is_corrupt; ++r) {
        reader = receiver->reader[r];
        segmsg_poll_t poll = segmsg_reader_poll(receiver, reader, &message);
        found(scene, poll, reader, &message);
    }
}

static void pass_messages(scene_t *scene, uint32_t steps)
{
    for (uint32_t step = 0; step < steps && !scene->is_corrupt && !unit_has_failed(); ++step) {
        uint32_t s = (uint32_t) unit_below(&scene->random, SENDERS);
        if (unit_below(&scene->random, 40) == 0) {
            (void) segmsg_sender_close(&scene->sender[s]);
        }
        (void) send_next(scene, s);
        if (unit_below(&scene->random, 3) != 0) {
            receive_some(scene);
        }
    }
}

/* What a process does that waits. */
static void verify(scene_t *scene)
{
    bool is_right = segmsg_receiver_verify(&scene->receiver) == SEGMSG_OK;
    for (uint32_t s = 0; s < SENDERS; ++s) {
        is_right = segmsg_sender_verify(&scene->sender[s]) && is_right;
    }
    scene->is_corrupt = scene->is_corrupt || !is_right;
}

static bool has_all(const scene_t *scene)
{
    for (uint32_t s = 0; s < SENDERS; ++s) {
        if (scene->received[s] != scene->sent[s]) {
            return false;
        }
    }
    return true;
}

/* Every sender sends so many more, and all is received; or somebody says why not. */
static void complete(scene_t *scene, uint32_t more)
{
    enum { TRIES = 20000 }; /* more than a full common segment is waited for */
    uint32_t until[SENDERS];
    for (uint32_t s = 0; s < SENDERS; ++s) {
        until[s] = scene->sent[s] + more;
    }
    bool is_done = false;
    for (uint32_t t = 0; t < TRIES && !is_done && !scene->is_corrupt && !unit_has_failed(); ++t) {
        is_done = true;
        for (uint32_t s = 0; s < SENDERS; ++s) {
            is_done = (scene->sent[s] == until[s] || (send_next(scene, s), false)) && is_done;
        }
        receive_some(scene);
        is_done = is_done && has_all(scene);
        if (t % 8 == 7 && !scene->is_corrupt) {
            verify(scene);
        }
    }
    if (!is_done && !scene->is_corrupt) {
        /* A line that is claimed and stays empty is told by the clock. */
        UNIT_CHECK(segmsg_lobby_is_stuck(&scene->receiver));
    }
}

/* A word that is overwritten, and how many bytes it has. */
typedef struct {
    unsigned char *at;
    uint32_t bytes;
} word_t;

/* True if nobody can tell that the credits of a ring were raised to `value`: to what was published, but
 * not yet read. */
static bool is_plausible(const scene_t *scene, const word_t *word, uint64_t value)
{
    for (uint32_t r = 0; r < scene->receiver.reader_count; ++r) {
        const segmsg_reader_t *reader = scene->receiver.reader[r];
        if (word->at == (const unsigned char *) reader->ring.control) {
            return value - reader->ring.position <= reader->ring.count;
        }
    }
    return false;
}

static word_t any_word_of_head(scene_t *scene)
{
    segmsg_head_t *head = segmsg_export_head(&scene->memory.export);
    switch (unit_below(&scene->random, 7)) {
    case 0:
        return (word_t){(void *) &head->segment_count, 4};
    case 1:
        return (word_t){(void *) &head->group_count, 4};
    case 2:
        return (word_t){(void *) &head->arena_used, 8};
    case 3:
        return (word_t){(void *) &head->registered, 4};
    case 4:
        return (word_t){(void *) &head->sessions, 4};
    case 5:
        return (word_t){(void *) &head->rings, 4};
    default:
        return (word_t){(void *) &head->formed_count, 4};
    }
}

static word_t any_word(scene_t *scene)
{
    unit_random_t *random = &scene->random;
    const segmsg_export_t *export = &scene->memory.export;
    uint32_t index = (uint32_t) unit_below(random, 10);
    uint32_t kind = (uint32_t) unit_below(random, 8);
    if (kind == 0) {
        return any_word_of_head(scene);
    }
    if (kind == 1) {
        unsigned char *entry = (void *) segmsg_export_segment(export, index);
        return (word_t){entry + unit_below(random, 6) * 4, 4};
    }
    if (kind == 2) {
        unsigned char *entry = (void *) segmsg_export_group(export, index);
        return (word_t){entry + unit_below(random, 12) * 4, 4};
    }
    if (kind == 3) {
        unsigned char *entry = (void *) segmsg_export_segment(export, index);
        return (word_t){entry + 24 + unit_below(random, 2) * 8, 8};
    }
    const segmsg_target_t *target = &scene->receiver.target[index];
    unsigned char *control = target->partition == NULL ? (void *) scene->receiver.lobby.ring.control
                                                       : (unsigned char *) target->control;
    return (word_t){control + unit_below(random, 4) * 8, 8};
}

static uint64_t any_value(scene_t *scene, const word_t *word)
{
    unit_random_t *random = &scene->random;
    uint64_t now = 0;
    memcpy(&now, word->at, word->bytes);
    switch (unit_below(random, 8)) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX;
    case 2:
        return unit_below(random, 8);
    case 3:
        return now - 1 - unit_below(random, 4);
    case 4:
        return now + 1 + unit_below(random, 4);
    case 5:
        return now ^ UINT64_C(1) << unit_below(random, 8 * word->bytes);
    case 6:
        return now ^ 0xff;
    default:
        return unit_next(random);
    }
}

static bool overwrite(scene_t *scene)
{
    find_groups(scene); /* what was formed just now is not known to the receiver */
    word_t word = any_word(scene);
    uint64_t value = any_value(scene, &word);
    if (is_plausible(scene, &word, value)) {
        return false;
    }
    memcpy(word.at, &value, word.bytes);
    return true;
}

static void overwritten_words_give_right_messages_or_an_error(void)
{
    uint32_t told = 0, survived = 0;
    for (uint64_t round = 0; round < unit_repetitions(4500) && !unit_has_failed(); ++round) {
        scene_t scene;
        open_scene(&scene, round);
        pass_messages(&scene, 20 + (uint32_t) unit_below(&scene.random, 200));
        UNIT_CHECK(!scene.is_corrupt);
        if (overwrite(&scene)) {
            pass_messages(&scene, 60);
            complete(&scene, 60);
            told += scene.is_corrupt;
            survived += !scene.is_corrupt;
        }
        if (unit_has_failed()) {
            fprintf(stderr, "round %llu\n", (unsigned long long) round);
        }
        close_scene(&scene);
    }
    UNIT_CHECK(told != 0 && survived != 0);
}

/* Nothing is said to be corrupt that is not. */
static void what_nobody_overwrites_is_right(void)
{
    for (uint64_t round = 0; round < unit_repetitions(300) && !unit_has_failed(); ++round) {
        scene_t scene;
        open_scene(&scene, round);
        for (uint32_t part = 0; part < 20; ++part) {
            pass_messages(&scene, 50);
            verify(&scene);
            UNIT_CHECK(!scene.is_corrupt);
        }
        complete(&scene, 60);
        UNIT_CHECK(!scene.is_corrupt);
        UNIT_CHECK(has_all(&scene));
        close_scene(&scene);
    }
}

/* Opens a scene in which sender 1 has a group 0 of its own, and has sent `messages` through it. */
static segmsg_sender_t *open_ring(scene_t *scene, uint32_t messages)
{
    open_scene(scene, 0);
    segmsg_sender_t *sender = &scene->sender[1];
    sender->growth.own_after = 0;
    sender->growth.grow_after = UINT32_MAX;
    segmsg_place_t place;
    for (uint32_t m = 0; m < messages; ++m) {
        UNIT_EQUAL(segmsg_sender_take(sender, 20, &place), SEGMSG_OK);
        UNIT_EQUAL(place.group, 0);
        memory_fill(place.data, 20, number_of(1, m));
        UNIT_CHECK(segmsg_sender_publish(sender, &place, 1, 20));
        scene->length[1][scene->sent[1]++] = 20;
    }
    return sender;
}

/* Credits of group 0 that take something back, or are for what was never sent. */
static void credits_that_cannot_be_are_told_when_room_is_looked_up(void)
{
    static const uint64_t wrong[] = {7, 8, 100, UINT64_MAX, UINT64_MAX / 2, 1};
    for (size_t w = 0; w < sizeof(wrong) / sizeof(wrong[0]); ++w) {
        scene_t scene;
        segmsg_sender_t *sender = open_ring(&scene, 6); /* of 8 lines: one header, one spare */
        if (wrong[w] == 1) {                            /* after it was more */
            atomic_store(&sender->ring.control->word, 2);
            UNIT_CHECK(segmsg_sender_verify(sender));
        }
        atomic_store(&sender->ring.control->word, wrong[w]);
        segmsg_place_t place;
        segmsg_error_t error = SEGMSG_OK;
        for (uint32_t m = 0; m < 3 && error == SEGMSG_OK; ++m) {
            error = segmsg_sender_take(sender, 20, &place);
            if (error == SEGMSG_OK) {
                UNIT_CHECK(segmsg_sender_publish(sender, &place, 1, 20));
            }
        }
        UNIT_EQUAL(error, SEGMSG_ERR_CORRUPT);
        UNIT_EQUAL(segmsg_sender_take(sender, 20, &place), SEGMSG_ERR_CORRUPT);
        UNIT_EQUAL(segmsg_sender_take_lasting(sender, 20, &place), SEGMSG_ERR_CORRUPT);
        close_scene(&scene);
    }
}

/* The receiver sees what its sender cannot: credits for messages that it has not read. */
static void credits_that_were_not_given_are_told_by_who_gives_them(void)
{
    for (uint64_t wrong = 1; wrong <= 3; ++wrong) {
        scene_t scene;
        segmsg_sender_t *sender = open_ring(&scene, 3);
        find_groups(&scene);
        UNIT_EQUAL(segmsg_receiver_verify(&scene.receiver), SEGMSG_OK);
        atomic_store(&sender->ring.control->word, wrong);
        UNIT_EQUAL(segmsg_receiver_verify(&scene.receiver), SEGMSG_ERR_CORRUPT);
        UNIT_CHECK(scene.receiver.suspect != NULL
                   && scene.receiver.suspect->sender.name == sender->self.name);
        close_scene(&scene);
    }
}

/* A message whose header was wiped out will never be read. */
static void a_header_that_was_wiped_out_is_told_by_its_sender(void)
{
    scene_t scene;
    segmsg_sender_t *sender = open_ring(&scene, 3);
    UNIT_CHECK(segmsg_sender_verify(sender));
    atomic_store(&sender->ring.line[0].header, 0);
    UNIT_CHECK(!segmsg_sender_verify(sender));
    close_scene(&scene);
}

/* A guest's header likewise: what it has claimed stays empty. */
static void a_line_of_the_lobby_that_stays_empty_is_seen(void)
{
    scene_t scene;
    open_scene(&scene, 0);
    UNIT_CHECK(!segmsg_lobby_is_stuck(&scene.receiver));
    UNIT_CHECK(send_next(&scene, 0));
    find_groups(&scene);
    UNIT_CHECK(!segmsg_lobby_is_stuck(&scene.receiver));
    atomic_store(&scene.receiver.lobby.ring.line[0].header, 0);
    UNIT_CHECK(segmsg_lobby_is_stuck(&scene.receiver));
    close_scene(&scene);
}

/* Partitions of a common segment that somebody else has given back while a message lay there. */
static void partitions_given_back_by_another_are_told_on_the_return(void)
{
    scene_t scene;
    open_scene(&scene, 0);
    segmsg_place_t place;
    UNIT_EQUAL(segmsg_sender_take_lasting(&scene.sender[0], 1200, &place), SEGMSG_OK);
    UNIT_CHECK(segmsg_sender_publish(&scene.sender[0], &place, 1, 1200));
    segmsg_reader_t *reader;
    segmsg_message_t message;
    void *user;
    UNIT_EQUAL(segmsg_lobby_poll(&scene.receiver, &reader, &message, &user), SEGMSG_POLL_MESSAGE);
    atomic_store(&scene.receiver.target[message.segment].control->claimed, 0);
    segmsg_message_return(&scene.receiver, reader, &message);
    UNIT_CHECK(scene.receiver.has_newcomers);
    UNIT_EQUAL(segmsg_receiver_find_groups(&scene.receiver), SEGMSG_ERR_CORRUPT);
    UNIT_CHECK(scene.receiver.suspect == reader);
    close_scene(&scene);
}

/* What is in use is not given to another sender, whatever the head and the table say. */
static void segments_in_use_are_not_given_away(void)
{
    for (int how = 0; how < 5; ++how) {
        scene_t scene;
        segmsg_sender_t *sender = open_ring(&scene, 3);
        segmsg_head_t *head = segmsg_export_head(&scene.memory.export);
        uint32_t segment = atomic_load(&head->segment_count) - 1; /* the sender's */
        segmsg_segment_entry_t *entry = segmsg_export_segment(&scene.memory.export, segment);
        switch (how) {
        case 0: /* counted back, so that its entry seems new */
            atomic_store(&head->segment_count, segment);
            break;
        case 1: /* and its memory too */
            atomic_store(&head->arena_used, entry->offset - scene.memory.export.shape.arena);
            break;
        case 2: /* as if nobody had it */
            atomic_store(&head->registered, 1);
            atomic_store(&entry->state, SEGMSG_SEGMENT_REGISTERED);
            break;
        case 3:
            atomic_store(&head->arena_used, UINT64_MAX - 4095);
            break;
        default:
            atomic_store(&head->segment_count, GROUPS + 1);
            break;
        }
        uint32_t group;
        UNIT_EQUAL(segmsg_group_form(&scene.image[2], &scene.sender[2].self, 0, 8, &group),
                   SEGMSG_ERR_CORRUPT);
        UNIT_EQUAL(sender->ring.head, 3);
        UNIT_CHECK(atomic_load(&sender->ring.line[0].header) != 0);
        close_scene(&scene);
    }
}

/* A sender that believes such tables has a group that lies over another: the receiver does not take it. */
static void a_group_over_another_is_not_taken(void)
{
    scene_t scene;
    (void) open_ring(&scene, 3);
    find_groups(&scene);
    uint32_t group;
    UNIT_EQUAL(segmsg_group_form(&scene.image[2], &scene.sender[2].self, 0, 8, &group), SEGMSG_OK);
    uint32_t last = atomic_load(&segmsg_export_head(&scene.memory.export)->segment_count) - 1;
    segmsg_export_segment(&scene.memory.export, last)->offset =
        segmsg_export_segment(&scene.memory.export, last - 1)->offset;
    UNIT_EQUAL(segmsg_receiver_find_groups(&scene.receiver), SEGMSG_ERR_CORRUPT);
    UNIT_CHECK(scene.receiver.target[last].partition == NULL);
    close_scene(&scene);
}

/* Flips a bit of what a sender has written about its group before the receiver looks at it. */
static void flip_and_find(uint32_t bit, bool in_segments)
{
    scene_t scene;
    segmsg_sender_t *sender = open_ring(&scene, 3);
    const segmsg_export_t *export = &scene.memory.export;
    segmsg_group_entry_t *group = segmsg_export_group(export, sender->use.group_entry);
    unsigned char *entry =
        in_segments ? (void *) segmsg_export_segment(export, group->segment) : (void *) group;
    entry[bit / 8] ^= (unsigned char) (1U << bit % 8);
    segmsg_receiver_t *receiver = &scene.receiver;
    if (segmsg_receiver_find_groups(receiver) != SEGMSG_ERR_CORRUPT) {
        for (uint32_t t = 0; t < 5; ++t) {
            receive_some(&scene); /* which is right */
        }
        UNIT_EQUAL(segmsg_receiver_verify(receiver), SEGMSG_ERR_CORRUPT);
    }
    if (!in_segments) {
        UNIT_CHECK(!segmsg_sender_verify(sender));
    }
    if (unit_has_failed()) {
        fprintf(stderr, "bit %u of the %s\n", bit, in_segments ? "segment" : "group");
    }
    close_scene(&scene);
}

static void every_bit_of_the_tables_counts(void)
{
    enum {
        SEGMENT_BITS = 8 * (offsetof(segmsg_segment_entry_t, check) + sizeof(uint64_t)),
        GROUP_BITS = 8 * (offsetof(segmsg_group_entry_t, check) + sizeof(uint64_t))
    };
    for (uint32_t bit = 0; bit < SEGMENT_BITS && !unit_has_failed(); ++bit) {
        flip_and_find(bit, true);
    }
    for (uint32_t bit = 0; bit < GROUP_BITS && !unit_has_failed(); ++bit) {
        flip_and_find(bit, false);
    }
}

/* A guest that the receiver cannot admit, since an earlier session of it, which was never, has not closed. */
static void a_lobby_before_which_a_guest_waits_for_ever_is_stuck(void)
{
    scene_t scene;
    open_scene(&scene, 0);
    segmsg_identity_t earlier = memory_sender(0);
    earlier.session = UINT32_MAX; /* less than 0, as sessions are counted */
    uint32_t group;
    UNIT_EQUAL(segmsg_group_join(&scene.image[1], &earlier, &group), SEGMSG_OK);
    UNIT_CHECK(send_next(&scene, 0));
    find_groups(&scene);
    UNIT_CHECK(!scene.is_corrupt);
    for (uint32_t t = 0; t < 10; ++t) {
        receive_some(&scene);
    }
    UNIT_EQUAL(scene.received[0], 0);
    UNIT_CHECK(segmsg_lobby_is_stuck(&scene.receiver));
    close_scene(&scene);
}

/* A count of groups that is too low hides none that was seen; one that is too high reaches no memory that
 * nobody has committed. */
static void counts_of_groups_that_are_wrong_lead_nowhere(void)
{
    scene_t scene;
    (void) open_ring(&scene, 3);
    segmsg_head_t *head = segmsg_export_head(&scene.memory.export);
    find_groups(&scene);
    atomic_store(&head->group_count, GROUPS);
    UNIT_EQUAL(segmsg_receiver_find_groups(&scene.receiver), SEGMSG_OK);
    atomic_store(&head->group_count, 0);
    UNIT_EQUAL(segmsg_receiver_find_groups(&scene.receiver), SEGMSG_OK);
    UNIT_CHECK(send_next(&scene, 0));
    receive_some(&scene);
    UNIT_EQUAL(scene.received[0], 1);
    atomic_store(&head->group_count, GROUPS + 1);
    UNIT_EQUAL(segmsg_receiver_find_groups(&scene.receiver), SEGMSG_ERR_CORRUPT);
    close_scene(&scene);
}

static const unit_case_t cases[] = {
    UNIT_CASE(credits_that_cannot_be_are_told_when_room_is_looked_up),
    UNIT_CASE(credits_that_were_not_given_are_told_by_who_gives_them),
    UNIT_CASE(a_header_that_was_wiped_out_is_told_by_its_sender),
    UNIT_CASE(a_line_of_the_lobby_that_stays_empty_is_seen),
    UNIT_CASE(partitions_given_back_by_another_are_told_on_the_return),
    UNIT_CASE(segments_in_use_are_not_given_away),
    UNIT_CASE(every_bit_of_the_tables_counts),
    UNIT_CASE(a_lobby_before_which_a_guest_waits_for_ever_is_stuck),
    UNIT_CASE(a_group_over_another_is_not_taken),
    UNIT_CASE(counts_of_groups_that_are_wrong_lead_nowhere),
    UNIT_CASE(what_nobody_overwrites_is_right),
    UNIT_CASE(overwritten_words_give_right_messages_or_an_error),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
