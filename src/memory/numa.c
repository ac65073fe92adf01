/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "memory/numa.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool segmsg_numa_local_nodes(hwloc_topology_t topology, hwloc_const_cpuset_t cpuset,
                             hwloc_nodeset_t nodeset)
{
    hwloc_bitmap_zero(nodeset);
    hwloc_cpuset_to_nodeset(topology, cpuset, nodeset);
    hwloc_const_nodeset_t all = hwloc_topology_get_topology_nodeset(topology);
    return hwloc_bitmap_weight(all) > 1 && !hwloc_bitmap_iszero(nodeset)
           && !hwloc_bitmap_isincluded(all, nodeset);
}

bool segmsg_numa_is_one_node(void)
{
    /* A list such as "0" or "0-1,3"; anything else than one number is more than one. */
    char nodes[16] = "";
    int fd = open("/sys/devices/system/node/online", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, nodes, sizeof(nodes) - 1);
    if (fd >= 0) {
        close(fd);
    }
    return length > 0 && strspn(nodes, "0123456789\n") == (size_t) length;
}

bool segmsg_numa_bind_local(hwloc_topology_t topology, void *base, size_t bytes)
{
    if (topology == NULL) {
        return false;
    }
    hwloc_bitmap_t cpus = hwloc_bitmap_alloc();
    hwloc_bitmap_t nodes = hwloc_bitmap_alloc();
    bool bound = cpus != NULL && nodes != NULL
                 && hwloc_get_cpubind(topology, cpus, HWLOC_CPUBIND_PROCESS) == 0
                 && segmsg_numa_local_nodes(topology, cpus, nodes)
                 && hwloc_set_area_membind(topology, base, bytes, nodes, HWLOC_MEMBIND_BIND,
                                           HWLOC_MEMBIND_BYNODESET)
                        == 0;
    hwloc_bitmap_free(cpus);
    hwloc_bitmap_free(nodes);
    return bound;
}
