/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "queue/sums.h"

/* Mixes `value` into `sum`; every bit of both counts. */
static uint64_t mix(uint64_t sum, uint64_t value)
{
    sum = (sum ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return sum ^ sum >> 29;
}

uint64_t segmsg_segment_sum(const segmsg_segment_entry_t *entry, uint32_t index)
{
    uint64_t sum = mix(1, (uint64_t) index << 32 | entry->group);
    sum = mix(sum, (uint64_t) entry->partition_size << 32 | entry->partition_count);
    sum = mix(sum, entry->span_factor);
    return mix(mix(sum, entry->offset), entry->bytes) | 1;
}

uint64_t segmsg_group_sum(const segmsg_group_entry_t *entry, uint32_t index)
{
    uint64_t sum = mix(2, (uint64_t) index << 32 | entry->group);
    sum = mix(sum, (uint64_t) entry->segment << 32 | entry->reserved);
    sum = mix(mix(sum, entry->sender.name), entry->sender.nonce);
    sum = mix(sum, (uint64_t) entry->sender.pid << 32 | entry->sender.session);
    return mix(sum, entry->after) | 1;
}
