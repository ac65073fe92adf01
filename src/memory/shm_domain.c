/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "memory/shm_domain.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* The kernel's number of a name space of this process; 1 if the kernel has only one of the kind. */
static uint32_t space_number(const char *kind)
{
    char path[64];
    struct stat st;
    snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
    if (stat(path, &st) == 0) {
        return (uint32_t) st.st_ino;
    }
    return access("/proc/self/ns", X_OK) == 0 ? 1 : 0;
}

/* False if this process has other numbers in /proc than it has for itself: it may be that of another
 * name space. */
static bool proc_is_ours(void)
{
    char number[32] = "";
    return readlink("/proc/self", number, sizeof(number) - 1) > 0
           && strtol(number, NULL, 10) == (long) getpid();
}

segmsg_shm_spaces_t segmsg_shm_spaces(void)
{
    enum { OPEN_TO_ITS_USER = 1 };
    segmsg_shm_spaces_t spaces = {.pids = space_number("pid")};
    if (proc_is_ours() && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == OPEN_TO_ITS_USER) {
        spaces.users = space_number("user");
    }
    return spaces;
}
