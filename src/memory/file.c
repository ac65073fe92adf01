/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "memory/file.h"

#include "memory/commit.h"
#include "memory/shm_domain.h"
#include "memory/shm_file.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* What a peer needs to attach. */
typedef struct {
    uint64_t bytes; /* of the file */
    char path[PATH_MAX];
} descriptor_t;

typedef struct {
    segmsg_shm_file_t file;
} state_t;

/* Another number than shared memory of the same directory has: these two do not go together. */
static uint64_t domain(const char *directory)
{
    uint64_t shared = segmsg_shm_domain(directory);
    return shared == 0 ? 0 : ~shared;
}

static int commit(void *context, size_t offset, size_t length)
{
    const segmsg_memory_t *memory = context;
    const state_t *state = memory->state;
    return segmsg_commit_pages(memory->export.base + offset, state->file.fd, offset, length);
}

static bool begin(segmsg_memory_t *memory)
{
    state_t *state = malloc(sizeof(*state));
    if (state != NULL) {
        state->file = segmsg_shm_file_none();
    }
    memory->state = state;
    return state != NULL;
}

static void close_region(segmsg_memory_t *memory)
{
    state_t *state = memory->state;
    if (memory->export.base != NULL) {
        (void) munmap(memory->export.base, memory->export.bytes);
    }
    segmsg_shm_file_unlink(&state->file);
    segmsg_shm_file_close(&state->file);
    free(state);
    memory->export.base = NULL;
    memory->path = NULL;
    memory->state = NULL;
}

/* Maps all of the file, and tells the engine so. */
static bool map(segmsg_memory_t *memory, uint64_t bytes)
{
    const state_t *state = memory->state;
    void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, state->file.fd, 0);
    if (base == MAP_FAILED) {
        return false;
    }
    memory->export.base = base;
    memory->export.bytes = bytes;
    memory->export.commit = commit;
    memory->export.commit_context = memory;
    return true;
}

static segmsg_memory_status_t status_of(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return SEGMSG_MEMORY_DIRECTORY_MISSING;
    case EACCES:
    case EROFS:
        return SEGMSG_MEMORY_DIRECTORY_NOT_WRITABLE;
    case EFBIG:
        return SEGMSG_MEMORY_FILE_LIMIT;
    default:
        return SEGMSG_MEMORY_CREATE_FAILED;
    }
}

static segmsg_memory_status_t make_region(segmsg_memory_t *memory, const segmsg_memory_wish_t *wish,
                                          segmsg_memory_shortage_t *shortage)
{
    state_t *state = memory->state;
    uint64_t bytes = segmsg_export_bytes_for(&wish->config, wish->peers);
    shortage->needed = bytes;
    shortage->available = segmsg_shm_file_bytes_max();
    shortage->error = segmsg_shm_file_create(&state->file, wish->directory, bytes);
    if (shortage->error != 0) {
        return status_of(shortage->error);
    }
    if (!map(memory, bytes)) {
        shortage->available = 0;
        return SEGMSG_MEMORY_NO_ADDRESS_SPACE;
    }
    segmsg_error_t error = wish->lay_out(&memory->export, &wish->config);
    shortage->needed = segmsg_export_bytes_at_start(&wish->config);
    shortage->available = segmsg_shm_file_room(wish->directory);
    return segmsg_memory_status_of(error);
}

static segmsg_memory_status_t create(segmsg_memory_t *memory, const segmsg_memory_wish_t *wish,
                                     segmsg_memory_shortage_t *shortage)
{
    if (!begin(memory)) {
        shortage->error = ENOMEM;
        return SEGMSG_MEMORY_CREATE_FAILED;
    }
    segmsg_memory_status_t status = make_region(memory, wish, shortage);
    if (status == SEGMSG_MEMORY_OK) {
        memory->path = ((const state_t *) memory->state)->file.path;
    } else {
        close_region(memory);
    }
    return status;
}

static size_t describe(const segmsg_memory_t *memory, void *to)
{
    size_t path_bytes = strlen(memory->path) + 1;
    if (to != NULL) {
        memcpy(to, &memory->export.bytes, sizeof(uint64_t));
        memcpy((char *) to + offsetof(descriptor_t, path), memory->path, path_bytes);
    }
    return (offsetof(descriptor_t, path) + path_bytes + 7) / 8 * 8;
}

static segmsg_error_t open_and_map(segmsg_memory_t *memory, const descriptor_t *descriptor,
                                   const segmsg_identity_t *owner)
{
    state_t *state = memory->state;
    if (segmsg_shm_file_open(&state->file, descriptor->path, descriptor->bytes) != 0) {
        return SEGMSG_ERR_NO_SPACE;
    }
    if (!map(memory, descriptor->bytes)) {
        memory->short_of_addresses = descriptor->bytes;
        return SEGMSG_ERR_NO_SPACE;
    }
    return segmsg_memory_check(&memory->export, owner);
}

static segmsg_error_t attach(segmsg_memory_t *memory, const void *descriptor, size_t bytes,
                             const segmsg_memory_owner_t *from)
{
    descriptor_t copy = {.bytes = 0};
    if (bytes <= offsetof(descriptor_t, path) || bytes > sizeof(copy)) {
        return SEGMSG_ERR_LAYOUT;
    }
    memcpy(&copy, descriptor, bytes);
    if (memchr(copy.path, '\0', sizeof(copy.path)) == NULL || copy.bytes < SEGMSG_PAGE) {
        return SEGMSG_ERR_LAYOUT;
    }
    if (!begin(memory)) {
        return SEGMSG_ERR_NO_SPACE;
    }
    segmsg_error_t error = open_and_map(memory, &copy, &from->owner);
    if (error != SEGMSG_OK) {
        close_region(memory);
    }
    return error;
}

static void visit(const segmsg_memory_t *memory,
                  void (*part)(void *context, void *at, size_t length), void *context)
{
    part(context, memory->export.base, memory->export.bytes);
}

const segmsg_memory_kind_t segmsg_file_kind = {
    .name = "file",
    .domain = domain,
    .sweep = segmsg_shm_sweep,
    .create = create,
    .describe = describe,
    .attach = attach,
    .visit = visit,
    .close = close_region,
};
