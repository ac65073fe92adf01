/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Memory that the job takes, after start-up and as more and more pairs of ranks talk. Each rank
 * reads what the kernel says about it after every phase and keeps that to itself; the readings are
 * added up after the last one, so that no communication but the phases' own and barriers has taken
 * memory by then.
 */
#define _GNU_SOURCE /* getline */

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

enum {
    TAG_DATA = 1,
    SHORT_BYTES = 8,
    LONG_BYTES = 4096,
    TIMES_DEFAULT = 4, /* how often a phase's communication is done */
};

static const char SHARED_MEMORY[] = "/dev/shm";
static const double MIB = 1 << 20;

struct memory {
    struct bench *bench;
    char *send; /* a block of at most LONG_BYTES for every rank */
    char *receive;
};

/* What is read after a phase, all in bytes. The kernel's words are in Documentation/filesystems/
 * proc.rst: Rss counts every resident page, Pss a page that n processes map as one n-th. */
enum { RSS, PSS, PRIVATE, RSS_SHMEM, PSS_SHMEM, MAPPED, ALLOCATED, READINGS };

static const struct {
    const char *file;
    const char *line;
} sources[READINGS] = {
    [RSS] = {"/proc/self/smaps_rollup", "Rss:"},
    [PSS] = {"/proc/self/smaps_rollup", "Pss:"},
    [PRIVATE] = {"/proc/self/smaps_rollup", "Pss_Anon:"},
    [RSS_SHMEM] = {"/proc/self/status", "RssShmem:"},
    [PSS_SHMEM] = {"/proc/self/smaps_rollup", "Pss_Shmem:"},
    [MAPPED] = {"/proc/self/status", "VmSize:"},
};

/* Reads the lines "Name: N kB" of a file that are among the sources. Returns how many there were.
 */
static int read_lines(const char *file, double *readings)
{
    char *line = NULL;
    size_t room = 0;
    int found = 0;
    FILE *stream = fopen(file, "r");
    while (NULL != stream && getline(&line, &room, stream) > 0) {
        for (int i = 0; i < READINGS; ++i) {
            if (NULL != sources[i].file && 0 == strcmp(file, sources[i].file)
                && 0 == strncmp(line, sources[i].line, strlen(sources[i].line))) {
                readings[i] = 1024 * strtod(line + strlen(sources[i].line), NULL);
                ++found;
            }
        }
    }
    free(line);
    if (NULL != stream) {
        fclose(stream);
    }
    return found;
}

/* Bytes that all files in /dev/shm take, of this job and of others, also if they have no name any
 * more. */
static double shared_memory_used(void)
{
    struct statvfs fs;
    if (0 != statvfs(SHARED_MEMORY, &fs)) {
        return 0;
    }
    return (double) (fs.f_blocks - fs.f_bfree) * (double) fs.f_frsize;
}

static void read_all(double *readings)
{
    int found =
        read_lines("/proc/self/smaps_rollup", readings) + read_lines("/proc/self/status", readings);
    if (found != READINGS - 1) {
        bench_fail("this kernel does not tell in /proc/self/smaps_rollup and status all that is to "
                   "be reported (Linux 5.4 or later does)");
    }
    readings[ALLOCATED] = shared_memory_used();
}

static void exchange(struct memory *m, int to, int from, size_t bytes)
{
    MPI_Sendrecv(m->send + (size_t) to * bytes, (int) bytes, MPI_CHAR, to, TAG_DATA,
                 m->receive + (size_t) from * bytes, (int) bytes, MPI_CHAR, from, TAG_DATA,
                 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

/* Sends to the rank `distance` to the right, receives from the one as far to the left. */
static void shift(struct memory *m, size_t bytes, int distance)
{
    int rank = m->bench->rank, ranks = m->bench->ranks;
    exchange(m, (rank + distance) % ranks, (rank + ranks - distance) % ranks, bytes);
}

static void run_nothing(struct memory *m, size_t bytes)
{
    (void) m;
    (void) bytes;
}

static void run_ring(struct memory *m, size_t bytes)
{
    shift(m, bytes, 1 % m->bench->ranks);
}

static void run_alltoall(struct memory *m, size_t bytes)
{
    MPI_Alltoall(m->send, (int) bytes, MPI_CHAR, m->receive, (int) bytes, MPI_CHAR, MPI_COMM_WORLD);
}

/* What MPI_Alltoall may do without: a message from everyone to everyone. */
static void run_pairs(struct memory *m, size_t bytes)
{
    for (int distance = 1; distance < m->bench->ranks; ++distance) {
        shift(m, bytes, distance);
    }
}

static const struct phase {
    const char *name;
    void (*run)(struct memory *, size_t bytes);
    size_t bytes;
} phases[] = {
    {"start: MPI_Init and barriers", run_nothing, 0},
    {"ring: 8 bytes to the right neighbour", run_ring, SHORT_BYTES},
    {"ring: 4096 bytes to the right neighbour", run_ring, LONG_BYTES},
    {"MPI_Alltoall of 8 bytes a pair", run_alltoall, SHORT_BYTES},
    {"8 bytes from every rank to every other", run_pairs, SHORT_BYTES},
    {"MPI_Alltoall of 4096 bytes a pair", run_alltoall, LONG_BYTES},
};

enum { PHASES = sizeof phases / sizeof phases[0] };

static unsigned block_seed(int from, int to)
{
    return 17u * (unsigned) from + 5u * (unsigned) to;
}

static void validate(struct memory *m, const struct phase *phase)
{
    struct bench *bench = m->bench;
    int rank = bench->rank, ranks = bench->ranks, left = (rank + ranks - 1) % ranks;
    memset(m->receive, 0, (size_t) ranks * phase->bytes);
    for (int to = 0; to < ranks; ++to) {
        bench_fill(m->send + (size_t) to * phase->bytes, phase->bytes, block_seed(rank, to));
    }
    phase->run(m, phase->bytes);
    for (int from = 0; from < ranks; ++from) {
        if (run_alltoall == phase->run || from == left
            || (run_pairs == phase->run && from != rank)) {
            bench_check(bench, m->receive + (size_t) from * phase->bytes, phase->bytes,
                        block_seed(from, rank));
        }
    }
}

/* The barriers keep everybody's readings apart from the communication before and after. */
static void run_phase(struct memory *m, const struct phase *phase, double *readings)
{
    long times = 0 == m->bench->iterations ? TIMES_DEFAULT : m->bench->iterations;
    if (m->bench->validate) {
        validate(m, phase);
    }
    for (long i = 0; i < times; ++i) {
        phase->run(m, phase->bytes);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    read_all(readings);
    MPI_Barrier(MPI_COMM_WORLD);
}

static void print_phases(const struct bench *bench, double readings[PHASES][READINGS],
                         double used_before)
{
    double sum[PHASES][READINGS], max[PHASES][READINGS], before;
    MPI_Reduce(readings, sum, PHASES * READINGS, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
    MPI_Reduce(readings, max, PHASES * READINGS, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
    /* The first rank to start has looked before any other could take memory. */
    MPI_Reduce(&used_before, &before, 1, MPI_DOUBLE, MPI_MIN, 0, MPI_COMM_WORLD);
    for (size_t i = 0; 0 == bench->rank && i < PHASES; ++i) {
        double ranks = bench->ranks;
        const double values[] = {
            sum[i][PSS] / ranks / MIB,
            max[i][PSS] / MIB,
            sum[i][RSS] / ranks / MIB,
            max[i][RSS] / MIB,
            sum[i][RSS_SHMEM] / ranks / MIB,
            sum[i][PRIVATE] / ranks / MIB,
            sum[i][PSS_SHMEM] / MIB,
            (readings[i][ALLOCATED] - before) / MIB,
            max[i][MAPPED] / MIB,
        };
        bench_print_row(bench, i, values, sizeof values / sizeof values[0]);
    }
}

static const struct bench_program program = {
    .name = "segmsg_memory",
    .purpose = "Memory per process and of the whole job in MiB, after each of several phases of\n"
               "communication. -i says how often each is done; the sizes are fixed.",
    .sizes_are = "Phase",
    .min_default = SHORT_BYTES,
    .max_default = LONG_BYTES,
    .ranks_min = 1,
};

static void print_head(const struct bench *bench)
{
    bench_print_head(bench, "Memory (MiB)",
                     (const char *const[]){"Pss mean", "Pss max", "Rss mean", "Rss max",
                                           "RssShmem mean", "Private mean", "Job: shared mapped",
                                           "Job: in /dev/shm", "VmSize max", NULL});
    for (size_t i = 0; 0 == bench->rank && i < PHASES; ++i) {
        printf("# phase %zu: %s\n", i, phases[i].name);
    }
}

int main(int argc, char **argv)
{
    double readings[PHASES][READINGS] = {{0}};
    double used_before = shared_memory_used();
    struct bench bench;
    bench_start(&bench, &program, argc, argv);
    struct memory memory = {
        .bench = &bench,
        .send = bench_alloc((size_t) bench.ranks * LONG_BYTES),
        .receive = bench_alloc((size_t) bench.ranks * LONG_BYTES),
    };
    print_head(&bench);
    MPI_Barrier(MPI_COMM_WORLD);
    for (size_t i = 0; i < PHASES; ++i) {
        run_phase(&memory, &phases[i], readings[i]);
    }
    print_phases(&bench, readings, used_before);
    free(memory.send);
    free(memory.receive);
    return bench_finish(&bench);
}
