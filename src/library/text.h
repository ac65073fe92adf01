/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Explanations.
 */
#ifndef SEGMSG_LIBRARY_TEXT_H
#define SEGMSG_LIBRARY_TEXT_H

#include "library/library.h"

/* What segmsg_explanation() says from now on. */
void segmsg_lib_explain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* That there is nothing to explain. */
void segmsg_lib_explain_not(void);

/* `result`, of which there is nothing more to say. */
static inline segmsg_result_t segmsg_lib_plain(segmsg_result_t result)
{
    segmsg_lib_explain_not();
    return result;
}

/* Explains that an MPI function failed; returns SEGMSG_E_MPI. */
segmsg_result_t segmsg_lib_mpi_failed(const char *function, int error);

#endif
