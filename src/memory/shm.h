/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Shared memory of a node: a receive region is a sparse file in a file system in memory, which loses its name
 * when all peers have opened it, and of which a process maps what it uses. A deposit is a plain store, a
 * posted word a release store.
 */
#ifndef SEGMSG_SHM_H
#define SEGMSG_SHM_H

#include "memory/memory.h"

/* What a peer needs to attach, as it stands in the modex. The path follows. */
typedef struct {
    uint64_t bytes;      /* of the file */
    int32_t fd;          /* the owner's descriptor of it */
    uint32_t path_bytes; /* of the path, with its end; 0: the file has no name any more */
} segmsg_shm_descriptor_t;

extern const segmsg_memory_kind_t segmsg_shm_kind;

#endif
