/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "library/text.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char explanation[512];

unsigned segmsg_version(void)
{
    return SEGMSG_VERSION_MAJOR << 16 | SEGMSG_VERSION_MINOR << 8 | SEGMSG_VERSION_PATCH;
}

const char *segmsg_result_text(segmsg_result_t result)
{
    static const char *const text[SEGMSG_E_COUNT] = {
        [SEGMSG_SUCCESS] = "success",
        [SEGMSG_E_ARGUMENT] = "an argument is NULL, negative or otherwise not permitted",
        [SEGMSG_E_UNREACHABLE] = "the rank does not exist or shares no memory with this process",
        [SEGMSG_E_TRUNCATED] = "the message is longer than the memory it was received into",
        [SEGMSG_E_BUSY] = "not now: there is no room, or something is pending",
        [SEGMSG_E_MEMORY] = "there is not enough memory",
        [SEGMSG_E_OPTIONS] = "an option is out of its range",
        [SEGMSG_E_MODEL] = "this MPI has windows with separate public and private copies",
        [SEGMSG_E_MPI] = "an MPI function failed",
        [SEGMSG_E_CORRUPT] = "shared memory holds a value that no correct process writes",
        [SEGMSG_E_NESTED] = "this function may not be called from a handler",
        [SEGMSG_E_PEER] = "another process of the handle has failed and serves nobody any more",
        [SEGMSG_E_LEFT_OVER] = "messages that had arrived were never received",
    };
    unsigned index = (unsigned) result;
    return index < SEGMSG_E_COUNT && text[index] != NULL ? text[index] : "no result of segmsg's";
}

const char *segmsg_explanation(void)
{
    return explanation;
}

void segmsg_lib_explain_not(void)
{
    explanation[0] = '\0';
}

void segmsg_lib_explain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void) vsnprintf(explanation, sizeof(explanation), format, arguments);
    va_end(arguments);
}

segmsg_result_t segmsg_lib_mpi_failed(const char *function, int error)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    (void) MPI_Error_string(error, text, &length);
    segmsg_lib_explain("%s failed: %.300s", function, text);
    return SEGMSG_E_MPI;
}
