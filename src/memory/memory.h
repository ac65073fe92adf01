/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A kind of memory that processes share: what a receive region lies in, and how a peer maps it. A kind is a
 * file of this room and a row of memory/kinds.c. Its functions are called when a process starts and ends
 * and when it meets a peer; messages go by addresses, and see segmsg_export_t only.
 *
 *   owner                                        peer
 *   create ---- describe ---- descriptor ----->  attach      the descriptor travels in the modex
 *   ...                                          ...
 *   close                                        close
 */
#ifndef SEGMSG_MEMORY_H
#define SEGMSG_MEMORY_H

#include "queue/region.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct segmsg_memory_kind segmsg_memory_kind_t;

/* A receive region as this process has it mapped: its own, or a peer's. All zero: there is none. */
typedef struct {
    const segmsg_memory_kind_t *kind;
    segmsg_export_t export; /* what the engine sees of it */
    char *path;             /* of the own file, as long as it has a name; NULL: it has none */
    uint64_t
        short_of_addresses; /* bytes of a peer's region that could not be mapped; 0: another reason */
    void *state;            /* the kind's */
} segmsg_memory_t;

/* What region a process wants for itself. */
typedef struct {
    const char *directory; /* for its file */
    /* The engine's, which writes head and tables into the memory. */
    segmsg_error_t (*lay_out)(segmsg_export_t *export, const segmsg_export_config_t *config);
    segmsg_export_config_t config;
    uint32_t
        peers; /* senders for which it has room; for one at least, if a limit permits no more */
    bool
        is_whole; /* mapped as one, since it is handed to a network; else segments as they are used */
} segmsg_memory_wish_t;

/* Whose region is attached, and how that may be done. */
typedef struct {
    segmsg_identity_t owner; /* whom it must belong to */
    bool counts;   /* this process is one of config.openers, of whom the last takes the name away */
    bool via_proc; /* a file that has lost its name may be opened through /proc */
} segmsg_memory_owner_t;

/* Whether and why a region could not be made. */
typedef enum {
    SEGMSG_MEMORY_OK = 0,
    SEGMSG_MEMORY_DIRECTORY_MISSING,
    SEGMSG_MEMORY_DIRECTORY_NOT_WRITABLE,
    SEGMSG_MEMORY_DIRECTORY_FULL,
    SEGMSG_MEMORY_FILE_LIMIT, /* RLIMIT_FSIZE permits no file that is large enough */
    SEGMSG_MEMORY_CREATE_FAILED,
    SEGMSG_MEMORY_NO_ADDRESS_SPACE, /* the process may map too little (ulimit -v) */
    SEGMSG_MEMORY_LAYOUT_FAILED
} segmsg_memory_status_t;

/* By how much it failed. */
typedef struct {
    uint64_t needed;    /* bytes, for _DIRECTORY_FULL, _FILE_LIMIT, _NO_ADDRESS_SPACE */
    uint64_t available; /* likewise */
    int error;          /* errno value, for _CREATE_FAILED */
} segmsg_memory_shortage_t;

struct segmsg_memory_kind {
    const char *name; /* as btl_segmsg_memory says it */

    /* A number that is the same in all processes that see the same memory by this kind; 0: unknown. */
    uint64_t (*domain)(const char *directory);

    /* Removes what processes of this user, which are gone, have left in `directory`. */
    void (*sweep)(const char *directory);

    /*
     * Makes, maps and lays out the own region, of zeros: `memory` is all zero before, and is left so if it
     * cannot be done. Little memory is taken; the rest is committed by export.commit as it is used.
     */
    segmsg_memory_status_t (*create)(segmsg_memory_t *memory, const segmsg_memory_wish_t *wish,
                                     segmsg_memory_shortage_t *shortage);

    /* Writes what a peer needs to attach to `to`, and returns its bytes, a multiple of 8; only returns them
     * if `to` is NULL. */
    size_t (*describe)(const segmsg_memory_t *memory, void *to);

    /*
     * Maps a peer's region by the descriptor that the peer wrote, and checks its head. Quiet: a peer that cannot
     * be reached this way is no error. Returns SEGMSG_OK, SEGMSG_ERR_NO_SPACE (cannot be mapped here) or
     * SEGMSG_ERR_LAYOUT (not what we understand or expect); `memory` has no kind then.
     */
    segmsg_error_t (*attach)(segmsg_memory_t *memory, const void *descriptor, size_t bytes,
                             const segmsg_memory_owner_t *from);

    /* Calls `visit` with address and length of each part of the own region in turn, which are there during the
     * call and must not be touched. */
    void (*visit)(const segmsg_memory_t *memory,
                  void (*visit)(void *context, void *at, size_t length), void *context);

    /* Unmaps the region; the own one goes for good. */
    void (*close)(segmsg_memory_t *memory);
};

/* What the outcome of laying out a region means for it. */
static inline segmsg_memory_status_t segmsg_memory_status_of(segmsg_error_t error)
{
    return error == SEGMSG_OK             ? SEGMSG_MEMORY_OK
           : error == SEGMSG_ERR_NO_SPACE ? SEGMSG_MEMORY_DIRECTORY_FULL
                                          : SEGMSG_MEMORY_LAYOUT_FAILED;
}

/* Checks the head of a peer's region, which must be `owner`'s. Returns as segmsg_export_check. */
static inline segmsg_error_t segmsg_memory_check(segmsg_export_t *export,
                                                 const segmsg_identity_t *owner)
{
    segmsg_error_t error = segmsg_export_check(export);
    const segmsg_head_t *head = segmsg_export_head(export);
    return error == SEGMSG_OK
                   && (head->owner.nonce != owner->nonce || head->owner.name != owner->name)
               ? SEGMSG_ERR_LAYOUT
               : error;
}

static inline segmsg_memory_status_t segmsg_memory_create(segmsg_memory_t *memory,
                                                          const segmsg_memory_kind_t *kind,
                                                          const segmsg_memory_wish_t *wish,
                                                          segmsg_memory_shortage_t *shortage)
{
    *memory = (segmsg_memory_t){0};
    segmsg_memory_status_t status = kind->create(memory, wish, shortage);
    memory->kind = status == SEGMSG_MEMORY_OK ? kind : NULL;
    return status;
}

static inline segmsg_error_t segmsg_memory_attach(segmsg_memory_t *memory,
                                                  const segmsg_memory_kind_t *kind,
                                                  const void *descriptor, size_t bytes,
                                                  const segmsg_memory_owner_t *from)
{
    *memory = (segmsg_memory_t){0};
    segmsg_error_t error = kind->attach(memory, descriptor, bytes, from);
    memory->kind = error == SEGMSG_OK ? kind : NULL;
    return error;
}

/* Does nothing if there is no region. */
static inline void segmsg_memory_close(segmsg_memory_t *memory)
{
    if (memory->kind != NULL) {
        memory->kind->close(memory);
        *memory = (segmsg_memory_t){0};
    }
}

#endif
