/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Senders that are new to this process.
 */
#ifndef MCA_BTL_SEGMSG_WELCOME_H
#define MCA_BTL_SEGMSG_WELCOME_H

#include "btl/btl_segmsg.h"

/* Finds out who a sender is: its endpoint becomes the reader's user. By who polls. */
void mca_btl_segmsg_find_user(segmsg_reader_t *reader);

/* Finds senders that are new, and who they are. `context`: the module. By who polls. */
void mca_btl_segmsg_welcome(void *context);

#endif
