/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * opening.h: what the tests of opening share: whether a handle carries messages, and whether a
 * refusal says what it must.
 */
#ifndef SEGMSG_TEST_OPENING_H
#define SEGMSG_TEST_OPENING_H

#include "content.h"

#include <ctype.h>

/* Forget what the driver has set: here the environment is what is tested. */
static inline void environment_clear(void)
{
    unsetenv("SEGMSG_GROUPS");
    unsetenv("SEGMSG_EAGER_LIMIT");
    unsetenv("SEGMSG_MEMORY");
    unsetenv("SEGMSG_SINGLE_COPY");
    unsetenv("SEGMSG_WAIT");
}

/* Whether a text has a word in it, in upper or lower case, "_" being as good as " ". */
static inline bool names(const char *text, const char *word)
{
    for (; *text; text++) {
        size_t at = 0;

        while (word[at]
               && (tolower((unsigned char) text[at]) == tolower((unsigned char) word[at])
                   || ('_' == word[at] && ' ' == text[at]))) {
            at++;
        }
        if (!word[at]) {
            return true;
        }
    }
    return false;
}

/* Messages around the ring, of sizes around this limit too. */
static inline void check_carries(segmsg_t *handle, size_t limit)
{
    int to = (check_rank + 1) % check_size, from = (check_rank + check_size - 1) % check_size;
    const size_t sizes[] = {0, 8, limit - 1, 100, limit, limit + 1, 1000, 10000, 500000, 300, 3};

    for (int n = 0; n < (int) (sizeof(sizes) / sizeof(sizes[0])); n++) {
        unsigned char *out = content_make(sizes[n], key_of(check_rank, to, n));
        segmsg_request_t *request;

        SUCCEEDS(segmsg_isend(handle, to, n, out, sizes[n], &request));
        receive(handle, from, n, sizes[n], key_of(from, check_rank, n));
        complete(handle, &request);
        free(out);
    }
}

/* A result that must be the same in all processes; whether it is success. */
static inline bool agreed(const char *what, segmsg_result_t result, const segmsg_t *handle)
{
    int mine = (int) result, most, least;

    MPI_Allreduce(&mine, &most, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    MPI_Allreduce(&mine, &least, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    CHECK(most == least, "%s gave \"%s\" here, elsewhere \"%s\"", what, segmsg_result_text(result),
          segmsg_result_text((segmsg_result_t) (mine == most ? least : most)));
    if (SEGMSG_SUCCESS != result) {
        CHECK(NULL == handle, "%s failed, and the handle is not NULL", what);
    }
    return 0 == most;
}

/* Open with these options, or by the environment alone, in all processes or in the last one; it must
 * be refused in all. Where it is wrong, the explanation says this word. */
static inline void refuse(const segmsg_options_t *options, const char *word, bool all)
{
    segmsg_t *handle = (segmsg_t *) &handle;
    bool mine = all || check_rank == check_size - 1;
    const char *why;

    check_doing("%s: segmsg_open, wrong %s", promise_now, word);
    GIVES(SEGMSG_E_OPTIONS, segmsg_open(MPI_COMM_WORLD, mine ? options : NULL, &handle));
    CHECK(NULL == handle, "the handle is not NULL");
    why = segmsg_explanation();
    CHECK(*why, "%s is wrong here or elsewhere, and no explanation", word);
    CHECK(!mine || names(why, word), "the explanation does not name \"%s\": %s", word, why);
}

#endif
