/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Prints btl_segmsg_params.def for tools/parameters, with the defaults of the processor that PROCESSOR (at
 * compile time) names: a line for each section ("#" and its title) and each parameter, its fields separated by
 * tabs: name, default, permitted values, level, help, earlier name.
 */
#include "btl/btl_segmsg_config.h"
#include "transfer/defaults.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

enum { OTHER, CLDEMOTE, AMD, ZEN_3, ZEN_5 };

bool segmsg_cache_can_demote(void)
{
    return PROCESSOR == CLDEMOTE;
}

bool segmsg_cache_prefers_reuse(void)
{
    return PROCESSOR >= AMD;
}

bool segmsg_cache_favours_units(void)
{
    return PROCESSOR >= ZEN_3;
}

bool segmsg_cache_favours_strings(void)
{
    return PROCESSOR >= ZEN_5;
}

size_t segmsg_cache_second_bytes(void)
{
    return PROCESSOR == CLDEMOTE ? 2 << 20 : 1 << 20; /* as these have */
}

static const char *default_directory(void)
{
    return "/dev/shm";
}

static void print_permitted(const char *before, uint64_t low, uint64_t high)
{
    printf("%s%" PRIu64 " to %" PRIu64, before, low, high);
}

static const char *const *print_words(const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; ++i) {
        printf("%s`%s`", i == 0 ? "" : ", ", words[i]);
    }
    return words;
}

static void print_UNSIGNED(unsigned value, const char *const *words)
{
    (void) words;
    printf("%u", value);
}

static void print_INT(int value, const char *const *words)
{
    (void) words;
    printf("%d", value);
}

static void print_BOOL(bool value, const char *const *words)
{
    (void) words;
    printf("`%s`", value ? "true" : "false");
}

static void print_CHOICE(int value, const char *const *words)
{
    printf("`%s`", words[value]);
}

static void print_TEXT(const char *value, const char *const *words)
{
    (void) words;
    printf(value[0] == '\0' ? "empty" : "`%s`", value);
}

/* Permitted values print themselves, and are NULL or the words. */
#define FROM(low, high)         (print_permitted("", (low), (high)), NULL)
#define ZERO_OR(low, high)      (print_permitted("0, or ", (low), (high)), NULL)
#define MINUS_ONE_OR(low, high) (print_permitted("-1, or ", (low), (high)), NULL)
#define POWER_OF_TWO(low, high) (print_permitted("a power of two, ", (low), (high)), NULL)
#define ZERO_OR_POWER_OF_TWO(low, high) \
    (print_permitted("0, or a power of two, ", (low), (high)), NULL)
#define ANY        FROM(0, UINT_MAX)
#define FREE       NULL
#define WORDS(...) print_words((const char *const[]){__VA_ARGS__, NULL})
#define WAS(old)   #old

#define HEADING(section, title) printf("#\t%s\t%s\n", #section, title);
#define SECTION(section, title) HEADING(section, title)
#define END(section)
#define ENTRY(kind, name, value, permitted, level, help, ...)  \
    printf("%s\t%s\t", #name, #kind);                          \
    {                                                          \
        const char *const *words = permitted;                  \
        printf("\t");                                          \
        print_##kind(value, words);                            \
        printf("\t%d\t%s\t%s\n", level, help, "" __VA_ARGS__); \
    }
#define ROW(kind, section, ...) ENTRY(kind, __VA_ARGS__)
#define PLACED(part, member, name, permitted, level, ...) \
    ENTRY(UNSIGNED, name, segmsg_default_##part().member, permitted, level, __VA_ARGS__)
#define COMMON(name, permitted)

int main(void)
{
#include "btl/btl_segmsg_params.def"
    return 0;
}
