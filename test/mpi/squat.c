/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * squat: no MPI program, but another user who watches a directory while jobs start in it, and puts
 * something of his own under the names that may come next. squat DIRECTORY file|link TARGET, where a
 * link leads to TARGET. Prints each name that it has taken; ends with its standard input.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *directory, *target;
static bool links;

static void take(const char *name)
{
    char path[PATH_MAX];
    int fd;

    snprintf(path, sizeof path, "%s/%s", directory, name);
    if (links) {
        fd = symlink(target, path);
    } else {
        fd = open(path, O_CREAT | O_EXCL | O_RDWR, 0666);
    }
    if (fd >= 0) {
        printf("%s\n", path);
        fflush(stdout);
    }
}

/* The names that follow one which was just made, as far as they follow from it. */
static void follow(const char *made)
{
    unsigned user, process;
    uint64_t last;
    int digits = 0, from = 0;
    char name[NAME_MAX];

    if (3 != sscanf(made, "segmsg-%u-%u-%n%" SCNx64 "%n", &user, &process, &from, &last, &digits)) {
        return;
    }
    digits -= from;
    for (int step = 1; step <= 4; step++) {
        snprintf(name, sizeof name, "segmsg-%u-%u-%0*" PRIx64, user, process, digits,
                 last + (uint64_t) step);
        take(name);
    }
}

int main(int argc, char **argv)
{
    char events[65536] __attribute__((aligned(8)));
    struct pollfd ready[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.events = POLLIN}};

    if (4 != argc) {
        return 2;
    }
    directory = argv[1];
    links = 0 == strcmp(argv[2], "link");
    target = argv[3];
    umask(0);
    ready[1].fd = inotify_init();
    if (inotify_add_watch(ready[1].fd, directory, IN_CREATE) < 0) {
        perror(directory);
        return 1;
    }
    printf("watching\n");
    fflush(stdout);
    while (poll(ready, 2, -1) > 0 && 0 == ready[0].revents) {
        ssize_t bytes = read(ready[1].fd, events, sizeof events);
        struct inotify_event event;
        for (char *at = events; at < events + bytes; at += sizeof event + event.len) {
            memcpy(&event, at, sizeof event);
            if (event.len > 0) {
                follow(at + sizeof event);
            }
        }
    }
    return 0;
}
