/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The interconnect for programs above MPI: the exports of the processes of a node lie in one window of
 * MPI_Win_allocate_shared. A deposit is a plain store, a posted word a release store.
 *
 *   part of process 0                                part of process 1
 *   +-------+------+------------------------+-------+-------+------+------------------------+-----
 *   | slack | word | export, from a page on | slack | slack | word | export                 | ...
 *   +-------+------+------------------------+-------+-------+------+------------------------+-----
 *
 * MPI promises no alignment, so every part has a page more than its export, and the processes tell each
 * other where the exports begin. Nor does it promise that the memory is zero, as an export must be: pages
 * that are there already are cleared, and those that are not are holes, which read as zero.
 *
 * Memory model. In the unified model a store becomes visible to the other processes by itself, and what
 * is said about order in C11 holds for memory that processes share as for memory that threads share: the
 * engine's acquire and release are enough, and MPI_Win_sync, which is a fence of memory in that model, is
 * needed only around the set-up, whose stores are not atomic. In the separate model a store becomes visible
 * only by calls to MPI: a window of that kind is refused.
 */
#ifndef SEGMSG_WIN_H
#define SEGMSG_WIN_H

#include "queue/region.h"

#include <mpi.h>
#include <stdbool.h>

typedef struct {
    MPI_Comm node;  /* the processes of this node; the caller's */
    MPI_Info info;  /* how the window is to be made; MPI_INFO_NULL: nothing is said */
    MPI_Win window; /* MPI_WIN_NULL: there is none */
    int rank;       /* in `node` */
    int size;       /* of `node` */
    bool has_epoch; /* access to the window has begun */
    segmsg_export_t own;
    uint64_t begin;         /* where it begins in this process's part of the window, bytes */
    _Atomic uint32_t *word; /* before it, for what its owner says to all; 0 at first */
} segmsg_win_t;

/* How and why a window could not be had. */
typedef enum {
    SEGMSG_WIN_OK = 0,
    SEGMSG_WIN_MPI_FAILED, /* win->mpi_error says how */
    SEGMSG_WIN_NO_MEMORY,  /* of the process */
    SEGMSG_WIN_SEPARATE,   /* its memory model is not the unified one */
    SEGMSG_WIN_UNALIGNED   /* it is mapped at places that differ by less than a page */
} segmsg_win_status_t;

/* Bytes of shared memory that each of `processes` processes of the node may have, as far as can be told. */
uint64_t segmsg_win_room(int processes);

/* Does what each process can do alone, before all go on. Returns an MPI error code; call
 * segmsg_win_destroy whatever it is. */
int segmsg_win_prepare(segmsg_win_t *win, MPI_Comm node);

/*
 * Makes a window with `bytes` bytes for the export of every process of the node, whose communicator's error
 * handler must return. Collective over the node, after segmsg_win_prepare. The caller makes sure that it worked everywhere, lays out win->own, and
 * tells the others win->begin. *mpi_error receives MPI's error for SEGMSG_WIN_MPI_FAILED.
 */
segmsg_win_status_t segmsg_win_create(segmsg_win_t *win, uint64_t bytes, int *mpi_error);

/* Everything that was written to the exports before is visible to all when this returns. Collective.
 * Returns an MPI error code. */
int segmsg_win_publish(const segmsg_win_t *win);

/*
 * Fills in the image of the export of process `rank` of the node, which begins at `begin` in its part; but
 * its head is left to segmsg_export_check. *word receives the address of its word. Returns SEGMSG_WIN_OK, or SEGMSG_WIN_MPI_FAILED or
 * SEGMSG_WIN_UNALIGNED.
 */
segmsg_win_status_t segmsg_win_image(const segmsg_win_t *win, int rank, uint64_t begin,
                                     segmsg_export_t *image, const _Atomic uint32_t **word,
                                     int *mpi_error);

/* Frees the window. Collective, if there is one. */
void segmsg_win_destroy(segmsg_win_t *win);

#endif
