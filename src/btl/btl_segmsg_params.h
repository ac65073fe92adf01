/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * MCA parameters of the component, and the checks on them.
 */
#ifndef MCA_BTL_SEGMSG_PARAMS_H
#define MCA_BTL_SEGMSG_PARAMS_H

#include "btl/btl_segmsg.h"

/* Registers all MCA variables and sets the module's sizes from them. */
int mca_btl_segmsg_register_params(void);

/* Checks every value; says what is wrong, once, and returns false if segmsg must decline. */
bool mca_btl_segmsg_check_params(void);

/* True if the user wants libfabric between hosts. */
bool mca_btl_segmsg_uses_ofi(void);

/* The memory that the user wants within a node; NULL: none. */
const segmsg_memory_kind_t *mca_btl_segmsg_memory_kind(void);

#endif
