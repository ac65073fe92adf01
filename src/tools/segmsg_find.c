/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "tools/segmsg_find.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the kernel says behind the name that a file had. */
static const char GONE[] = " (deleted)";

/* A file without a name, as some process has it open. */
typedef struct {
    dev_t device;
    ino_t inode;
    unsigned index; /* in the list of paths */
} nameless_t;

typedef struct {
    segmsg_found_t *found;
    nameless_t *nameless;
    unsigned nameless_count;
    char directory[PATH_MAX]; /* without links */
    unsigned long pid;
} search_t;

/* True for segmsg-UID-PID-..., where UID is ours (anybody's for root) and PID is `pid` unless 0. */
static bool is_export_of(const char *name, unsigned long pid, unsigned long *of)
{
    unsigned long uid;
    int used = 0;
    if (sscanf(name, "segmsg-%lu-%lu-%n", &uid, of, &used) != 2 || used == 0) {
        return false;
    }
    return pid != 0 ? *of == pid : geteuid() == 0 || uid == geteuid();
}

static bool add_path(segmsg_found_t *found, const char *path)
{
    char **grown = realloc(found->path, (found->count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    found->path = grown;
    found->path[found->count] = strdup(path);
    return found->path[found->count] != NULL && ++found->count != 0;
}

static bool find_names(search_t *search, const char *directory)
{
    struct dirent **entries;
    int count = scandir(directory, &entries, NULL, alphasort);
    if (count < 0) {
        return false;
    }
    bool is_well = true;
    for (int e = 0; e < count; ++e) {
        char path[PATH_MAX];
        unsigned long of;
        if (is_well && is_export_of(entries[e]->d_name, search->pid, &of)
            && snprintf(path, sizeof(path), "%s/%s", directory, entries[e]->d_name)
                   < (int) sizeof(path)) {
            is_well = add_path(search->found, path);
        }
        free(entries[e]);
    }
    free(entries);
    return is_well;
}

/* True if `link`, what the kernel says of an open file, is an export that lost its name. */
static bool is_nameless(char *link, const search_t *search, unsigned long *of)
{
    size_t length = strlen(link);
    if (length < sizeof(GONE) || strcmp(link + length - (sizeof(GONE) - 1), GONE) != 0) {
        return false;
    }
    char *slash = strrchr(link, '/');
    if (slash == NULL || !is_export_of(slash + 1, search->pid, of)) {
        return false;
    }
    *slash = '\0';
    return strcmp(link, search->directory) == 0;
}

/* Peers have a file open as its owner has; it is listed once, under its owner if that is seen. */
static bool add_nameless(search_t *search, const char *path, const struct stat *st, bool is_owner)
{
    for (unsigned n = 0; n < search->nameless_count; ++n) {
        const nameless_t *known = &search->nameless[n];
        if (known->device == st->st_dev && known->inode == st->st_ino) {
            char *better = is_owner ? strdup(path) : NULL;
            if (better != NULL) {
                free(search->found->path[known->index]);
                search->found->path[known->index] = better;
            }
            return true;
        }
    }
    nameless_t *grown = realloc(search->nameless, (search->nameless_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    search->nameless = grown;
    grown[search->nameless_count++] =
        (nameless_t){.device = st->st_dev, .inode = st->st_ino, .index = search->found->count};
    return add_path(search->found, path);
}

/* Looks at the files that the process `pid`, a name in /proc, has open. */
static bool find_open_files(search_t *search, const char *pid)
{
    char folder[64];
    snprintf(folder, sizeof(folder), "/proc/%.20s/fd", pid);
    DIR *files = opendir(folder);
    if (files == NULL) {
        return true; /* it has gone, or is not ours to look at */
    }
    bool is_well = true;
    for (struct dirent *file; is_well && (file = readdir(files)) != NULL;) {
        char path[96], link[PATH_MAX];
        snprintf(path, sizeof(path), "%s/%.20s", folder, file->d_name);
        ssize_t length = readlink(path, link, sizeof(link) - 1);
        if (length <= 0) {
            continue;
        }
        link[length] = '\0';
        unsigned long of;
        struct stat st;
        if (is_nameless(link, search, &of) && stat(path, &st) == 0) {
            is_well = add_nameless(search, path, &st, strtoul(pid, NULL, 10) == of);
        }
    }
    closedir(files);
    return is_well;
}

static int is_process(const struct dirent *entry)
{
    return entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
}

static bool find_nameless(search_t *search)
{
    struct dirent **processes;
    int count = scandir("/proc", &processes, is_process, versionsort);
    bool is_well = true;
    for (int p = 0; p < count; ++p) {
        is_well = is_well && find_open_files(search, processes[p]->d_name);
        free(processes[p]);
    }
    if (count >= 0) {
        free(processes);
    }
    return is_well; /* without /proc there are only names */
}

bool segmsg_find_exports(segmsg_found_t *found, const char *directory, unsigned long pid)
{
    *found = (segmsg_found_t){0};
    search_t search = {.found = found, .pid = pid};
    bool is_well = realpath(directory, search.directory) != NULL && find_names(&search, directory)
                   && find_nameless(&search);
    int error = errno;
    free(search.nameless);
    if (!is_well) {
        segmsg_find_free(found);
        errno = error;
    }
    return is_well;
}

void segmsg_find_free(segmsg_found_t *found)
{
    for (unsigned p = 0; p < found->count; ++p) {
        free(found->path[p]);
    }
    free(found->path);
    *found = (segmsg_found_t){0};
}
