/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Finds the exports of running jobs. Those that are still to be opened have a name in the directory;
 * the others lost it, and are found where their processes have them open: /proc/PID/fd.
 */
#ifndef SEGMSG_FIND_H
#define SEGMSG_FIND_H

#include <stdbool.h>

/* Paths under which exports can be opened; in memory that segmsg_find_free frees. */
typedef struct {
    char **path;
    unsigned count;
} segmsg_found_t;

/*
 * Finds the exports in `directory` of the process `pid`, as that process sees its pid, or of all
 * processes of this user if it is 0; for root, of all users. Returns false, with errno set, if the
 * directory cannot be read or memory is short.
 */
bool segmsg_find_exports(segmsg_found_t *found, const char *directory, unsigned long pid);

void segmsg_find_free(segmsg_found_t *found);

#endif
