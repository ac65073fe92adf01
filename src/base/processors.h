/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The processors that some processes of this machine may use together: those of their affinity masks,
 * whoever set them (the launcher, taskset, a cpuset), and not those that the machine has.
 */
#ifndef SEGMSG_PROCESSORS_H
#define SEGMSG_PROCESSORS_H

#include <sched.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct {
    cpu_set_t set;   /* processors that can be used by one of the processes at least */
    bool is_unknown; /* the kernel did not say it of one of them */
} segmsg_processors_t;

/* None yet. */
void segmsg_processors_init(segmsg_processors_t *processors);

/* Adds those of process `pid`; 0: of the calling one. */
void segmsg_processors_add(segmsg_processors_t *processors, pid_t pid);

/* Adds processors of which nothing is known: they may be any. */
void segmsg_processors_add_unknown(segmsg_processors_t *processors);

/* How many there are; all that the machine has if that is not known. */
long segmsg_processors_count(const segmsg_processors_t *processors);

/* True if process `pid` and the calling one share one processor, and have no other. */
bool segmsg_processors_share_one(pid_t pid);

#endif
