/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What users must be told, and what they may ask for.
 */
#ifndef MCA_BTL_SEGMSG_REPORT_H
#define MCA_BTL_SEGMSG_REPORT_H

#include "btl/btl_segmsg.h"

void mca_btl_segmsg_dump(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                         int verbose);

/*
 * Shows the help text `topic`, filled in. Open MPI renders it, but it is printed here and not passed
 * on to mpirun: 4.1's mpirun with an external PMIx frees such messages while they are in flight and
 * loses every third one.
 */
void mca_btl_segmsg_say(const char *topic, ...);

/*
 * The same, said by one process of those of the job on this node that have it to say: the first. Texts are
 * alike that have the topic and the key in common; without a key (NULL), those that are equal.
 */
void mca_btl_segmsg_say_once_a_node(const char *key, const char *topic, ...);
#define MCA_BTL_SEGMSG_SAY_ONCE_A_NODE(...) mca_btl_segmsg_say_once_a_node(NULL, __VA_ARGS__)

/* Says that the process may map too little for `what`: bytes needed, and bytes left for it. */
void mca_btl_segmsg_say_no_address_space(const char *what, uint64_t needed, uint64_t available);

/* Makes the help texts findable wherever the component was loaded from. */
void mca_btl_segmsg_find_help(void);

/* Nothing more can be sent to `endpoint`, or nothing more received: says why and tells the PML. */
void mca_btl_segmsg_fail(const mca_btl_segmsg_endpoint_t *endpoint, segmsg_error_t error)
    __attribute__((noreturn));

/* Statistics line on standard error, if asked for. */
void mca_btl_segmsg_report(void);

#endif
