/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The kernel copies, with process_vm_readv and process_vm_writev ("cross memory attach").
 */
#ifndef SEGMSG_CMA_H
#define SEGMSG_CMA_H

#include "copier/copier.h"

extern const segmsg_copier_kind_t segmsg_cma_kind;

#endif
