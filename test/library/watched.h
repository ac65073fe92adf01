/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * watched.h: stands between the library and MPI. Counts the library's calls of MPI, and the objects
 * that are made and freed by them; lets a call of a function fail.
 *
 * Every function that the library calls must be here: test/library/run compares this with the
 * library's symbols. Included once per program.
 */
#ifndef SEGMSG_TEST_WATCHED_H
#define SEGMSG_TEST_WATCHED_H

#include "promise.h"

static struct {
    atomic_long calls;   /* of any function here */
    atomic_long objects; /* made and not freed: communicators, windows, groups, infos, ... */
    const char *name;    /* of the function that is to fail, or NULL */
    int skip;            /* calls of it that go well before */
    int failed;          /* calls of it that have failed */
} watched;

/* Whether this call is to fail. */
static inline bool watched_call(const char *name)
{
    atomic_fetch_add(&watched.calls, 1);
    if (watched.name && 0 == strcmp(watched.name, name) && watched.skip-- <= 0) {
        watched.failed++;
        return true;
    }
    return false;
}

static inline int watched_made(int error, int objects)
{
    if (MPI_SUCCESS == error) {
        atomic_fetch_add(&watched.objects, objects);
    }
    return error;
}

/* A function that makes so many objects (of one freed: -1). */
#define WATCHED_OBJECTS(name, objects, parameters, arguments)                               \
    int MPI_##name parameters                                                               \
    {                                                                                       \
        return watched_call("MPI_" #name) ? MPI_ERR_OTHER                                   \
                                          : watched_made(PMPI_##name arguments, (objects)); \
    }
#define WATCHED(name, parameters, arguments) WATCHED_OBJECTS(name, 0, parameters, arguments)

/* Functions that make something. */
WATCHED_OBJECTS(Comm_dup, 1, (MPI_Comm comm, MPI_Comm *made), (comm, made))
WATCHED_OBJECTS(Comm_create, 1, (MPI_Comm comm, MPI_Group group, MPI_Comm *made),
                (comm, group, made))
WATCHED_OBJECTS(Comm_create_group, 1, (MPI_Comm comm, MPI_Group group, int tag, MPI_Comm *made),
                (comm, group, tag, made))
WATCHED_OBJECTS(Comm_split, 1, (MPI_Comm comm, int color, int key, MPI_Comm *made),
                (comm, color, key, made))
WATCHED_OBJECTS(Comm_split_type, 1,
                (MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm *made),
                (comm, type, key, info, made))
WATCHED_OBJECTS(Comm_group, 1, (MPI_Comm comm, MPI_Group *made), (comm, made))
WATCHED_OBJECTS(Group_incl, 1, (MPI_Group group, int n, const int ranks[], MPI_Group *made),
                (group, n, ranks, made))
WATCHED_OBJECTS(Info_create, 1, (MPI_Info * made), (made))
WATCHED_OBJECTS(Alloc_mem, 1, (MPI_Aint bytes, MPI_Info info, void *made), (bytes, info, made))
WATCHED_OBJECTS(Win_allocate, 1,
                (MPI_Aint bytes, int unit, MPI_Info info, MPI_Comm comm, void *base, MPI_Win *made),
                (bytes, unit, info, comm, base, made))
WATCHED_OBJECTS(Win_allocate_shared, 1,
                (MPI_Aint bytes, int unit, MPI_Info info, MPI_Comm comm, void *base, MPI_Win *made),
                (bytes, unit, info, comm, base, made))

WATCHED_OBJECTS(Comm_create_keyval, 1,
                (MPI_Comm_copy_attr_function * copy, MPI_Comm_delete_attr_function *deleted,
                 int *key, void *extra),
                (copy, deleted, key, extra))

/* Functions that free it. */
WATCHED_OBJECTS(Comm_free, -1, (MPI_Comm * comm), (comm))
WATCHED_OBJECTS(Comm_free_keyval, -1, (int *key), (key))
WATCHED_OBJECTS(Group_free, -1, (MPI_Group * group), (group))
WATCHED_OBJECTS(Info_free, -1, (MPI_Info * info), (info))
WATCHED_OBJECTS(Free_mem, -1, (void *memory), (memory))
WATCHED_OBJECTS(Win_free, -1, (MPI_Win * win), (win))

/* Others. */
WATCHED(Comm_rank, (MPI_Comm comm, int *rank), (comm, rank))
WATCHED(Comm_size, (MPI_Comm comm, int *size), (comm, size))
WATCHED(Comm_test_inter, (MPI_Comm comm, int *flag), (comm, flag))
WATCHED(Comm_set_attr, (MPI_Comm comm, int key, void *value), (comm, key, value))
WATCHED(Comm_delete_attr, (MPI_Comm comm, int key), (comm, key))
WATCHED(Comm_set_errhandler, (MPI_Comm comm, MPI_Errhandler handler), (comm, handler))
WATCHED(Group_translate_ranks,
        (MPI_Group from, int n, const int ranks[], MPI_Group to, int others[]),
        (from, n, ranks, to, others))
WATCHED(Info_set, (MPI_Info info, const char *key, const char *value), (info, key, value))
WATCHED(Win_set_errhandler, (MPI_Win win, MPI_Errhandler handler), (win, handler))
WATCHED(Win_shared_query, (MPI_Win win, int rank, MPI_Aint *bytes, int *unit, void *base),
        (win, rank, bytes, unit, base))
WATCHED(Win_lock_all, (int assertion, MPI_Win win), (assertion, win))
WATCHED(Win_unlock_all, (MPI_Win win), (win))
WATCHED(Win_sync, (MPI_Win win), (win))
WATCHED(Win_fence, (int assertion, MPI_Win win), (assertion, win))
WATCHED(Barrier, (MPI_Comm comm), (comm))
WATCHED(Ibarrier, (MPI_Comm comm, MPI_Request *request), (comm, request))
WATCHED(Bcast, (void *buffer, int count, MPI_Datatype type, int root, MPI_Comm comm),
        (buffer, count, type, root, comm))
WATCHED(Allreduce,
        (const void *in, void *out, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm),
        (in, out, count, type, op, comm))
WATCHED(Iallreduce,
        (const void *in, void *out, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm,
         MPI_Request *request),
        (in, out, count, type, op, comm, request))
WATCHED(Allgather,
        (const void *in, int in_count, MPI_Datatype in_type, void *out, int out_count,
         MPI_Datatype out_type, MPI_Comm comm),
        (in, in_count, in_type, out, out_count, out_type, comm))
WATCHED(Send, (const void *buffer, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm),
        (buffer, count, type, to, tag, comm))
WATCHED(Recv,
        (void *buffer, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm,
         MPI_Status *status),
        (buffer, count, type, from, tag, comm, status))
WATCHED(Isend,
        (const void *buffer, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm,
         MPI_Request *request),
        (buffer, count, type, to, tag, comm, request))
WATCHED(Irecv,
        (void *buffer, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm,
         MPI_Request *request),
        (buffer, count, type, from, tag, comm, request))
WATCHED(Iprobe, (int from, int tag, MPI_Comm comm, int *flag, MPI_Status *status),
        (from, tag, comm, flag, status))
WATCHED(Test, (MPI_Request * request, int *flag, MPI_Status *status), (request, flag, status))
WATCHED(Wait, (MPI_Request * request, MPI_Status *status), (request, status))
WATCHED(Waitall, (int count, MPI_Request requests[], MPI_Status statuses[]),
        (count, requests, statuses))
WATCHED(Error_string, (int error, char *text, int *length), (error, text, length))
WATCHED(Initialized, (int *flag), (flag))
WATCHED(Finalized, (int *flag), (flag))
WATCHED(Get_version, (int *version, int *subversion), (version, subversion))
WATCHED(Query_thread, (int *provided), (provided))

/* What MPI says about the memory model of its windows, if the program says otherwise. */
static int *watched_model;

int MPI_Win_get_attr(MPI_Win win, int key, void *value, int *flag)
{
    int error =
        watched_call("MPI_Win_get_attr") ? MPI_ERR_OTHER : PMPI_Win_get_attr(win, key, value, flag);

    if (MPI_SUCCESS == error && MPI_WIN_MODEL == key && watched_model) {
        *(int **) value = watched_model;
    }
    return error;
}

#endif
