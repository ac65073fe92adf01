/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Several threads of each rank in MPI at the same time (MPI_THREAD_MULTIPLE). Each talks to the
 * thread of the same number in the other rank of its pair, in a communicator of its own. It does so
 * for a given time and not a given number of times: where threads wait for cores, some go a
 * thousand times slower than others, and no number suits all.
 */
#define _POSIX_C_SOURCE 200809L

#include "pair.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ITERATIONS_PER_LOOK = 8 /* at the clock */ };

static const double WARMUP_SHARE = 0.2; /* of the time for a size */

struct crew;

struct thread {
    struct crew *crew;
    struct bench bench; /* a copy: bench_check() counts there */
    struct pair pair;
    long iterations; /* done by the last timed job */
    double seconds;  /* that they took */
    pthread_t id;    /* not the main thread's */
};

typedef void thread_job(struct thread *, size_t bytes);

/* The main thread, and workers that wait for what it has them do. */
struct crew {
    struct bench *bench;
    bench_body *body;
    struct thread *threads; /* bench->threads; the first is the main thread */
    pthread_barrier_t start, end;
    /* Set before `start`; no job: the worker returns. */
    thread_job *job;
    size_t bytes;
    double seconds;  /* that a timed job fills ... */
    long iterations; /* ... with at least so many */
};

static bool is_last(const struct thread *thread, double start)
{
    const struct crew *crew = thread->crew;
    if (thread->iterations < crew->iterations) {
        return false;
    }
    return crew->seconds <= 0
           || (0 == thread->iterations % ITERATIONS_PER_LOOK
               && MPI_Wtime() - start >= crew->seconds);
}

/* The first byte of each message of the leader says whether it is the last iteration's. */
static void job_timed(struct thread *thread, size_t bytes)
{
    struct pair *pair = &thread->pair;
    thread->iterations = 0;
    double start = MPI_Wtime();
    for (bool last = pair->peer < 0; !last;) {
        ++thread->iterations;
        if (pair->leads) {
            last = is_last(thread, start);
            pair->send[0] = last ? 1 : 0;
        }
        thread->crew->body(pair, bytes, 1);
        if (!pair->leads) {
            last = 0 != pair->receive[0];
        }
    }
    thread->seconds = MPI_Wtime() - start;
}

static void job_validate(struct thread *thread, size_t bytes)
{
    if (pair_stream == thread->crew->body) {
        pair_validate_windows(&thread->pair, bytes, false);
    } else {
        pair_validate_ping_pong(&thread->pair, bytes);
    }
}

static void *work(void *context)
{
    struct thread *thread = context;
    struct crew *crew = thread->crew;
    for (;;) {
        pthread_barrier_wait(&crew->start);
        if (NULL == crew->job) {
            return NULL;
        }
        crew->job(thread, crew->bytes);
        pthread_barrier_wait(&crew->end);
    }
}

/* Has every thread of every rank do the job. Called by the main threads, which take part. */
static void crew_run(struct crew *crew, thread_job *job, size_t bytes)
{
    crew->job = job;
    crew->bytes = bytes;
    MPI_Barrier(MPI_COMM_WORLD);
    pthread_barrier_wait(&crew->start);
    if (NULL != job) {
        job(&crew->threads[0], bytes);
        pthread_barrier_wait(&crew->end);
    }
}

static void crew_open(struct crew *crew, struct bench *bench, bench_body *body)
{
    unsigned count = (unsigned) bench->threads;
    *crew = (struct crew){
        .bench = bench,
        .body = body,
        .threads = bench_alloc(count * sizeof *crew->threads),
    };
    pthread_barrier_init(&crew->start, NULL, count);
    pthread_barrier_init(&crew->end, NULL, count);
    for (unsigned i = 0; i < count; ++i) {
        struct thread *thread = &crew->threads[i];
        *thread = (struct thread){.crew = crew, .bench = *bench};
        pair_open(&thread->pair, &thread->bench, bench->ranks / 2);
        MPI_Comm_dup(MPI_COMM_WORLD, &thread->pair.comm);
        if (i > 0 && 0 != pthread_create(&thread->id, NULL, work, thread)) {
            bench_fail("cannot start thread %u of %u", i + 1, count);
        }
    }
}

/* Adds the wrong bytes that the threads have seen to bench->errors. */
static void crew_close(struct crew *crew)
{
    crew_run(crew, NULL, 0);
    for (int i = 0; i < crew->bench->threads; ++i) {
        struct thread *thread = &crew->threads[i];
        if (i > 0) {
            pthread_join(thread->id, NULL);
        }
        crew->bench->errors += thread->bench.errors;
        MPI_Comm_free(&thread->pair.comm);
        pair_close(&thread->pair);
    }
    pthread_barrier_destroy(&crew->start);
    pthread_barrier_destroy(&crew->end);
    free(crew->threads);
}

static void warm_up_and_time(struct crew *crew, size_t bytes)
{
    const struct bench *bench = crew->bench;
    bool counted = bench->iterations > 0;
    crew->seconds = counted ? 0 : WARMUP_SHARE * bench->seconds_per_size;
    crew->iterations = bench->warmup;
    crew_run(crew, job_timed, bytes);
    crew->seconds = counted ? 0 : bench->seconds_per_size;
    crew->iterations = bench->iterations;
    crew_run(crew, job_timed, bytes);
}

/* Half a round trip in us, mean over the threads and the pairs. */
static double latency_of(const struct crew *crew)
{
    double sum = 0;
    for (int i = 0; i < crew->bench->threads; ++i) {
        sum += crew->threads[i].seconds / (double) crew->threads[i].iterations;
    }
    return 1e6 / 2 * pair_mean(&crew->threads[0].pair, sum / crew->bench->threads);
}

/* Messages per second, all threads of all pairs added up. */
static double rate_of(const struct crew *crew)
{
    const struct pair *pair = &crew->threads[0].pair;
    double sum = 0;
    for (int i = 0; i < crew->bench->threads; ++i) {
        const struct thread *thread = &crew->threads[i];
        sum += (double) thread->iterations * crew->bench->window / thread->seconds;
    }
    return pair_mean(pair, sum) * pair->pairs;
}

static const char *const choices[] = {"latency", "rate", NULL};

static const struct bench_program program = {
    .name = "segmsg_threads",
    .purpose =
        "Several threads of each rank in MPI at once, each with a partner thread in the other\n"
        "rank of the pair: latency of their ping-pongs, or message rate of their windows.",
    .choices = choices,
    .sizes_are = "Size",
    .min_default = 1,
    .max_default = 1 << 20,
    .ranks_min = 2,
    .ranks_paired = true,
    .threaded = true,
};

static void print_head(const struct bench *bench, bool rate)
{
    if (rate) {
        bench_print_head(bench, "Multi-threaded Message Rate",
                         (const char *const[]){"Messages/s", "Bandwidth (MB/s)", NULL});
    } else {
        bench_print_head(bench, "Multi-threaded Latency",
                         (const char *const[]){"Latency (us)", NULL});
    }
}

static void measure_size(struct crew *crew, bool rate, size_t bytes)
{
    if (0 == bytes) {
        return; /* no room for what job_timed() tells the other side */
    }
    if (crew->bench->validate) {
        crew_run(crew, job_validate, bytes);
    }
    warm_up_and_time(crew, bytes);
    double first = rate ? rate_of(crew) : latency_of(crew);
    double values[] = {first, first * (double) bytes / 1e6};
    bench_print_row(crew->bench, bytes, values, rate ? 2 : 1);
}

int main(int argc, char **argv)
{
    struct bench bench;
    struct crew crew;
    bench_start(&bench, &program, argc, argv);
    bool rate = 0 == strcmp(bench.choice, "rate");
    crew_open(&crew, &bench, rate ? pair_stream : pair_ping_pong);
    print_head(&bench, rate);
    for (int i = 0; i < bench.size_count; ++i) {
        measure_size(&crew, rate, bench.sizes[i]);
    }
    crew_close(&crew);
    return bench_finish(&bench);
}
