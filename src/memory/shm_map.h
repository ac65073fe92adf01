/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * How a process maps a receive region: its begin, which has the head, the tables and the lobby, as one; of
 * the rest a segment when it is first used. A region is large and sparse, and a node has as many as
 * processes: mapped as a whole they would take the square of that in address space, which may be limited
 * (ulimit -v), and which mlockall() turns into memory.
 */
#ifndef SEGMSG_SHM_MAP_H
#define SEGMSG_SHM_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How much of a region is mapped from the start. */
typedef enum {
    SEGMSG_SHM_MAP_SEGMENTS, /* its begin; segments as they are used */
    SEGMSG_SHM_MAP_RESERVED, /* the same, but the address space for all of it is reserved, so that no segment
                                can fail to be mapped: the own region where address space is limited */
    SEGMSG_SHM_MAP_WHOLE /* all of it */
} segmsg_shm_map_mode_t;

typedef struct {
    size_t offset; /* of the segment, bytes from the start of the region */
    size_t length; /* bytes */
    unsigned char *at;
} segmsg_shm_piece_t;

/* One region as this process maps it. One thread at a time maps segments. */
typedef struct {
    int fd; /* of the region's file; the caller's to close */
    segmsg_shm_map_mode_t mode;
    unsigned char *base;       /* the begin of the region; NULL: nothing is mapped */
    size_t bytes;              /* of the region */
    size_t at_once;            /* bytes that are mapped at `base` */
    bool is_peers;             /* segments count towards segmsg_shm_map_set_limit */
    segmsg_shm_piece_t *piece; /* the segments that are mapped */
    size_t pieces;
    size_t pieces_room;
} segmsg_shm_map_t;

/*
 * Maps the first `at_once` bytes of the region of `bytes` bytes that is the file `fd`, which must stay open
 * unless the mode is SEGMSG_SHM_MAP_WHOLE. Returns 0 or an errno value.
 */
int segmsg_shm_map_open(segmsg_shm_map_t *map, int fd, size_t bytes, size_t at_once,
                        segmsg_shm_map_mode_t mode, bool is_peers);

/*
 * The address of the `length` bytes at `offset`, which are mapped if they are not. NULL if there is no
 * address space for them, or they do not lie within the region.
 */
unsigned char *segmsg_shm_map_segment(segmsg_shm_map_t *map, size_t offset, size_t length);

/* The same of what is mapped already; NULL otherwise. Any thread may ask for what lies in the begin. */
unsigned char *segmsg_shm_map_find(const segmsg_shm_map_t *map, size_t offset, size_t length);

/* Calls `visit` with the address and the length of each part of the region in turn. The parts are mapped
 * for this only, a moderate number of bytes at a time, and must not be touched. */
void segmsg_shm_map_visit(const segmsg_shm_map_t *map,
                          void (*visit)(void *context, void *at, size_t length), void *context);

void segmsg_shm_map_close(segmsg_shm_map_t *map);

/* Sets how many bytes of the segments of other processes are mapped at one time, at most; UINT64_MAX: no
 * limit, as at first. Segments that are mapped already count. */
void segmsg_shm_map_set_limit(uint64_t bytes);

/* Bytes of segments of other processes that are mapped. */
uint64_t segmsg_shm_map_peers_bytes(void);

/* Bytes of address space that this process can still have; UINT64_MAX: there is no limit. */
uint64_t segmsg_shm_map_address_space_left(void);

/*
 * Moves a descriptor that stays open for long out of the way of those that the application opens. Returns the
 * new one, to be closed with segmsg_shm_map_release; the old one is closed. -1 if the process may open too
 * few descriptors for that; the old one stays open then.
 */
int segmsg_shm_map_keep(int fd);
void segmsg_shm_map_release(int fd);

#endif
