/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What is good for large transfers where nobody says otherwise; docs/tuning.md says how it was chosen.
 */
#ifndef SEGMSG_TRANSFER_DEFAULTS_H
#define SEGMSG_TRANSFER_DEFAULTS_H

#include "base/cache.h"
#include "engine/defaults.h"
#include "transfer/transfer.h"

static inline segmsg_transfer_config_t segmsg_default_transfers(void)
{
    return (segmsg_transfer_config_t){
        .cooperative_from = 48 << 10,
        .used_from = segmsg_cache_second_bytes() / 4 + 1,
        .unit_bytes = 16 << 10,
        .help_bytes = 256 << 10,
        .unhelped_bytes = 4 << 20,
        .unasked_bytes = 16 << 20,
        .chunks_from = segmsg_cache_favours_units() ? 8 << 10 : 0,
        .chunks_to = 2 << 20,
        .chunk_bytes = segmsg_default_piece(),
        .chunk_most = 64 << 10,
        .chunks_after = 64,
        .chunk_timeout = 20,
        .chunk_budget = 16,
    };
}

#endif
