/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * mpi_fails: what becomes of opening where MPI cannot do what is needed: it fails in all processes,
 * with the result that says so, leaves nothing behind, and can be tried again.
 */
#include "opening.h"
#include "watched.h"

static void open_in_vain(segmsg_result_t wanted, const char *what)
{
    segmsg_t *handle = (segmsg_t *) &handle;
    long objects = atomic_load(&watched.objects);
    segmsg_result_t result;

    check_doing("%s: segmsg_open, %s", promise_now, what);
    result = segmsg_open(MPI_COMM_WORLD, NULL, &handle);
    CHECK(result == wanted, "%s: gave \"%s\", not \"%s\"", what, segmsg_result_text(result),
          segmsg_result_text(wanted));
    CHECK(NULL == handle, "%s: the handle is not NULL", what);
    CHECK('\0' != *segmsg_explanation(), "%s: no explanation", what);
    CHECK(objects == atomic_load(&watched.objects), "%s: %ld objects of MPI's are left", what,
          atomic_load(&watched.objects) - objects);
}

static void open_well(void)
{
    segmsg_t *handle = open_world();

    check_carries(handle, segmsg_eager_limit(handle));
    close_empty(&handle);
}

static void windows_with_a_separate_model_are_refused(void)
{
    static int separate = MPI_WIN_SEPARATE;

    watched_model = &separate;
    open_in_vain(SEGMSG_E_MODEL, "separate windows in all");
    watched_model = check_rank == check_size - 1 ? &separate : NULL;
    open_in_vain(SEGMSG_E_MODEL, "separate windows in one");
    watched_model = NULL;
    open_well();
}

/* Open while a call of MPI's may fail, which `what` describes. Whether it was called in any rank. */
static bool open_while_it_fails(const char *what)
{
    segmsg_t *handle = (segmsg_t *) &handle;
    long objects = atomic_load(&watched.objects);
    segmsg_result_t result;
    int failed, any;

    check_doing("%s: segmsg_open, %s", promise_now, what);
    result = segmsg_open(MPI_COMM_WORLD, NULL, &handle);
    watched.name = NULL;
    failed = watched.failed;
    PMPI_Allreduce(&failed, &any, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    agreed(what, result, handle);
    if (any) {
        CHECK(SEGMSG_E_MPI == result, "%s: gave \"%s\"", what, segmsg_result_text(result));
        CHECK('\0' != *segmsg_explanation(), "%s: no explanation", what);
        CHECK(objects == atomic_load(&watched.objects), "%s: %ld objects of MPI's are left", what,
              atomic_load(&watched.objects) - objects);
    }
    if (SEGMSG_SUCCESS == result) {
        close_empty(&handle);
    }
    return any;
}

/* Let the n-th call of a function fail, in all ranks or in the last one. Whether it was called. */
static bool let_fail(const char *name, int n, bool all)
{
    char what[80];

    snprintf(what, sizeof(what), "call %d of %s fails%s", n, name, all ? "" : " in one");
    watched.failed = 0;
    watched.skip = n;
    watched.name = all || check_rank == check_size - 1 ? name : NULL;
    return open_while_it_fails(what);
}

static const char *const collective[] = {
    "MPI_Comm_dup",     "MPI_Comm_create",     "MPI_Comm_create_group",
    "MPI_Comm_split",   "MPI_Comm_split_type", "MPI_Win_allocate_shared",
    "MPI_Win_allocate", "MPI_Allreduce",       "MPI_Allgather",
    "MPI_Bcast",        "MPI_Barrier",         "MPI_Iallreduce",
    "MPI_Ibarrier",
};

static const char *const local[] = {
    "MPI_Comm_group",    "MPI_Group_incl",   "MPI_Group_translate_ranks",
    "MPI_Info_create",   "MPI_Win_get_attr", "MPI_Win_shared_query",
    "MPI_Win_lock_all",  "MPI_Win_sync",     "MPI_Comm_create_keyval",
    "MPI_Comm_set_attr",
};

static void no_function_of_mpis_fails_unnoticed(void)
{
    int failed = 0;

    for (size_t i = 0; i < sizeof(collective) / sizeof(collective[0]); i++) {
        for (int n = 0; n < 20 && let_fail(collective[i], n, true); n++) {
            failed++;
        }
    }
    for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
        for (int n = 0; n < 20 && let_fail(local[i], n, true); n++) {
            failed++;
        }
    }
    CHECK(failed >= 4, "only %d calls of MPI could be made to fail", failed);
    open_well();
}

/* A function that needs no other process may fail in one: all are told. */
static void what_fails_in_one_process_fails_in_all(void)
{
    int failed = 0;

    for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
        for (int n = 0; n < 20 && let_fail(local[i], n, false); n++) {
            failed++;
        }
    }
    CHECK(failed >= 1, "only %d calls of MPI could be made to fail in one process", failed);
    open_well();
}

/* The handle is gone all the same. */
static void closing_tells_that_mpi_failed(void)
{
    segmsg_t *handle = open_world();
    segmsg_result_t result;

    check_doing("%s: segmsg_close", promise_now);
    watched.failed = 0;
    watched.skip = 0;
    watched.name = "MPI_Iallreduce";
    result = segmsg_close(&handle);
    watched.name = NULL;
    CHECK(result == (watched.failed ? SEGMSG_E_MPI : SEGMSG_SUCCESS), "gave \"%s\"",
          segmsg_result_text(result));
    CHECK(NULL == handle, "the handle is not NULL");
}

/* Errors are returned, and must not end the program as MPI's own handler would. */
static void mpis_error_handlers_are_left_alone(void)
{
    MPI_Errhandler before, after;

    MPI_Comm_get_errhandler(MPI_COMM_WORLD, &before);
    open_well();
    MPI_Comm_get_errhandler(MPI_COMM_WORLD, &after);
    CHECK(before == after, "the communicator has another error handler");
    MPI_Errhandler_free(&before);
    MPI_Errhandler_free(&after);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(windows_with_a_separate_model_are_refused),
        PROMISE(no_function_of_mpis_fails_unnoticed),
        PROMISE(closing_tells_that_mpi_failed),
        PROMISE(mpis_error_handlers_are_left_alone),
        PROMISE(what_fails_in_one_process_fails_in_all),
    };

    return PROMISES_MAIN(argc, argv, "mpi_fails", promises);
}
