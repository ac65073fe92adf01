/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What tells whether two processes see the same shared memory, and one another.
 */
#ifndef SEGMSG_SHM_DOMAIN_H
#define SEGMSG_SHM_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>

/* What tells whether two processes see the same shared memory: the running kernel and the file
 * system that holds `directory`. 0 if it cannot be known. */
uint64_t segmsg_shm_domain(const char *directory);

/* The name spaces of a process, by the numbers that the kernel has for them; 0 if that cannot be
 * known. They mean something within a domain only. */
typedef struct {
    uint32_t pids;  /* whose pids mean the same */
    uint32_t users; /* whose processes may open each other's files in /proc; 0 also for a process
                       that lets nobody do that (PR_SET_DUMPABLE), or sees another's /proc */
} segmsg_shm_spaces_t;

segmsg_shm_spaces_t segmsg_shm_spaces(void);

/* True if a pid means the same to both. Where neither knows its name space, it is taken to. */
static inline bool segmsg_shm_spaces_share_pids(segmsg_shm_spaces_t a, segmsg_shm_spaces_t b)
{
    return a.pids == b.pids;
}

/* True if both may open files of the other one through /proc. */
static inline bool segmsg_shm_spaces_share_files(segmsg_shm_spaces_t a, segmsg_shm_spaces_t b)
{
    return a.pids != 0 && a.users != 0 && a.pids == b.pids && a.users == b.users;
}

#endif
