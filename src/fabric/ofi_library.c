/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "fabric/ofi_library.h"

#if SEGMSG_HAVE_OFI

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool find(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof(symbol)); /* C has no cast from an object to a function */
    return symbol != NULL;
}

const segmsg_ofi_library_t *segmsg_ofi_library(const char **why)
{
    static segmsg_ofi_library_t found;
    static char reason[256];
    *why = reason;
    if (found.version != NULL) {
        return &found;
    }
    segmsg_ofi_library_t table;
    void *library = dlopen("libfabric.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        snprintf(reason, sizeof(reason), "libfabric cannot be loaded: %s", dlerror());
        return NULL;
    }
    if (!find(library, "fi_getinfo", &table.getinfo)
        || !find(library, "fi_freeinfo", &table.freeinfo)
        || !find(library, "fi_dupinfo", &table.dupinfo)
        || !find(library, "fi_fabric", &table.fabric)
        || !find(library, "fi_strerror", &table.strerror)
        || !find(library, "fi_version", &table.version)) {
        snprintf(reason, sizeof(reason), "libfabric lacks a function: %s", dlerror());
        return NULL;
    }
    /* A symbol that is looked up by name is the newest of its versions, which is the one that we were
     * compiled for only if the library is. */
    uint32_t built = FI_VERSION(FI_MAJOR_VERSION, FI_MINOR_VERSION);
    if (table.version() != built) {
        snprintf(reason, sizeof(reason),
                 "segmsg was built with libfabric %d.%d, and %u.%u is what runs; build it again",
                 FI_MAJOR_VERSION, FI_MINOR_VERSION, FI_MAJOR(table.version()),
                 FI_MINOR(table.version()));
        return NULL;
    }
    found = table;
    return &found;
}

const char *segmsg_ofi_error_text(int error)
{
    const char *why;
    const segmsg_ofi_library_t *library = segmsg_ofi_library(&why);
    return library == NULL ? why : library->strerror(error < 0 ? -error : error);
}

#endif /* SEGMSG_HAVE_OFI */
