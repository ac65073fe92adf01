/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "memory/kinds.h"

#include "memory/file.h"
#include "memory/shm.h"

#include <string.h>

const segmsg_memory_kind_t *segmsg_memory_kind(const char *name, size_t length)
{
    static const segmsg_memory_kind_t *const kinds[] = {&segmsg_shm_kind, &segmsg_file_kind};
    for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); ++k) {
        if (strlen(kinds[k]->name) == length && strncmp(kinds[k]->name, name, length) == 0) {
            return kinds[k];
        }
    }
    return NULL;
}

const char *segmsg_memory_status_text(segmsg_memory_status_t status,
                                      const segmsg_memory_shortage_t *shortage)
{
    switch (status) {
    case SEGMSG_MEMORY_DIRECTORY_MISSING:
        return "the directory does not exist";
    case SEGMSG_MEMORY_DIRECTORY_NOT_WRITABLE:
        return "the directory may not be written to";
    case SEGMSG_MEMORY_DIRECTORY_FULL:
        return "the directory has no room";
    case SEGMSG_MEMORY_FILE_LIMIT:
        return "files may not be so large (ulimit -f, RLIMIT_FSIZE)";
    case SEGMSG_MEMORY_NO_ADDRESS_SPACE:
        return "the process may map too little (ulimit -v)";
    case SEGMSG_MEMORY_CREATE_FAILED:
        return strerror(shortage->error);
    case SEGMSG_MEMORY_LAYOUT_FAILED:
        return "tables and groups do not fit";
    case SEGMSG_MEMORY_OK:
        break;
    }
    return "none";
}
