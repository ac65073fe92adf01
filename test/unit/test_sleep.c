/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A receiver that sleeps whenever it finds nothing, for half a minute at most, and senders that pause: every message
 * wakes it, through whatever it comes. A wake-up that is lost is a sleep that lasts until its end.
 */
#include "engine/sleep.h"
#include "base/wait.h"
#include "queue/doorbell.h"
#include "talkers.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONGEST (INT64_C(30) * 1000000000) /* ns */

/* Talks in bursts of one message to some, and now and then of very many. */
static void *talk_with_pauses(void *argument)
{
    talker_t *talker = argument;
    while (talker->stamp.number < talker->messages && !unit_has_failed()) {
        uint64_t burst =
            unit_below(&talker->random, 256) == 0 ? 10000 : 1 + unit_below(&talker->random, 4);
        for (; burst != 0 && talker->stamp.number < talker->messages; --burst) {
            talk_once(talker);
        }
        if (unit_below(&talker->random, 2) == 0) {
            usleep((useconds_t) unit_below(&talker->random, 100));
        }
    }
    while (!segmsg_sender_close(&talker->sender) && !unit_has_failed()) {
        sched_yield();
    }
    return NULL;
}

static void listen_and_sleep(listener_t *listener, segmsg_sleep_t *sleep, uint64_t sessions)
{
    while (listener->closed < sessions && !unit_has_failed()) {
        bool any = listen_once(listener);
        listener->receiver.has_newcomers = false;
        int64_t begun = segmsg_nanoseconds();
        if (!any && !segmsg_sleep(sleep, &listener->receiver, LONGEST, NULL, NULL)) {
            /* Who was late to wake it from the sleep before may have woken it. */
            UNIT_CHECK(segmsg_nanoseconds() - begun < LONGEST);
        }
    }
}

static void messages_wake(uint32_t senders, uint64_t messages, bool are_processes)
{
    memory_t memory;
    memory_open_export(&memory, "64:100:20,1K:8:8,8K:4:4", 16, 32 * senders, 6 * senders);
    if (are_processes) {
        memory_unlock(&memory);
    }
    listener_t listener;
    open_listener(&listener, &memory);
    static talker_t talker[SENDERS_MAX];
    pthread_t thread[SENDERS_MAX];
    pid_t process[SENDERS_MAX];
    segmsg_sleep_t sleep = {0};
    segmsg_sleep_prepare();
    for (uint32_t s = 0; s < senders; ++s) {
        segmsg_growth_t growth = memory_growth(20);
        open_talker(&talker[s], &memory, s, messages, 1, &growth);
        if (!are_processes) {
            UNIT_REQUIRE(pthread_create(&thread[s], NULL, talk_with_pauses, &talker[s]) == 0);
        } else if ((process[s] = fork()) == 0) {
            talk_with_pauses(&talker[s]);
            unit_child_exit();
        }
    }
    listen_and_sleep(&listener, &sleep, senders);
    for (uint32_t s = 0; s < senders; ++s) {
        int status = 0;
        if (!are_processes) {
            pthread_join(thread[s], NULL);
        } else {
            if (unit_has_failed()) {
                (void) kill(process[s], SIGKILL);
            }
            UNIT_CHECK(waitpid(process[s], &status, 0) == process[s] && status == 0);
        }
        segmsg_sender_destroy(&talker[s].sender);
    }
    if (!unit_has_failed()) {
        UNIT_CHECK(listener.received >= senders * messages);
        UNIT_CHECK(sleep.times > 0 && sleep.rung > 0);
    }
    segmsg_receiver_destroy(&listener.receiver);
    memory_close(&memory);
}

static void every_message_of_a_thread_wakes(void)
{
    messages_wake(1, unit_repetitions(30000), false);
}

static void every_message_of_several_threads_wakes(void)
{
    messages_wake(3, unit_repetitions(20000), false);
}

static void every_message_of_several_processes_wakes(void)
{
    messages_wake(3, unit_repetitions(20000), true);
}

/* A receiver to whom nobody sends for a start. */
typedef struct {
    memory_t memory;
    listener_t listener;
} quiet_t;

static void open_quiet(quiet_t *quiet, uint32_t starter)
{
    memory_open_export(&quiet->memory, "64:100:20,1K:8:8", starter, 32, 6);
    open_listener(&quiet->listener, &quiet->memory);
}

static void close_quiet(quiet_t *quiet)
{
    segmsg_receiver_destroy(&quiet->listener.receiver);
    memory_close(&quiet->memory);
}

static void nobody_wakes_where_nothing_comes(void)
{
    quiet_t quiet;
    open_quiet(&quiet, 16);
    segmsg_sleep_t sleep = {0};
    for (unsigned time = 0; time < 3; ++time) {
        UNIT_CHECK(!segmsg_sleep(&sleep, &quiet.listener.receiver, 1000000, NULL, NULL));
    }
    UNIT_EQUAL(sleep.times, 3);
    UNIT_EQUAL(sleep.rung, 0);
    close_quiet(&quiet);
}

static bool is_needed(void *context)
{
    unsigned *asked = context;
    return ++*asked == 2; /* before the second sleep */
}

static void nobody_sleeps_who_is_needed(void)
{
    quiet_t quiet;
    open_quiet(&quiet, 16);
    segmsg_sleep_t sleep = {0};
    unsigned asked = 0;
    UNIT_CHECK(!segmsg_sleep(&sleep, &quiet.listener.receiver, 1000000, is_needed, &asked));
    UNIT_CHECK(segmsg_sleep(&sleep, &quiet.listener.receiver, LONGEST, is_needed, &asked));
    UNIT_EQUAL(sleep.times, 1);
    UNIT_EQUAL(asked, 2);
    close_quiet(&quiet);
}

/* A sender that finds for long that nobody sleeps says so, and sends without a look from then on. */
static void who_is_awake_costs_its_senders_nothing(void)
{
    enum { MANY = 100000, FEW = 100 };
    _Atomic uint32_t bell = 0;
    UNIT_CHECK(!segmsg_doorbell_arm(&bell)); /* a barrier is needed */
    UNIT_CHECK(segmsg_doorbell_is_offered(&bell));
    UNIT_CHECK(segmsg_doorbell_ring(&bell));
    UNIT_CHECK(!segmsg_doorbell_ring(&bell)); /* woken once */
    UNIT_CHECK(segmsg_doorbell_disarm(&bell));
    UNIT_CHECK(segmsg_doorbell_arm(&bell)); /* and now it is not */
    UNIT_CHECK(!segmsg_doorbell_disarm(&bell));
    UNIT_CHECK(!segmsg_doorbell_withdraw(&bell));
    UNIT_CHECK(!segmsg_doorbell_is_offered(&bell));

    quiet_t quiet;
    open_quiet(&quiet, 100);
    segmsg_sleep_t sleep = {0};
    (void) segmsg_sleep(&sleep, &quiet.listener.receiver, 1000, NULL, NULL);
    static talker_t talker;
    segmsg_growth_t growth = memory_growth(0);
    open_talker(&talker, &quiet.memory, 0, MANY, 1, &growth);
    unsigned looked = 0;
    for (unsigned m = 0; m < MANY && !unit_has_failed(); ++m) {
        looked += segmsg_doorbell_is_offered(talker.sender.flow.doorbell);
        talk_once(&talker);
        while (listen_once(&quiet.listener)) {
        }
    }
    UNIT_CHECK(looked >= FEW && looked < MANY / 2);
    segmsg_sender_destroy(&talker.sender);
    close_quiet(&quiet);
}

static void a_sleep_is_as_long_as_the_wait_before_it(void)
{
    UNIT_EQUAL(segmsg_sleep_length(0), SEGMSG_SLEEP_LEAST);
    UNIT_EQUAL(segmsg_sleep_length(SEGMSG_SLEEP_LEAST + 1), SEGMSG_SLEEP_LEAST + 1);
    int64_t longest = 0;
    for (int64_t waited = 0; waited < INT64_C(1000000000); waited += 100000) {
        int64_t length = segmsg_sleep_length(waited);
        UNIT_CHECK(length >= longest
                   && length <= (waited < 100000000 ? SEGMSG_SLEEP_USUAL : SEGMSG_SLEEP_MOST));
        longest = length;
    }
    UNIT_EQUAL(segmsg_sleep_length(INT64_MAX), SEGMSG_SLEEP_MOST);
}

/* Waits that are a little longer than the process waits awake: it soon waits longer. And sleeps again, if they are long. */
static void short_sleeps_begin_later(void)
{
    segmsg_sleep_t sleep = {.after = SEGMSG_SLEEP_AFTER};
    unsigned slept = 0;
    for (unsigned wait = 0; wait < 1000; ++wait) {
        const int64_t length = 2 * SEGMSG_SLEEP_AFTER;
        if (segmsg_sleep_is_due(&sleep, length)) {
            ++slept;
            segmsg_sleep_learn(&sleep, length - sleep.after - sleep.more);
        }
    }
    UNIT_CHECK(slept >= 1 && slept <= 3);
    for (slept = 0; slept < 20; ++slept) {
        UNIT_CHECK(segmsg_sleep_is_due(&sleep, 10000000));
        segmsg_sleep_learn(&sleep, 10000000);
    }
    UNIT_CHECK(segmsg_sleep_is_due(&sleep, SEGMSG_SLEEP_AFTER));
    for (slept = 0; slept < 100; ++slept) {
        segmsg_sleep_learn(&sleep, 1);
    }
    UNIT_CHECK(segmsg_sleep_is_due(&sleep, SEGMSG_SLEEP_MOST)); /* there is a longest */
    sleep.after = 0;
    UNIT_CHECK(!segmsg_sleep_is_due(&sleep, INT64_MAX));
}

static const unit_case_t cases[] = {
    UNIT_CASE(every_message_of_a_thread_wakes),
    UNIT_CASE(every_message_of_several_threads_wakes),
    UNIT_CASE(every_message_of_several_processes_wakes),
    UNIT_CASE(nobody_wakes_where_nothing_comes),
    UNIT_CASE(nobody_sleeps_who_is_needed),
    UNIT_CASE(who_is_awake_costs_its_senders_nothing),
    UNIT_CASE(a_sleep_is_as_long_as_the_wait_before_it),
    UNIT_CASE(short_sleeps_begin_later),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
