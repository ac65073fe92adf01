/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A program that calls MPI_Finalize with a handle open has made a mistake, and the others would wait for it without
 * end. MPI deletes the attributes of MPI_COMM_SELF before it does anything else (MPI-3.1, 8.7.1), so a handle is
 * one.
 */
#include "library/finalize.h"

#include "library/broken.h"
#include "library/text.h"

#include "transfer/initiator.h"

#include <stdlib.h>

struct segmsg_lib_watch {
    segmsg_t *handle; /* NULL: closed */
};

static void leave(segmsg_t *handle)
{
    segmsg_transfers_abandon(&handle->transfers, NULL);
    if (handle->broken == SEGMSG_SUCCESS) {
        segmsg_lib_explain("MPI_Finalize was called before segmsg_close");
    }
    segmsg_lib_leave(handle, SEGMSG_E_MPI);
    /* What MPI has it frees by itself. */
    handle->ranks.comm = handle->ranks.node = MPI_COMM_NULL;
    handle->win.window = MPI_WIN_NULL;
    handle->win.info = MPI_INFO_NULL;
    handle->win.has_epoch = false;
}

static int deleted(MPI_Comm comm, int key, void *attribute, void *extra)
{
    (void) comm, (void) key, (void) extra;
    struct segmsg_lib_watch *watch = attribute;
    if (watch->handle != NULL) {
        watch->handle->ranks.watch = NULL;
        leave(watch->handle);
    }
    free(watch);
    return MPI_SUCCESS;
}

int segmsg_lib_finalize_watch(segmsg_t *handle)
{
    int key;
    int error = MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, deleted, &key, NULL);
    if (error != MPI_SUCCESS) {
        return error;
    }
    struct segmsg_lib_watch *watch = malloc(sizeof(*watch));
    error = MPI_ERR_NO_MEM;
    if (watch != NULL) {
        watch->handle = handle;
        error = MPI_Comm_set_attr(MPI_COMM_SELF, key, watch);
    }
    if (error == MPI_SUCCESS) {
        handle->ranks.watch = watch;
        handle->ranks.key = key;
    } else {
        free(watch);
        (void) MPI_Comm_free_keyval(&key);
    }
    return error;
}

void segmsg_lib_finalize_unwatch(segmsg_t *handle)
{
    if (handle->ranks.watch != NULL) {
        handle->ranks.watch->handle = NULL;
        handle->ranks.watch = NULL;
        (void) MPI_Comm_delete_attr(MPI_COMM_SELF, handle->ranks.key);
        (void) MPI_Comm_free_keyval(&handle->ranks.key);
    }
}
