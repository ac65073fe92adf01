/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Opening. Each step is taken by all processes, whatever has gone wrong in some; then all learn
 * of it, and all go on or none.
 */
#include "library/alive.h"
#include "library/finalize.h"
#include "library/handle.h"
#include "library/large.h"
#include "library/library.h"
#include "library/options.h"
#include "library/plan.h"
#include "library/text.h"
#include "library/transfers.h"

#include "engine/defaults.h"
#include "copier/cma.h"
#include "base/quota.h"
#include "base/random.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What every process of the node tells the others. */
typedef struct {
    uint64_t versions; /* of the library and of the layout of shared memory */
    uint64_t name;
    uint64_t nonce;
    uint64_t pid;
    uint64_t probe;
    uint64_t begin; /* as in segmsg_win_t */
    uint64_t rank;
    uint64_t wants_single_copy;
    uint64_t pid_space; /* as in segmsg_lib_life_t */
    uint64_t started;
} card_t;
enum { CARD_WORDS = sizeof(card_t) / sizeof(uint64_t) };

static uint64_t versions(void)
{
    return (uint64_t) SEGMSG_LAYOUT_VERSION << 32 | segmsg_version();
}

/* Makes all processes agree: each gets the same result, the worst of all, and those that are well learn
 * which other is not. */
static segmsg_result_t agree(const segmsg_t *handle, segmsg_result_t result)
{
    const struct {
        int result;
        int rank;
    } mine = {(int) result, handle->ranks.rank};
    struct {
        int result;
        int rank;
    } worst = {SEGMSG_SUCCESS, 0};
    int error = MPI_Allreduce(&mine, &worst, 1, MPI_2INT, MPI_MAXLOC, handle->ranks.comm);
    if (error != MPI_SUCCESS) {
        return segmsg_lib_mpi_failed("MPI_Allreduce", error);
    }
    if (worst.result != SEGMSG_SUCCESS && worst.result != (int) result) {
        segmsg_lib_explain("Rank %d could not: %s", worst.rank,
                           segmsg_result_text((segmsg_result_t) worst.result));
    }
    return (segmsg_result_t) worst.result;
}

/* A communicator of our own, and the part of it that shares memory. */
static segmsg_result_t split(segmsg_t *handle, MPI_Comm comm)
{
    int error = MPI_Comm_dup(comm, &handle->ranks.comm);
    if (error != MPI_SUCCESS) {
        handle->ranks.comm = MPI_COMM_NULL;
        return segmsg_lib_mpi_failed("MPI_Comm_dup", error);
    }
    (void) MPI_Comm_set_errhandler(handle->ranks.comm, MPI_ERRORS_RETURN);
    (void) MPI_Comm_rank(handle->ranks.comm, &handle->ranks.rank);
    (void) MPI_Comm_size(handle->ranks.comm, &handle->ranks.size);
    error = MPI_Comm_split_type(handle->ranks.comm, MPI_COMM_TYPE_SHARED, handle->ranks.rank,
                                MPI_INFO_NULL, &handle->ranks.node);
    if (error != MPI_SUCCESS) {
        handle->ranks.node = MPI_COMM_NULL;
        return segmsg_lib_mpi_failed("MPI_Comm_split_type", error);
    }
    (void) MPI_Comm_set_errhandler(handle->ranks.node, MPI_ERRORS_RETURN);
    (void) MPI_Comm_rank(handle->ranks.node, &handle->ranks.node_rank);
    (void) MPI_Comm_size(handle->ranks.node, &handle->ranks.node_size);
    return SEGMSG_SUCCESS;
}

/* More processes here than this one may run on processors. */
static bool is_crowded(int processes)
{
    cpu_set_t set;
    int processors = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : INT_MAX;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    /* A process that is bound to a core says nothing about the others. */
    return processes > (processors > 1 ? processors : (int) online);
}

/* After how long a wait the process sleeps, nanoseconds; 0: never. */
static int64_t sleeps_after(segmsg_how_to_wait_t wait, int processes)
{
    bool is_short = wait == SEGMSG_WAIT_AUTO
                    && segmsg_quota_is_short(segmsg_quota("/proc/self"), (unsigned long) processes,
                                             (unsigned long) sysconf(_SC_NPROCESSORS_ONLN));
    return wait == SEGMSG_WAIT_BLOCK || is_short ? SEGMSG_SLEEP_AFTER : 0;
}

static segmsg_result_t win_failed(segmsg_win_status_t status, int mpi_error)
{
    switch (status) {
    case SEGMSG_WIN_MPI_FAILED:
        return segmsg_lib_mpi_failed("Making a window of shared memory", mpi_error);
    case SEGMSG_WIN_NO_MEMORY:
        segmsg_lib_explain("No memory to make the window of shared memory");
        return SEGMSG_E_MEMORY;
    case SEGMSG_WIN_SEPARATE:
        segmsg_lib_explain(
            "Windows of this MPI have the separate memory model, in which a store is seen "
            "by others only after calls to MPI; segmsg needs the unified one "
            "(MPI_WIN_MODEL). Use another MPI, or its messages");
        return SEGMSG_E_MODEL;
    case SEGMSG_WIN_UNALIGNED:
    case SEGMSG_WIN_OK:
    default:
        segmsg_lib_explain(
            "This MPI maps the memory of a window at places that differ by less than a "
            "page: it cannot be used");
        return SEGMSG_E_MPI;
    }
}

/* Lays out this process's export. */
static segmsg_result_t lay_out(segmsg_t *handle, const segmsg_export_config_t *export)
{
    segmsg_export_t *own = &handle->win.own;
    segmsg_error_t error = segmsg_export_init(own, export);
    if (error == SEGMSG_OK && segmsg_receiver_init(&handle->receiver, own)) {
        return SEGMSG_SUCCESS;
    }
    segmsg_lib_explain("The shared memory cannot be used: %s",
                       segmsg_error_text(error == SEGMSG_OK ? SEGMSG_ERR_NO_SPACE : error));
    return SEGMSG_E_MEMORY;
}

/* Which rank is which of the node. */
static segmsg_result_t map_ranks(segmsg_t *handle)
{
    handle->ranks.first = handle->peers[0].rank;
    handle->ranks.span = handle->peers[handle->ranks.node_size - 1].rank - handle->ranks.first + 1;
    handle->ranks.node_rank_of = malloc((unsigned) handle->ranks.span * sizeof(int));
    if (handle->ranks.node_rank_of == NULL) {
        segmsg_lib_explain("No memory for the ranks");
        return SEGMSG_E_MEMORY;
    }
    for (int r = 0; r < handle->ranks.span; ++r) {
        handle->ranks.node_rank_of[r] = -1;
    }
    for (int p = 0; p < handle->ranks.node_size; ++p) {
        handle->ranks.node_rank_of[handle->peers[p].rank - handle->ranks.first] = p;
    }
    return SEGMSG_SUCCESS;
}

/* Makes a peer of what it says about itself. */
static segmsg_result_t meet(segmsg_t *handle, int node_rank, const card_t *card, uint64_t pid_space)
{
    segmsg_lib_peer_t *peer = &handle->peers[node_rank];
    if (card->versions != versions()) {
        segmsg_lib_explain("Rank %d runs another version of segmsg: use one in all processes",
                           (int) card->rank);
        return SEGMSG_E_CORRUPT;
    }
    int mpi_error;
    segmsg_win_status_t status = segmsg_win_image(&handle->win, node_rank, card->begin,
                                                  &peer->image, &peer->word, &mpi_error);
    if (status != SEGMSG_WIN_OK) {
        return win_failed(status, mpi_error);
    }
    peer->rank = (int) card->rank;
    peer->probe = card->probe;
    peer->wants_single_copy = card->wants_single_copy != 0;
    segmsg_transfer_peer_init(&peer->transfers, peer, card->name, &peer->image);
    peer->life = (segmsg_lib_life_t){.pid_space = card->pid_space, .started = card->started};
    peer->is_in_own_space = pid_space != 0 && card->pid_space == pid_space;
    peer->identity = (segmsg_identity_t){
        .name = card->name,
        .nonce = card->nonce,
        .pid = (uint32_t) card->pid,
    };
    return SEGMSG_SUCCESS;
}

/* Exchanges cards with the processes of the node. `cards` has room for one of each. */
static segmsg_result_t exchange(segmsg_t *handle, card_t *cards)
{
    const segmsg_lib_life_t life = segmsg_lib_own_life();
    card_t mine = {
        .versions = versions(),
        .name = handle->self.name,
        .nonce = handle->self.nonce,
        .pid = handle->self.pid,
        .probe = (uint64_t) (uintptr_t) &handle->probe,
        .begin = handle->win.begin,
        .rank = (uint64_t) handle->ranks.rank,
        .wants_single_copy = handle->wants_single_copy,
        .pid_space = life.pid_space,
        .started = life.started,
    };
    int error = MPI_Allgather(&mine, CARD_WORDS, MPI_UINT64_T, cards, CARD_WORDS, MPI_UINT64_T,
                              handle->ranks.node);
    if (error != MPI_SUCCESS) {
        return segmsg_lib_mpi_failed("MPI_Allgather", error);
    }
    segmsg_result_t result = SEGMSG_SUCCESS;
    for (int p = 0; p < handle->ranks.node_size && result == SEGMSG_SUCCESS; ++p) {
        result = meet(handle, p, &cards[p], life.pid_space);
    }
    return result == SEGMSG_SUCCESS ? map_ranks(handle) : result;
}

/* Everything that is shared. Each step, and whether all go on, is the same in all processes. */
static segmsg_result_t share(segmsg_t *handle, segmsg_lib_config_t *config)
{
    segmsg_export_config_t export;
    uint64_t bytes = 0;
    handle->self = (segmsg_identity_t){
        .name = (uint64_t) handle->ranks.node_rank,
        .nonce = segmsg_random_nonce(),
        .pid = (uint32_t) getpid(),
    };
    handle->probe.nonce = handle->self.nonce;
    unsigned node_size = (unsigned) handle->ranks.node_size;
    card_t *cards = calloc(node_size, sizeof(*cards));
    handle->peers = calloc(node_size, sizeof(*handle->peers));
    uint64_t room = 0;
    segmsg_result_t result = segmsg_lib_find_room(handle, &room);
    if (result == SEGMSG_SUCCESS) {
        result = segmsg_lib_plan(handle, config, room, &export, &bytes);
    }
    if (cards == NULL || handle->peers == NULL) {
        segmsg_lib_explain("No memory for %u processes", node_size);
        result = SEGMSG_E_MEMORY;
    }
    if (result == SEGMSG_SUCCESS) {
        int error = segmsg_win_prepare(&handle->win, handle->ranks.node);
        result =
            error == MPI_SUCCESS ? SEGMSG_SUCCESS : segmsg_lib_mpi_failed("MPI_Info_create", error);
    }
    result = agree(handle, result);
    if (result == SEGMSG_SUCCESS) {
        int mpi_error;
        segmsg_win_status_t status = segmsg_win_create(&handle->win, bytes, &mpi_error);
        result = status == SEGMSG_WIN_OK ? lay_out(handle, &export) : win_failed(status, mpi_error);
        result = agree(handle, result);
    }
    if (result == SEGMSG_SUCCESS) {
        result = cards == NULL ? SEGMSG_E_MEMORY
                               : exchange(handle, cards); /* then they had not agreed */
        int error = result == SEGMSG_SUCCESS ? segmsg_lib_finalize_watch(handle) : MPI_SUCCESS;
        result =
            agree(handle, error == MPI_SUCCESS ? result
                                               : segmsg_lib_mpi_failed("MPI_Comm_set_attr", error));
    }
    if (result == SEGMSG_SUCCESS) {
        int error = segmsg_win_publish(&handle->win);
        result = agree(handle, error == MPI_SUCCESS ? SEGMSG_SUCCESS
                                                    : segmsg_lib_mpi_failed("MPI_Win_sync", error));
    }
    free(cards);
    return result;
}

/* MPI must be able to do what is asked of it at all. */
static segmsg_result_t check_mpi(void)
{
    int is_up = 0;
    int is_over = 0;
    int version = 0;
    int subversion = 0;
    (void) MPI_Initialized(&is_up);
    (void) MPI_Finalized(&is_over);
    if (!is_up || is_over) {
        segmsg_lib_explain("MPI is not initialised, or was finalised already");
        return SEGMSG_E_MPI;
    }
    (void) MPI_Get_version(&version, &subversion);
    if (version < 3) {
        segmsg_lib_explain("This MPI is version %d.%d of the standard; 3.0 is needed", version,
                           subversion);
        return SEGMSG_E_MPI;
    }
    return SEGMSG_SUCCESS;
}

/* What is the same in all processes. */
static segmsg_result_t check_comm(MPI_Comm comm)
{
    int is_inter = 0;
    if (comm == MPI_COMM_NULL) {
        segmsg_lib_explain("The communicator is MPI_COMM_NULL");
        return SEGMSG_E_ARGUMENT;
    }
    int error = MPI_Comm_test_inter(comm, &is_inter);
    if (error != MPI_SUCCESS) {
        return segmsg_lib_mpi_failed("MPI_Comm_test_inter", error);
    }
    if (is_inter) {
        segmsg_lib_explain("The communicator is an intercommunicator: merge it first "
                           "(MPI_Intercomm_merge)");
        return SEGMSG_E_ARGUMENT;
    }
    return SEGMSG_SUCCESS;
}

segmsg_result_t segmsg_open(MPI_Comm comm, const segmsg_options_t *options, segmsg_t **opened)
{
    segmsg_lib_explain("%s", "");
    segmsg_t *nowhere = NULL;
    segmsg_t **to = opened != NULL ? opened : &nowhere;
    *to = NULL;
    segmsg_result_t result = check_mpi();
    if (result == SEGMSG_SUCCESS) {
        result = check_comm(comm);
    }
    if (result != SEGMSG_SUCCESS) {
        return result;
    }
    segmsg_t *handle = calloc(1, sizeof(*handle));
    int has_memory = handle != NULL;
    int all_have = 0;
    int error = MPI_Allreduce(&has_memory, &all_have, 1, MPI_INT, MPI_MIN, comm);
    if (handle == NULL || error != MPI_SUCCESS || !all_have) {
        free(handle);
        segmsg_lib_explain("No memory for a handle, here or elsewhere");
        return error == MPI_SUCCESS ? SEGMSG_E_MEMORY
                                    : segmsg_lib_mpi_failed("MPI_Allreduce", error);
    }
    *handle = (segmsg_t){
        .ranks = {.comm = MPI_COMM_NULL, .node = MPI_COMM_NULL},
        .win = {.window = MPI_WIN_NULL, .info = MPI_INFO_NULL},
        .look = {.burst = SEGMSG_DEFAULT_BURST},
    };
    const segmsg_clock_moment_t start = segmsg_clock_now();
    segmsg_lib_config_t config = {0};
    result = split(handle, comm);
    if (handle->ranks.comm != MPI_COMM_NULL) {
        if (result == SEGMSG_SUCCESS) {
            result = segmsg_lib_configure(options, &config);
        }
        if (result == SEGMSG_SUCCESS && opened == NULL) {
            segmsg_lib_explain("There is no place for the handle: `opened` is NULL");
            result = SEGMSG_E_ARGUMENT;
        }
        result = agree(handle, result);
    }
    if (result == SEGMSG_SUCCESS) {
        handle->wants_single_copy = config.single_copy;
        if (config.single_copy) {
            segmsg_cma_kind.permit();
        }
        result = share(handle, &config);
    }
    if (result != SEGMSG_SUCCESS) {
        segmsg_lib_destroy(handle);
        return result;
    }
    handle->eager_limit = config.eager_limit;
    handle->piece = segmsg_default_piece();
    handle->waits.yield.never = config.wait == SEGMSG_WAIT_SPIN;
    handle->waits.yield.always = config.wait == SEGMSG_WAIT_YIELD;
    handle->waits.yield.is_crowded = is_crowded(handle->ranks.node_size);
    handle->waits.sleep.after = sleeps_after(config.wait, handle->ranks.node_size);
    if (handle->waits.sleep.after != 0) {
        segmsg_sleep_prepare();
    }
    segmsg_lib_transfers_init(handle, &start, segmsg_lib_long_copied);
    *to = handle;
    return SEGMSG_SUCCESS;
}
