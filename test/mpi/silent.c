/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * silent [--seconds N] [--no-descriptors]: rank 0 computes for N seconds (10) without a call into MPI,
 * while all others wait for a message from it. Before and after, each exchanges messages with it.
 *
 * With --no-descriptors every rank has used up its descriptors meanwhile. Rank 0 sleeps instead of
 * computing, and must be left to sleep: no thread of its process may spend processor time.
 *
 * While it is out of MPI, rank 0 is called "out of MPI" in /proc/PID/comm.
 */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

enum {
    LENGTH = 1000,        /* bytes of a message */
    DESCRIPTORS_MAX = 256 /* limit that is set before all are taken */
};

static double seconds_of(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (double) time.tv_sec + 1e-9 * (double) time.tv_nsec;
}

/* A message from rank 0 to every other one, and one back from each. */
static void exchange(int round)
{
    char data[LENGTH];
    MPI_Status status;

    if (check_rank != 0) {
        MPI_Recv(data, LENGTH, MPI_BYTE, 0, round, MPI_COMM_WORLD, &status);
        CHECK(data[0] == (char) round && data[LENGTH - 1] == (char) round, "wrong data in round %d",
              round);
        MPI_Send(data, LENGTH, MPI_BYTE, 0, round, MPI_COMM_WORLD);
        return;
    }
    memset(data, round, LENGTH);
    for (int peer = 1; peer < check_size; peer++) {
        MPI_Send(data, LENGTH, MPI_BYTE, peer, round, MPI_COMM_WORLD);
    }
    for (int peer = 1; peer < check_size; peer++) {
        MPI_Recv(data, LENGTH, MPI_BYTE, peer, round, MPI_COMM_WORLD, &status);
        CHECK(data[0] == (char) round, "wrong data from rank %d in round %d", peer, round);
    }
}

static int taken[DESCRIPTORS_MAX], taken_count; /* descriptors */

static void use_up_descriptors(void)
{
    struct rlimit limit;
    int taken_now;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_cur < DESCRIPTORS_MAX ? limit.rlim_cur : DESCRIPTORS_MAX;
    setrlimit(RLIMIT_NOFILE, &limit);
    while ((taken_now = open("/dev/null", O_RDONLY)) >= 0) {
        taken[taken_count++] = taken_now;
    }
    CHECK(errno == EMFILE, "descriptors are not used up: %s", strerror(errno));
}

static void free_descriptors(void)
{
    while (taken_count > 0) {
        close(taken[--taken_count]);
    }
}

/* Out of MPI for a time. The processor time of all threads of the process is that of the sleep. */
static void be_silent(int seconds)
{
    double spent = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    double end = seconds_of(CLOCK_MONOTONIC) + seconds;

    prctl(PR_SET_NAME, "out of MPI");
    while (seconds_of(CLOCK_MONOTONIC) < end) {
        usleep(100000);
        check_step();
    }
    prctl(PR_SET_NAME, check_name);
    spent = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - spent;
    CHECK(spent < 0.05 * seconds, "%.2f s of processor time in %d s of sleep", spent, seconds);
}

int main(int argc, char **argv)
{
    const struct option options[] = {{"seconds", required_argument, NULL, 's'},
                                     {"no-descriptors", no_argument, NULL, 'd'},
                                     {NULL, 0, NULL, 0}};
    int seconds = 10, option;
    bool no_descriptors = false;

    check_start(&argc, &argv, "silent", MPI_THREAD_SINGLE);
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        no_descriptors = no_descriptors || option == 'd';
        seconds = option == 's' ? atoi(optarg) : seconds;
    }
    check_doing("the messages before");
    for (int round = 1; round < 20; round++) {
        exchange(round);
    }
    if (no_descriptors) {
        use_up_descriptors();
    }
    check_doing("the silence");
    if (check_rank == 0) {
        be_silent(seconds);
    }
    exchange(20);
    free_descriptors();
    check_doing("the messages after");
    for (int round = 21; round < 40; round++) {
        exchange(round);
    }
    return check_finish();
}
