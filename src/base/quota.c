/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "base/quota.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 2 * PATH_MAX };

/* A hierarchy of control groups in which processor time may be limited. */
typedef struct {
    bool is_second;       /* version 2 */
    char group[PATH_MAX]; /* the process's, from the root of the hierarchy; empty: it has none */
    char root[PATH_MAX];  /* the part of the hierarchy that is mounted, likewise */
    char mounted_at[PATH_MAX]; /* empty: it is not */
} hierarchy_t;

/* True if `word` is one of the words of `list`, between commas. */
static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; (at = strstr(at, word)) != NULL; at += length) {
        if ((at == list || at[-1] == ',') && (at[length] == '\0' || at[length] == ',')) {
            return true;
        }
    }
    return false;
}

static FILE *open_in(const char *folder, const char *name)
{
    char path[LINE];
    int length = snprintf(path, sizeof(path), "%s/%s", folder, name);
    return length < 0 || (size_t) length >= sizeof(path) ? NULL : fopen(path, "re");
}

/* Lines as "4:cpu,cpuacct:/group", or "0::/group" of version 2. */
static void find_group(const char *proc, hierarchy_t *hierarchy)
{
    char line[LINE];
    FILE *file = open_in(proc, "cgroup");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');
        if (group == NULL) {
            continue;
        }
        *group++ = '\0';
        bool fits =
            hierarchy->is_second ? controllers[1] == '\0' : has_word(controllers + 1, "cpu");
        if (fits) {
            snprintf(hierarchy->group, sizeof(hierarchy->group), "%.*s", PATH_MAX - 1, group);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

/* Lines as "35 24 0:30 /root /mounted/at rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate". */
static void find_mount(const char *proc, hierarchy_t *hierarchy)
{
    char line[LINE];
    FILE *file = open_in(proc, "mountinfo");
    while (file != NULL && hierarchy->mounted_at[0] == '\0'
           && fgets(line, sizeof(line), file) != NULL) {
        char root[PATH_MAX], at[PATH_MAX], type[32], options[256];
        char *end = strstr(line, " - ");
        _Static_assert(PATH_MAX == 4096, "as the formats say");
        if (end != NULL && sscanf(line, "%*s %*s %*s %4095s %4095s", root, at) == 2
            && sscanf(end, " - %31s %*s %255s", type, options) == 2
            && (hierarchy->is_second ? strcmp(type, "cgroup2") == 0
                                     : strcmp(type, "cgroup") == 0 && has_word(options, "cpu"))) {
            memcpy(hierarchy->root, root, sizeof(root));
            memcpy(hierarchy->mounted_at, at, sizeof(at));
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

/* The limit of one group, in hundredths; 0: none. */
static unsigned long limit_of(const char *folder, bool is_second)
{
    long long quota = -1, period = 0;
    FILE *file = open_in(folder, is_second ? "cpu.max" : "cpu.cfs_quota_us");
    if (file != NULL) {
        /* "max 100000" where there is none; in version 1 -1. */
        int read = fscanf(file, is_second ? "%lld %lld" : "%lld", &quota, &period);
        quota = read < 1 ? -1 : quota;
        fclose(file);
    }
    file = is_second ? NULL : open_in(folder, "cpu.cfs_period_us");
    if (file != NULL) {
        period = fscanf(file, "%lld", &period) == 1 ? period : 0;
        fclose(file);
    }
    if (quota <= 0 || period <= 0) {
        return 0;
    }
    long long hundredths = quota > LLONG_MAX / 100 ? LLONG_MAX : quota * 100 / period;
    return hundredths < 1 ? 1 : (unsigned long) hundredths;
}

/* The least limit of the process's group and of those above, as far as they can be seen. */
static unsigned long limit_in(const char *proc, bool is_second)
{
    hierarchy_t hierarchy = {.is_second = is_second};
    find_group(proc, &hierarchy);
    find_mount(proc, &hierarchy);
    if (hierarchy.group[0] == '\0' || hierarchy.mounted_at[0] == '\0') {
        return 0;
    }
    /* What is mounted in a container may be its own group, which it knows by another name. */
    size_t above = strcmp(hierarchy.root, "/") == 0 ? 0 : strlen(hierarchy.root);
    bool is_below = strncmp(hierarchy.group, hierarchy.root, above) == 0
                    && strstr(hierarchy.group, "/..") == NULL
                    && (hierarchy.group[above] == '/' || hierarchy.group[above] == '\0');
    char folder[LINE];
    int length = snprintf(folder, sizeof(folder), "%s%s", hierarchy.mounted_at,
                          is_below ? hierarchy.group + above : "");
    size_t shortest = strlen(hierarchy.mounted_at);
    unsigned long least = 0;
    while (length >= 0 && (size_t) length < sizeof(folder) && strlen(folder) >= shortest) {
        unsigned long limit = limit_of(folder, is_second);
        least = limit != 0 && (least == 0 || limit < least) ? limit : least;
        char *last = strrchr(folder, '/');
        if (last == NULL) {
            break;
        }
        *last = '\0';
    }
    return least;
}

unsigned long segmsg_quota(const char *proc)
{
    unsigned long first = limit_in(proc, false), second = limit_in(proc, true);
    return first == 0 || (second != 0 && second < first) ? second : first;
}
