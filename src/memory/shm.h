/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The shared-memory interconnect: a receive region is a file in shared memory. A deposit is a plain store,
 * a posted word a release store.
 */
#ifndef SEGMSG_SHM_H
#define SEGMSG_SHM_H

#include "queue/region.h"
#include "memory/shm_file.h"
#include "memory/shm_map.h"

#include <stddef.h>

/* What a peer needs to attach, as it stands in the modex. The path follows. */
typedef struct {
    uint64_t bytes;      /* of the file */
    int32_t fd;          /* the owner's descriptor of it */
    uint32_t path_bytes; /* of the path, with its end; 0: the file has no name any more */
} segmsg_shm_descriptor_t;

/* A mapped shared-memory object and the engine's view of it. */
typedef struct {
    segmsg_shm_file_t file;
    segmsg_export_t export;
    segmsg_shm_map_t map;
    bool is_kept; /* the descriptor of a peer's file is from segmsg_shm_map_keep */
    uint64_t
        short_of_addresses; /* bytes of a peer's region that could not be mapped; 0: another reason */
} segmsg_shm_t;

/* One that is not there. */
static inline segmsg_shm_t segmsg_shm_none(void)
{
    segmsg_shm_t none = {.file = segmsg_shm_file_none()};
    return none;
}

/* How much of the own region is mapped. */
typedef enum {
    SEGMSG_SHM_AS_USED, /* its begin, then segments as they are used */
    SEGMSG_SHM_WHOLE    /* all, since it is handed to a network as one */
} segmsg_shm_extent_t;

/* How and why an export could not be made. */
typedef enum {
    SEGMSG_SHM_OK = 0,
    SEGMSG_SHM_DIRECTORY_MISSING,
    SEGMSG_SHM_DIRECTORY_NOT_WRITABLE,
    SEGMSG_SHM_DIRECTORY_FULL,
    SEGMSG_SHM_FILE_LIMIT, /* RLIMIT_FSIZE permits no file that is large enough */
    SEGMSG_SHM_CREATE_FAILED,
    SEGMSG_SHM_NO_ADDRESS_SPACE, /* the process may map too little (ulimit -v) */
    SEGMSG_SHM_LAYOUT_FAILED
} segmsg_shm_status_t;

/* By how much it failed. */
typedef struct {
    uint64_t needed;    /* bytes, for SEGMSG_SHM_DIRECTORY_FULL, _FILE_LIMIT, _NO_ADDRESS_SPACE */
    uint64_t available; /* likewise */
    int error;          /* errno value, for SEGMSG_SHM_CREATE_FAILED */
} segmsg_shm_shortage_t;

/* Why there is no export, in a few words. */
const char *segmsg_shm_status_text(segmsg_shm_status_t status,
                                   const segmsg_shm_shortage_t *shortage);

/*
 * Creates, maps and by `lay_out` lays out this process's export as a file in `directory`, large enough for `peers`
 * senders, or smaller if the process may not make so large a file or its address space is limited, but at
 * least for one. It is sparse: a little memory is taken now, the rest when it comes into use. If
 * config->openers is 0, the file has no name any more.
 */
segmsg_shm_status_t segmsg_shm_create(segmsg_shm_t *shm, const char *directory,
                                      segmsg_lay_out_fn_t lay_out,
                                      const segmsg_export_config_t *config, uint32_t peers,
                                      segmsg_shm_extent_t extent, segmsg_shm_shortage_t *shortage);

/* Writes the descriptor and the path to `to`, and returns their bytes, a multiple of 8; only returns
 * them if `to` is NULL. */
size_t segmsg_shm_describe(const segmsg_shm_t *shm, void *to);

/*
 * Maps the begin of a peer's export from its descriptor and checks its head; `owner` is whom it must
 * belong to. `counts` is true for one of those whom the owner expects to open the file by its name: the
 * last of them takes the name away. `via_proc`: a file that has lost its name may be opened through /proc.
 * Quiet: a peer that cannot be reached this way is no error. Returns SEGMSG_OK, SEGMSG_ERR_NO_SPACE
 * (cannot be mapped here; shm->short_of_addresses says whether for want of address space) or
 * SEGMSG_ERR_LAYOUT (not what we understand or expect).
 */
segmsg_error_t segmsg_shm_attach(segmsg_shm_t *shm, const void *descriptor, size_t bytes,
                                 const segmsg_identity_t *owner, bool counts, bool via_proc);

/* Unmaps an export; the owner's also goes from the file system. */
void segmsg_shm_detach(segmsg_shm_t *shm);
void segmsg_shm_destroy(segmsg_shm_t *shm);

#endif
