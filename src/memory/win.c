/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "memory/win.h"

#include "memory/commit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* The word before an export: a line of its own. */
enum { WORD_BYTES = SEGMSG_LINE };

static _Atomic uint32_t *word_of(unsigned char *export)
{
    return (_Atomic uint32_t *) (void *) (export - WORD_BYTES);
}

static uint64_t page_bytes(void)
{
    long page = sysconf(_SC_PAGESIZE);
    return page < SEGMSG_PAGE ? SEGMSG_PAGE : (uint64_t) page;
}

uint64_t segmsg_win_room(int processes)
{
    struct statvfs fs;
    /* Where MPI's shared memory lies as a rule. It has headers of its own there, and so have others. */
    if (statvfs("/dev/shm", &fs) != 0) {
        return UINT64_MAX;
    }
    uint64_t free = (uint64_t) fs.f_bavail * fs.f_frsize;
    return (free - free / 8) / (unsigned) processes;
}

/* Before Linux 5.14 pages cannot be had beforehand without the file behind them, which MPI keeps to
 * itself: they are then had when they are touched, as in any window. */
static int commit(void *context, size_t offset, size_t length)
{
    const unsigned char *base = context;
    int error =
        segmsg_commit_pages((unsigned char *) (uintptr_t) base + offset, -1, offset, length);
    return error == ENOTSUP ? 0 : error;
}

/* Clears the pages that are there. */
static bool clear(unsigned char *base, uint64_t bytes)
{
    uint64_t page = (uint64_t) sysconf(_SC_PAGESIZE);
    size_t pages = (size_t) ((bytes + page - 1) / page);
    unsigned char *is_there = malloc(pages);
    if (is_there == NULL) {
        return false;
    }
    bool knows = mincore(base, (size_t) bytes, is_there) == 0;
    for (size_t p = 0; p < pages; ++p) {
        if (!knows || (is_there[p] & 1) != 0) {
            uint64_t left = bytes - p * page;
            memset(base + p * page, 0, left < page ? left : page);
        }
    }
    free(is_there);
    return true;
}

/* MPI_Win_get_attr says that a window has an attribute by a flag, and gives the address of its value. */
static segmsg_win_status_t check_model(const segmsg_win_t *win, int *mpi_error)
{
    int *model = NULL;
    int is_set = 0;
    *mpi_error = MPI_Win_get_attr(win->window, MPI_WIN_MODEL, (void *) &model, &is_set);
    if (*mpi_error != MPI_SUCCESS) {
        return SEGMSG_WIN_MPI_FAILED;
    }
    return is_set && *model == MPI_WIN_UNIFIED ? SEGMSG_WIN_OK : SEGMSG_WIN_SEPARATE;
}

int segmsg_win_prepare(segmsg_win_t *win, MPI_Comm node)
{
    *win = (segmsg_win_t){.node = node, .window = MPI_WIN_NULL, .info = MPI_INFO_NULL};
    (void) MPI_Comm_rank(node, &win->rank);
    (void) MPI_Comm_size(node, &win->size);
    int error = MPI_Info_create(&win->info);
    if (error != MPI_SUCCESS) {
        win->info = MPI_INFO_NULL;
        return error;
    }
    /* Every process's part in pages of its own. */
    return MPI_Info_set(win->info, "alloc_shared_noncontig", "true");
}

/* One epoch of passive access, as long as the window lives; the processes do not exclude each other. */
static int begin_epoch(const segmsg_win_t *win)
{
    int error = MPI_Win_set_errhandler(win->window, MPI_ERRORS_RETURN);
    return error == MPI_SUCCESS ? MPI_Win_lock_all(MPI_MODE_NOCHECK, win->window) : error;
}

segmsg_win_status_t segmsg_win_create(segmsg_win_t *win, uint64_t bytes, int *mpi_error)
{
    unsigned char *base = NULL;
    *mpi_error = MPI_Win_allocate_shared((MPI_Aint) (bytes + WORD_BYTES + page_bytes()), 1,
                                         win->info, win->node, (void *) &base, &win->window);
    if (*mpi_error != MPI_SUCCESS) {
        win->window = MPI_WIN_NULL;
        return SEGMSG_WIN_MPI_FAILED;
    }
    segmsg_win_status_t status = check_model(win, mpi_error);
    uint64_t before = ((uintptr_t) base + WORD_BYTES) % page_bytes();
    win->begin = WORD_BYTES + (page_bytes() - before) % page_bytes();
    win->own.base = base + win->begin;
    win->own.bytes = (size_t) bytes;
    win->own.commit = commit;
    win->own.commit_context = win->own.base;
    win->word = word_of(win->own.base);
    atomic_init(win->word, 0);
    if (status == SEGMSG_WIN_OK && !clear(win->own.base, bytes)) {
        status = SEGMSG_WIN_NO_MEMORY;
    }
    if (status == SEGMSG_WIN_OK) {
        *mpi_error = begin_epoch(win);
        status = *mpi_error == MPI_SUCCESS ? SEGMSG_WIN_OK : SEGMSG_WIN_MPI_FAILED;
    }
    win->has_epoch = status == SEGMSG_WIN_OK;
    return status;
}

int segmsg_win_publish(const segmsg_win_t *win)
{
    int before = MPI_Win_sync(win->window);
    int barrier = MPI_Barrier(win->node); /* with all, whatever has gone wrong here */
    int after = MPI_Win_sync(win->window);
    return before != MPI_SUCCESS ? before : barrier != MPI_SUCCESS ? barrier : after;
}

segmsg_win_status_t segmsg_win_image(const segmsg_win_t *win, int rank, uint64_t begin,
                                     segmsg_export_t *image, const _Atomic uint32_t **word,
                                     int *mpi_error)
{
    MPI_Aint size = 0;
    int unit;
    unsigned char *base = NULL;
    *mpi_error = MPI_Win_shared_query(win->window, rank, &size, &unit, (void *) &base);
    if (*mpi_error != MPI_SUCCESS) {
        return SEGMSG_WIN_MPI_FAILED;
    }
    if (base == NULL || begin < WORD_BYTES || begin >= (uint64_t) size
        || (uintptr_t) (base + begin) % SEGMSG_PAGE != 0) {
        return SEGMSG_WIN_UNALIGNED;
    }
    *image = (segmsg_export_t){
        .base = base + begin,
        .bytes = (size_t) ((uint64_t) size - begin),
        .commit = commit,
        .commit_context = base + begin,
    };
    *word = word_of(image->base);
    return SEGMSG_WIN_OK;
}

void segmsg_win_destroy(segmsg_win_t *win)
{
    if (win->has_epoch) {
        (void) MPI_Win_unlock_all(win->window);
    }
    if (win->window != MPI_WIN_NULL) {
        (void) MPI_Win_free(&win->window);
    }
    if (win->info != MPI_INFO_NULL) {
        (void) MPI_Info_free(&win->info);
    }
    *win = (segmsg_win_t){.window = MPI_WIN_NULL, .info = MPI_INFO_NULL};
}
