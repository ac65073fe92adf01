/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What processes tell one another at start-up.
 */
#ifndef MCA_BTL_SEGMSG_MODEX_H
#define MCA_BTL_SEGMSG_MODEX_H

#include "btl/btl_segmsg.h"

int mca_btl_segmsg_modex_send(void);

/* What `proc` published; to be freed. NULL if it published nothing that we understand. */
mca_btl_segmsg_modex_t *mca_btl_segmsg_modex_recv(opal_proc_t *proc);

/*
 * Leaves out of `btl` what a peer leaves out. Open MPI takes both ends to have the same operations: ob1 ends the
 * job of a receiver that is to get and has no get. Within add_procs, where it has not asked for them yet.
 */
void mca_btl_segmsg_modex_narrow(mca_btl_base_module_t *btl, const mca_btl_segmsg_modex_t *modex);

#endif
