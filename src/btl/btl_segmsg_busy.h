/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The peers that progress looks after: something waits for room at them.
 */
#ifndef MCA_BTL_SEGMSG_BUSY_H
#define MCA_BTL_SEGMSG_BUSY_H

#include "btl/btl_segmsg.h"

/* Puts the endpoint among those that progress looks after. Its lock is held. */
void mca_btl_segmsg_endpoint_set_busy(mca_btl_segmsg_endpoint_t *endpoint);

/* Refuses what the PML can keep, until the queue is short. The endpoint's lock is held. */
void mca_btl_segmsg_endpoint_block(mca_btl_segmsg_endpoint_t *endpoint);

/* Takes messages again if the queue has become short enough. The endpoint's lock is held. */
void mca_btl_segmsg_endpoint_unblock(mca_btl_segmsg_endpoint_t *endpoint);

/* Takes the endpoint, which goes, out of them. The module's lock is held. */
void mca_btl_segmsg_endpoint_clear_busy(mca_btl_segmsg_endpoint_t *endpoint);

/* Takes the next one out of them; NULL if there is none. */
mca_btl_segmsg_endpoint_t *mca_btl_segmsg_endpoint_next_busy(void);

#endif
