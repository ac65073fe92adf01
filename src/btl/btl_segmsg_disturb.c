/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_disturb.h"

#include "base/futex.h"
#include "queue/doorbell.h"

void mca_btl_segmsg_disturb(void)
{
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    if (!opal_using_threads() || !module->initialised) {
        return;
    }
    _Atomic uint32_t *bell = &segmsg_export_head(module->receiver.own)->doorbell;
    if (segmsg_doorbell_is_offered(bell) && segmsg_doorbell_ring(bell)) {
        segmsg_futex_wake(bell);
    }
}
