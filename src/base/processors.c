/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "base/processors.h"

#include <unistd.h>

void segmsg_processors_init(segmsg_processors_t *processors)
{
    CPU_ZERO(&processors->set);
    processors->is_unknown = false;
}

void segmsg_processors_add(segmsg_processors_t *processors, pid_t pid)
{
    cpu_set_t mask;
    if (sched_getaffinity(pid, sizeof(mask), &mask) == 0) {
        CPU_OR(&processors->set, &processors->set, &mask);
    } else {
        processors->is_unknown = true; /* more than 1024 processors, or the process has gone */
    }
}

void segmsg_processors_add_unknown(segmsg_processors_t *processors)
{
    processors->is_unknown = true;
}

long segmsg_processors_count(const segmsg_processors_t *processors)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    long count = CPU_COUNT(&processors->set);
    return processors->is_unknown || count == 0 || count > online ? online : count;
}

bool segmsg_processors_share_one(pid_t pid)
{
    segmsg_processors_t both;
    segmsg_processors_init(&both);
    segmsg_processors_add(&both, 0);
    segmsg_processors_add(&both, pid);
    return !both.is_unknown && CPU_COUNT(&both.set) == 1;
}
