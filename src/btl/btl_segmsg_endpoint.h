/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * One peer: its mapping, its sender, what waits for it.
 */
#ifndef MCA_BTL_SEGMSG_ENDPOINT_H
#define MCA_BTL_SEGMSG_ENDPOINT_H

#include "btl/btl_segmsg.h"

/* The endpoint of `proc`, made if need be; NULL if the process cannot be reached through segmsg. */
mca_btl_segmsg_endpoint_t *mca_btl_segmsg_endpoint_get(opal_proc_t *proc);

/* The endpoint of whoever `identity` names, made if need be; NULL if there is no way back. */
mca_btl_segmsg_endpoint_t *mca_btl_segmsg_endpoint_of(const segmsg_identity_t *identity);

void mca_btl_segmsg_endpoint_release(mca_btl_segmsg_endpoint_t *endpoint);

/* The peer has said goodbye: unmaps its export. By who polls. */
void mca_btl_segmsg_endpoint_retire(mca_btl_segmsg_endpoint_t *endpoint);

/* Threads may be allowed after the first messages: from then on no sender looks at what another thread polls. */
void mca_btl_segmsg_endpoint_forget_backs(void);

#endif
