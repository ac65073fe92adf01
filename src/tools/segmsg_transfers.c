/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "tools/segmsg_transfers.h"

#include "queue/split_work.h"

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Bytes of the units from `from` to `to` of a transfer. */
static uint64_t bytes_of(const segmsg_joint_cut_t *cut, uint32_t from, uint32_t to)
{
    return lesser(to * cut->unit_bytes, cut->bytes) - lesser(from * cut->unit_bytes, cut->bytes);
}

bool segmsg_transfer_read(const segmsg_snapshot_t *snapshot, uint32_t index,
                          segmsg_transfer_view_t *view)
{
    segmsg_joint_t record;
    uint64_t offset = snapshot->export.shape.joints + index * sizeof(record);
    if (!segmsg_snapshot_read(snapshot, &record, sizeof(record), offset)) {
        return false;
    }
    /* Relaxed, all of it: a copy that nobody else sees. */
    const segmsg_joint_cut_t cut = {.bytes =
                                        atomic_load_explicit(&record.bytes, memory_order_relaxed),
                                    .unit_bytes = atomic_load_explicit(&record.unit_bytes,
                                                                       memory_order_relaxed)};
    uint64_t claim = atomic_load_explicit(&record.claim, memory_order_relaxed);
    uint32_t front = (uint32_t) (claim >> 16) & 0xffff;
    uint32_t back = (uint32_t) claim & 0xffff;
    if (cut.bytes == 0 || cut.unit_bytes == 0 || cut.bytes > UINT64_MAX / 2
        || cut.unit_bytes > UINT64_MAX / 2 / SEGMSG_JOINT_UNITS_MAX
        || (cut.bytes - 1) / cut.unit_bytes >= SEGMSG_JOINT_UNITS_MAX || front > back
        || back > segmsg_joint_units(&cut)) {
        return false;
    }
    uint32_t units = segmsg_joint_units(&cut);
    uint64_t report = atomic_load_explicit(&record.report, memory_order_relaxed);
    uint32_t reported = (uint32_t) (report - segmsg_joint_report_base((uint32_t) (claim >> 32)));
    reported = reported < units - back ? reported : units - back;
    *view = (segmsg_transfer_view_t){
        .partner.name = atomic_load_explicit(&record.partner, memory_order_relaxed),
        .is_put = atomic_load_explicit(&record.is_put, memory_order_relaxed) != 0,
        .bytes = cut.bytes,
        .owner_bytes = bytes_of(&cut, 0, front),
        .partner_bytes = bytes_of(&cut, back, units),
        .reported_bytes = bytes_of(&cut, units - reported, units),
    };
    return true;
}
