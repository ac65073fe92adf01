/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "memory/shm_file.h"

#include "base/random.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    RANDOM_DIGITS = 16, /* hexadecimal, of a name: 64 bits */
    NAMES_TRIED = 64    /* before a directory counts as hostile */
};
static const mode_t MODE = S_IRUSR | S_IWUSR;

/* O_NONBLOCK: a pipe in the place of a file is not waited for. */
static int open_flags(void)
{
    return O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
}

/* A name that nobody knows yet, in memory that the caller frees; NULL with errno set. */
static char *new_path(const char *directory)
{
    uint64_t random;
    if (!segmsg_random_bytes(&random, sizeof(random))) {
        errno = EAGAIN;
        return NULL;
    }
    char path[PATH_MAX];
    int length = snprintf(path, sizeof(path), "%s/segmsg-%u-%u-%016" PRIx64, directory,
                          (unsigned) geteuid(), (unsigned) getpid(), random);
    if (length >= (int) sizeof(path)) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    return strdup(path);
}

/*
 * Locks a file that was just made. False if a sweep came first: it has the lock for a moment, or the
 * file has lost its name already. A file system without locks is no error: nothing is swept there.
 */
static bool lock_own(int fd)
{
    struct stat st;
    return (flock(fd, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK) && fstat(fd, &st) == 0
           && st.st_nlink == 1;
}

/* Makes the file `path`, empty; -1 with errno set, EEXIST if another name is to be tried. */
static int make(const char *path)
{
    int fd = open(path, open_flags() | O_CREAT | O_EXCL | O_NOFOLLOW, MODE);
    if (fd < 0) {
        return -1;
    }
    if (!lock_own(fd)) {
        (void) unlink(path);
        close(fd);
        errno = EEXIST;
        return -1;
    }
    return fd;
}

static int make_under_new_name(segmsg_shm_file_t *file, const char *directory)
{
    for (int attempt = 0; attempt < NAMES_TRIED; ++attempt) {
        char *path = new_path(directory);
        if (path == NULL) {
            return errno;
        }
        int fd = make(path);
        if (fd >= 0) {
            *file = (segmsg_shm_file_t){.fd = fd, .path = path};
            return 0;
        }
        int error = errno;
        free(path);
        if (error != EEXIST) {
            return error;
        }
    }
    return EEXIST;
}

int segmsg_shm_file_create(segmsg_shm_file_t *file, const char *directory, uint64_t bytes)
{
    *file = segmsg_shm_file_none();
    if (bytes > segmsg_shm_file_bytes_max()) {
        return EFBIG;
    }
    int error = make_under_new_name(file, directory);
    if (error != 0) {
        return error;
    }
    /* The mode again: the process's umask may have taken from it what peers need. */
    if (fchmod(file->fd, MODE) != 0 || ftruncate(file->fd, (off_t) bytes) != 0) {
        error = errno;
        segmsg_shm_file_unlink(file);
        segmsg_shm_file_close(file);
    }
    return error;
}

uint64_t segmsg_shm_file_bytes_max(void)
{
    struct rlimit limit;
    uint64_t most = INT64_MAX; /* what fits an off_t */
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY
        && limit.rlim_cur < most) {
        most = limit.rlim_cur;
    }
    return most;
}

uint64_t segmsg_shm_file_room(const char *directory)
{
    struct statvfs fs;
    return statvfs(directory, &fs) == 0 ? (uint64_t) fs.f_bavail * fs.f_frsize : 0;
}

/* A file that lost its last name a moment ago is as good as one that has it. */
static bool is_as_told(int fd, uint64_t bytes)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid()
           && (st.st_mode & (S_IRWXG | S_IRWXO)) == 0 && st.st_nlink <= 1
           && (uint64_t) st.st_size == bytes;
}

static int open_checked(segmsg_shm_file_t *file, const char *path, int more_flags, uint64_t bytes)
{
    *file = segmsg_shm_file_none();
    int fd = open(path, open_flags() | more_flags);
    if (fd < 0) {
        return errno;
    }
    if (!is_as_told(fd, bytes)) {
        close(fd);
        return EPERM;
    }
    file->fd = fd;
    return 0;
}

int segmsg_shm_file_open(segmsg_shm_file_t *file, const char *path, uint64_t bytes)
{
    return open_checked(file, path, O_NOFOLLOW, bytes);
}

int segmsg_shm_file_open_of(segmsg_shm_file_t *file, uint32_t owner_pid, int owner_fd,
                            uint64_t bytes)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%" PRIu32 "/fd/%d", owner_pid, owner_fd);
    return open_checked(file, path, 0, bytes); /* a link of the kernel's own */
}

void segmsg_shm_file_unlink(segmsg_shm_file_t *file)
{
    if (file->path != NULL) {
        (void) unlink(file->path); /* the run-time or a peer may have done it */
        free(file->path);
        file->path = NULL;
    }
}

void segmsg_shm_file_close(segmsg_shm_file_t *file)
{
    free(file->path);
    file->path = NULL;
    if (file->fd >= 0) {
        close(file->fd);
        file->fd = -1;
    }
}

/* ---- leftovers ---- */

/* True if `name` is of the form that new_path gives, for this user. */
static bool is_name_of_ours(const char *name)
{
    unsigned uid;
    unsigned pid;
    int used = 0;
    return sscanf(name, "segmsg-%u-%u-%n", &uid, &pid, &used) == 2 && used != 0
           && uid == (unsigned) geteuid() && strlen(name + used) == RANDOM_DIGITS
           && strspn(name + used, "0123456789abcdef") == RANDOM_DIGITS;
}

/* Removes the file `name` if nobody holds its lock. */
static void sweep_one(int directory, const char *name)
{
    int fd = openat(directory, name, open_flags() | O_NOFOLLOW);
    if (fd < 0) {
        return;
    }
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid()
        && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        /* The lock is given up after the name: whoever makes a file looks for both, see lock_own. */
        (void) unlinkat(directory, name, 0);
    }
    close(fd);
}

void segmsg_shm_sweep(const char *directory)
{
    DIR *entries = opendir(directory);
    if (entries == NULL) {
        return;
    }
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        if (is_name_of_ours(entry->d_name)) {
            sweep_one(dirfd(entries), entry->d_name);
        }
    }
    closedir(entries);
}
