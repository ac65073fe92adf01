/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The progress lock: one thread at a time polls, or changes what polling uses.
 */
#ifndef MCA_BTL_SEGMSG_POLLING_H
#define MCA_BTL_SEGMSG_POLLING_H

#include "btl/btl_segmsg.h"

/* Keeps other threads from polling, for whoever changes what polling uses. Nests. */
void mca_btl_segmsg_polling_stop(void);
void mca_btl_segmsg_polling_resume(void);

/* The same if no thread has it, with threads; false, and nothing is done, if one does: this one, perhaps. */
bool mca_btl_segmsg_polling_try(void);

/* True if the calling thread polls, or has stopped polling; without threads, always. */
bool mca_btl_segmsg_polling_is_own(void);

#endif
