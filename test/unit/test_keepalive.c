/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Keepalive: what a probe finds of a process that runs, does not accept, is stopped, or has ended,
 * among strangers and without descriptors.
 */
#include "base/clock.h"
#include "fabric/keepalive.h"
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    MANY = 200,       /* more than the queue holds */
    TURN_MS = 20,     /* after which a probe asks the other port */
    GIVEN_UP_MS = 400 /* a probe without an answer until then has none */
};

/* A process with its two ports, as others see it. */
typedef struct {
    pid_t pid;
    segmsg_keepalive_peer_t peer;
} process_t;

static segmsg_keepalive_peer_t peer_of(const segmsg_keepalive_t *keepalive)
{
    return (segmsg_keepalive_peer_t){.address = htonl(INADDR_LOOPBACK),
                                     .live_port = keepalive->live_port,
                                     .closed_port = keepalive->closed_port};
}

/* Starts a process that has opened its ports and has been stopped. */
static bool start_stopped(process_t *process)
{
    int pipes[2];
    if (pipe(pipes) != 0) {
        return false;
    }
    process->pid = fork();
    if (process->pid == 0) {
        segmsg_keepalive_t keepalive;
        process->peer = (segmsg_keepalive_peer_t){.live_port = 0};
        if (segmsg_keepalive_open(&keepalive)) {
            process->peer = peer_of(&keepalive);
        }
        bool is_told = write(pipes[1], &process->peer, sizeof(process->peer)) > 0;
        raise(is_told ? SIGSTOP : SIGKILL);
        _exit(0);
    }
    bool is_open = read(pipes[0], &process->peer, sizeof(process->peer)) == sizeof(process->peer);
    close(pipes[0]);
    close(pipes[1]);
    int status;
    return is_open && process->peer.live_port != 0
           && waitpid(process->pid, &status, WUNTRACED) == process->pid && WIFSTOPPED(status);
}

static void kill_and_wait(const process_t *process)
{
    kill(process->pid, SIGKILL);
    (void) waitpid(process->pid, NULL, 0);
}

/* The result of a probe that was started, which is ended. */
static segmsg_probe_result_t finish(segmsg_probe_t *probe, segmsg_keepalive_t *own,
                                    const segmsg_keepalive_peer_t *peer,
                                    segmsg_probe_result_t result)
{
    for (int passed = 0; result == SEGMSG_PROBE_PENDING && passed < GIVEN_UP_MS; passed += 5) {
        (void) poll(NULL, 0, 5);
        result = segmsg_probe_look(probe, peer, passed % TURN_MS == 0);
    }
    segmsg_probe_end(probe, own);
    return result;
}

static segmsg_probe_result_t probe(segmsg_keepalive_t *own, const segmsg_keepalive_peer_t *peer)
{
    segmsg_probe_t probe;
    segmsg_probe_result_t result = segmsg_probe_start(&probe, own, peer);
    if (probe.socket < 0) {
        unit_fail(__FILE__, __LINE__, "no descriptor for a probe");
        return SEGMSG_PROBE_PENDING;
    }
    return finish(&probe, own, peer, result);
}

/* Connections to a port as a stranger makes them: they are begun, and nothing more. */
static void connect_many(int *sockets, uint16_t port)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < MANY; ++i) {
        sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        UNIT_CHECK(sockets[i] >= 0);
        (void) connect(sockets[i], (const struct sockaddr *) &to, sizeof(to));
    }
}

static void close_many(const int *sockets)
{
    for (int i = 0; i < MANY; ++i) {
        close(sockets[i]);
    }
}

static void a_process_is_alive(void)
{
    segmsg_keepalive_t own;
    UNIT_REQUIRE(segmsg_keepalive_open(&own));
    segmsg_keepalive_peer_t peer = peer_of(&own);
    UNIT_EQUAL(probe(&own, &peer), SEGMSG_PROBE_ALIVE);
    segmsg_keepalive_close(&own);
}

static void a_stopped_process_is_alive_however_often_it_is_probed(void)
{
    segmsg_keepalive_t own;
    process_t process;
    UNIT_REQUIRE(segmsg_keepalive_open(&own) && start_stopped(&process));
    for (int i = 0; i < MANY && !unit_has_failed(); ++i) {
        UNIT_EQUAL(probe(&own, &process.peer), SEGMSG_PROBE_ALIVE);
    }
    kill_and_wait(&process);
    segmsg_keepalive_close(&own);
}

static void strangers_that_hold_connections_take_nothing_away(void)
{
    static int strangers[MANY];
    segmsg_keepalive_t own;
    process_t process;
    UNIT_REQUIRE(segmsg_keepalive_open(&own) && start_stopped(&process));
    connect_many(strangers, process.peer.live_port);
    UNIT_EQUAL(probe(&own, &process.peer), SEGMSG_PROBE_ALIVE);
    kill_and_wait(&process);
    close_many(strangers);
    segmsg_keepalive_close(&own);
}

static void the_end_of_a_process_is_found(void)
{
    segmsg_keepalive_t own;
    process_t process;
    UNIT_REQUIRE(segmsg_keepalive_open(&own) && start_stopped(&process));
    kill_and_wait(&process);
    UNIT_EQUAL(probe(&own, &process.peer), SEGMSG_PROBE_ENDED);
    segmsg_keepalive_close(&own);
}

static void the_end_of_a_process_with_a_full_queue_is_found(void)
{
    static int strangers[MANY];
    segmsg_keepalive_t own;
    process_t process;
    UNIT_REQUIRE(segmsg_keepalive_open(&own) && start_stopped(&process));
    connect_many(strangers, process.peer.live_port);
    UNIT_EQUAL(probe(&own, &process.peer), SEGMSG_PROBE_ALIVE);
    kill_and_wait(&process);
    UNIT_EQUAL(probe(&own, &process.peer), SEGMSG_PROBE_ENDED);
    close_many(strangers);
    segmsg_keepalive_close(&own);
}

/* Ports that answer nothing: two queues that are full. */
static void no_answer_is_no_life(void)
{
    static int strangers[2][MANY];
    segmsg_keepalive_t own;
    segmsg_keepalive_t mute[2];
    UNIT_REQUIRE(segmsg_keepalive_open(&own));
    UNIT_REQUIRE(segmsg_keepalive_open(&mute[0]) && segmsg_keepalive_open(&mute[1]));
    segmsg_keepalive_peer_t peer = peer_of(&mute[0]);
    peer.closed_port = mute[1].live_port;
    connect_many(strangers[0], peer.live_port);
    connect_many(strangers[1], peer.closed_port);
    UNIT_EQUAL(probe(&own, &peer), SEGMSG_PROBE_PENDING);
    for (int i = 0; i < 2; ++i) {
        close_many(strangers[i]);
        segmsg_keepalive_close(&mute[i]);
    }
    segmsg_keepalive_close(&own);
}

/* An error that the kernel reports at once, not later. */
static void an_error_of_the_network_is_no_life(void)
{
    segmsg_keepalive_t own;
    UNIT_REQUIRE(segmsg_keepalive_open(&own));
    segmsg_keepalive_peer_t peer = peer_of(&own);
    peer.address = htonl(INADDR_BROADCAST);
    UNIT_EQUAL(probe(&own, &peer), SEGMSG_PROBE_PENDING);
    segmsg_keepalive_close(&own);
}

static void strangers_are_closed_when_the_queue_is_emptied(void)
{
    static int strangers[MANY];
    segmsg_keepalive_t own;
    UNIT_REQUIRE(segmsg_keepalive_open(&own));
    connect_many(strangers, own.live_port);
    segmsg_keepalive_empty_queue(&own);
    char byte;
    UNIT_CHECK(recv(strangers[0], &byte, 1, 0) < 0 && errno == ECONNRESET);
    segmsg_keepalive_peer_t peer = peer_of(&own);
    segmsg_probe_t probe;
    segmsg_probe_result_t result = segmsg_probe_start(&probe, &own, &peer);
    (void) poll(NULL, 0, TURN_MS);
    result = result == SEGMSG_PROBE_PENDING ? segmsg_probe_look(&probe, &peer, false) : result;
    UNIT_EQUAL(result, SEGMSG_PROBE_ALIVE);
    UNIT_CHECK(!probe.asks_closed_port);
    segmsg_probe_end(&probe, &own);
    close_many(strangers);
    segmsg_keepalive_close(&own);
}

/* Takes all descriptors; returns the limit there was. */
static struct rlimit use_up_descriptors(void)
{
    struct rlimit before;
    (void) getrlimit(RLIMIT_NOFILE, &before);
    struct rlimit few = before;
    few.rlim_cur = 64;
    (void) setrlimit(RLIMIT_NOFILE, &few);
    while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0) {
    }
    return before;
}

static void a_process_without_descriptors_finds_out_one_peer_at_a_time(void)
{
    segmsg_keepalive_t own;
    process_t process;
    UNIT_REQUIRE(segmsg_keepalive_open(&own) && start_stopped(&process));
    struct rlimit before = use_up_descriptors();
    segmsg_probe_t first;
    segmsg_probe_t second;
    segmsg_probe_result_t result = segmsg_probe_start(&first, &own, &process.peer);
    UNIT_CHECK(first.socket >= 0);
    UNIT_EQUAL(segmsg_probe_start(&second, &own, &process.peer), SEGMSG_PROBE_PENDING);
    UNIT_CHECK(second.socket < 0);
    segmsg_probe_end(&second, &own);
    UNIT_EQUAL(finish(&first, &own, &process.peer, result), SEGMSG_PROBE_ALIVE);
    UNIT_EQUAL(probe(&own, &process.peer), SEGMSG_PROBE_ALIVE);
    kill_and_wait(&process);
    UNIT_EQUAL(probe(&own, &process.peer), SEGMSG_PROBE_ENDED);
    (void) setrlimit(RLIMIT_NOFILE, &before);
    segmsg_keepalive_close(&own);
}

static void a_queue_that_cannot_be_emptied_is_left(void)
{
    static int strangers[MANY];
    segmsg_keepalive_t own;
    UNIT_REQUIRE(segmsg_keepalive_open(&own));
    connect_many(strangers, own.live_port);
    struct rlimit before = use_up_descriptors();
    segmsg_keepalive_empty_queue(&own);
    segmsg_keepalive_peer_t peer = peer_of(&own);
    UNIT_EQUAL(probe(&own, &peer), SEGMSG_PROBE_ALIVE);
    (void) setrlimit(RLIMIT_NOFILE, &before);
    close_many(strangers);
    segmsg_keepalive_close(&own);
}

/* Time-outs of minutes, in nanoseconds, need more than 32 bits. */
static void a_minute_has_as_many_ticks_as_sixty_seconds(void)
{
    segmsg_clock_moment_t start = segmsg_clock_now();
    (void) poll(NULL, 0, TURN_MS);
    double second = (double) segmsg_clock_ticks_in(&start, UINT64_C(1000000000));
    double minute = (double) segmsg_clock_ticks_in(&start, UINT64_C(60000000000));
    UNIT_CHECK(minute >= 59 * second && minute <= 61 * second);
}

static const unit_case_t cases[] = {
    UNIT_CASE(a_process_is_alive),
    UNIT_CASE(a_stopped_process_is_alive_however_often_it_is_probed),
    UNIT_CASE(strangers_that_hold_connections_take_nothing_away),
    UNIT_CASE(the_end_of_a_process_is_found),
    UNIT_CASE(the_end_of_a_process_with_a_full_queue_is_found),
    UNIT_CASE(no_answer_is_no_life),
    UNIT_CASE(an_error_of_the_network_is_no_life),
    UNIT_CASE(strangers_are_closed_when_the_queue_is_emptied),
    UNIT_CASE(a_process_without_descriptors_finds_out_one_peer_at_a_time),
    UNIT_CASE(a_queue_that_cannot_be_emptied_is_left),
    UNIT_CASE(a_minute_has_as_many_ticks_as_sixty_seconds),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
