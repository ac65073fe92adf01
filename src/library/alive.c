/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Whether the other processes are still there. A process that died answers nobody, and MPI, which as a rule
 * ends the job then, does not always.
 */
#include "library/alive.h"

#include "base/wait.h"
#include "library/broken.h"
#include "library/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Between two looks at all peers. */
#define LOOK_EVERY_NS INT64_C(250000000)

/* What /proc/PID/stat says about a process. */
typedef struct {
    char state;       /* a letter */
    uint64_t threads; /* that have not ended */
    uint64_t started; /* clock ticks since boot */
} stat_t;

/* The text of /proc/PID/stat; false, with errno, if there is none. */
static bool read_stat(const char *path, char *text, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t length = read(fd, text, room - 1);
    int error = errno; /* ESRCH: it ended meanwhile */
    (void) close(fd);
    text[length < 0 ? 0 : length] = '\0';
    errno = error;
    return length > 0;
}

/* Takes the fields out of such a text, see proc(5). */
static bool parse_stat(const char *text, stat_t *parsed)
{
    enum { STATE = 3, THREADS = 20, STARTED = 22 };
    const char *field = strrchr(text, ')'); /* the end of field 2, a name that may hold anything */
    for (int number = STATE; number <= STARTED; ++number) {
        field = field == NULL ? NULL : strchr(field, ' ');
        if (field == NULL) {
            return false;
        }
        ++field;
        if (number == STATE) {
            parsed->state = *field;
        } else if (number == THREADS) {
            parsed->threads = strtoull(field, NULL, 10);
        } else if (number == STARTED) {
            parsed->started = strtoull(field, NULL, 10);
        }
    }
    return true;
}

enum { STAT_BYTES = 1024 };

segmsg_lib_life_t segmsg_lib_own_life(void)
{
    char text[STAT_BYTES];
    stat_t own;
    struct stat space;
    /* The number is compared since /proc may be of another name space than this process. */
    if (!read_stat("/proc/self/stat", text, sizeof(text)) || !parse_stat(text, &own)
        || strtol(text, NULL, 10) != (long) getpid() || stat("/proc/self/ns/pid", &space) != 0) {
        return (segmsg_lib_life_t){0};
    }
    return (segmsg_lib_life_t){.pid_space = (uint64_t) space.st_ino, .started = own.started};
}

/* By /proc, which needs no permission. */
static bool is_in_proc(const segmsg_lib_peer_t *peer)
{
    char path[64];
    char text[STAT_BYTES];
    stat_t found;
    (void) snprintf(path, sizeof(path), "/proc/%u/stat", (unsigned) peer->identity.pid);
    if (!read_stat(path, text, sizeof(text))) {
        return errno != ENOENT && errno != ESRCH;
    }
    if (!parse_stat(text, &found)) {
        return true;
    }
    /* The first thread may have ended and be a zombie, and others go on. */
    bool has_ended = (found.state == 'Z' || found.state == 'X') && found.threads <= 1;
    return found.started == peer->life.started && !has_ended;
}

bool segmsg_lib_is_alive(const segmsg_lib_peer_t *peer)
{
    return peer->copier.kind != NULL ? segmsg_copier_is_alive(&peer->copier)
           : peer->is_in_own_space   ? is_in_proc(peer)
                                     : true;
}

void segmsg_lib_is_gone(segmsg_t *handle, const segmsg_lib_peer_t *peer)
{
    handle->gone = peer;
    if (handle->broken == SEGMSG_SUCCESS) {
        segmsg_lib_explain("Rank %d is gone: its process has ended without closing the handle",
                           peer->rank);
        segmsg_lib_break(handle, SEGMSG_E_PEER);
    }
}

void segmsg_lib_look_for_gone(segmsg_t *handle)
{
    int64_t now = segmsg_nanoseconds();
    if (now - handle->alive_at < LOOK_EVERY_NS || handle->gone != NULL) {
        return;
    }
    for (int p = 0; p < handle->ranks.node_size; ++p) {
        const segmsg_lib_peer_t *peer = &handle->peers[p];
        if (segmsg_lib_is_self(handle, peer) || segmsg_lib_is_alive(peer)) {
            continue;
        }
        segmsg_lib_is_gone(handle, peer);
        break;
    }
    handle->alive_at = segmsg_nanoseconds();
}
