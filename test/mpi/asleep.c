/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * asleep: what a process that waits uses, and whether it sleeps. With two ranks or more, rank 0 sends to all others
 * after a second, again and again; then all test, and compute meanwhile. Prints "used N of 1000", the
 * most processor time of a wait, and of all ranks together "slept N, woken N", from MPI_T, and "between tests N".
 */
#include "check.h"
#include "variables.h"

#include <sys/resource.h>
#include <time.h>

enum { WAITS = 3, WAIT_MS = 1000, TESTS = 2000, COMPUTE_US = 200 };

static struct variable sleeps, woken;

static double processor_time(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double) usage.ru_utime.tv_sec + (double) usage.ru_stime.tv_sec
           + 1e-6 * (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* Uses so much of a processor, however long others have it meanwhile. */
static void compute(double microseconds)
{
    double until = processor_time() + 1e-6 * microseconds;

    while (processor_time() < until) {
    }
}

/* Receives number `wait` from rank 0: each time by another function that blocks. */
static void receive(int wait, int *number)
{
    MPI_Request request;

    if (wait == 0) {
        MPI_Irecv(number, 1, MPI_INT, 0, wait, MPI_COMM_WORLD, &request);
        MPI_Wait(&request, MPI_STATUS_IGNORE);
        return;
    }
    if (wait == 1) {
        MPI_Probe(0, wait, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    }
    MPI_Recv(number, 1, MPI_INT, 0, wait, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

/* Of 1000 parts of a wait, how many it used a processor. */
static int used_in_a_wait(int wait)
{
    int number = -1;

    MPI_Barrier(MPI_COMM_WORLD);
    if (check_rank == 0) {
        const struct timespec pause = {.tv_sec = WAIT_MS / 1000,
                                       .tv_nsec = WAIT_MS % 1000 * 1000000L};

        nanosleep(&pause, NULL);
        for (int rank = 1; rank < check_size; rank++) {
            MPI_Send(&wait, 1, MPI_INT, rank, wait, MPI_COMM_WORLD);
        }
        return 0;
    }
    double began = MPI_Wtime(), used = processor_time();
    receive(wait, &number);
    used = processor_time() - used;
    CHECK(number == wait, "%d has come, not %d", number, wait);
    return (int) (1000 * used / (MPI_Wtime() - began));
}

/* Calls one of the functions that return at once. */
static void test_with(int which, MPI_Request *request)
{
    MPI_Status status;
    MPI_Message message;
    int flag, index;

    switch (which % 7) {
    case 0:
        MPI_Test(request, &flag, &status);
        break;
    case 1:
        MPI_Testall(1, request, &flag, &status);
        break;
    case 2:
        MPI_Testany(1, request, &index, &flag, &status);
        break;
    case 3:
        MPI_Testsome(1, request, &flag, &index, &status);
        break;
    case 4:
        MPI_Iprobe(MPI_ANY_SOURCE, 2 * TESTS, MPI_COMM_WORLD, &flag, &status);
        break;
    case 5:
        MPI_Improbe(MPI_ANY_SOURCE, 2 * TESTS, MPI_COMM_WORLD, &flag, &message, &status);
        break;
    default:
        MPI_Request_get_status(*request, &flag, &status);
    }
}

/*
 * One test to ten after each of many computations, and very many with next to nothing between them, while a message is
 * awaited. Returns how often it slept in these.
 */
static unsigned long long test_between_computations(void)
{
    MPI_Request request;
    int nothing;
    unsigned long long slept = value_of(&sleeps);

    MPI_Irecv(&nothing, 0, MPI_INT, (check_rank + 1) % check_size, TESTS, MPI_COMM_WORLD, &request);
    for (int test = 0; test < TESTS; test++) {
        compute(COMPUTE_US);
        for (int again = 0; again <= test % 10; again++) {
            test_with(test, &request);
        }
    }
    for (int test = 0; test < 7; test++) {
        double until = processor_time() + 0.05;

        while (processor_time() < until) {
            for (int again = 0; again < 100; again++) {
                test_with(test, &request);
            }
        }
    }
    slept = value_of(&sleeps) - slept;
    MPI_Send(&nothing, 0, MPI_INT, (check_rank + check_size - 1) % check_size, TESTS,
             MPI_COMM_WORLD);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    return slept;
}

int main(int argc, char **argv)
{
    int used = 0, most, provided;
    unsigned long long own[3], all[3];

    MPI_T_init_thread(MPI_THREAD_SINGLE, &provided);
    check_start(&argc, &argv, "asleep", MPI_THREAD_SINGLE);
    MPI_T_pvar_session_create(&session);
    if (variable_open(&sleeps, "btl_segmsg_sleeps")
        && variable_open(&woken, "btl_segmsg_sleeps_woken")) {
        for (int wait = 0; wait < WAITS; wait++) {
            int now = used_in_a_wait(wait);

            used = now > used ? now : used;
            check_step();
        }
        MPI_Barrier(MPI_COMM_WORLD);
        own[2] = test_between_computations();
        own[0] = value_of(&sleeps);
        own[1] = value_of(&woken);
        MPI_Reduce(&used, &most, 1, MPI_INT, MPI_MAX, 0, MPI_COMM_WORLD);
        MPI_Reduce(own, all, 3, MPI_UNSIGNED_LONG_LONG, MPI_SUM, 0, MPI_COMM_WORLD);
        if (check_rank == 0) {
            printf("used %d of 1000; slept %llu, woken %llu, between tests %llu\n", most, all[0],
                   all[1], all[2]);
        }
    }
    MPI_T_pvar_session_free(&session);
    MPI_T_finalize();
    return check_finish();
}
