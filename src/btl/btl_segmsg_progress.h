/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Progress: polling and delivery.
 */
#ifndef MCA_BTL_SEGMSG_PROGRESS_H
#define MCA_BTL_SEGMSG_PROGRESS_H

#include "btl/btl_segmsg.h"

int mca_btl_segmsg_progress(void);

/* Hands a message to whoever registered for its tag, as one fragment. By who polls. */
void mca_btl_segmsg_deliver(mca_btl_segmsg_endpoint_t *endpoint, uint8_t tag, void *data,
                            size_t size);

/* Keeps other threads from polling, for whoever changes what polling uses. Nests. */
void mca_btl_segmsg_polling_stop(void);
void mca_btl_segmsg_polling_resume(void);

/* True if somebody who waits has called progress, and that the PML, and that this; or it is to be found out. */
bool mca_btl_segmsg_waits(void);

/* Something was begun that is over when progress has been called a few times more: sees whether it is. */
void mca_btl_segmsg_watch(void);

/* What this call does took until `now`, in ticks; whoever called progress waits all the same. */
void mca_btl_segmsg_took(uint64_t now);

#endif
