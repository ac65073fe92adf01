/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "base/cache.h"

#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <stdatomic.h>
#include <string.h>

enum { ZEN_3_AND_4 = 25, ZEN_5 = 26 };

/* What is asked of the processor, one bit each. */
enum {
    KNOWN = 1 << 0,
    DEMOTES = 1 << 1,       /* CLDEMOTE */
    FAST_STRINGS = 1 << 2,  /* REP MOVSB of short copies (FSRM) */
    AMD = 1 << 3,           /* and Hygon, which builds the same cores */
    IS_ZEN_3_OR_4 = 1 << 4, /* by the family, as AMD counts */
    FROM_ZEN_5_ON = 1 << 5
};

/* The family as AMD counts, by which its cores are named. */
static unsigned family(void)
{
    enum { LEAF_SIGNATURE = 1, EXTENDED = 15 };
    unsigned eax, ebx, ecx, edx;
    __cpuid(LEAF_SIGNATURE, eax, ebx, ecx, edx);
    unsigned base = eax >> 8 & 15;
    return base == EXTENDED ? base + (eax >> 20 & 255) : base;
}

static unsigned ask_processor(void)
{
    enum { LEAF_FEATURES = 7, ECX_CLDEMOTE = 1 << 25, EDX_FSRM = 1 << 4 };
    unsigned last, vendor[3], eax, ebx, ecx, edx;
    unsigned found = KNOWN;
    __cpuid(0, last, vendor[0], vendor[2], vendor[1]);
    if (last >= LEAF_FEATURES) {
        __cpuid_count(LEAF_FEATURES, 0, eax, ebx, ecx, edx);
        found |= (ecx & ECX_CLDEMOTE) != 0 ? DEMOTES : 0;
        found |= (edx & EDX_FSRM) != 0 ? FAST_STRINGS : 0;
    }
    if (memcmp(vendor, "AuthenticAMD", sizeof(vendor)) == 0
        || memcmp(vendor, "HygonGenuine", sizeof(vendor)) == 0) {
        unsigned number = family();
        found |= AMD;
        found |= number == ZEN_3_AND_4 ? IS_ZEN_3_OR_4 : 0;
        found |= number >= ZEN_5 ? FROM_ZEN_5_ON : 0;
    }
    return found;
}

/* Whether the processor has all of these. It is asked once: in a virtual machine each CPUID takes 10 to 60 us. */
static bool has(unsigned wanted)
{
    static _Atomic unsigned known;
    /* Relaxed: every thread that asks finds the same. */
    unsigned found = atomic_load_explicit(&known, memory_order_relaxed);
    if (found == 0) {
        found = ask_processor();
        atomic_store_explicit(&known, found, memory_order_relaxed);
    }
    return (found & wanted) == wanted;
}

bool segmsg_cache_can_demote(void)
{
    return has(DEMOTES);
}

/*
 * Measured on AMD's Zen 4, whose first cache holds 32 KB: PREFETCHW gains nothing there, since the
 * receiver's prefetchers take the lines back at once, and it costs whatever the lines displace.
 */
bool segmsg_cache_prefers_reuse(void)
{
    return has(AMD);
}

/*
 * Measured: on Zen 4 (family 25, as Zen 3) chunks halve the time of 16 to 64 KB where both cores share a cache,
 * and the choice notices where they do not. On Zen 5 (family 26) they had 0.5 to 0.8 of the kernel's bandwidth
 * from 64 KB to 1 MB when copied by stores; by strings 1.3 to 2.6 of it. Data that the sender has just written takes
 * 0.4 to 0.6 of the time there: the kernel reads it out of the other core's cache.
 */
bool segmsg_cache_favours_units(void)
{
    return has(IS_ZEN_3_OR_4) || segmsg_cache_favours_strings();
}

/*
 * Measured on Zen 5: a segment is copied into and out of at 6.8 GB/s by stores of whole lines, whether the lines
 * are asked for before or not, at 7 GB/s by AVX-512, and at 23 GB/s by REP MOVSB, which does not wait for what
 * the lines hold. On Zen 4 stores to lines that are owned ahead are faster.
 */
bool segmsg_cache_favours_strings(void)
{
    return has(FROM_ZEN_5_ON | FAST_STRINGS);
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

bool segmsg_cache_favours_strings(void)
{
    return false;
}
#endif

size_t segmsg_cache_second_bytes(void)
{
    enum { USUAL = 1 << 20 };
#ifdef _SC_LEVEL2_CACHE_SIZE
    long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
#else
    long bytes = 0;
#endif
    return bytes > 0 ? (size_t) bytes : USUAL;
}
