/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Binds an export to the NUMA node of its receiver: what a receiver polls and reads should be near.
 */
#ifndef SEGMSG_NUMA_H
#define SEGMSG_NUMA_H

#include <hwloc.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * The NUMA nodes that are local to `cpuset`. Fills `nodeset`; returns true if binding to them would
 * say anything: there are several nodes in the machine and `cpuset` is not local to all of them.
 */
bool segmsg_numa_local_nodes(hwloc_topology_t topology, hwloc_const_cpuset_t cpuset,
                             hwloc_nodeset_t nodeset);

/* True if the machine has one NUMA node for sure: there is nothing to bind then, and the topology,
 * whose loading costs every process megabytes, need not be asked for. */
bool segmsg_numa_is_one_node(void);

/*
 * Binds `bytes` from `base` to the nodes on which this process is bound. Returns true if it bound;
 * false on a machine of one node, for a process that may run on all of them, without hwloc's
 * support, or with no topology (NULL).
 */
bool segmsg_numa_bind_local(hwloc_topology_t topology, void *base, size_t bytes);

#endif
