/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * One process maps the other's memory, where there is a kernel module for that (XPMEM) and Open MPI
 * knows it (5.0's smsc framework, which keeps the mappings).
 */
#ifndef MCA_BTL_SEGMSG_MAPPED_H
#define MCA_BTL_SEGMSG_MAPPED_H

#include "copier/copier.h"

extern const segmsg_copier_kind_t mca_btl_segmsg_mapped_kind;

#endif
