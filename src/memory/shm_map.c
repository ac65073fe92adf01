/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "memory/shm_map.h"

#include "queue/region.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static _Atomic uint64_t peers_limit = UINT64_MAX; /* see segmsg_shm_map_set_limit */
static _Atomic uint64_t peers_bytes;
static _Atomic unsigned kept; /* descriptors: see segmsg_shm_map_keep */

static size_t page_bytes(void)
{
    return (size_t) sysconf(_SC_PAGESIZE);
}

void segmsg_shm_map_set_limit(uint64_t bytes)
{
    /* Relaxed, as all of these: counts, which order nothing. */
    atomic_store_explicit(&peers_limit, bytes, memory_order_relaxed);
}

uint64_t segmsg_shm_map_peers_bytes(void)
{
    return atomic_load_explicit(&peers_bytes, memory_order_relaxed);
}

static bool count_peers(uint64_t length)
{
    uint64_t used = atomic_load_explicit(&peers_bytes, memory_order_relaxed);
    do {
        uint64_t limit = atomic_load_explicit(&peers_limit, memory_order_relaxed);
        if (length > limit || used > limit - length) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&peers_bytes, &used, used + length,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

static void uncount_peers(uint64_t length)
{
    atomic_fetch_sub_explicit(&peers_bytes, length, memory_order_relaxed);
}

/* The first `at_once` bytes, or all, somewhere. */
static unsigned char *map_begin(const segmsg_shm_map_t *map)
{
    if (map->mode != SEGMSG_SHM_MAP_RESERVED) {
        return mmap(NULL, map->at_once, PROT_READ | PROT_WRITE, MAP_SHARED, map->fd, 0);
    }
    unsigned char *base =
        mmap(NULL, map->bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base != MAP_FAILED
        && mmap(base, map->at_once, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, map->fd, 0)
               == MAP_FAILED) {
        int error = errno;
        munmap(base, map->bytes);
        errno = error;
        return MAP_FAILED;
    }
    return base;
}

int segmsg_shm_map_open(segmsg_shm_map_t *map, int fd, size_t bytes, size_t at_once,
                        segmsg_shm_map_mode_t mode, bool is_peers)
{
    *map = (segmsg_shm_map_t){
        .fd = fd,
        .mode = mode,
        .bytes = bytes,
        .at_once = mode == SEGMSG_SHM_MAP_WHOLE ? bytes : at_once,
        .is_peers = is_peers,
    };
    if (at_once > bytes) {
        return EINVAL;
    }
    unsigned char *base = map_begin(map);
    if (base == MAP_FAILED) {
        return errno;
    }
    map->base = base;
    return 0;
}

static bool is_within(const segmsg_shm_map_t *map, size_t offset, size_t length)
{
    return offset <= map->bytes && length <= map->bytes - offset;
}

unsigned char *segmsg_shm_map_find(const segmsg_shm_map_t *map, size_t offset, size_t length)
{
    if (!is_within(map, offset, length)) {
        return NULL;
    }
    if (offset + length <= map->at_once) {
        return map->base + offset;
    }
    /* The latest first: what is asked for has often been mapped a moment ago. */
    for (size_t p = map->pieces; p != 0; --p) {
        const segmsg_shm_piece_t *piece = &map->piece[p - 1];
        if (offset >= piece->offset && offset + length <= piece->offset + piece->length) {
            return piece->at + (offset - piece->offset);
        }
    }
    return NULL;
}

/* Room to note one more segment. There are no more than pages, unless somebody writes nonsense into the
 * table of segments. */
static bool has_note(segmsg_shm_map_t *map)
{
    if (map->pieces == map->pieces_room) {
        size_t room = map->pieces_room == 0 ? 8 : 2 * map->pieces_room;
        segmsg_shm_piece_t *more = realloc(map->piece, room * sizeof(*more));
        if (more == NULL) {
            return false;
        }
        map->piece = more;
        map->pieces_room = room;
    }
    return map->pieces < map->bytes / SEGMSG_PAGE;
}

unsigned char *segmsg_shm_map_segment(segmsg_shm_map_t *map, size_t offset, size_t length)
{
    unsigned char *found = segmsg_shm_map_find(map, offset, length);
    if (found != NULL || !is_within(map, offset, length) || length == 0 || !has_note(map)) {
        return found;
    }
    /* The kernel's pages may be larger than those of the layout. */
    size_t before = offset % page_bytes();
    bool is_reserved = map->mode == SEGMSG_SHM_MAP_RESERVED;
    if (map->is_peers && !count_peers(before + length)) {
        return NULL;
    }
    unsigned char *at = mmap(is_reserved ? map->base + (offset - before) : NULL, before + length,
                             PROT_READ | PROT_WRITE, MAP_SHARED | (is_reserved ? MAP_FIXED : 0),
                             map->fd, (off_t) (offset - before));
    if (at == MAP_FAILED) {
        if (map->is_peers) {
            uncount_peers(before + length);
        }
        return NULL;
    }
    map->piece[map->pieces++] =
        (segmsg_shm_piece_t){.offset = offset, .length = length, .at = at + before};
    return at + before;
}

void segmsg_shm_map_visit(const segmsg_shm_map_t *map,
                          void (*visit)(void *context, void *at, size_t length), void *context)
{
    enum { STEP = 16 << 20 }; /* bytes; of whole pages, whatever their size */
    for (size_t offset = 0; offset < map->bytes; offset += STEP) {
        size_t length = map->bytes - offset < STEP ? map->bytes - offset : STEP;
        void *at = mmap(NULL, length, PROT_NONE, MAP_SHARED, map->fd, (off_t) offset);
        if (at == MAP_FAILED) {
            return;
        }
        visit(context, at, length);
        munmap(at, length);
    }
}

static void unmap_pieces(segmsg_shm_map_t *map)
{
    for (size_t p = 0; p < map->pieces; ++p) {
        const segmsg_shm_piece_t *piece = &map->piece[p];
        size_t before = piece->offset % page_bytes();
        if (map->mode == SEGMSG_SHM_MAP_SEGMENTS) {
            munmap(piece->at - before, before + piece->length);
        }
        if (map->is_peers) {
            uncount_peers(before + piece->length);
        }
    }
    free(map->piece);
    map->piece = NULL;
    map->pieces = map->pieces_room = 0;
}

void segmsg_shm_map_close(segmsg_shm_map_t *map)
{
    if (map->base != NULL) {
        unmap_pieces(map);
        munmap(map->base, map->mode == SEGMSG_SHM_MAP_SEGMENTS ? map->at_once : map->bytes);
        map->base = NULL;
    }
}

/* The beginning of a file that the kernel writes about this process; empty if there is none. */
static void read_about_self(const char *path, char *text, size_t size)
{
    ssize_t length = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        length = read(fd, text, size - 1);
        close(fd);
    }
    text[length > 0 ? length : 0] = '\0';
}

/* Bytes that this process has mapped, by the kernel's count; 0 if it does not say. */
static uint64_t address_space_used(void)
{
    char text[32];
    read_about_self("/proc/self/statm", text, sizeof(text));
    return strtoull(text, NULL, 10) * page_bytes();
}

uint64_t segmsg_shm_map_address_space_left(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return UINT64_MAX;
    }
    uint64_t used = address_space_used();
    return limit.rlim_cur > used ? limit.rlim_cur - used : 0;
}

/* Descriptors that the kernel's table of this process has room for; 0 if it does not say. */
static int descriptor_table(void)
{
    static _Atomic int size = -1;
    /* Relaxed: a number that every thread finds for itself. One that is old is too small at most. */
    int known = atomic_load_explicit(&size, memory_order_relaxed);
    if (known < 0) {
        static const char key[] = "\nFDSize:";
        char text[1024];
        read_about_self("/proc/self/status", text, sizeof(text));
        const char *found = strstr(text, key);
        known = found != NULL ? atoi(found + sizeof(key) - 1) : 0;
        atomic_store_explicit(&size, known, memory_order_relaxed);
    }
    return known;
}

int segmsg_shm_map_keep(int fd)
{
    /*
     * Low descriptors are the application's: select() knows those below 1024 only. The first ones are kept in the
     * last quarter of the table that is there: in a process of several threads a table that grows waits for a
     * grace period of RCU, of 15 ms.
     */
    enum { LOW = 512, SHARE = 4 };
    struct rlimit limit;
    rlim_t most = getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
    unsigned count = atomic_load_explicit(&kept, memory_order_relaxed);
    if (count >= most / SHARE) {
        return -1;
    }
    int table = descriptor_table();
    int from = count < (unsigned) table / SHARE ? table - table / SHARE : LOW;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, most / 2 < (rlim_t) from ? (int) (most / 2) : from);
    if (moved >= 0) {
        atomic_fetch_add_explicit(&kept, 1, memory_order_relaxed);
        close(fd);
    }
    return moved;
}

void segmsg_shm_map_release(int fd)
{
    close(fd);
    atomic_fetch_sub_explicit(&kept, 1, memory_order_relaxed);
}
