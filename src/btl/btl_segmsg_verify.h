/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Shared memory against what this process knows of it, while it waits.
 */
#ifndef MCA_BTL_SEGMSG_VERIFY_H
#define MCA_BTL_SEGMSG_VERIFY_H

#include "btl/btl_segmsg.h"

/* Compares what lies in shared memory with what the module at `context` knows; does not return if something
 * else wrote there. With `polling` held, while nothing comes. */
void mca_btl_segmsg_verify(void *context);

/* What a message in the export of the module at `context` says cannot be, or cannot be mapped; `reader`: whose it is,
 * NULL if nobody knows. Does not return. */
void mca_btl_segmsg_corrupt(void *context, segmsg_reader_t *reader) __attribute__((noreturn));

#endif
