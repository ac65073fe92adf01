/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * MPI_T performance variables.
 */
#ifndef MCA_BTL_SEGMSG_PVARS_H
#define MCA_BTL_SEGMSG_PVARS_H

#include "btl/btl_segmsg.h"

void mca_btl_segmsg_register_pvars(void);

#endif
