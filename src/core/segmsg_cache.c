/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/segmsg_cache.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <string.h>

bool segmsg_cache_can_demote(void)
{
    enum { LEAF_FEATURES = 7, ECX_CLDEMOTE = 1 << 25 };
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid_count(LEAF_FEATURES, 0, &eax, &ebx, &ecx, &edx) != 0
           && (ecx & ECX_CLDEMOTE) != 0;
}

/*
 * Measured on AMD's Zen 4, whose first cache holds 32 KB: PREFETCHW gains nothing there, since the
 * receiver's prefetchers take the lines back at once, and it costs whatever the lines displace.
 */
bool segmsg_cache_prefers_reuse(void)
{
    unsigned eax, vendor[3];
    if (__get_cpuid(0, &eax, &vendor[0], &vendor[2], &vendor[1]) == 0) {
        return false;
    }
    return memcmp(vendor, "AuthenticAMD", sizeof(vendor)) == 0
           || memcmp(vendor, "HygonGenuine", sizeof(vendor)) == 0;
}

/*
 * Measured: on Zen 4 (family 25, as Zen 3) chunks halve the time of 16 to 64 KB where both cores share a cache,
 * and the choice notices where they do not. On Zen 5 (family 26) they had 0.5 to 0.8 of the kernel's bandwidth
 * from 64 KB to 1 MB and 1.5 times its time at 1 MB, and were chosen all the same.
 */
bool segmsg_cache_favours_units(void)
{
    enum { LEAF_SIGNATURE = 1, EXTENDED = 15, ZEN_3_AND_4 = 25 };
    unsigned eax, ebx, ecx, edx;
    if (!segmsg_cache_prefers_reuse() || __get_cpuid(LEAF_SIGNATURE, &eax, &ebx, &ecx, &edx) == 0) {
        return false;
    }
    unsigned family = eax >> 8 & 15;
    return (family == EXTENDED ? family + (eax >> 20 & 255) : family) == ZEN_3_AND_4;
}
#else
bool segmsg_cache_can_demote(void)
{
    return false;
}

bool segmsg_cache_prefers_reuse(void)
{
    return false;
}

bool segmsg_cache_favours_units(void)
{
    return false;
}
#endif
