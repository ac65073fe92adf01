/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What the examples share, and what has little to do with libsegmsg: options, medians, and how a
 * program ends that cannot go on.
 */
#ifndef SEGMSG_EXAMPLES_COMMON_H
#define SEGMSG_EXAMPLES_COMMON_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <mpi.h>
#include <sched.h>
#include <segmsg.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIZES_MAX = 64, ROUNDS_MAX = 1000 };

/* ---- Ends ---- */

static inline _Noreturn void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    MPI_Abort(MPI_COMM_WORLD, 1);
    abort();
}

/* For calls that cannot fail in a correct program. */
static inline void must(segmsg_result_t result, const char *what)
{
    if (result != SEGMSG_SUCCESS) {
        fail("%s: %s. %s", what, segmsg_result_text(result), segmsg_explanation());
    }
}

static inline void *need(size_t bytes)
{
    void *memory = calloc(1, bytes > 0 ? bytes : 1);
    if (NULL == memory) {
        fail("no memory for %zu bytes", bytes);
    }
    return memory;
}

/* Ends all ranks alike, with a word from rank 0 to the user. */
static inline _Noreturn void leave(int status, const char *format, ...)
{
    int rank;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (0 == rank) {
        va_list arguments;
        va_start(arguments, format);
        vfprintf(0 == status ? stdout : stderr, format, arguments);
        va_end(arguments);
    }
    MPI_Finalize();
    exit(status);
}

/*
 * For loops around segmsg_poll, which never waits: after many looks in vain the processor is given
 * away. Where there are more ranks than processors, whoever is waited for may need it, and a few looks
 * are many.
 */
static inline void look_again(unsigned *vain_looks)
{
    enum { PATIENCE = 2000, PATIENCE_CROWDED = 8 };
    static unsigned patience;
    if (0 == patience) {
        int ranks;
        MPI_Comm_size(MPI_COMM_WORLD, &ranks);
        patience = ranks > sysconf(_SC_NPROCESSORS_ONLN) ? PATIENCE_CROWDED : PATIENCE;
    }
    if (++*vain_looks > patience) {
        sched_yield();
    }
}

/* ---- Options ---- */

/* A number with an optional K, M or G; -1 if it is none. */
static inline long read_size(const char *text, char **end)
{
    long value = strtol(text, end, 10);
    if (*end == text || value < 0 || value > 1L << 40) {
        return -1;
    }
    int shift = 'K' == **end ? 10 : 'M' == **end ? 20 : 'G' == **end ? 30 : 0;
    *end += shift > 0;
    return value << shift;
}

/* Numbers separated by commas. Returns how many, 0 if the text is not that. */
static inline int read_sizes(const char *text, long *sizes)
{
    for (int count = 0; count < SIZES_MAX; ++text) {
        char *end;
        sizes[count] = read_size(text, &end);
        if (sizes[count++] < 0 || (*end != ',' && *end != '\0')) {
            return 0;
        }
        if ('\0' == *end) {
            return count;
        }
        text = end;
    }
    return 0;
}

/* A number from `least` to `most`; -1 if it is none. */
static inline long read_number(const char *text, long least, long most)
{
    char *end;
    long value = read_size(text, &end);
    return '\0' == *end && value >= least && value <= most ? value : -1;
}

/* ---- Figures ---- */

/* "Open MPI v4.1.4" or "MPICH Version: 4.0.2", of all that an MPI says about itself. */
static inline const char *mpi_name(void)
{
    static char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int length;
    char *to = text;
    MPI_Get_library_version(text, &length);
    text[strcspn(text, ",\n")] = '\0';
    for (const char *from = text; *from != '\0'; ++from) {
        char letter = '\t' == *from ? ' ' : *from;
        if (' ' != letter || to == text || ' ' != to[-1]) {
            *to++ = letter;
        }
    }
    *to = '\0';
    return text;
}

static inline int by_value(const void *one, const void *other)
{
    double a = *(const double *) one, b = *(const double *) other;
    return (a > b) - (a < b);
}

struct spread {
    double median, least, most;
};

static inline struct spread spread_of(const double *values, int count)
{
    double sorted[ROUNDS_MAX];
    memcpy(sorted, values, (size_t) count * sizeof(*sorted));
    qsort(sorted, (size_t) count, sizeof(*sorted), by_value);
    double median = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
    return (struct spread){median, sorted[0], sorted[count - 1]};
}

/* Of one / other within each round, so that what slows the machine for a while slows both. */
static inline struct spread ratio_of(const double *one, const double *other, int rounds)
{
    double ratios[ROUNDS_MAX] = {0};
    for (int i = 0; i < rounds; ++i) {
        ratios[i] = one[i] / other[i];
    }
    return spread_of(ratios, rounds);
}

#endif
