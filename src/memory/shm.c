/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "memory/shm.h"

#include "memory/commit.h"
#include "memory/shm_domain.h"
#include "memory/shm_file.h"
#include "memory/shm_map.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A region's file, and how it is mapped. */
typedef struct {
    segmsg_shm_file_t file;
    segmsg_shm_map_t map;
    bool is_kept; /* the descriptor of a peer's file is from segmsg_shm_map_keep */
} state_t;

static int commit(void *context, size_t offset, size_t length)
{
    state_t *state = context;
    return segmsg_commit_pages(segmsg_shm_map_find(&state->map, offset, length), state->file.fd,
                               offset, length);
}

static unsigned char *map_segment(void *context, size_t offset, size_t length)
{
    state_t *state = context;
    return segmsg_shm_map_segment(&state->map, offset, length);
}

/* Gives `memory` what state it has here; false if there is no memory for that. */
static bool begin(segmsg_memory_t *memory)
{
    state_t *state = calloc(1, sizeof(*state));
    if (state != NULL) {
        state->file = segmsg_shm_file_none();
    }
    memory->state = state;
    return state != NULL;
}

/* Tells the engine what is mapped. */
static void adopt(segmsg_memory_t *memory)
{
    const state_t *state = memory->state;
    memory->export.base = state->map.base;
    memory->export.bytes = state->map.bytes;
    memory->export.commit = commit;
    memory->export.map = state->map.mode == SEGMSG_SHM_MAP_WHOLE ? NULL : map_segment;
    memory->export.commit_context = memory->state;
}

/* Unmaps and closes; the file of the own region loses its name. */
static void close_region(segmsg_memory_t *memory)
{
    state_t *state = memory->state;
    segmsg_shm_file_unlink(&state->file);
    segmsg_shm_map_close(&state->map);
    if (state->is_kept) {
        segmsg_shm_map_release(state->file.fd);
        state->file.fd = -1;
    }
    segmsg_shm_file_close(&state->file);
    free(state);
    memory->export.base = NULL;
    memory->path = NULL;
    memory->state = NULL;
}

static segmsg_memory_status_t check_directory(const char *directory)
{
    struct stat st;
    if (stat(directory, &st) != 0 || !S_ISDIR(st.st_mode)) {
        return SEGMSG_MEMORY_DIRECTORY_MISSING;
    }
    return access(directory, W_OK | X_OK) == 0 ? SEGMSG_MEMORY_OK
                                               : SEGMSG_MEMORY_DIRECTORY_NOT_WRITABLE;
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
static segmsg_memory_status_t choose_bytes(const segmsg_export_config_t *config, uint32_t peers,
                                           uint64_t share, uint64_t *bytes,
                                           segmsg_memory_shortage_t *shortage)
{
    uint64_t want = segmsg_export_bytes_for(config, peers);
    uint64_t most = whole_pages(segmsg_shm_file_bytes_max());
    shortage->needed = segmsg_export_bytes_min(config);
    shortage->available = most;
    if (most < shortage->needed) {
        return SEGMSG_MEMORY_FILE_LIMIT;
    }
    shortage->available = share;
    if (share < shortage->needed) {
        return SEGMSG_MEMORY_NO_ADDRESS_SPACE;
    }
    most = most < whole_pages(share) ? most : whole_pages(share);
    *bytes = want < most ? want : most;
    return SEGMSG_MEMORY_OK;
}

/* Maps as much of the own file as is wished. `share`: bytes of address space that it may take. */
static segmsg_memory_status_t map_own(segmsg_memory_t *memory, const segmsg_memory_wish_t *wish,
                                      uint64_t bytes, uint64_t share,
                                      segmsg_memory_shortage_t *shortage)
{
    state_t *state = memory->state;
    segmsg_shm_map_mode_t mode = wish->is_whole        ? SEGMSG_SHM_MAP_WHOLE
                                 : share == UINT64_MAX ? SEGMSG_SHM_MAP_SEGMENTS
                                                       : SEGMSG_SHM_MAP_RESERVED;
    if (segmsg_shm_map_open(&state->map, state->file.fd, bytes,
                            segmsg_export_bytes_at_once(&wish->config), mode, false)
        != 0) {
        shortage->needed = bytes;
        shortage->available = segmsg_shm_map_address_space_left();
        return SEGMSG_MEMORY_NO_ADDRESS_SPACE;
    }
    adopt(memory);
    return SEGMSG_MEMORY_OK;
}

/* Makes the file, maps it and lays it out. */
static segmsg_memory_status_t make_region(segmsg_memory_t *memory, const segmsg_memory_wish_t *wish,
                                          uint64_t bytes, uint64_t share,
                                          segmsg_memory_shortage_t *shortage)
{
    state_t *state = memory->state;
    shortage->error = segmsg_shm_file_create(&state->file, wish->directory, bytes);
    if (shortage->error != 0) {
        return shortage->error == ENOSPC ? SEGMSG_MEMORY_DIRECTORY_FULL
                                         : SEGMSG_MEMORY_CREATE_FAILED;
    }
    segmsg_memory_status_t status = map_own(memory, wish, bytes, share, shortage);
    return status == SEGMSG_MEMORY_OK
               ? segmsg_memory_status_of(wish->lay_out(&memory->export, &wish->config))
               : status;
}

static segmsg_memory_status_t create(segmsg_memory_t *memory, const segmsg_memory_wish_t *wish,
                                     segmsg_memory_shortage_t *shortage)
{
    segmsg_memory_status_t status = check_directory(wish->directory);
    if (status != SEGMSG_MEMORY_OK) {
        return status;
    }
    uint64_t share = wish->is_whole ? UINT64_MAX : address_space_share();
    uint64_t bytes = 0;
    status = choose_bytes(&wish->config, wish->peers, share, &bytes, shortage);
    if (status != SEGMSG_MEMORY_OK) {
        return status;
    }
    /* Only what is committed now counts; what is missing later is done without. */
    shortage->needed = segmsg_export_bytes_at_start(&wish->config);
    shortage->available = segmsg_shm_file_room(wish->directory);
    if (shortage->available < shortage->needed) {
        return SEGMSG_MEMORY_DIRECTORY_FULL;
    }
    if (!begin(memory)) {
        shortage->error = ENOMEM;
        return SEGMSG_MEMORY_CREATE_FAILED;
    }
    status = make_region(memory, wish, bytes, share, shortage);
    state_t *state = memory->state;
    if (status != SEGMSG_MEMORY_OK) {
        close_region(memory);
        return status;
    }
    if (wish->config.openers == 0) {
        segmsg_shm_file_unlink(&state->file);
    }
    memory->path = state->file.path;
    return status;
}

static size_t describe(const segmsg_memory_t *memory, void *to)
{
    const state_t *state = memory->state;
    const char *path = state->file.path;
    segmsg_shm_descriptor_t descriptor = {
        .bytes = memory->export.bytes,
        .fd = state->file.fd,
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
static segmsg_error_t check_head(segmsg_memory_t *memory, uint64_t bytes,
                                 const segmsg_identity_t *owner, uint32_t *openers)
{
    const state_t *state = memory->state;
    _Alignas(SEGMSG_LINE) unsigned char page[SEGMSG_PAGE];
    if (bytes < sizeof(page) || bytes > SIZE_MAX
        || pread(state->file.fd, page, sizeof(page), 0) != (ssize_t) sizeof(page)) {
        return SEGMSG_ERR_LAYOUT;
    }
    segmsg_export_t copy = {.base = page, .bytes = (size_t) bytes};
    segmsg_error_t error = segmsg_memory_check(&copy, owner);
    memory->export.shape = copy.shape;
    *openers = segmsg_export_head(&copy)->openers;
    return error;
}

/*
 * Counts this process among those that have opened the file; the last of `openers` takes the name
 * away. By a mapping of the first page for a moment: see check_head.
 */
static void count_opened(int fd, const char *path, uint32_t openers)
{
    segmsg_export_t first_page = {
        .base = mmap(NULL, SEGMSG_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)};
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
static segmsg_error_t map_peer(segmsg_memory_t *memory)
{
    state_t *state = memory->state;
    const segmsg_export_shape_t *shape = &memory->export.shape;
    int kept = segmsg_shm_map_keep(state->file.fd);
    if (kept >= 0) {
        state->file.fd = kept;
        state->is_kept = true;
    }
    int error =
        segmsg_shm_map_open(&state->map, state->file.fd, shape->export_bytes, shape->at_once,
                            kept >= 0 ? SEGMSG_SHM_MAP_SEGMENTS : SEGMSG_SHM_MAP_WHOLE, true);
    if (error == 0 && kept < 0) {
        segmsg_shm_file_close(&state->file);
        error = segmsg_commit_pages(state->map.base, -1, 0, SEGMSG_PAGE);
    }
    if (error != 0) {
        memory->short_of_addresses = shape->at_once;
        return SEGMSG_ERR_NO_SPACE;
    }
    adopt(memory);
    return SEGMSG_OK;
}

/* Opens the peer's file, by its name if it has one, and maps it. */
static segmsg_error_t open_and_map(segmsg_memory_t *memory,
                                   const segmsg_shm_descriptor_t *descriptor, const char *path,
                                   const segmsg_memory_owner_t *from)
{
    segmsg_shm_file_t *file = &((state_t *) memory->state)->file;
    bool is_by_name = path != NULL && segmsg_shm_file_open(file, path, descriptor->bytes) == 0;
    if (!is_by_name
        && (!from->via_proc
            || segmsg_shm_file_open_of(file, from->owner.pid, descriptor->fd, descriptor->bytes)
                   != 0)) {
        return SEGMSG_ERR_NO_SPACE;
    }
    uint32_t openers = 0;
    segmsg_error_t error = check_head(memory, descriptor->bytes, &from->owner, &openers);
    if (error == SEGMSG_OK && is_by_name && from->counts) {
        count_opened(file->fd, path, openers);
    }
    return error == SEGMSG_OK ? map_peer(memory) : error;
}

static segmsg_error_t attach(segmsg_memory_t *memory, const void *descriptor, size_t bytes,
                             const segmsg_memory_owner_t *from)
{
    segmsg_shm_descriptor_t copy;
    const char *path;
    if (!read_descriptor(&copy, &path, descriptor, bytes)) {
        return SEGMSG_ERR_LAYOUT;
    }
    if (!begin(memory)) {
        return SEGMSG_ERR_NO_SPACE;
    }
    segmsg_error_t error = open_and_map(memory, &copy, path, from);
    if (error != SEGMSG_OK) {
        close_region(memory);
    }
    return error;
}

static void visit(const segmsg_memory_t *memory,
                  void (*part)(void *context, void *at, size_t length), void *context)
{
    segmsg_shm_map_visit(&((const state_t *) memory->state)->map, part, context);
}

const segmsg_memory_kind_t segmsg_shm_kind = {
    .name = "shm",
    .domain = segmsg_shm_domain,
    .sweep = segmsg_shm_sweep,
    .create = create,
    .describe = describe,
    .attach = attach,
    .visit = visit,
    .close = close_region,
};
