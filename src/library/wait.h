/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Progress, and waiting for requests.
 */
#ifndef SEGMSG_LIBRARY_WAIT_H
#define SEGMSG_LIBRARY_WAIT_H

#include "library/library.h"

/* One look at everybody, and whatever is under way. Returns how much there was to do. */
int segmsg_lib_progress(segmsg_t *handle);
/* The same without a look at `reader`, which the caller looks at. */
int segmsg_lib_progress_but(segmsg_t *handle, const segmsg_reader_t *reader);

/* How somebody waits. */
typedef struct {
    unsigned looks; /* at the one who is waited for, between two looks at all */
    unsigned most;  /* looks in vain at all before the processor is yielded */
    unsigned idle;  /* such looks so far */
    unsigned taken; /* messages of the one who is waited for, so far */
    int64_t since;  /* segmsg_yield_processor's */
    int64_t began;  /* when the processor was first to be yielded, nanoseconds; 0: not yet */
    int64_t used;   /* processor time of the thread then, nanoseconds */
    bool is_alert;  /* no message tells that the wait is over: it does not sleep */
} segmsg_patience_t;
segmsg_patience_t segmsg_lib_patience(segmsg_t *handle);
/* Progress for a call that does not wait: notices after many of them that nothing can come any more. */
void segmsg_lib_poll_progress(segmsg_t *handle);
/* Yields the processor, if that has paid. */
void segmsg_lib_yield(segmsg_t *handle, segmsg_patience_t *patience);
/* To be called after every look at all, with how much it found. */
void segmsg_lib_lose_patience(segmsg_t *handle, segmsg_patience_t *patience, int found);

/* What becomes of a request that will never be complete. */
void segmsg_lib_abandon(segmsg_t *handle, segmsg_request_t *request);

/* Waits for the next message of `reader`, as long as `patience` says, and takes it; if there is none, or
 * `reader` is NULL, and now and then, looks at all. */
void segmsg_lib_wait_for(segmsg_t *handle, segmsg_patience_t *patience, segmsg_reader_t *reader);

/* Looks for the next message of a sender, nowhere else, as long as `patience` says. A message of some
 * lines is found sooner by a third of its time if nothing else is done meanwhile. */
static inline bool segmsg_lib_stare(const segmsg_reader_t *reader,
                                    const segmsg_patience_t *patience)
{
    for (unsigned look = 0; look < patience->looks; ++look) {
        if (segmsg_ring_has_something(&reader->ring)) {
            return true;
        }
    }
    return false;
}

/* Ends a request that is complete. */
segmsg_result_t segmsg_lib_request_end(segmsg_t *handle, segmsg_request_t *request,
                                       segmsg_info_t *info);
/* Goes on until the request is complete or the handle is broken. */
void segmsg_lib_await(segmsg_t *handle, const segmsg_request_t *request);

#endif
