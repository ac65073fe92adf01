/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/segmsg_cache.h"

#if defined(__x86_64__)
#include <cpuid.h>

bool segmsg_cache_can_demote(void)
{
    enum { LEAF_FEATURES = 7, ECX_CLDEMOTE = 1 << 25 };
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid_count(LEAF_FEATURES, 0, &eax, &ebx, &ecx, &edx) != 0
           && (ecx & ECX_CLDEMOTE) != 0;
}
#else
bool segmsg_cache_can_demote(void)
{
    return false;
}
#endif
