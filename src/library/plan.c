/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * How much shared memory a process sets aside, and how it is divided.
 */
#include "library/plan.h"

#include "library/options.h"
#include "library/text.h"
#include "engine/defaults.h"

/* All groups of all peers, each segment that group 0 of a pair may have, and those that all share. */
static uint32_t groups_most(const segmsg_geometry_t *geometry, uint32_t peers)
{
    bool has_wide = segmsg_geometry_has_wide_ring(geometry);
    return (geometry->group_count + 1 + has_wide) * peers + geometry->group_count;
}

/* The export's shape for a geometry, and its size: at most `most` bytes, if that is enough for anything.
 * With little memory, or many processes, those that talk little share. */
static uint64_t shape(const segmsg_t *handle, const segmsg_geometry_t *geometry, uint64_t most,
                      segmsg_export_config_t *export)
{
    enum { OWN_MOST = 16 };
    uint32_t peers = handle->ranks.node_size > 1 ? (uint32_t) handle->ranks.node_size - 1 : 1;
    uint32_t ring = geometry->group[0].partition_count;
    *export = (segmsg_export_config_t){
        .geometry = *geometry,
        .ring_starter = SEGMSG_DEFAULT_STARTER < ring ? SEGMSG_DEFAULT_STARTER : ring,
        .groups_max = groups_most(geometry, peers),
        .owner = handle->self,
    };
    uint64_t bytes = segmsg_export_bytes_for(export, peers);
    if (bytes > most || peers > OWN_MOST) {
        export->lobby = SEGMSG_DEFAULT_LOBBY < ring ? SEGMSG_DEFAULT_LOBBY : ring;
        bytes = segmsg_export_bytes_for(export, peers);
    }
    return bytes < most ? bytes : most / SEGMSG_PAGE * SEGMSG_PAGE;
}

segmsg_result_t segmsg_lib_plan(const segmsg_t *handle, segmsg_lib_config_t *config, uint64_t room,
                                segmsg_export_config_t *export, uint64_t *bytes)
{
    uint64_t most = config->memory < room ? config->memory : room;
    segmsg_geometry_t *geometry = &config->geometry;
    for (;;) {
        *bytes = shape(handle, geometry, most, export);
        if (*bytes >= segmsg_export_bytes_min(export)) {
            return SEGMSG_SUCCESS;
        }
        if (config->groups_are_given || geometry->group_count == 2) {
            break;
        }
        segmsg_geometry_t fewer = *geometry;
        --fewer.group_count;
        if (segmsg_geometry_capacity(&fewer) < config->eager_limit + SEGMSG_LIB_EAGER_BYTES) {
            break;
        }
        *geometry = fewer;
    }
    segmsg_lib_explain("%llu bytes of shared memory are too few for the segment groups, which need "
                       "%llu a process: %s",
                       (unsigned long long) most,
                       (unsigned long long) segmsg_export_bytes_min(export),
                       room < config->memory
                           ? "free some of /dev/shm or make it larger, or take smaller groups"
                           : "raise SEGMSG_MEMORY (options->memory) or take smaller groups");
    return SEGMSG_E_MEMORY;
}

segmsg_result_t segmsg_lib_find_room(const segmsg_t *handle, uint64_t *room)
{
    uint64_t mine = segmsg_win_room(handle->ranks.node_size);
    int error = MPI_Allreduce(&mine, room, 1, MPI_UINT64_T, MPI_MIN, handle->ranks.node);
    return error == MPI_SUCCESS ? SEGMSG_SUCCESS : segmsg_lib_mpi_failed("MPI_Allreduce", error);
}
