/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Large transfers of a running job that two processes copy together.
 */
#ifndef SEGMSG_TRANSFERS_H
#define SEGMSG_TRANSFERS_H

#include "tools/segmsg_snapshot.h"

/* One of them, as the owner of the export does it. */
typedef struct {
    segmsg_identity_t partner; /* only its name is known */
    bool is_put;               /* to the partner, not from it */
    uint64_t bytes;            /* of the transfer */
    uint64_t owner_bytes;      /* that the owner copies, or has copied */
    uint64_t partner_bytes;    /* that the partner does; what is left is nobody's yet */
    uint64_t reported_bytes;   /* of the partner's, those that it has done */
} segmsg_transfer_view_t;

/* Reads record `index`, below SEGMSG_JOINTS. False if there is no transfer in it, if it was torn, or if
 * the file ends before. */
bool segmsg_transfer_read(const segmsg_snapshot_t *snapshot, uint32_t index,
                          segmsg_transfer_view_t *view);

#endif
