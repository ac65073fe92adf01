/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * MCA variables as rows of a table: btl_segmsg_params.def. Registration, check and message follow from it.
 */
#ifndef MCA_BTL_SEGMSG_VARIABLES_H
#define MCA_BTL_SEGMSG_VARIABLES_H

#include "btl/btl_segmsg.h"

typedef enum {
    MCA_BTL_SEGMSG_UNSIGNED, /* unsigned */
    MCA_BTL_SEGMSG_INT,      /* int */
    MCA_BTL_SEGMSG_BOOL,     /* bool */
    MCA_BTL_SEGMSG_CHOICE,   /* int, one of `values` */
    MCA_BTL_SEGMSG_WORD,     /* text, one of `words` */
    MCA_BTL_SEGMSG_TEXT,     /* any text; what it means is checked elsewhere. Never NULL, but "" */
    MCA_BTL_SEGMSG_COMMON    /* one of those that all BTLs have: Open MPI registers it */
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
    const char *name; /* behind btl_segmsg_ */
    void *storage;
    union {
        unsigned number;
        int integer;
        bool flag;
        const char *text;
    } initial;
    mca_btl_segmsg_range_t range;
    const char *const *words;          /* ends with NULL */
    mca_base_var_enum_value_t *values; /* ends with .string NULL */
    mca_base_var_info_lvl_t level;     /* ompi_info's */
    const char *help;                  /* without the range, which is added */
} mca_btl_segmsg_variable_t;

/* Gives the variable its default value, and registers it. OPAL_SUCCESS, also where what the user gave
 * cannot be used, or an error. */
int mca_btl_segmsg_variable_register(const mca_btl_segmsg_variable_t *variable);

/* False, and the user is told, if what the user gave is not permitted. */
bool mca_btl_segmsg_variable_check(const mca_btl_segmsg_variable_t *variable);

/* Tells the user that the value of a variable cannot be used, and which ones can. False. */
bool mca_btl_segmsg_variable_refuse(const char *name, const char *permitted);

/* True if the user has not set the variable. */
bool mca_btl_segmsg_variable_is_default(const char *name);

#endif
