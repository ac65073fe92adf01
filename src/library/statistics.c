/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "library/library.h"

#include <string.h>

_Static_assert((int) SEGMSG_STATISTICS_GROUPS == (int) SEGMSG_GROUPS_MAX, "all of them");

segmsg_result_t segmsg_statistics(const segmsg_t *handle, segmsg_statistics_t *statistics)
{
    if (handle == NULL || statistics == NULL || statistics->size < sizeof(statistics->size)) {
        return SEGMSG_E_ARGUMENT;
    }
    segmsg_statistics_t all = handle->statistics;
    const segmsg_geometry_t *geometry = &handle->receiver.geometry;
    all.size = statistics->size < sizeof(all) ? statistics->size : sizeof(all);
    all.groups = geometry->group_count;
    for (uint32_t g = 0; g < geometry->group_count; ++g) {
        all.partition_bytes[g] = geometry->group[g].partition_size;
        all.received_messages[g] = segmsg_receiver_messages(&handle->receiver, g);
        for (int p = 0; p < handle->ranks.node_size; ++p) {
            all.sent_messages[g] += handle->peers[p].sender.messages[g];
            all.sent_partitions[g] += handle->peers[p].sender.partitions[g];
        }
    }
    all.memory = handle->win.own.bytes;
    /* Relaxed, both: the handle has one thread. */
    all.helped_bytes = atomic_load_explicit(&handle->transfers.helped_bytes, memory_order_relaxed);
    all.chunk_bytes = atomic_load_explicit(&handle->transfers.chunk_bytes, memory_order_relaxed);
    memcpy(statistics, &all, all.size);
    return SEGMSG_SUCCESS;
}
