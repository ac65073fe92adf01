/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_blocking.h"

#include <string.h> /* which defines __GLIBC__ where that is so */

#if defined(__GLIBC__)
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unwind.h>

/* What a function is by its name, such as "MPI_Recv" or "PMPI_Testall"; -1 if it is none of MPI's. */
static int call_by_name(const char *name)
{
    static const struct {
        const char *begins;
        mca_btl_segmsg_call_t kind;
    } kinds[] = {
        /* The first that fits. */
        {"Test", MCA_BTL_SEGMSG_CALL_RETURNS},
        {"Request_get_status", MCA_BTL_SEGMSG_CALL_RETURNS},
        {"Start", MCA_BTL_SEGMSG_CALL_RETURNS},
        {"Cancel", MCA_BTL_SEGMSG_CALL_RETURNS},
        {"Pready", MCA_BTL_SEGMSG_CALL_RETURNS},
        {"Parrived", MCA_BTL_SEGMSG_CALL_RETURNS},
        {"File_i", MCA_BTL_SEGMSG_CALL_RETURNS},
        {"Comm_i", MCA_BTL_SEGMSG_CALL_RETURNS}, /* MPI_Comm_idup */
        {"Buffer_i", MCA_BTL_SEGMSG_CALL_RETURNS},
        {"Session_i", MCA_BTL_SEGMSG_CALL_RETURNS},
        {"Init", MCA_BTL_SEGMSG_CALL_BLOCKS},
        {"Intercomm", MCA_BTL_SEGMSG_CALL_BLOCKS},
        {"I", MCA_BTL_SEGMSG_CALL_RETURNS}, /* MPI_Isend, MPI_Iprobe, MPI_Ibarrier, MPI_Info_get */
        {"Win_test", MCA_BTL_SEGMSG_CALL_RETURNS},
        {"Win_", MCA_BTL_SEGMSG_CALL_BLOCKS_ELSEWHERE},
        {"Put", MCA_BTL_SEGMSG_CALL_BLOCKS_ELSEWHERE},
        {"Rput", MCA_BTL_SEGMSG_CALL_BLOCKS_ELSEWHERE},
        {"Get_accumulate", MCA_BTL_SEGMSG_CALL_BLOCKS_ELSEWHERE},
        {"Get", MCA_BTL_SEGMSG_CALL_BLOCKS_ELSEWHERE},
        {"Rget", MCA_BTL_SEGMSG_CALL_BLOCKS_ELSEWHERE},
        {"Accumulate", MCA_BTL_SEGMSG_CALL_BLOCKS_ELSEWHERE},
        {"Raccumulate", MCA_BTL_SEGMSG_CALL_BLOCKS_ELSEWHERE},
        {"Fetch_and_op", MCA_BTL_SEGMSG_CALL_BLOCKS_ELSEWHERE},
        {"Compare_and_swap", MCA_BTL_SEGMSG_CALL_BLOCKS_ELSEWHERE},
    };
    name += *name == 'P';
    if (strncmp(name, "MPI_", 4) != 0) {
        return -1;
    }
    name += 4;
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); ++k) {
        if (strncmp(name, kinds[k].begins, strlen(kinds[k].begins)) == 0) {
            return kinds[k].kind;
        }
    }
    return MCA_BTL_SEGMSG_CALL_BLOCKS;
}

/* What the function is to which a call returns; -1 if it is none of MPI's. */
static int call_at(const void *returns_to)
{
    enum { KNOWN = 61 /* a prime: they lie at regular distances */ };
    /* dladdr looks through all names of a library. */
    static _Thread_local struct {
        const void *at;
        int kind;
    } known[KNOWN];
    size_t slot = (uintptr_t) returns_to % KNOWN;
    if (known[slot].at != returns_to) {
        Dl_info found;
        /* One byte before: what is called last may be the last of its function. */
        bool has_name =
            dladdr((const char *) returns_to - 1, &found) != 0 && found.dli_sname != NULL;
        known[slot].at = returns_to;
        known[slot].kind = has_name ? call_by_name(found.dli_sname) : -1;
    }
    return known[slot].kind;
}

typedef struct {
    int kind;  /* of the innermost function of MPI's; -1: none yet */
    int depth; /* functions so far */
} walk_t;

/* Goes no further up than that: what is above is the program's, and may be of any make. */
static _Unwind_Reason_Code step(struct _Unwind_Context *context, void *argument)
{
    enum { DEPTH = 32 }; /* a collective operation on files is some fifteen functions deep */
    walk_t *walk = argument;
    walk->kind = call_at((const void *) _Unwind_GetIP(context));
    return walk->kind < 0 && ++walk->depth < DEPTH ? _URC_NO_REASON : _URC_END_OF_STACK;
}

mca_btl_segmsg_call_t mca_btl_segmsg_call(void)
{
    walk_t walk = {.kind = -1};
    (void) _Unwind_Backtrace(step, &walk);
    return walk.kind < 0 ? MCA_BTL_SEGMSG_CALL_RETURNS : (mca_btl_segmsg_call_t) walk.kind;
}
#else
mca_btl_segmsg_call_t mca_btl_segmsg_call(void)
{
    return MCA_BTL_SEGMSG_CALL_RETURNS;
}
#endif
