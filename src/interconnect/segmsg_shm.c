/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "interconnect/segmsg_shm.h"

#include "interconnect/segmsg_commit.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int commit(void *context, size_t offset, size_t length)
{
    segmsg_shm_t *shm = context;
    return segmsg_commit_pages(shm->export.base, shm->file.fd, offset, length);
}

/* Gives the engine a mapping of the whole file. */
static bool map(segmsg_shm_t *shm, uint64_t bytes)
{
    if (bytes > SIZE_MAX) {
        return false;
    }
    void *address = mmap(NULL, (size_t) bytes, PROT_READ | PROT_WRITE, MAP_SHARED, shm->file.fd, 0);
    if (address == MAP_FAILED) {
        return false;
    }
    shm->export.base = address;
    shm->export.bytes = (size_t) bytes;
    shm->export.commit = commit;
    shm->export.commit_context = shm;
    return true;
}

const char *segmsg_shm_status_text(segmsg_shm_status_t status,
                                   const segmsg_shm_shortage_t *shortage)
{
    switch (status) {
    case SEGMSG_SHM_DIRECTORY_MISSING:
        return "the directory does not exist";
    case SEGMSG_SHM_DIRECTORY_NOT_WRITABLE:
        return "the directory may not be written to";
    case SEGMSG_SHM_DIRECTORY_FULL:
        return "the directory has no room";
    case SEGMSG_SHM_FILE_LIMIT:
        return "files may not be so large (ulimit -f, RLIMIT_FSIZE)";
    case SEGMSG_SHM_CREATE_FAILED:
        return strerror(shortage->error);
    case SEGMSG_SHM_LAYOUT_FAILED:
        return "tables and groups do not fit";
    case SEGMSG_SHM_OK:
        break;
    }
    return "none";
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

/* Bytes of the file for `peers` senders, as far as this process may make it; 0 if that is too little,
 * as *shortage then says. */
static uint64_t choose_bytes(const segmsg_export_config_t *config, uint32_t peers,
                             segmsg_shm_shortage_t *shortage)
{
    uint64_t want = segmsg_export_bytes_for(config, peers);
    uint64_t most = segmsg_shm_file_bytes_max() / SEGMSG_PAGE * SEGMSG_PAGE;
    shortage->needed = segmsg_export_bytes_min(config);
    shortage->available = most;
    if (most < shortage->needed) {
        return 0;
    }
    return want < most ? want : most;
}

static segmsg_shm_status_t lay_out(segmsg_shm_t *shm, const segmsg_export_config_t *config)
{
    switch (segmsg_export_init(&shm->export, config)) {
    case SEGMSG_OK:
        return SEGMSG_SHM_OK;
    case SEGMSG_ERR_NO_SPACE:
        return SEGMSG_SHM_DIRECTORY_FULL;
    default:
        return SEGMSG_SHM_LAYOUT_FAILED;
    }
}

segmsg_shm_status_t segmsg_shm_create(segmsg_shm_t *shm, const char *directory,
                                      const segmsg_export_config_t *config, uint32_t peers,
                                      segmsg_shm_shortage_t *shortage)
{
    *shm = segmsg_shm_none();
    segmsg_shm_status_t status = check_directory(directory);
    if (status != SEGMSG_SHM_OK) {
        return status;
    }
    uint64_t bytes = choose_bytes(config, peers, shortage);
    if (bytes == 0) {
        return SEGMSG_SHM_FILE_LIMIT;
    }
    /* Only what is committed now counts; what is missing later is done without. */
    shortage->needed = segmsg_export_bytes_at_start(config);
    shortage->available = bytes_available(directory);
    if (shortage->available < shortage->needed) {
        return SEGMSG_SHM_DIRECTORY_FULL;
    }
    shortage->error = segmsg_shm_file_create(&shm->file, directory, bytes);
    if (shortage->error == ENOSPC) {
        return SEGMSG_SHM_DIRECTORY_FULL;
    }
    if (shortage->error == 0 && !map(shm, bytes)) {
        shortage->error = errno;
    }
    status = shortage->error == 0 ? lay_out(shm, config) : SEGMSG_SHM_CREATE_FAILED;
    if (status != SEGMSG_SHM_OK) {
        segmsg_shm_destroy(shm);
    } else if (config->openers == 0) {
        segmsg_shm_file_unlink(&shm->file);
    }
    return status;
}

size_t segmsg_shm_describe(const segmsg_shm_t *shm, void *to)
{
    const char *path = shm->file.path;
    segmsg_shm_descriptor_t descriptor = {
        .bytes = shm->export.bytes,
        .fd = shm->file.fd,
        .path_bytes = path == NULL ? 0 : (uint32_t) strlen(path) + 1,
    };
    if (to != NULL) {
        memcpy(to, &descriptor, sizeof(descriptor));
        if (path != NULL) {
            memcpy((char *) to + sizeof(descriptor), path, descriptor.path_bytes);
        }
    }
    return (sizeof(descriptor) + descriptor.path_bytes + 7) / 8 * 8;
}

/* The name of the file behind a descriptor; NULL if it has none. False if the descriptor is broken. */
static bool read_descriptor(segmsg_shm_descriptor_t *descriptor, const char **path,
                            const void *from, size_t bytes)
{
    if (bytes < sizeof(*descriptor)) {
        return false;
    }
    memcpy(descriptor, from, sizeof(*descriptor));
    *path = (const char *) from + sizeof(*descriptor);
    if (descriptor->path_bytes == 0) {
        *path = NULL;
        return true;
    }
    return descriptor->path_bytes <= bytes - sizeof(*descriptor)
           && (*path)[descriptor->path_bytes - 1] == '\0';
}

/*
 * Checks the head of a peer's export, which must be `owner`'s. It is read and not looked at where it
 * is mapped: pages of peers to which nothing is sent stay unmapped.
 */
static segmsg_error_t check_head(segmsg_shm_t *shm, const segmsg_identity_t *owner,
                                 uint32_t *openers)
{
    _Alignas(SEGMSG_LINE) unsigned char page[SEGMSG_PAGE];
    segmsg_export_t copy = shm->export;
    if (pread(shm->file.fd, page, sizeof(page), 0) != (ssize_t) sizeof(page)) {
        return SEGMSG_ERR_LAYOUT;
    }
    copy.base = page;
    segmsg_error_t error = segmsg_export_check(&copy);
    const segmsg_head_t *head = segmsg_export_head(&copy);
    if (error == SEGMSG_OK
        && (head->owner.nonce != owner->nonce || head->owner.name != owner->name)) {
        error = SEGMSG_ERR_LAYOUT;
    }
    shm->export.shape = copy.shape;
    *openers = head->openers;
    return error;
}

/*
 * Counts this process among those that have opened the file; the last of `openers` takes the name
 * away. By a mapping of the first page for a moment: see check_head.
 */
static void count_opened(const segmsg_shm_t *shm, const char *path, uint32_t openers)
{
    segmsg_export_t first_page = {
        .base = mmap(NULL, SEGMSG_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, shm->file.fd, 0)};
    if (first_page.base == MAP_FAILED) {
        return; /* the name stays until the owner goes */
    }
    segmsg_head_t *head = segmsg_export_head(&first_page);
    /* Acquire and release: the last one unlinks after all others have opened. */
    if (atomic_fetch_add_explicit(&head->opened, 1, memory_order_acq_rel) + 1 == openers) {
        (void) unlink(path);
    }
    (void) munmap(first_page.base, SEGMSG_PAGE);
}

segmsg_error_t segmsg_shm_attach(segmsg_shm_t *shm, const void *descriptor, size_t bytes,
                                 const segmsg_identity_t *owner, bool counts, bool via_proc)
{
    *shm = segmsg_shm_none();
    segmsg_shm_descriptor_t from;
    const char *path;
    if (!read_descriptor(&from, &path, descriptor, bytes)) {
        return SEGMSG_ERR_LAYOUT;
    }
    bool is_by_name = path != NULL && segmsg_shm_file_open(&shm->file, path, from.bytes) == 0;
    if (!is_by_name
        && (!via_proc
            || segmsg_shm_file_open_of(&shm->file, owner->pid, from.fd, from.bytes) != 0)) {
        return SEGMSG_ERR_NO_SPACE;
    }
    uint32_t openers = 0;
    segmsg_error_t error =
        map(shm, from.bytes) ? check_head(shm, owner, &openers) : SEGMSG_ERR_NO_SPACE;
    if (error != SEGMSG_OK) {
        segmsg_shm_detach(shm);
    } else if (is_by_name && counts) {
        count_opened(shm, path, openers);
    }
    return error;
}

void segmsg_shm_detach(segmsg_shm_t *shm)
{
    if (shm->export.base != NULL) {
        (void) munmap(shm->export.base, shm->export.bytes);
        shm->export.base = NULL;
    }
    segmsg_shm_file_close(&shm->file);
}

void segmsg_shm_destroy(segmsg_shm_t *shm)
{
    segmsg_shm_file_unlink(&shm->file);
    segmsg_shm_detach(shm);
}
