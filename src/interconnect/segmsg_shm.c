/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "interconnect/segmsg_shm.h"

#include "interconnect/segmsg_commit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* True for the path of a file; other shmem components name their segments otherwise. */
static bool is_path(const char *name)
{
    return name[0] == '/' && strchr(name + 1, '/') != NULL;
}

/* The file behind an export, or NULL if its shmem component uses none that we can open. */
static const char *path_of(const opal_shmem_ds_t *ds)
{
    return access(ds->seg_name, F_OK) == 0 ? ds->seg_name : NULL;
}

static int commit(void *context, size_t offset, size_t length)
{
    segmsg_shm_t *shm = context;
    return segmsg_commit_pages(shm->export.base, path_of(shm->ds), offset, length);
}

/*
 * Gives the engine the whole mapping. Before Open MPI 5, opal_shmem keeps a header of its own at
 * the start and hands out what follows it; our head leaves room for it.
 */
static bool adopt(segmsg_shm_t *shm, opal_shmem_ds_t *ds)
{
    unsigned char *address = opal_shmem_segment_attach(ds);
    uintptr_t header = (uintptr_t) address % SEGMSG_PAGE;
    if (address == NULL || header > SEGMSG_HEAD_OFFSET) {
        return false;
    }
    size_t bytes = opal_shmem_sizeof_shmem_ds(ds);
    shm->ds = malloc(bytes);
    if (shm->ds == NULL) {
        opal_shmem_segment_detach(ds);
        return false;
    }
    memcpy(shm->ds, ds, bytes);
    shm->export.base = address - header;
    shm->export.bytes = ds->seg_size;
    shm->export.commit = commit;
    shm->export.commit_context = shm;
    return true;
}

static uint64_t bytes_available(const char *directory)
{
    struct statvfs fs;
    return statvfs(directory, &fs) == 0 ? (uint64_t) fs.f_bavail * fs.f_frsize : 0;
}

static segmsg_shm_status_t check_directory(const char *directory)
{
    struct stat st;
    if (stat(directory, &st) != 0 || !S_ISDIR(st.st_mode)) {
        return SEGMSG_SHM_DIRECTORY_MISSING;
    }
    return access(directory, W_OK | X_OK) == 0 ? SEGMSG_SHM_OK : SEGMSG_SHM_DIRECTORY_NOT_WRITABLE;
}

/* opal_shmem wants 5% of head-room over what is asked for; we leave 1/8. */
static uint64_t without_headroom(uint64_t bytes)
{
    return bytes - bytes / 8;
}

segmsg_shm_status_t segmsg_shm_create(segmsg_shm_t *shm, const char *directory,
                                      const segmsg_export_config_t *config, uint32_t peers,
                                      uint64_t *needed, uint64_t *available)
{
    *shm = (segmsg_shm_t){.guard = -1};
    segmsg_shm_status_t status = check_directory(directory);
    if (status != SEGMSG_SHM_OK) {
        return status;
    }
    *needed = segmsg_export_bytes_min(config);
    *available = bytes_available(directory);
    uint64_t want = segmsg_export_bytes_for(config, peers);
    if (want > without_headroom(*available)) {
        want = without_headroom(*available) / SEGMSG_PAGE * SEGMSG_PAGE;
    }
    if (want < *needed + SEGMSG_PAGE) {
        *needed += SEGMSG_PAGE + (*needed + SEGMSG_PAGE) / 7; /* what leaves that much, see above */
        return SEGMSG_SHM_DIRECTORY_FULL;
    }
    char path[OPAL_PATH_MAX];
    snprintf(path, sizeof(path), "%s/segmsg-%u-%u-%08" PRIx32, directory, (unsigned) geteuid(),
             (unsigned) config->owner.pid, (uint32_t) config->owner.nonce);
    opal_shmem_ds_t ds = {0};
    if (opal_shmem_segment_create(&ds, path, want - SEGMSG_HEAD_OFFSET) != OPAL_SUCCESS) {
        return SEGMSG_SHM_CREATE_FAILED;
    }
    if (!adopt(shm, &ds)) {
        opal_shmem_unlink(&ds);
        return SEGMSG_SHM_CREATE_FAILED;
    }
    if (path_of(shm->ds) != NULL) {
        shm->guard = open(shm->ds->seg_name, O_RDWR | O_CLOEXEC);
        if (shm->guard >= 0) {
            (void) flock(shm->guard, LOCK_SH | LOCK_NB);
        }
    }
    segmsg_error_t error = segmsg_export_init(&shm->export, config);
    if (error != SEGMSG_OK) {
        segmsg_shm_destroy(shm);
        return error == SEGMSG_ERR_NO_SPACE ? SEGMSG_SHM_DIRECTORY_FULL : SEGMSG_SHM_LAYOUT_FAILED;
    }
    return SEGMSG_SHM_OK;
}

/*
 * Checks the head of a peer's export, which must be `owner`'s. It is read and not looked at where it
 * is mapped, as far as it has a file: pages of peers to which nothing is sent stay unmapped.
 */
static segmsg_error_t check_head(segmsg_shm_t *shm, const segmsg_identity_t *owner)
{
    _Alignas(SEGMSG_LINE) unsigned char page[SEGMSG_PAGE];
    segmsg_export_t copy = shm->export;
    int fd = is_path(shm->ds->seg_name) ? open(shm->ds->seg_name, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        if (pread(fd, page, sizeof(page), 0) == (ssize_t) sizeof(page)) {
            copy.base = page;
        }
        close(fd);
    }
    segmsg_error_t error = segmsg_export_check(&copy);
    const segmsg_identity_t *found = &segmsg_export_head(&copy)->owner;
    if (error == SEGMSG_OK && (found->nonce != owner->nonce || found->name != owner->name)) {
        error = SEGMSG_ERR_LAYOUT;
    }
    shm->export.shape = copy.shape;
    return error;
}

segmsg_error_t segmsg_shm_attach(segmsg_shm_t *shm, const void *descriptor, size_t bytes,
                                 const segmsg_identity_t *owner)
{
    *shm = (segmsg_shm_t){.guard = -1};
    opal_shmem_ds_t ds = {0};
    if (bytes >= sizeof(ds)) {
        return SEGMSG_ERR_LAYOUT;
    }
    memcpy(&ds, descriptor, bytes);
    /* opal_shmem takes the creator's pid to mean "mapped already", which another process with the
     * same pid in another pid name space would trip over; and it complains aloud about what cannot
     * be opened, so that is tried first. */
    if (ds.seg_cpid == getpid()
        || (is_path(ds.seg_name) && access(ds.seg_name, R_OK | W_OK) != 0)) {
        return SEGMSG_ERR_NO_SPACE;
    }
    if (!adopt(shm, &ds)) {
        return SEGMSG_ERR_NO_SPACE;
    }
    segmsg_error_t error = check_head(shm, owner);
    if (error != SEGMSG_OK) {
        segmsg_shm_detach(shm);
    }
    return error;
}

void segmsg_shm_detach(segmsg_shm_t *shm)
{
    if (shm->export.base != NULL) {
        opal_shmem_ds_t ds = {0}; /* in full: Open MPI clears all of it */
        memcpy(&ds, shm->ds, segmsg_shm_descriptor_bytes(shm));
        opal_shmem_segment_detach(&ds);
        shm->export.base = NULL;
    }
    free(shm->ds);
    shm->ds = NULL;
    if (shm->guard >= 0) {
        close(shm->guard);
        shm->guard = -1;
    }
}

void segmsg_shm_destroy(segmsg_shm_t *shm)
{
    if (shm->export.base != NULL) {
        /* The run-time may have removed the file already, if MPI_T outlived MPI_Finalize. */
        if (!is_path(shm->ds->seg_name) || path_of(shm->ds) != NULL) {
            opal_shmem_unlink(shm->ds);
        }
        segmsg_shm_detach(shm);
    }
}

/*
 * True if `name` is an export's of this user, by the form that segmsg_shm_create gives it, and its
 * owner is no process of ours that lives (which would hold a lock, unless it could not get one).
 */
static bool is_orphan(const char *name)
{
    unsigned uid;
    unsigned pid;
    return sscanf(name, "segmsg-%u-%u-", &uid, &pid) == 2 && uid == (unsigned) geteuid()
           && kill((pid_t) pid, 0) != 0 && errno == ESRCH;
}

void segmsg_shm_sweep(const char *directory)
{
    DIR *dir = opendir(directory);
    if (dir == NULL) {
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (!is_orphan(entry->d_name)) {
            continue;
        }
        int fd = openat(dirfd(dir), entry->d_name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) {
            continue;
        }
        /* An owner that lives holds a shared lock. One that is just being born has none yet, so
         * only what is older than a minute is taken for an orphan. */
        struct stat st;
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        if (fstat(fd, &st) == 0 && now.tv_sec - st.st_ctim.tv_sec > 60
            && flock(fd, LOCK_EX | LOCK_NB) == 0) {
            unlinkat(dirfd(dir), entry->d_name, 0);
        }
        close(fd);
    }
    closedir(dir);
}

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t bytes)
{
    /* FNV-1a, 64 bits. */
    const unsigned char *at = data;
    for (size_t i = 0; i < bytes; ++i) {
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

uint64_t segmsg_shm_domain(const char *directory)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    char boot_id[64];
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, boot_id, sizeof(boot_id));
    if (fd >= 0) {
        close(fd);
    }
    struct stat st;
    if (length <= 0 || stat(directory, &st) != 0) {
        return 0;
    }
    hash = hash_bytes(hash, boot_id, (size_t) length);
    hash = hash_bytes(hash, &st.st_dev, sizeof(st.st_dev));
    return hash == 0 ? 1 : hash;
}
