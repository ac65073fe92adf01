/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Senders and receiver at the same time: in threads, in processes, many to one, leaving and coming
 * back, and dying. Every byte of every message is checked, and the order of every sender's.
 */
#include "talkers.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

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
        segmsg_growth_t growth = memory_growth(grow_after);
        open_talker(&talker[s], &memory, s, messages, lives, &growth);
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
    for (uint32_t s = 0; s < senders; ++s) {
        segmsg_sender_destroy(&talker[s].sender);
    }
    segmsg_receiver_destroy(&listener.receiver);
    memory_close(&memory);
}

static void two_threads_exchange_a_million_messages(void)
{
    run_threads("64:1023:129,1K:64:16,8K:16:8", 1023, 1, unit_repetitions(1000000), 1, 0);
    run_threads("64:1023:129,1K:64:16,8K:16:8", 1023, 2, unit_repetitions(300000), 1, 0);
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
    run_threads("64:64:20,128:8:8,1K:4:4", 16, 6, unit_repetitions(30000), 1, 100);
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
            segmsg_growth_t growth = memory_growth(50);
            open_talker(&talker, &memory, s, messages, lives, &growth);
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
    segmsg_growth_t growth = memory_growth(10);
    open_talker(&survivor, &memory, 0, 30, deaths, &growth);
    pthread_t thread;
    UNIT_REQUIRE(pthread_create(&thread, NULL, talk, &survivor) == 0);
    unit_random_t random = unit_random(99);
    for (uint32_t d = 0; d < deaths && !unit_has_failed(); ++d) {
        pid_t child = fork();
        if (child == 0) {
            live_until_killed(&memory, MORTAL + d);
        }
        /* Most die anywhere, perhaps before they have begun; some not before they have come and gone. */
        for (uint64_t gone = listener.mortal_closed;
             d % 8 == 0 && listener.mortal_closed == gone && !unit_has_failed();) {
            (void) listen_once(&listener);
            sched_yield();
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
    segmsg_sender_destroy(&survivor.sender);
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
