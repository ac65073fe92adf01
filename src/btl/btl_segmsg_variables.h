/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * MCA variables as rows of a table: btl_segmsg_params.def. Registration, check and message follow from it.
 */
#ifndef MCA_BTL_SEGMSG_VARIABLES_H
#define MCA_BTL_SEGMSG_VARIABLES_H

#include "btl/btl_segmsg.h"

/* Types of the table; btl_segmsg_config.h has C's. */
typedef enum {
    MCA_BTL_SEGMSG_UNSIGNED,
    MCA_BTL_SEGMSG_INT,
    MCA_BTL_SEGMSG_BOOL,
    MCA_BTL_SEGMSG_CHOICE, /* index into `words` */
    MCA_BTL_SEGMSG_TEXT,   /* never NULL; one of `words`, or what it means is checked elsewhere */
    MCA_BTL_SEGMSG_COMMON  /* one of those that all BTLs have: Open MPI registers it */
} mca_btl_segmsg_type_t;

/* The numbers that a variable may have. */
typedef struct {
    uint64_t low;
    uint64_t high;
    bool or_zero;      /* besides, 0: off */
    bool or_minus_one; /* besides, -1: no limit */
    bool power_of_two;
} mca_btl_segmsg_range_t;

typedef struct {
    mca_btl_segmsg_type_t type;
    const char *name;     /* behind btl_segmsg_, as the next */
    const char *old_name; /* under which it is known as well; NULL: none */
    void *storage;
    union { /* by type */
        unsigned UNSIGNED;
        int INT, CHOICE;
        bool BOOL;
        const char *TEXT;
    } initial;
    mca_btl_segmsg_range_t range;
    const char *const *words;      /* ends with NULL; NULL: any */
    mca_base_var_info_lvl_t level; /* ompi_info's */
    const char *help;              /* without the range, which is added */
} mca_btl_segmsg_variable_t;

/* Gives the variable its default, and registers it. True also if what the user gave cannot be used; false: an error. */
bool mca_btl_segmsg_variable_register(const mca_btl_segmsg_variable_t *variable);

/* False, and the user is told, if what the user gave is not permitted. */
bool mca_btl_segmsg_variable_check(const mca_btl_segmsg_variable_t *variable);

/* Tells the user that the value of a variable cannot be used, and which ones can. False. */
bool mca_btl_segmsg_variable_refuse(const char *name, const char *permitted);

/* True if the user has not set the variable. */
bool mca_btl_segmsg_variable_is_default(const char *name);

#endif
