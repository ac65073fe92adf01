/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * How much processor time the control groups of a process leave it (a container's CPU limit): cpu.max of version 2,
 * cpu.cfs_quota_us of version 1, of the group and of those that it is in.
 */
#ifndef SEGMSG_QUOTA_H
#define SEGMSG_QUOTA_H

#include <stdbool.h>

/*
 * Processor time that a process and all others in its control group may use together, in hundredths of a processor; 0 if
 * there is no limit. `proc`: the process's folder in /proc, such as "/proc/self".
 */
unsigned long segmsg_quota(const char *proc);

/* True if `quota`, as above, is less than `processes` processes would use of `processors` processors. */
static inline bool segmsg_quota_is_short(unsigned long quota, unsigned long processes,
                                         unsigned long processors)
{
    return quota != 0 && quota < 100 * (processes < processors ? processes : processors);
}

#endif
