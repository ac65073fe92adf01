/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Guests and their receiver at the same time, in threads and in processes: through a lobby that is
 * always full, through common segments, on their way to rings of their own, leaving and coming back.
 */
#include "talkers.h"

#include <signal.h>
#include <unistd.h>

enum { GUESTS = SENDERS_MAX };

typedef struct {
    const char *list;
    uint32_t lobby; /* partitions */
    uint64_t messages, lives;
    segmsg_growth_t growth;
} setting_t;

static void open_memory(memory_t *memory, const setting_t *setting)
{
    segmsg_export_config_t config = memory_config(setting->list, 8, 64 * GUESTS);
    config.lobby = setting->lobby;
    memory_open_config(memory, &config, 8 * GUESTS);
}

static void check_heard(const listener_t *listener, const memory_t *memory,
                        const setting_t *setting)
{
    if (unit_has_failed()) {
        return;
    }
    UNIT_CHECK(listener->received >= GUESTS * setting->messages * setting->lives);
    UNIT_EQUAL(listener->receiver.reader_count, 0);
    UNIT_CHECK(listener->through_lobby != 0);
    check_tables(memory, GUESTS);
    const segmsg_export_t *export = &memory->export;
    for (uint32_t g = 0; g < memory->config.geometry.group_count; ++g) {
        uint32_t segment;
        segmsg_segment_entry_t entry;
        UNIT_EQUAL(segmsg_common_read(export, g, &segment, &entry), SEGMSG_OK);
        if (memory->is_committed[entry.offset / SEGMSG_PAGE] != 0) {
            const segmsg_control_t *control = memory_view(export, &entry).control;
            UNIT_EQUAL(atomic_load(&control->claimed), g == 0 ? atomic_load(&control->word) : 0);
        }
    }
}

static void run_threads(const setting_t *setting)
{
    memory_t memory;
    open_memory(&memory, setting);
    listener_t listener;
    open_listener(&listener, &memory);
    static talker_t talker[GUESTS];
    pthread_t thread[GUESTS];
    for (uint32_t s = 0; s < GUESTS; ++s) {
        open_talker(&talker[s], &memory, s, setting->messages, setting->lives, &setting->growth);
        UNIT_REQUIRE(pthread_create(&thread[s], NULL, talk, &talker[s]) == 0);
    }
    listen_until_closed(&listener, GUESTS * setting->lives);
    for (uint32_t s = 0; s < GUESTS; ++s) {
        pthread_join(thread[s], NULL);
        segmsg_sender_destroy(&talker[s].sender);
    }
    check_heard(&listener, &memory, setting);
    segmsg_receiver_destroy(&listener.receiver);
    memory_close(&memory);
}

static void run_processes(const setting_t *setting)
{
    memory_t memory;
    open_memory(&memory, setting);
    memory_unlock(&memory);
    pid_t child[GUESTS];
    fflush(NULL);
    for (uint32_t s = 0; s < GUESTS; ++s) {
        child[s] = fork();
        if (child[s] == 0) {
            static talker_t talker;
            open_talker(&talker, &memory, s, setting->messages, setting->lives, &setting->growth);
            talk(&talker);
            unit_child_exit();
        }
    }
    listener_t listener;
    open_listener(&listener, &memory);
    listen_until_closed(&listener, GUESTS * setting->lives);
    for (uint32_t s = 0; s < GUESTS; ++s) {
        if (unit_has_failed()) {
            kill(child[s], SIGKILL);
        }
        unit_child_wait(child[s]);
    }
    check_heard(&listener, &memory, setting);
    segmsg_receiver_destroy(&listener.receiver);
    memory_close(&memory);
}

static const char *const LARGE = "64:128:31,1K:8:8,8K:8:8";
static const char *const SMALL = "64:64:20,128:4:4,1K:2:2";

static const segmsg_growth_t FOR_EVER = {.own_after = UINT32_MAX, .long_after = UINT32_MAX};
static const segmsg_growth_t SOME_DAY = {.own_after = 10,
                                         .own_crowd = GUESTS / 2,
                                         .grow_after = 40,
                                         .long_after = 3};

static void threads_share_a_lobby_that_is_always_full(void)
{
    run_threads(&(setting_t){SMALL, 40, unit_repetitions(60000), 1, FOR_EVER});
    run_threads(&(setting_t){LARGE, 128, unit_repetitions(40000), 1, FOR_EVER});
}

static void threads_get_rings_of_their_own(void)
{
    run_threads(&(setting_t){LARGE, 64, 60, unit_repetitions(3000), SOME_DAY});
    run_threads(&(setting_t){SMALL, 64, unit_repetitions(60000), 1, SOME_DAY});
}

static void threads_come_and_go_as_guests(void)
{
    run_threads(&(setting_t){SMALL, 33, 4, unit_repetitions(8000), FOR_EVER});
    run_threads(&(setting_t){SMALL, 33, 12, unit_repetitions(3000), SOME_DAY});
}

static void processes_share_a_lobby(void)
{
    run_processes(&(setting_t){LARGE, 64, unit_repetitions(40000), 1, FOR_EVER});
    run_processes(&(setting_t){SMALL, 40, 15, unit_repetitions(2000), SOME_DAY});
}

static const unit_case_t cases[] = {
    UNIT_CASE(threads_share_a_lobby_that_is_always_full),
    UNIT_CASE(threads_get_rings_of_their_own),
    UNIT_CASE(threads_come_and_go_as_guests),
    UNIT_CASE(processes_share_a_lobby),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
