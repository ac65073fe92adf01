/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Which senders are looked at and when: whoever is quiet has its turn in time, whoever speaks is
 * awake, and the list holds each reader once, whatever comes and goes.
 */
#include "engine/receiver.h"
#include "engine/sender.h"
#include "engine/turns.h"
#include "engine/groups.h"
#include "memory.h"
#include "unit.h"

enum { PEERS = 60 };

typedef struct {
    memory_t memory;
    segmsg_receiver_t receiver;
    segmsg_export_t image[PEERS];
    segmsg_sender_t sender[PEERS];
    uint32_t unread[PEERS]; /* messages */
    bool says_goodbye[PEERS];
    bool is_there[PEERS];  /* the receiver should have a reader */
    uint64_t waits[PEERS]; /* rounds since the first unread one was sent */
} crowd_t;

static void open_crowd(crowd_t *crowd)
{
    memset(crowd, 0, sizeof(*crowd));
    memory_open_export(&crowd->memory, "64:64:20,128:8:8", 64, 4 * PEERS, 2 * PEERS);
    UNIT_CHECK(segmsg_receiver_init(&crowd->receiver, &crowd->memory.export));
    for (uint32_t p = 0; p < PEERS; ++p) {
        crowd->image[p] = memory_image(&crowd->memory);
        segmsg_identity_t self = memory_sender(p);
        segmsg_growth_t growth = memory_growth(UINT32_MAX);
        segmsg_sender_init(&crowd->sender[p], &crowd->image[p], &self, &growth);
    }
}

static void close_crowd(crowd_t *crowd)
{
    for (uint32_t p = 0; p < PEERS; ++p) {
        segmsg_sender_destroy(&crowd->sender[p]);
    }
    segmsg_receiver_destroy(&crowd->receiver);
    memory_close(&crowd->memory);
}

static void speak(crowd_t *crowd, uint32_t p)
{
    segmsg_place_t place;
    if (segmsg_sender_take(&crowd->sender[p], 10, &place) == SEGMSG_OK) {
        memory_fill(place.data, 10, p);
        UNIT_CHECK(segmsg_sender_publish(&crowd->sender[p], &place, (uint8_t) p, 10));
        ++crowd->unread[p];
        crowd->is_there[p] = true;
    }
}

/* Polls until it has nothing more. True if it closed. */
static bool poll_reader(crowd_t *crowd, segmsg_reader_t *reader)
{
    uint32_t p = (uint32_t) reader->sender.name;
    segmsg_message_t message;
    for (;;) {
        switch (segmsg_reader_poll(&crowd->receiver, reader, &message)) {
        case SEGMSG_POLL_MESSAGE:
            UNIT_CHECK(crowd->unread[p] != 0 && message.tag == p);
            --crowd->unread[p];
            crowd->waits[p] = 0;
            segmsg_message_return(&crowd->receiver, reader, &message);
            break;
        case SEGMSG_POLL_CLOSED:
            UNIT_CHECK(crowd->unread[p] == 0 && crowd->says_goodbye[p]);
            crowd->says_goodbye[p] = crowd->is_there[p] = false;
            crowd->waits[p] = 0;
            return true;
        case SEGMSG_POLL_CORRUPT:
            unit_fail(__FILE__, __LINE__, "corrupt");
            return false;
        case SEGMSG_POLL_NONE:
        default:
            return false;
        }
    }
}

/* What a progress function does: everybody who is awake, some of the quiet. Returns the quiet ones
 * that had something. */
static uint32_t look(crowd_t *crowd)
{
    segmsg_receiver_t *receiver = &crowd->receiver;
    if (segmsg_receiver_has_new_groups(receiver)) {
        UNIT_EQUAL(segmsg_receiver_find_groups(receiver), SEGMSG_OK);
    }
    for (uint32_t r = 0; r < receiver->awake; ++r) {
        (void) poll_reader(crowd, receiver->reader[r]);
    }
    segmsg_turns_count(receiver);
    uint32_t woken = 0;
    for (int looks = SEGMSG_TURNS_QUIET;
         looks != 0 && receiver->awake != receiver->reader_count && !unit_has_failed(); --looks) {
        uint32_t awake = receiver->awake;
        segmsg_reader_t *reader = segmsg_turns_next(receiver);
        UNIT_EQUAL(receiver->awake, awake + (reader != NULL));
        if (reader != NULL) {
            UNIT_CHECK(receiver->reader[awake] == reader);
            ++woken;
            (void) poll_reader(crowd, reader);
        }
    }
    return woken;
}

/* Each reader stands in the list once, and just those who should be there do. */
static void check_list(const crowd_t *crowd)
{
    const segmsg_receiver_t *receiver = &crowd->receiver;
    bool seen[PEERS] = {false};
    UNIT_CHECK(receiver->awake <= receiver->reader_count);
    UNIT_CHECK(receiver->reader_count <= receiver->reader_room);
    for (uint32_t r = 0; r < receiver->reader_count; ++r) {
        uint32_t p = (uint32_t) receiver->reader[r]->sender.name;
        UNIT_REQUIRE(p < PEERS);
        UNIT_CHECK(!seen[p] && crowd->is_there[p]);
        seen[p] = true;
    }
    for (uint32_t p = 0; p < PEERS; ++p) {
        UNIT_CHECK(seen[p] == crowd->is_there[p]);
    }
}

/* Everybody has spoken once, and has been silent long enough. */
static void let_fall_asleep(crowd_t *crowd, uint32_t peers)
{
    for (uint32_t p = 0; p < peers; ++p) {
        speak(crowd, p);
    }
    for (uint32_t round = 0; round < SEGMSG_TURNS_IDLE + 2 * SEGMSG_TURNS_SETTLE; ++round) {
        (void) look(crowd);
    }
    for (uint32_t p = 0; p < peers; ++p) {
        UNIT_EQUAL(crowd->unread[p], 0);
    }
}

static void whoever_is_silent_becomes_quiet(void)
{
    static crowd_t crowd;
    open_crowd(&crowd);
    let_fall_asleep(&crowd, PEERS);
    UNIT_EQUAL(crowd.receiver.reader_count, PEERS);
    UNIT_EQUAL(crowd.receiver.awake, SEGMSG_TURNS_AWAKE);
    check_list(&crowd);
    /* But not who speaks now and then. */
    for (uint32_t round = 0; round < 3000; ++round) {
        if (round % 50 == 0) {
            for (uint32_t p = 0; p < PEERS; p += 3) {
                speak(&crowd, p);
            }
        }
        (void) look(&crowd);
    }
    for (uint32_t p = 0; p < PEERS; p += 3) {
        bool is_awake = false;
        for (uint32_t r = 0; r < crowd.receiver.awake; ++r) {
            is_awake |= crowd.receiver.reader[r]->sender.name == memory_sender(p).name;
        }
        UNIT_CHECK(is_awake);
    }
    check_list(&crowd);
    close_crowd(&crowd);
}

/* Few are always awake. */
static void a_handful_never_sleeps(void)
{
    static crowd_t crowd;
    open_crowd(&crowd);
    let_fall_asleep(&crowd, SEGMSG_TURNS_AWAKE);
    UNIT_EQUAL(crowd.receiver.awake, SEGMSG_TURNS_AWAKE);
    close_crowd(&crowd);
}

/* A single message of a quiet sender is found when all the quiet ones have had their turn once. */
static void a_quiet_sender_is_heard_within_one_turn_of_all(void)
{
    static crowd_t crowd;
    open_crowd(&crowd);
    let_fall_asleep(&crowd, PEERS);
    uint32_t quiet = PEERS - SEGMSG_TURNS_AWAKE;
    uint32_t turn = (quiet + SEGMSG_TURNS_QUIET - 1) / SEGMSG_TURNS_QUIET;
    for (uint32_t lap = 0; lap < 20; ++lap) {
        for (uint32_t p = 0; p < PEERS && !unit_has_failed(); ++p) {
            UNIT_CHECK(segmsg_receiver_reader_of(&crowd.receiver, memory_sender(p).name) != NULL);
            uint32_t awake = crowd.receiver.awake;
            speak(&crowd, p);
            uint32_t rounds = 0;
            while (crowd.unread[p] != 0 && rounds <= turn) {
                (void) look(&crowd);
                ++rounds;
            }
            UNIT_CHECK(rounds <= turn);
            if (crowd.receiver.awake != awake) { /* asleep again, or there are ever fewer quiet */
                crowd.receiver.reader[crowd.receiver.awake - 1]->idle = SEGMSG_TURNS_IDLE;
                segmsg_turns_settle(&crowd.receiver);
                UNIT_EQUAL(crowd.receiver.awake, awake);
            }
        }
    }
    check_list(&crowd);
    close_crowd(&crowd);
}

/* While others wake up and fall asleep all the time, two turns. */
static void the_list_agrees_with_the_model(void)
{
    static crowd_t crowd;
    unit_random_t random = unit_random(0);
    open_crowd(&crowd);
    uint32_t longest = 2 * (PEERS + SEGMSG_TURNS_QUIET - 1) / SEGMSG_TURNS_QUIET + 1;
    uint64_t closed = 0, woken = 0;
    for (uint64_t step = 0; step < unit_repetitions(100000) && !unit_has_failed(); ++step) {
        uint32_t p = (uint32_t) unit_below(&random, PEERS);
        uint32_t silence = 1 + (uint32_t) (step / 4096 % 4) * 30; /* the longer, the more sleep */
        if (unit_below(&random, silence) == 0 && !crowd.says_goodbye[p]) {
            speak(&crowd, p);
        }
        if (unit_below(&random, 100) == 0 && crowd.is_there[p] && !crowd.says_goodbye[p]
            && segmsg_sender_close(&crowd.sender[p])) {
            crowd.says_goodbye[p] = true;
            ++closed;
        }
        woken += look(&crowd);
        check_list(&crowd);
        for (p = 0; p < PEERS; ++p) {
            if (crowd.unread[p] != 0 || crowd.says_goodbye[p]) {
                UNIT_CHECK(++crowd.waits[p] <= longest);
            }
        }
    }
    UNIT_CHECK(closed != 0 && woken != 0);
    close_crowd(&crowd);
}

static const unit_case_t cases[] = {
    UNIT_CASE(whoever_is_silent_becomes_quiet),
    UNIT_CASE(a_handful_never_sleeps),
    UNIT_CASE(a_quiet_sender_is_heard_within_one_turn_of_all),
    UNIT_CASE(the_list_agrees_with_the_model),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
