/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The files behind shared memory: made under names that nobody can guess, opened only if they are
 * what they should be, and gone whatever becomes of their processes.
 *
 * A file is named segmsg-UID-PID-RANDOM, for people and for segmsg-inspect; nothing is derived from
 * that. Its owner holds a shared lock (flock) as long as it lives: a file that can be locked
 * exclusively is a leftover, and anyone of its user may remove it.
 *
 * A name lasts until every process that must open the file by it has done so. The file then lives on
 * in those that have it open or mapped, and the kernel frees it with the last of them. A process that
 * comes later opens it as /proc/PID/fd/FD of its owner.
 */
#ifndef SEGMSG_SHM_FILE_H
#define SEGMSG_SHM_FILE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int fd;     /* -1: not open */
    char *path; /* its name; NULL: it has none any more, or is a peer's */
} segmsg_shm_file_t;

/* A file that is not open. Closing it does nothing. */
static inline segmsg_shm_file_t segmsg_shm_file_none(void)
{
    return (segmsg_shm_file_t){.fd = -1, .path = 0};
}

/*
 * Makes a sparse file of `bytes` bytes in `directory`, open and locked. Whatever stands in the way
 * under the same name is neither opened nor followed, another name is taken instead.
 * Returns 0, or an errno value, and then nothing is left.
 */
int segmsg_shm_file_create(segmsg_shm_file_t *file, const char *directory, uint64_t bytes);

/* Largest file, in bytes, that this process may make (RLIMIT_FSIZE). One byte more is SIGXFSZ. */
uint64_t segmsg_shm_file_bytes_max(void);

/* Bytes that are free in the file system of `directory`; 0 if it cannot be told. */
uint64_t segmsg_shm_file_room(const char *directory);

/*
 * Opens a peer's file, by its name or as descriptor `owner_fd` of the process `owner_pid`, for
 * reading and writing. It must be a regular file of this user that nobody else may open, that has no
 * other name, and that is `bytes` bytes long. Returns 0, or an errno value: EPERM for a file that is
 * something else than it should be.
 */
int segmsg_shm_file_open(segmsg_shm_file_t *file, const char *path, uint64_t bytes);
int segmsg_shm_file_open_of(segmsg_shm_file_t *file, uint32_t owner_pid, int owner_fd,
                            uint64_t bytes);

/* Takes the name away, if the file still has it. */
void segmsg_shm_file_unlink(segmsg_shm_file_t *file);

/* Closes the file; the name, if it has one, stays. */
void segmsg_shm_file_close(segmsg_shm_file_t *file);

/*
 * Removes the files of this user in `directory` whose owners are gone, whoever has their pids now.
 * Safe against files that are being made.
 */
void segmsg_shm_sweep(const char *directory);

#endif
