/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The shared-memory interconnect: exports through Open MPI's opal_shmem, the memory that also
 * stands beneath an MPI-3 shared window. A deposit is a plain store, a posted word a release store.
 */
#ifndef SEGMSG_SHM_H
#define SEGMSG_SHM_H

#include "opal_config.h"
#include "opal/mca/shmem/base/base.h"
#include "opal/mca/shmem/shmem.h"

#include "core/segmsg_export.h"

/* A mapped shared-memory object and the engine's view of it. */
typedef struct {
    opal_shmem_ds_t *ds; /* as long as its name needs: it has room for a path, and peers are many */
    segmsg_export_t export;
    int guard; /* descriptor whose lock says that the owner lives; -1 if none. Owner only. */
} segmsg_shm_t;

/* How and why an export could not be made. */
typedef enum {
    SEGMSG_SHM_OK = 0,
    SEGMSG_SHM_DIRECTORY_MISSING,
    SEGMSG_SHM_DIRECTORY_NOT_WRITABLE,
    SEGMSG_SHM_DIRECTORY_FULL,
    SEGMSG_SHM_CREATE_FAILED, /* Open MPI's shmem framework said no, and why, itself */
    SEGMSG_SHM_LAYOUT_FAILED
} segmsg_shm_status_t;

/*
 * Creates, maps and lays out this process's export as a file in `directory`. Its size is what
 * `peers` senders need, or less if the directory has less room, but at least what one sender needs.
 * *needed and *available (bytes) say by how much it failed for SEGMSG_SHM_DIRECTORY_FULL.
 */
segmsg_shm_status_t segmsg_shm_create(segmsg_shm_t *shm, const char *directory,
                                      const segmsg_export_config_t *config, uint32_t peers,
                                      uint64_t *needed, uint64_t *available);

/* Bytes of the descriptor that a peer needs to attach; copy that much of *shm->ds. */
static inline size_t segmsg_shm_descriptor_bytes(const segmsg_shm_t *shm)
{
    return opal_shmem_sizeof_shmem_ds(shm->ds);
}

/*
 * Maps a peer's export from its descriptor and checks its head; `owner` is whom it must belong to.
 * Quiet: a peer that cannot be reached this way is no error. Returns SEGMSG_OK, SEGMSG_ERR_NO_SPACE
 * (cannot be mapped here) or SEGMSG_ERR_LAYOUT (mapped, but not what we understand or expect).
 */
segmsg_error_t segmsg_shm_attach(segmsg_shm_t *shm, const void *descriptor, size_t bytes,
                                 const segmsg_identity_t *owner);

/* Unmaps an export; the owner's also goes from the file system. */
void segmsg_shm_detach(segmsg_shm_t *shm);
void segmsg_shm_destroy(segmsg_shm_t *shm);

/* Removes exports in `directory` of this user whose owners were killed before they could. */
void segmsg_shm_sweep(const char *directory);

/* What tells whether two processes see the same shared memory: the running kernel and the file
 * system that holds `directory`. 0 if it cannot be known. */
uint64_t segmsg_shm_domain(const char *directory);

#endif
