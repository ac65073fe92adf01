/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#define _POSIX_C_SOURCE 200809L

#include "bench.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    WINDOW_DEFAULT = 64,
    WINDOW_MAX = 4096,
    THREADS_DEFAULT = 2,
    THREADS_MAX = 256,
    WARMUP_DEFAULT = 2,
    DECIMALS_DEFAULT = 2,
    DECIMALS_MAX = 9,
    ITERATIONS_MIN = 3,
};

static const double SECONDS_PER_SIZE_DEFAULT = 0.03;
/* Part of seconds_per_size that warming up takes, at least. */
static const double WARMUP_SHARE = 0.2;

_Noreturn void bench_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("segmsg benchmark: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    MPI_Abort(MPI_COMM_WORLD, 2);
    abort();
}

/* Ends the program in an orderly way: every rank finds the same fault in its arguments. */
static _Noreturn void leave(int status)
{
    MPI_Finalize();
    exit(status);
}

static _Noreturn void usage_error(const struct bench *bench, const char *format, ...)
{
    if (0 == bench->rank) {
        va_list arguments;
        va_start(arguments, format);
        fprintf(stderr, "%s: ", bench->program->name);
        vfprintf(stderr, format, arguments);
        fputs("; -h explains the options\n", stderr);
        va_end(arguments);
    }
    leave(2);
}

static _Noreturn void print_help(const struct bench *bench)
{
    const struct bench_program *program = bench->program;
    if (0 == bench->rank) {
        printf("usage: mpirun -n RANKS %s [options]\n%s\n\n", program->name, program->purpose);
        if (NULL != program->choices) {
            printf("  -c WHAT       what to measure:");
            for (int i = 0; NULL != program->choices[i]; ++i) {
                printf(" %s%s", program->choices[i], 0 == i ? " (default)" : "");
            }
            printf("\n");
        }
        if (program->threaded) {
            printf("  -T COUNT      threads of each rank (default %d)\n", (int) THREADS_DEFAULT);
        }
        printf("  -m MIN:MAX    powers of two from MIN to MAX (default %zu:%zu)\n"
               "  -s A,B,...    these sizes; K, M and G may follow a number\n"
               "  -i COUNT      iterations per size (default: what fills the time of -t)\n"
               "  -x COUNT      warm-up iterations, at least (default %d)\n"
               "  -t MS         milliseconds per size (default %.0f)\n"
               "  -W COUNT      messages in flight in streaming tests (default %d)\n"
               "  -d DIGITS     decimals of the values (default %d)\n"
               "  --validate    check the content of messages before timing them\n"
               "  -h, --help    this text\n",
               program->min_default, program->max_default, (int) WARMUP_DEFAULT,
               SECONDS_PER_SIZE_DEFAULT * 1e3, (int) WINDOW_DEFAULT, (int) DECIMALS_DEFAULT);
    }
    leave(0);
}

/* Reads a number with an optional K, M or G (1024s). Returns where it ends, NULL if none. */
static const char *read_size(const char *text, size_t *size)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (end == text || 0 != errno || *text < '0' || *text > '9') {
        return NULL;
    }
    int shift = 0;
    switch (*end) {
    case 'k':
    case 'K':
        shift = 10;
        break;
    case 'm':
    case 'M':
        shift = 20;
        break;
    case 'g':
    case 'G':
        shift = 30;
        break;
    default:
        break;
    }
    if (value > (unsigned long long) INT_MAX >> shift) {
        return NULL; /* MPI counts are int */
    }
    *size = (size_t) value << shift;
    return 0 == shift ? end : end + 1;
}

static void add_size(struct bench *bench, size_t size)
{
    if (BENCH_SIZES_MAX == bench->size_count) {
        usage_error(bench, "more than %d sizes", (int) BENCH_SIZES_MAX);
    }
    bench->sizes[bench->size_count++] = size;
    if (size > bench->max_bytes) {
        bench->max_bytes = size;
    }
}

static void add_powers(struct bench *bench, size_t min, size_t max)
{
    bench->size_count = 0;
    bench->max_bytes = 0;
    for (size_t size = min; size <= max; size = 0 == size ? 1 : 2 * size) {
        add_size(bench, size);
    }
}

static void read_range(struct bench *bench, const char *text)
{
    size_t min, max;
    const char *rest = read_size(text, &min);
    if (NULL == rest || ':' != *rest) {
        usage_error(bench, "-m takes MIN:MAX, not '%s'", text);
    }
    rest = read_size(rest + 1, &max);
    if (NULL == rest || '\0' != *rest || min > max) {
        usage_error(bench, "-m takes MIN:MAX with MIN <= MAX < 2G, not '%s'", text);
    }
    add_powers(bench, min, max);
}

static void read_list(struct bench *bench, const char *text)
{
    bench->size_count = 0;
    bench->max_bytes = 0;
    for (const char *at = text;;) {
        size_t size;
        const char *rest = read_size(at, &size);
        if (NULL == rest || (',' != *rest && '\0' != *rest)) {
            usage_error(bench, "-s takes sizes below 2G separated by commas, not '%s'", text);
        }
        add_size(bench, size);
        if ('\0' == *rest) {
            return;
        }
        at = rest + 1;
    }
}

static long read_count(struct bench *bench, int option, const char *text, long min, long max)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (end == text || '\0' != *end || 0 != errno || value < min || value > max) {
        usage_error(bench, "-%c takes a number from %ld to %ld, not '%s'", option, min, max, text);
    }
    return value;
}

static void read_choice(struct bench *bench, const char *text)
{
    const char *const *choices = bench->program->choices;
    for (int i = 0; NULL != choices && NULL != choices[i]; ++i) {
        if (0 == strcmp(choices[i], text)) {
            bench->choice = choices[i];
            return;
        }
    }
    usage_error(bench, "-c does not take '%s'", text);
}

static void read_options(struct bench *bench, int argc, char **argv)
{
    enum { OPTION_VALIDATE = 1000 };
    static const struct option long_options[] = {
        {"validate", no_argument, NULL, OPTION_VALIDATE},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };

    opterr = 0; /* rank 0 reports, once */
    int option;
    while ((option = getopt_long(argc, argv, "c:m:s:i:x:t:W:T:d:h", long_options, NULL)) != -1) {
        switch (option) {
        case 'c':
            read_choice(bench, optarg);
            break;
        case 'm':
            read_range(bench, optarg);
            break;
        case 's':
            read_list(bench, optarg);
            break;
        case 'i':
            bench->iterations = read_count(bench, option, optarg, 1, LONG_MAX);
            break;
        case 'x':
            bench->warmup = read_count(bench, option, optarg, 0, LONG_MAX);
            break;
        case 't':
            bench->seconds_per_size = 1e-3 * (double) read_count(bench, option, optarg, 1, 60000);
            break;
        case 'W':
            bench->window = (int) read_count(bench, option, optarg, 1, WINDOW_MAX);
            break;
        case 'T':
            if (!bench->program->threaded) {
                usage_error(bench, "-T is for programs with threads");
            }
            bench->threads = (int) read_count(bench, option, optarg, 1, THREADS_MAX);
            break;
        case 'd':
            bench->decimals = (int) read_count(bench, option, optarg, 0, DECIMALS_MAX);
            break;
        case OPTION_VALIDATE:
            bench->validate = true;
            break;
        case 'h':
            print_help(bench);
        default:
            usage_error(bench, "unknown option or missing value: '%s'", argv[optind - 1]);
        }
    }
    if (optind < argc) {
        usage_error(bench, "unexpected argument '%s'", argv[optind]);
    }
}

static void start_with_threads(const struct bench_program *program, int *argc, char ***argv)
{
    int rank, given;
    MPI_Init_thread(argc, argv, MPI_THREAD_MULTIPLE, &given);
    if (given >= MPI_THREAD_MULTIPLE) {
        return;
    }
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (0 == rank) {
        fprintf(stderr, "%s: this MPI does not give MPI_THREAD_MULTIPLE, which the test needs\n",
                program->name);
    }
    leave(2);
}

void bench_start(struct bench *bench, const struct bench_program *program, int argc, char **argv)
{
    if (program->threaded) {
        start_with_threads(program, &argc, &argv);
    } else {
        MPI_Init(&argc, &argv);
    }
    *bench = (struct bench){
        .program = program,
        .warmup = WARMUP_DEFAULT,
        .seconds_per_size = SECONDS_PER_SIZE_DEFAULT,
        .window = WINDOW_DEFAULT,
        .threads = THREADS_DEFAULT,
        .decimals = DECIMALS_DEFAULT,
        .choice = NULL == program->choices ? "" : program->choices[0],
    };
    MPI_Comm_rank(MPI_COMM_WORLD, &bench->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &bench->ranks);
    add_powers(bench, program->min_default, program->max_default);
    read_options(bench, argc, argv);
    if (bench->ranks < program->ranks_min) {
        usage_error(bench, "needs at least %d ranks", program->ranks_min);
    }
    if (program->ranks_paired && 0 != bench->ranks % 2) {
        usage_error(bench, "needs an even number of ranks");
    }
}

int bench_finish(struct bench *bench)
{
    long errors = 0;
    MPI_Allreduce(&bench->errors, &errors, 1, MPI_LONG, MPI_SUM, MPI_COMM_WORLD);
    if (0 == bench->rank && bench->validate) {
        printf("# Validation: %ld wrong bytes\n", errors);
    }
    MPI_Finalize();
    return 0 == errors ? 0 : 1;
}

void *bench_alloc(size_t bytes)
{
    long page = sysconf(_SC_PAGESIZE);
    size_t alignment = page > 0 ? (size_t) page : 4096;
    size_t whole_pages = (bytes / alignment + 1) * alignment;
    void *memory = NULL;
    if (0 != posix_memalign(&memory, alignment, whole_pages)) {
        bench_fail("no memory for a buffer of %zu bytes", whole_pages);
    }
    memset(memory, 1, whole_pages);
    return memory;
}

/* Seconds that `iterations` took on rank 0, known to all, so that all decide alike. */
static double timed_by_root(bench_body *body, void *context, size_t bytes, long iterations)
{
    double start = MPI_Wtime();
    body(context, bytes, iterations);
    double seconds = MPI_Wtime() - start;
    MPI_Bcast(&seconds, 1, MPI_DOUBLE, 0, MPI_COMM_WORLD);
    return seconds;
}

/*
 * Warms up with rising counts. The last two calls, which are the longest, tell how many iterations
 * fill the time; the faster of them, since the other may have been disturbed.
 */
static long warm_up(const struct bench *bench, bench_body *body, void *context, size_t bytes)
{
    double spent = 0, last = HUGE_VAL, before_last = HUGE_VAL;
    long done = 0;
    for (long count = 1; spent < WARMUP_SHARE * bench->seconds_per_size || done < bench->warmup;
         count *= 2) {
        double seconds = timed_by_root(body, context, bytes, count);
        spent += seconds;
        done += count;
        before_last = last;
        last = seconds / (double) count;
    }
    double per_iteration = last < before_last ? last : before_last;
    double fitting = per_iteration > 0 ? bench->seconds_per_size / per_iteration : 1e6;
    return fitting < ITERATIONS_MIN ? ITERATIONS_MIN : fitting > 1e8 ? (long) 1e8 : (long) fitting;
}

double bench_measure(struct bench *bench, bench_body *body, void *context, size_t bytes)
{
    long iterations = bench->iterations;
    if (0 == iterations) {
        iterations = warm_up(bench, body, context, bytes);
    } else if (bench->warmup > 0) {
        body(context, bytes, bench->warmup);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    double start = MPI_Wtime();
    body(context, bytes, iterations);
    return (MPI_Wtime() - start) / (double) iterations;
}

int bench_validate_rounds(size_t bytes)
{
    return bytes <= 65536 ? 32 : 3;
}

static unsigned char content(unsigned seed, size_t at)
{
    return (unsigned char) (seed * 131u + (unsigned) at * 7u + (unsigned) (at >> 8) * 13u + 1u);
}

void bench_fill(void *buffer, size_t bytes, unsigned seed)
{
    unsigned char *to = buffer;
    for (size_t at = 0; at < bytes; ++at) {
        to[at] = content(seed, at);
    }
}

void bench_check(struct bench *bench, const void *buffer, size_t bytes, unsigned seed)
{
    const unsigned char *from = buffer;
    size_t first_wrong = bytes;
    long wrong = 0;
    for (size_t at = 0; at < bytes; ++at) {
        if (from[at] != content(seed, at)) {
            first_wrong = 0 == wrong ? at : first_wrong;
            ++wrong;
        }
    }
    if (wrong > 0 && 0 == bench->errors) {
        fprintf(stderr, "%s: rank %d: wrong content: %ld of %zu bytes, first at %zu\n",
                bench->program->name, bench->rank, wrong, bytes, first_wrong);
    }
    bench->errors += wrong;
}

void bench_print_head(const struct bench *bench, const char *title, const char *const *columns)
{
    if (0 != bench->rank) {
        return;
    }
    printf("# segmsg %s Test\n", title);
    if (bench->validate) {
        printf("# content is checked before each size is timed\n");
    }
    printf("# %-8s", bench->program->sizes_are);
    for (int i = 0; NULL != columns[i]; ++i) {
        printf(" %18s", columns[i]);
    }
    printf("\n");
    fflush(stdout);
}

void bench_print_row(const struct bench *bench, size_t size, const double *values, int count)
{
    if (0 != bench->rank) {
        return;
    }
    printf("%-10zu", size);
    for (int i = 0; i < count; ++i) {
        printf(" %18.*f", bench->decimals, values[i]);
    }
    printf("\n");
    fflush(stdout);
}
