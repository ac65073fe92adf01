/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What a call into MPI costs when nothing has arrived, with a rising number of peers that have
 * talked to rank 0 and are quiet now. The peers sleep between looks at what rank 0 tells them, so
 * that they neither send anything nor take rank 0's core.
 */
#define _GNU_SOURCE /* RTLD_DEFAULT */

#include "bench.h"

#include <dlfcn.h>
#include <string.h>
#include <time.h>

enum {
    TAG_TALK = 1,      /* rank 0 to a peer and back */
    TAG_STOP = 2,      /* rank 0 to a peer: the test is over */
    TAG_NEVER = 3,     /* nobody sends this */
    TALK_ROUNDS = 100, /* enough to be counted as an active peer */
    CALLS_PER_LOOK = 1000,
};

struct idle {
    void (*call)(struct idle *);
    MPI_Request never;
    void (*progress)(void);
};

static void call_test(struct idle *idle)
{
    int flag;
    MPI_Test(&idle->never, &flag, MPI_STATUS_IGNORE);
}

static void call_iprobe(struct idle *idle)
{
    int flag;
    (void) idle;
    MPI_Iprobe(MPI_ANY_SOURCE, TAG_NEVER, MPI_COMM_WORLD, &flag, MPI_STATUS_IGNORE);
}

/* Open MPI's own progress function, which MPI_Test and MPI_Iprobe call once. */
static void call_progress(struct idle *idle)
{
    idle->progress();
}

/* ISO C has no conversion from an object pointer to a function pointer; POSIX promises the copy. */
static bool find_function(const char *name, void *function, size_t function_bytes)
{
    void *symbol = dlsym(RTLD_DEFAULT, name);
    memcpy(function, &symbol, function_bytes);
    return NULL != symbol;
}

static void find_progress(struct idle *idle)
{
    if (!find_function("opal_progress", &idle->progress, sizeof idle->progress)) {
        bench_fail("this MPI has no opal_progress; take -c test or -c iprobe");
    }
}

/*
 * Open MPI gives the core away after each idle call where there are more ranks than cores, as when
 * many peers are connected. That system call would then be most of what is measured.
 */
static void keep_core(void)
{
    bool (*set_yield)(bool);
    if (find_function("opal_progress_set_yield_when_idle", &set_yield, sizeof set_yield)) {
        set_yield(false);
    }
}

/* Nanoseconds that a call takes. Rank 0 alone. */
static double time_calls(const struct bench *bench, struct idle *idle)
{
    long wanted = bench->iterations, done = 0;
    for (long i = 0; i < bench->warmup + CALLS_PER_LOOK; ++i) {
        idle->call(idle);
    }
    double start = MPI_Wtime(), seconds = 0;
    do {
        for (int i = 0; i < CALLS_PER_LOOK; ++i) {
            idle->call(idle);
        }
        done += CALLS_PER_LOOK;
        seconds = MPI_Wtime() - start;
    } while (wanted > 0 ? done < wanted : seconds < bench->seconds_per_size);
    return 1e9 * seconds / (double) done;
}

static void talk_to(int peer)
{
    char byte = 0;
    for (int i = 0; i < TALK_ROUNDS; ++i) {
        MPI_Send(&byte, 1, MPI_CHAR, peer, TAG_TALK, MPI_COMM_WORLD);
        MPI_Recv(&byte, 1, MPI_CHAR, peer, TAG_TALK, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    }
}

/* A peer's part: answers rank 0 when it talks, sleeps when it does not. */
static void be_quiet(void)
{
    for (int stopped = 0; !stopped;) {
        char byte;
        int talking;
        MPI_Iprobe(0, TAG_TALK, MPI_COMM_WORLD, &talking, MPI_STATUS_IGNORE);
        if (talking) {
            for (int i = 0; i < TALK_ROUNDS; ++i) {
                MPI_Recv(&byte, 1, MPI_CHAR, 0, TAG_TALK, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
                MPI_Send(&byte, 1, MPI_CHAR, 0, TAG_TALK, MPI_COMM_WORLD);
            }
        }
        MPI_Iprobe(0, TAG_STOP, MPI_COMM_WORLD, &stopped, MPI_STATUS_IGNORE);
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    MPI_Recv(NULL, 0, MPI_CHAR, 0, TAG_STOP, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

static void measure(struct bench *bench, struct idle *idle)
{
    size_t connected = 0, peers = (size_t) bench->ranks - 1;
    for (int i = 0; i < bench->size_count && bench->sizes[i] <= peers; ++i) {
        while (connected < bench->sizes[i]) {
            talk_to((int) ++connected);
        }
        double nanoseconds = time_calls(bench, idle);
        bench_print_row(bench, connected, &nanoseconds, 1);
    }
    for (size_t peer = 1; peer <= peers; ++peer) {
        MPI_Send(NULL, 0, MPI_CHAR, (int) peer, TAG_STOP, MPI_COMM_WORLD);
    }
}

static const char *const choices[] = {"test", "iprobe", "progress", NULL};

static const struct bench_program program = {
    .name = "segmsg_idle",
    .purpose =
        "Time of a call of rank 0 into MPI when nothing arrives, by the number of peers that have\n"
        "talked to it before. -m and -s give numbers of peers, in rising order.",
    .choices = choices,
    .sizes_are = "Peers",
    .min_default = 0,
    .max_default = 1024,
    .ranks_min = 1,
};

int main(int argc, char **argv)
{
    struct bench bench;
    struct idle idle = {.call = call_test};
    bench_start(&bench, &program, argc, argv);
    const char *title = "Idle MPI_Test";
    if (0 == strcmp(bench.choice, "iprobe")) {
        idle.call = call_iprobe;
        title = "Idle MPI_Iprobe";
    } else if (0 == strcmp(bench.choice, "progress")) {
        idle.call = call_progress;
        title = "Idle opal_progress";
        find_progress(&idle);
    }
    bench_print_head(&bench, title, (const char *const[]){"Time (ns)", NULL});
    if (0 == bench.rank) {
        char byte;
        keep_core();
        MPI_Irecv(&byte, 1, MPI_CHAR, MPI_ANY_SOURCE, TAG_NEVER, MPI_COMM_WORLD, &idle.never);
        measure(&bench, &idle);
        MPI_Cancel(&idle.never);
        MPI_Wait(&idle.never, MPI_STATUS_IGNORE);
    } else {
        be_quiet();
    }
    return bench_finish(&bench);
}
