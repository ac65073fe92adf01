/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Senders and receiver at the same time: in threads, in processes, many to one, leaving and coming
 * back, and dying. Every byte of every message is checked, and the order of every sender's.
 */
#include "core/segmsg_receiver.h"
#include "core/segmsg_sender.h"
#include "memory.h"
#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HELD_MAX = 8, SENDERS_MAX = 6 };

/* The first bytes of every message that is long enough. */
typedef struct {
    uint32_t rank;
    uint32_t life;   /* which of the sender's sessions */
    uint64_t number; /* in that session */
} stamp_t;

static uint64_t content_of(const stamp_t *stamp)
{
    return (uint64_t) stamp->rank << 56 ^ (uint64_t) stamp->life << 40 ^ stamp->number;
}

/* ---- sending ---- */

typedef struct {
    segmsg_export_t image;
    segmsg_sender_t sender;
    unit_random_t random;
    stamp_t stamp;
    size_t small; /* most messages are shorter than that */
    uint64_t messages, lives;
    uint64_t kept; /* places taken for later */
} talker_t;

static size_t random_length(talker_t *talker)
{
    uint64_t dice = unit_below(&talker->random, 64);
    size_t most = dice == 0   ? segmsg_geometry_capacity(&talker->sender.geometry)
                  : dice < 4  ? segmsg_group_capacity(&talker->sender.geometry, 1)
                  : dice < 12 ? segmsg_group_capacity(&talker->sender.geometry, 0)
                              : talker->small;
    return sizeof(stamp_t) + unit_below(&talker->random, most - sizeof(stamp_t) + 1);
}

static void write_message(talker_t *talker, void *data, size_t length)
{
    memcpy(data, &talker->stamp, sizeof(stamp_t));
    memory_fill((char *) data + sizeof(stamp_t), length - sizeof(stamp_t),
                content_of(&talker->stamp));
    ++talker->stamp.number;
}

static void publish_in_the_end(talker_t *talker, const segmsg_place_t *place, size_t length)
{
    write_message(talker, place->data, length);
    while (!segmsg_sender_publish(&talker->sender, place, (uint8_t) talker->stamp.rank,
                                  (uint32_t) length)
           && !unit_has_failed()) {
        sched_yield();
    }
}

static void talk_once(talker_t *talker)
{
    segmsg_sender_t *sender = &talker->sender;
    segmsg_place_t kept = {0};
    size_t kept_length = 0;
    if (unit_below(&talker->random, 32) == 0) {
        kept_length = random_length(talker);
        if (segmsg_sender_take_lasting(sender, kept_length, &kept) != SEGMSG_OK) {
            kept_length = 0;
        }
    }
    size_t length = random_length(talker);
    segmsg_place_t place;
    segmsg_error_t error;
    while ((error = segmsg_sender_take(sender, length, &place)) == SEGMSG_ERR_FULL
           && !unit_has_failed()) {
        if (kept_length != 0) { /* or we might wait for ourselves */
            segmsg_sender_give_back(sender, &kept);
            kept_length = 0;
        }
        sched_yield();
    }
    UNIT_EQUAL(error, SEGMSG_OK);
    if (error != SEGMSG_OK) {
        return;
    }
    publish_in_the_end(talker, &place, length);
    if (kept_length != 0) {
        ++talker->kept;
        publish_in_the_end(talker, &kept, kept_length);
    }
}

/* Waits until the receiver has read all but the last of the sessions that this sender ended: there
 * is memory for two. A look at what others may be writing just now, which does no harm. */
__attribute__((no_sanitize("thread"))) static void
let_the_past_be_read(const segmsg_sender_t *sender)
{
    uint32_t most = sender->geometry.group_count + 1;
    for (uint32_t own = most + 1; own > most && !unit_has_failed(); sched_yield()) {
        own = 0;
        uint32_t count = atomic_load(&segmsg_export_head(sender->target)->group_count);
        for (uint32_t g = 0; g < count; ++g) {
            const segmsg_group_entry_t *entry = segmsg_export_group(sender->target, g);
            own += atomic_load(&entry->state) == SEGMSG_GROUP_FORMED
                   && entry->sender.name == sender->self.name;
        }
    }
}

/* Lives through `lives` sessions of `messages` or a few more, saying goodbye after each. */
static void *talk(void *argument)
{
    talker_t *talker = argument;
    for (uint64_t life = 0; life < talker->lives && !unit_has_failed(); ++life) {
        talker->stamp.life = (uint32_t) life;
        talker->stamp.number = 0;
        let_the_past_be_read(&talker->sender);
        while (talker->stamp.number < talker->messages && !unit_has_failed()) {
            talk_once(talker);
        }
        while (!segmsg_sender_close(&talker->sender) && !unit_has_failed()) {
            sched_yield();
        }
    }
    return NULL;
}

static void open_talker(talker_t *talker, const memory_t *memory, uint32_t rank, uint64_t messages,
                        uint64_t lives, uint32_t grow_after)
{
    memset(talker, 0, sizeof(*talker));
    talker->image = memory_image(memory);
    talker->random = unit_random(rank + 1);
    talker->stamp.rank = rank;
    talker->small = 120;
    talker->messages = messages;
    talker->lives = lives;
    segmsg_identity_t self = memory_sender(rank);
    segmsg_growth_t growth = memory_growth(grow_after);
    segmsg_sender_init(&talker->sender, &talker->image, &self, &growth);
}

/* ---- receiving ---- */

typedef struct {
    segmsg_reader_t *reader;
    segmsg_message_t message;
    stamp_t stamp;
} held_t;

typedef struct {
    segmsg_receiver_t receiver;
    unit_random_t random;
    held_t held[HELD_MAX];
    uint32_t held_count;
    stamp_t expected[SENDERS_MAX]; /* by rank */
    uint64_t closed, received;
    uint64_t mortal_closed, mortal_messages; /* of senders that get killed */
    uint64_t groups[SEGMSG_GROUPS_MAX];      /* messages by group */
} listener_t;

static void let_go(listener_t *listener, uint32_t index)
{
    held_t *held = &listener->held[index];
    UNIT_CHECK(memory_holds((char *) held->message.data + sizeof(stamp_t),
                            held->message.length - sizeof(stamp_t), content_of(&held->stamp)));
    segmsg_message_return(&listener->receiver, held->reader, &held->message);
    *held = listener->held[--listener->held_count];
}

static void hear(listener_t *listener, segmsg_reader_t *reader, const segmsg_message_t *message)
{
    if (message->length == 0) {
        ++listener->mortal_messages;
        segmsg_message_return(&listener->receiver, reader, message);
        return;
    }
    stamp_t stamp;
    memcpy(&stamp, message->data, sizeof(stamp));
    UNIT_REQUIRE(stamp.rank < SENDERS_MAX && stamp.rank == message->tag);
    UNIT_EQUAL(reader->sender.name, memory_sender(stamp.rank).name);
    stamp_t *expected = &listener->expected[stamp.rank];
    UNIT_EQUAL(stamp.life, expected->life);
    UNIT_EQUAL(stamp.number, expected->number);
    ++expected->number;
    ++listener->received;
    ++listener->groups[message->group];
    listener->held[listener->held_count++] = (held_t){reader, *message, stamp};
    /* Mostly at once, as a BTL does; sometimes late, and in any order. */
    if (unit_below(&listener->random, 4) != 0 || listener->held_count == HELD_MAX) {
        let_go(listener, (uint32_t) unit_below(&listener->random, listener->held_count));
    }
}

static bool listen_once(listener_t *listener)
{
    segmsg_receiver_t *receiver = &listener->receiver;
    bool any = false;
    if (segmsg_receiver_has_new_groups(receiver)) {
        UNIT_EQUAL(segmsg_receiver_find_groups(receiver), SEGMSG_OK);
    }
    for (uint32_t r = 0; r < receiver->reader_count; ++r) {
        segmsg_reader_t *reader = receiver->reader[r];
        uint64_t rank = reader->sender.name & UINT32_MAX;
        segmsg_message_t message;
        switch (segmsg_reader_poll(receiver, reader, &message)) {
        case SEGMSG_POLL_NONE:
            break;
        case SEGMSG_POLL_MESSAGE:
            hear(listener, reader, &message);
            any = true;
            break;
        case SEGMSG_POLL_CLOSED:
            if (rank < SENDERS_MAX) {
                ++listener->expected[rank].life;
                listener->expected[rank].number = 0;
                ++listener->closed;
            } else {
                ++listener->mortal_closed;
            }
            any = true;
            break;
        case SEGMSG_POLL_CORRUPT:
            unit_fail(__FILE__, __LINE__, "corrupt");
            break;
        }
    }
    if (!any) {
        while (listener->held_count != 0) {
            let_go(listener, 0);
        }
    }
    return any;
}

static void listen_until_closed(listener_t *listener, uint64_t sessions)
{
    while (listener->closed < sessions && !unit_has_failed()) {
        if (!listen_once(listener)) {
            sched_yield();
        }
    }
}

static void open_listener(listener_t *listener, memory_t *memory)
{
    memset(listener, 0, sizeof(*listener));
    listener->random = unit_random(0);
    UNIT_CHECK(segmsg_receiver_init(&listener->receiver, &memory->export));
}

/* After everybody has left: nothing is held, and no more was ever made than was in use at once. */
static void check_tables(const memory_t *memory, uint32_t senders)
{
    const segmsg_export_t *export = &memory->export;
    segmsg_head_t *head = segmsg_export_head(export);
    uint32_t segments = atomic_load(&head->segment_count);
    UNIT_EQUAL(atomic_load(&head->registered), segments);
    for (uint32_t s = 0; s < segments; ++s) {
        UNIT_EQUAL(atomic_load(&segmsg_export_segment(export, s)->state),
                   SEGMSG_SEGMENT_REGISTERED);
    }
    uint32_t groups = atomic_load(&head->group_count);
    for (uint32_t g = 0; g < groups; ++g) {
        UNIT_EQUAL(atomic_load(&segmsg_export_group(export, g)->state), SEGMSG_GROUP_EMPTY);
    }
    /* A sender that is back early has more groups than one session has; see
     * let_the_past_be_read. */
    uint32_t shapes = memory->config.geometry.group_count + 1;
    uint32_t most = senders * shapes * (shapes + 1);
    UNIT_CHECK(segments <= most);
    UNIT_CHECK(groups <= most);
}

/* ---- the tests ---- */

static void run_threads(const char *list, uint32_t starter, uint32_t senders, uint64_t messages,
                        uint64_t lives, uint32_t grow_after)
{
    memory_t memory;
    memory_open_export(&memory, list, starter, 32 * senders, 6 * senders);
    listener_t listener;
    open_listener(&listener, &memory);
    static talker_t talker[SENDERS_MAX];
    pthread_t thread[SENDERS_MAX];
    for (uint32_t s = 0; s < senders; ++s) {
        open_talker(&talker[s], &memory, s, messages, lives, grow_after);
        UNIT_REQUIRE(pthread_create(&thread[s], NULL, talk, &talker[s]) == 0);
    }
    listen_until_closed(&listener, senders * lives);
    for (uint32_t s = 0; s < senders; ++s) {
        pthread_join(thread[s], NULL);
    }
    if (!unit_has_failed()) {
        UNIT_CHECK(listener.received >= senders * messages * lives);
        UNIT_EQUAL(listener.receiver.reader_count, 0);
        check_tables(&memory, senders);
        for (uint32_t g = 0; messages > 1000 && g < memory.config.geometry.group_count; ++g) {
            UNIT_CHECK(listener.groups[g] != 0);
        }
    }
    segmsg_receiver_destroy(&listener.receiver);
    memory_close(&memory);
}

static void two_threads_exchange_a_million_messages(void)
{
    run_threads("64:1023:129,1K:64:16,8K:16:8", 1023, 1, unit_repetitions(1000000), 1, 0);
}

static void two_threads_with_tiny_groups(void)
{
    run_threads("64:8:3,128:2:2,256:4:4", 8, 1, unit_repetitions(200000), 1, 0);
}

static void the_ring_is_replaced_under_load(void)
{
    run_threads("64:200:60,1K:8:8", 8, 1, 60, unit_repetitions(3000), 20);
}

static void several_senders_form_groups_at_the_same_time(void)
{
    run_threads("64:64:20,128:8:8,1K:4:4", 8, 4, 25, unit_repetitions(1500), 10);
    run_threads("64:64:20,128:8:8,1K:4:4", 16, SENDERS_MAX, unit_repetitions(30000), 1, 100);
}

static void run_processes(uint32_t senders, uint64_t messages, uint64_t lives)
{
    memory_t memory;
    memory_open_export(&memory, "64:255:60,1K:16:8,8K:4:4", 16, 32 * senders, 6 * senders);
    memory_unlock(&memory);
    pid_t child[SENDERS_MAX];
    for (uint32_t s = 0; s < senders; ++s) {
        child[s] = fork();
        if (child[s] == 0) {
            static talker_t talker;
            open_talker(&talker, &memory, s, messages, lives, 50);
            talk(&talker);
            unit_child_exit();
        }
    }
    listener_t listener;
    open_listener(&listener, &memory);
    listen_until_closed(&listener, senders * lives);
    for (uint32_t s = 0; s < senders; ++s) {
        if (unit_has_failed()) {
            kill(child[s], SIGKILL);
        }
        unit_child_wait(child[s]);
    }
    if (!unit_has_failed()) {
        UNIT_CHECK(listener.received >= senders * messages * lives);
        check_tables(&memory, senders);
    }
    segmsg_receiver_destroy(&listener.receiver);
    memory_close(&memory);
}

static void two_processes_exchange_messages(void)
{
    run_processes(1, unit_repetitions(300000), 1);
}

static void several_processes_come_and_go(void)
{
    run_processes(3, 20, unit_repetitions(1000));
}

enum { MORTAL = 100 }; /* first rank of those who get killed */

/* Nothing but forming, sending a little without content, and leaving: most deaths hit these. */
static void live_until_killed(const memory_t *memory, uint32_t rank)
{
    segmsg_export_t image = memory->export;
    segmsg_sender_t sender;
    segmsg_identity_t self = memory_sender(rank);
    segmsg_growth_t growth = memory_growth(1);
    segmsg_sender_init(&sender, &image, &self, &growth);
    for (;;) {
        static const size_t lengths[] = {10, 600, 2000, 1000};
        for (uint32_t m = 0; m < 4; ++m) {
            segmsg_place_t place;
            if (segmsg_sender_take(&sender, lengths[m], &place) == SEGMSG_OK) {
                (void) segmsg_sender_publish(&sender, &place, 0, 0);
            }
        }
        if (segmsg_sender_close(&sender)) {
            let_the_past_be_read(&sender);
        }
    }
}

/* Senders are killed wherever they happen to be: the others do not notice, and each death costs at
 * most the groups that the dead one had. */
static void a_sender_that_dies_anywhere_harms_nobody(void)
{
    enum { GROUPS_OF_THE_DEAD = 8 }; /* of two sessions */
    uint32_t deaths = 10 + (uint32_t) unit_repetitions(150);
    memory_t memory;
    memory_open_export(&memory, "64:64:20,128:8:8,1K:4:4", 8, GROUPS_OF_THE_DEAD * (deaths + 4),
                       2 * deaths + 20);
    memory_unlock(&memory);
    listener_t listener;
    open_listener(&listener, &memory);
    static talker_t survivor;
    open_talker(&survivor, &memory, 0, 30, deaths, 10);
    pthread_t thread;
    UNIT_REQUIRE(pthread_create(&thread, NULL, talk, &survivor) == 0);
    unit_random_t random = unit_random(99);
    for (uint32_t d = 0; d < deaths && !unit_has_failed(); ++d) {
        pid_t child = fork();
        if (child == 0) {
            live_until_killed(&memory, MORTAL + d);
        }
        for (uint64_t polls = unit_below(&random, 300); polls > 0; --polls) {
            (void) listen_once(&listener);
            if (polls % 8 == 0) {
                sched_yield();
            }
        }
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    while (listener.closed < deaths && !unit_has_failed()) {
        (void) listen_once(&listener);
        sched_yield();
    }
    pthread_join(thread, NULL);
    if (!unit_has_failed()) {
        UNIT_CHECK(listener.received >= 30 * (uint64_t) deaths);
        UNIT_CHECK(listener.mortal_messages != 0 && listener.mortal_closed != 0);
        UNIT_CHECK(atomic_load(&segmsg_export_head(&memory.export)->segment_count)
                   <= GROUPS_OF_THE_DEAD * (deaths + 1));
    }
    segmsg_receiver_destroy(&listener.receiver);
    memory_close(&memory);
}

static const unit_case_t cases[] = {
    UNIT_CASE(two_threads_exchange_a_million_messages),
    UNIT_CASE(two_threads_with_tiny_groups),
    UNIT_CASE(the_ring_is_replaced_under_load),
    UNIT_CASE(several_senders_form_groups_at_the_same_time),
    UNIT_CASE(two_processes_exchange_messages),
    UNIT_CASE(several_processes_come_and_go),
    UNIT_CASE(a_sender_that_dies_anywhere_harms_nobody),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
