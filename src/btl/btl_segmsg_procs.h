/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * add_procs, del_procs, finalize.
 */
#ifndef MCA_BTL_SEGMSG_PROCS_H
#define MCA_BTL_SEGMSG_PROCS_H

#include "btl/btl_segmsg.h"

int mca_btl_segmsg_add_procs(mca_btl_base_module_t *btl, size_t count, opal_proc_t **procs,
                             mca_btl_base_endpoint_t **peers, opal_bitmap_t *reachable);
int mca_btl_segmsg_del_procs(mca_btl_base_module_t *btl, size_t count, opal_proc_t **procs,
                             mca_btl_base_endpoint_t **peers);
int mca_btl_segmsg_finalize(mca_btl_base_module_t *btl);

#endif
