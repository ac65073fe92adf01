/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * MCA variables: how they are registered and checked.
 */
#ifndef MCA_BTL_SEGMSG_VARIABLES_H
#define MCA_BTL_SEGMSG_VARIABLES_H

#include "btl/btl_segmsg.h"

void mca_btl_segmsg_register_text(const char *name, const char *help, char **storage);
void mca_btl_segmsg_register_unsigned(const char *name, const char *help,
                                      mca_base_var_info_lvl_t level, unsigned *storage);

/* False, and the user is told, if `value` is not from `low` to `high`. */
bool mca_btl_segmsg_check_range(const char *name, unsigned long value, unsigned long low,
                                unsigned long high);

#endif
