/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Which function of MPI has called progress: one that blocks, or MPI_Test, which returns at once whatever happens?
 * Nothing that Open MPI tells its transports says so, and no clock: a program may do as little between two tests as
 * MPI_Recv does between two calls of progress. The stack says it: its innermost function of MPI's is looked up by name.
 */
#ifndef MCA_BTL_SEGMSG_BLOCKING_H
#define MCA_BTL_SEGMSG_BLOCKING_H

typedef enum {
    MCA_BTL_SEGMSG_CALL_RETURNS, /* at once, if with nothing; or it is not known */
    MCA_BTL_SEGMSG_CALL_BLOCKS,
    MCA_BTL_SEGMSG_CALL_BLOCKS_ELSEWHERE /* likewise, but on memory, which no message changes (osc/sm) */
} mca_btl_segmsg_call_t;

/* What has called progress, in this thread. Takes some microseconds. */
mca_btl_segmsg_call_t mca_btl_segmsg_call(void);

#endif
