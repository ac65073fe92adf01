/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Copying between the memories of two processes in one go. A kind of copier is a file and a row of the table
 * of who uses it. Whether it works depends on users, security modules, filters and name spaces, so it is
 * tried on every peer: by a word of its memory that says what the peer has said of itself.
 */
#ifndef SEGMSG_COPIER_H
#define SEGMSG_COPIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What a process lets others try their copiers on; it publishes the address. */
typedef struct {
    volatile uint64_t nonce;   /* which no other process of the node has or had */
    volatile uint64_t scratch; /* anybody writes here */
} segmsg_copier_probe_t;

/* The peer, as who it is known. */
typedef struct {
    pid_t pid;      /* as it says itself; may be another process's here */
    void *proc;     /* opal_proc_t of it; NULL: there is no Open MPI */
    uint64_t probe; /* address of its segmsg_copier_probe_t in its memory, */
    uint64_t nonce; /* and the number that stands there */
} segmsg_copier_peer_t;

typedef struct segmsg_copier_kind segmsg_copier_kind_t;

/* What copies from and to one peer. All zero: nothing does. */
typedef struct {
    const segmsg_copier_kind_t *kind;
    segmsg_copier_peer_t peer;
    void *state; /* the kind's */
} segmsg_copier_t;

struct segmsg_copier_kind {
    const char *name; /* as btl_segmsg_single_copy says it */
    bool goes_by_pid; /* a peer of which it works has that pid here; its errors say when it ends */

    /* Permits others to copy to and from this process, as far as it can. NULL: nothing is to be done. */
    void (*permit)(void);

    /* Sets `state` for copier->peer; false if it cannot work. */
    bool (*open)(segmsg_copier_t *copier);

    /* Copies `size` bytes from `remote` in the peer to `local`, or to it from there. False, with errno
     * set, if that failed; part of it may then be copied. */
    bool (*copy)(const segmsg_copier_t *copier, bool to_peer, void *local, uint64_t remote,
                 size_t size);

    /* Gives back what `open` took. NULL: nothing. */
    void (*close)(segmsg_copier_t *copier);
};

/* Opens a copier of that kind for a peer and tries it, by reading and by writing. False, and `copier` is all
 * zero, if it does not work. */
bool segmsg_copier_open(segmsg_copier_t *copier, const segmsg_copier_kind_t *kind,
                        const segmsg_copier_peer_t *peer);

/* Does nothing if there is none. */
void segmsg_copier_close(segmsg_copier_t *copier);

/* True unless the peer is no more. For a copier that goes by pid, which sees at once whether the number is
 * another process's by now. */
bool segmsg_copier_is_alive(const segmsg_copier_t *copier);

static inline bool segmsg_copier_copy(const segmsg_copier_t *copier, bool to_peer, void *local,
                                      uint64_t remote, size_t size)
{
    return copier->kind->copy(copier, to_peer, local, remote, size);
}

#endif
