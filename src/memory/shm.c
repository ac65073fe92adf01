/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "memory/shm.h"

#include "memory/commit.h"

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
    return segmsg_commit_pages(segmsg_shm_map_find(&shm->map, offset, length), shm->file.fd, offset,
                               length);
}

static unsigned char *map_segment(void *context, size_t offset, size_t length)
{
    segmsg_shm_t *shm = context;
    return segmsg_shm_map_segment(&shm->map, offset, length);
}

/* Tells the engine what is mapped. */
static void adopt(segmsg_shm_t *shm)
{
    shm->export.base = shm->map.base;
    shm->export.bytes = shm->map.bytes;
    shm->export.commit = commit;
    shm->export.map = shm->map.mode == SEGMSG_SHM_MAP_WHOLE ? NULL : map_segment;
    shm->export.commit_context = shm;
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
    case SEGMSG_SHM_NO_ADDRESS_SPACE:
        return "the process may map too little (ulimit -v)";
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

/*
 * Where address space is limited, a region may take a quarter of what is left, all of which is reserved at
 * once: the application may need the rest by the time that a sender forms a segment here, and a message that
 * lies in one that cannot be mapped is lost. The segments of others, of which none is needed, may take as
 * much.
 */
static uint64_t address_space_share(void)
{
    enum { SHARE = 4 };
    uint64_t left = segmsg_shm_map_address_space_left();
    segmsg_shm_map_set_limit(left == UINT64_MAX ? left : left / SHARE);
    return left == UINT64_MAX ? left : left / SHARE;
}

static uint64_t whole_pages(uint64_t bytes)
{
    return bytes / SEGMSG_PAGE * SEGMSG_PAGE;
}

/* Bytes of the file for `peers` senders, as far as this process may make it and may map it. */
static segmsg_shm_status_t choose_bytes(const segmsg_export_config_t *config, uint32_t peers,
                                        uint64_t share, uint64_t *bytes,
                                        segmsg_shm_shortage_t *shortage)
{
    uint64_t want = segmsg_export_bytes_for(config, peers);
    uint64_t most = whole_pages(segmsg_shm_file_bytes_max());
    shortage->needed = segmsg_export_bytes_min(config);
    shortage->available = most;
    if (most < shortage->needed) {
        return SEGMSG_SHM_FILE_LIMIT;
    }
    shortage->available = share;
    if (share < shortage->needed) {
        return SEGMSG_SHM_NO_ADDRESS_SPACE;
    }
    most = most < whole_pages(share) ? most : whole_pages(share);
    *bytes = want < most ? want : most;
    return SEGMSG_SHM_OK;
}

static segmsg_shm_status_t status_of(segmsg_error_t error)
{
    switch (error) {
    case SEGMSG_OK:
        return SEGMSG_SHM_OK;
    case SEGMSG_ERR_NO_SPACE:
        return SEGMSG_SHM_DIRECTORY_FULL;
    default:
        return SEGMSG_SHM_LAYOUT_FAILED;
    }
}

/* Maps as much of the own file as `extent` says. `share`: bytes of address space that it may take. */
static segmsg_shm_status_t map_own(segmsg_shm_t *shm, const segmsg_export_config_t *config,
                                   segmsg_shm_extent_t extent, uint64_t bytes, uint64_t share,
                                   segmsg_shm_shortage_t *shortage)
{
    segmsg_shm_map_mode_t mode = extent == SEGMSG_SHM_WHOLE ? SEGMSG_SHM_MAP_WHOLE
                                 : share == UINT64_MAX      ? SEGMSG_SHM_MAP_SEGMENTS
                                                            : SEGMSG_SHM_MAP_RESERVED;
    if (segmsg_shm_map_open(&shm->map, shm->file.fd, bytes, segmsg_export_bytes_at_once(config),
                            mode, false)
        != 0) {
        shortage->needed = bytes;
        shortage->available = segmsg_shm_map_address_space_left();
        return SEGMSG_SHM_NO_ADDRESS_SPACE;
    }
    adopt(shm);
    return SEGMSG_SHM_OK;
}

segmsg_shm_status_t segmsg_shm_create(segmsg_shm_t *shm, const char *directory,
                                      segmsg_lay_out_fn_t lay_out,
                                      const segmsg_export_config_t *config, uint32_t peers,
                                      segmsg_shm_extent_t extent, segmsg_shm_shortage_t *shortage)
{
    *shm = segmsg_shm_none();
    segmsg_shm_status_t status = check_directory(directory);
    if (status != SEGMSG_SHM_OK) {
        return status;
    }
    uint64_t share = extent == SEGMSG_SHM_WHOLE ? UINT64_MAX : address_space_share();
    uint64_t bytes = 0;
    status = choose_bytes(config, peers, share, &bytes, shortage);
    if (status != SEGMSG_SHM_OK) {
        return status;
    }
    /* Only what is committed now counts; what is missing later is done without. */
    shortage->needed = segmsg_export_bytes_at_start(config);
    shortage->available = bytes_available(directory);
    if (shortage->available < shortage->needed) {
        return SEGMSG_SHM_DIRECTORY_FULL;
    }
    shortage->error = segmsg_shm_file_create(&shm->file, directory, bytes);
    if (shortage->error != 0) {
        return shortage->error == ENOSPC ? SEGMSG_SHM_DIRECTORY_FULL : SEGMSG_SHM_CREATE_FAILED;
    }
    status = map_own(shm, config, extent, bytes, share, shortage);
    if (status == SEGMSG_SHM_OK) {
        status = status_of(lay_out(&shm->export, config));
    }
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
 * Reads the head of a peer's region of `bytes` bytes, which must be `owner`'s, and checks it. It is read and
 * not looked at where it is mapped: pages of peers to which nothing is sent stay out of memory.
 */
static segmsg_error_t check_head(segmsg_shm_t *shm, uint64_t bytes, const segmsg_identity_t *owner,
                                 uint32_t *openers)
{
    _Alignas(SEGMSG_LINE) unsigned char page[SEGMSG_PAGE];
    if (bytes < sizeof(page) || bytes > SIZE_MAX
        || pread(shm->file.fd, page, sizeof(page), 0) != (ssize_t) sizeof(page)) {
        return SEGMSG_ERR_LAYOUT;
    }
    segmsg_export_t copy = {.base = page, .bytes = (size_t) bytes};
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

/*
 * Maps a peer's region whose head has been checked. A process that may open few descriptors keeps none for
 * it and maps all at once, if it can commit memory without one.
 */
static segmsg_error_t map_peer(segmsg_shm_t *shm)
{
    const segmsg_export_shape_t *shape = &shm->export.shape;
    int kept = segmsg_shm_map_keep(shm->file.fd);
    if (kept >= 0) {
        shm->file.fd = kept;
        shm->is_kept = true;
    }
    int error =
        segmsg_shm_map_open(&shm->map, shm->file.fd, shape->export_bytes, shape->at_once,
                            kept >= 0 ? SEGMSG_SHM_MAP_SEGMENTS : SEGMSG_SHM_MAP_WHOLE, true);
    if (error == 0 && kept < 0) {
        segmsg_shm_file_close(&shm->file);
        error = segmsg_commit_pages(shm->map.base, -1, 0, SEGMSG_PAGE);
    }
    if (error != 0) {
        shm->short_of_addresses = shape->at_once;
        return SEGMSG_ERR_NO_SPACE;
    }
    adopt(shm);
    return SEGMSG_OK;
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
    segmsg_error_t error = check_head(shm, from.bytes, owner, &openers);
    if (error == SEGMSG_OK && is_by_name && counts) {
        count_opened(shm, path, openers);
    }
    if (error == SEGMSG_OK) {
        error = map_peer(shm);
    }
    if (error != SEGMSG_OK) {
        segmsg_shm_detach(shm); /* leaves short_of_addresses */
    }
    return error;
}

void segmsg_shm_detach(segmsg_shm_t *shm)
{
    segmsg_shm_map_close(&shm->map);
    shm->export.base = NULL;
    if (shm->is_kept) {
        segmsg_shm_map_release(shm->file.fd);
        shm->file.fd = -1;
        shm->is_kept = false;
    }
    segmsg_shm_file_close(&shm->file);
}

void segmsg_shm_destroy(segmsg_shm_t *shm)
{
    segmsg_shm_file_unlink(&shm->file);
    segmsg_shm_detach(shm);
}
