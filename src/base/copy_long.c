/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "base/copy_long.h"
#include "base/copy.h"

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

size_t segmsg_copy_string_from = SIZE_MAX;

uint32_t segmsg_copy_string_default(void)
{
    return segmsg_cache_favours_strings() ? 8 << 10 : 0;
}

/* Before any thread copies: libsegmsg may be opened by several at a time. */
__attribute__((constructor)) static void choose(void)
{
    segmsg_copy_set_string_from(segmsg_copy_string_default());
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void copy_lines_avx2(unsigned char *to,
                                                            const unsigned char *from, size_t size)
{
    enum { HALF = SEGMSG_LINE / 2 };
    for (; size >= SEGMSG_LINE; size -= SEGMSG_LINE, to += SEGMSG_LINE, from += SEGMSG_LINE) {
        segmsg_cache_own(to + SEGMSG_COPY_AHEAD);
        __m256i low = _mm256_loadu_si256((const void *) from);
        __m256i high = _mm256_loadu_si256((const void *) (from + HALF));
        _mm256_store_si256((void *) to, low);
        _mm256_store_si256((void *) (to + HALF), high);
    }
}

__attribute__((target("avx512f"))) static void
copy_lines_avx512(unsigned char *to, const unsigned char *from, size_t size)
{
    for (; size >= SEGMSG_LINE; size -= SEGMSG_LINE, to += SEGMSG_LINE, from += SEGMSG_LINE) {
        segmsg_cache_own(to + SEGMSG_COPY_AHEAD);
        _mm512_store_si512((void *) to, _mm512_loadu_si512((const void *) from));
    }
}

bool segmsg_copy_can(segmsg_copy_way_t way)
{
    return way == SEGMSG_COPY_AVX512 ? __builtin_cpu_supports("avx512f")
           : way == SEGMSG_COPY_AVX2 ? __builtin_cpu_supports("avx2")
                                     : true;
}
#else
bool segmsg_copy_can(segmsg_copy_way_t way)
{
    return way == SEGMSG_COPY_PORTABLE || way == SEGMSG_COPY_STRING;
}
#endif

void segmsg_copy_long_by(segmsg_copy_way_t way, void *to, const void *from, size_t size)
{
    unsigned char *t = to;
    const unsigned char *f = from;
    size_t first = -(uintptr_t) t % SEGMSG_LINE; /* up to the first whole line */
    first = first < size ? first : size;
    size_t rest = (size - first) % SEGMSG_LINE;
    size_t whole = size - first - rest;
    memcpy(t, f, first);
    switch (way) {
    case SEGMSG_COPY_STRING:
        segmsg_copy_string(t + first, f + first, whole);
        break;
#if defined(__x86_64__)
    case SEGMSG_COPY_AVX512:
        copy_lines_avx512(t + first, f + first, whole);
        break;
    case SEGMSG_COPY_AVX2:
        copy_lines_avx2(t + first, f + first, whole);
        break;
#endif
    default:
        segmsg_copy_lines(t + first, f + first, whole);
    }
    memcpy(t + first + whole, f + first + whole, rest);
}

void segmsg_copy_long(void *to, const void *from, size_t size)
{
    segmsg_copy_way_t way = size >= segmsg_copy_string_from       ? SEGMSG_COPY_STRING
                            : segmsg_copy_can(SEGMSG_COPY_AVX512) ? SEGMSG_COPY_AVX512
                            : segmsg_copy_can(SEGMSG_COPY_AVX2)   ? SEGMSG_COPY_AVX2
                                                                  : SEGMSG_COPY_PORTABLE;
    segmsg_copy_long_by(way, to, from, size);
}
