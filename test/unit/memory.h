/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Memory for exports under test. It is shared, between guard pages, and inaccessible until it is
 * committed, so whatever touches a page that was not committed, or anything outside the export,
 * crashes. The space can be limited, like that of a full /dev/shm.
 */
#ifndef SEGMSG_TEST_MEMORY_H
#define SEGMSG_TEST_MEMORY_H

#include "engine/sender.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { MEMORY_GUARD = 16 * SEGMSG_PAGE };

typedef struct {
    segmsg_export_t export;
    unsigned char *is_committed; /* one byte a page, shared among processes */
    size_t pages;
    _Atomic size_t *left; /* pages that may still be committed; shared */
    segmsg_export_config_t config;
} memory_t;

static inline int memory_commit(void *context, size_t offset, size_t length)
{
    memory_t *memory = context;
    size_t end = (offset + length + SEGMSG_PAGE - 1) / SEGMSG_PAGE;
    if (length == 0 || end > memory->pages) {
        unit_fail(__FILE__, __LINE__, "commit of %zu bytes at %zu, outside the export", length,
                  offset);
        return EINVAL;
    }
    for (size_t page = offset / SEGMSG_PAGE; page < end; ++page) {
        if (__atomic_exchange_n(&memory->is_committed[page], 1, __ATOMIC_ACQ_REL) == 0) {
            size_t left = atomic_load(memory->left);
            while (left != 0 && !atomic_compare_exchange_weak(memory->left, &left, left - 1)) {
            }
            if (left == 0) {
                __atomic_store_n(&memory->is_committed[page], 0, __ATOMIC_RELEASE);
                return ENOSPC;
            }
        }
        if (mprotect(memory->export.base + page * SEGMSG_PAGE, SEGMSG_PAGE, PROT_READ | PROT_WRITE)
            != 0) {
            return errno;
        }
    }
    return 0;
}

static inline unsigned char *memory_map(size_t bytes, int protection)
{
    void *at = mmap(NULL, bytes, protection, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) {
        perror("mmap");
        abort();
    }
    return at;
}

/* Maps an export of `bytes`, without laying it out. */
static inline void memory_open(memory_t *memory, size_t bytes)
{
    memset(memory, 0, sizeof(*memory));
    memory->pages = bytes / SEGMSG_PAGE;
    memory->export.base = memory_map(bytes + 2 * MEMORY_GUARD, PROT_NONE) + MEMORY_GUARD;
    memory->export.bytes = bytes;
    memory->export.commit = memory_commit;
    memory->export.commit_context = memory;
    memory->is_committed = memory_map(memory->pages, PROT_READ | PROT_WRITE);
    memory->left = (void *) memory_map(SEGMSG_PAGE, PROT_READ | PROT_WRITE);
    atomic_store(memory->left, SIZE_MAX / 2);
}

/* Makes all of the export accessible to this process, so that another may commit for it. */
static inline void memory_unlock(memory_t *memory)
{
    if (mprotect(memory->export.base, memory->export.bytes, PROT_READ | PROT_WRITE) != 0) {
        perror("mprotect");
        abort();
    }
}

static inline void memory_close(memory_t *memory)
{
    munmap(memory->export.base - MEMORY_GUARD, memory->export.bytes + 2 * MEMORY_GUARD);
    munmap(memory->is_committed, memory->pages);
    munmap(memory->left, SEGMSG_PAGE);
}

/* The configuration of an export with the groups of `list`; aborts if they are not valid. */
static inline segmsg_export_config_t memory_config(const char *list, uint32_t starter,
                                                   uint32_t groups_max)
{
    segmsg_export_config_t config = {
        .ring_starter = starter,
        .groups_max = groups_max,
        .owner = {.name = UINT64_C(0x100000007), .nonce = 7, .pid = 4711},
    };
    uint32_t bad_group;
    segmsg_error_t error = segmsg_geometry_parse(list, &config.geometry, &bad_group);
    if (error != SEGMSG_OK) {
        fprintf(stderr, "%s: group %u: %s\n", list, bad_group, segmsg_error_text(error));
        abort();
    }
    return config;
}

/* Maps and lays out an export for `peers` senders; aborts if it cannot be. */
static inline void memory_open_config(memory_t *memory, const segmsg_export_config_t *config,
                                      uint32_t peers)
{
    memory_open(memory, segmsg_export_bytes_for(config, peers));
    memory->config = *config;
    segmsg_error_t error = segmsg_export_init(&memory->export, config);
    if (error != SEGMSG_OK) {
        fprintf(stderr, "%s\n", segmsg_error_text(error));
        abort();
    }
}

/* One without common segments. */
static inline void memory_open_export(memory_t *memory, const char *list, uint32_t starter,
                                      uint32_t groups_max, uint32_t peers)
{
    segmsg_export_config_t config = memory_config(list, starter, groups_max);
    memory_open_config(memory, &config, peers);
}

/* The sender's view: the same memory as another process would map and check it. */
static inline segmsg_export_t memory_image(const memory_t *memory)
{
    segmsg_export_t image = memory->export;
    memset(&image.shape, 0xee, sizeof(image.shape));
    UNIT_EQUAL(segmsg_export_check(&image), SEGMSG_OK);
    return image;
}

/* Where a segment of an export that is mapped as a whole is. */
static inline segmsg_segment_view_t memory_view(const segmsg_export_t *export,
                                                const segmsg_segment_entry_t *entry)
{
    segmsg_segment_view_t view = {0};
    UNIT_CHECK(segmsg_segment_view(export, entry, &view));
    return view;
}

static inline segmsg_identity_t memory_sender(uint32_t rank)
{
    return (segmsg_identity_t){.name = UINT64_C(1) << 32 | rank,
                               .nonce = rank * UINT64_C(77),
                               .pid = rank};
}

/* A sender that takes a longer segment of group 0 after `grow_after` messages, or for the first message
 * that needs it; what it needs of the others it takes at once. */
static inline segmsg_growth_t memory_growth(uint32_t grow_after)
{
    return (segmsg_growth_t){.own_crowd = UINT32_MAX, .grow_after = grow_after};
}

/* Fills `length` bytes in a way that tells one message, and one place in it, from another. */
static inline void memory_fill(void *data, size_t length, uint64_t number)
{
    unsigned char *at = data;
    uint64_t word = number * UINT64_C(0x9e3779b97f4a7c15);
    size_t i = 0;
    for (; i + 8 <= length; i += 8, word += UINT64_C(0x0101010101010101)) {
        memcpy(at + i, &word, 8);
    }
    memcpy(at + i, &word, length - i);
}

static inline bool memory_holds(const void *data, size_t length, uint64_t number)
{
    const unsigned char *at = data;
    uint64_t word = number * UINT64_C(0x9e3779b97f4a7c15);
    size_t i = 0;
    for (; i + 8 <= length; i += 8, word += UINT64_C(0x0101010101010101)) {
        if (memcmp(at + i, &word, 8) != 0) {
            return false;
        }
    }
    return memcmp(at + i, &word, length - i) == 0;
}

#endif
