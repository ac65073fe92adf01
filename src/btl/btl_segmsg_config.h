/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The values of the parameters, as btl_segmsg_params.def lists them, and the defaults that are not the
 * engine's. Needs no header of Open MPI.
 */
#ifndef MCA_BTL_SEGMSG_CONFIG_H
#define MCA_BTL_SEGMSG_CONFIG_H

#include "engine/defaults.h"

enum {
    SEGMSG_DEFAULT_EAGER = 8 * 1024 + 128,
    SEGMSG_DEFAULT_TWO_COPY_EAGER = 16 * 1024 + 128, /* what the ring carries */
    SEGMSG_DEFAULT_RNDV_EAGER = 32 * 1024,
    SEGMSG_DEFAULT_MAX_SEND = 64 * 1024 + 128,
    MCA_BTL_SEGMSG_PIECE_MAX = 64 << 10,               /* bytes of data of a chunk */
    MCA_BTL_SEGMSG_RAILS_MAX = SEGMSG_HAVE_OFI ? 8 : 0 /* network interfaces at a time */
};

/* 64 B x 63 and their control line are a page. docs/tuning.md says how these were chosen. */
#define SEGMSG_DEFAULT_HOSTS_GROUPS "64:63:8,256:64:9,2K:64:9,8K:64:9,32K:64:3"
/* Within a host, for tests, or of no use. The names are those that mtl/ofi's users know. */
#define SEGMSG_DEFAULT_EXCLUDE "shm,sockets,udp,usnic,net,rstream,lnx,off_coll"

/* Values of config.copy.single_copy, in the order of its words. */
typedef enum {
    SEGMSG_COPY_AUTO = 0, /* the kernel's single copy where it works */
    SEGMSG_COPY_CMA = 1,  /* process_vm_readv/writev, and say so where it does not work */
    SEGMSG_COPY_NONE = 2  /* never */
} mca_btl_segmsg_copy_t;

/* Values of config.message.wait, likewise. */
typedef enum {
    MCA_BTL_SEGMSG_WAIT_AUTO = 0,
    MCA_BTL_SEGMSG_WAIT_SPIN = 1,
    MCA_BTL_SEGMSG_WAIT_YIELD = 2,
    MCA_BTL_SEGMSG_WAIT_BLOCK = 3
} mca_btl_segmsg_waiting_t;

/* What the text of a parameter says of segment groups. */
typedef struct {
    segmsg_geometry_t geometry;
    segmsg_error_t error; /* SEGMSG_OK: the geometry is valid */
    uint32_t bad_group;   /* index of the group in error */
} mca_btl_segmsg_groups_t;

/* C's types of the table's. */
typedef unsigned mca_btl_segmsg_UNSIGNED_t;
typedef int mca_btl_segmsg_INT_t;
typedef bool mca_btl_segmsg_BOOL_t;
typedef int mca_btl_segmsg_CHOICE_t; /* index of a word */
typedef char *mca_btl_segmsg_TEXT_t;

#define HEADING(...)
#define SECTION(section, ...) struct mca_btl_segmsg_config_##section {
#define END(section) \
    }                \
    section;
#define ROW(kind, section, name, ...) mca_btl_segmsg_##kind##_t name;
#define PLACED(...)
#define COMMON(...)
typedef struct {
#include "btl/btl_segmsg_params.def"
    segmsg_growth_t growth;
    segmsg_cache_policy_t cache;
    mca_btl_segmsg_groups_t node_groups;  /* what memory.groups says */
    mca_btl_segmsg_groups_t hosts_groups; /* what hosts.ofi_groups says */
} mca_btl_segmsg_config_t;

#endif
