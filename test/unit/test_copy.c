/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Copying a message into its place: every byte where it belongs, and no other touched. And the hints
 * to the caches, which may be given for any address.
 */
#include "base/cache.h"
#include "base/copy.h"
#include "base/copy_long.h"
#include "unit.h"

#include <string.h>

enum { SIZE_MAX_COPIED = 300, HEADER_MAX = 64, GUARD = 2 * SEGMSG_LINE, FILL = 0xa5 };

typedef struct {
    _Alignas(
        SEGMSG_LINE) unsigned char byte[GUARD + SEGMSG_LINE + HEADER_MAX + SIZE_MAX_COPIED + GUARD];
} field_t;

/* Different at every place, and never FILL. */
static void make(unsigned char *at, size_t size, unsigned first)
{
    for (size_t i = 0; i < size; ++i) {
        at[i] = (unsigned char) ((first + i * 7) % 251);
        at[i] = at[i] == FILL ? 252 : at[i];
    }
}

static bool is_filled(const unsigned char *from, const unsigned char *to)
{
    while (from != to && *from == FILL) {
        ++from;
    }
    return from == to;
}

static void check_copy_in(size_t offset, size_t header_size, size_t size, bool owned)
{
    /* On the stack and of just that size, so that a sanitizer sees what is read too far. */
    unsigned char header[header_size == 0 ? 1 : header_size];
    unsigned char payload[size == 0 ? 1 : size];
    make(header, header_size, 3);
    make(payload, size, 90);
    field_t field;
    memset(&field, FILL, sizeof(field));
    unsigned char *to = field.byte + GUARD + offset;
    segmsg_copy_in(to, header, header_size, payload, size, owned);
    bool good = memcmp(to, header, header_size) == 0 && memcmp(to + header_size, payload, size) == 0
                && is_filled(field.byte, to)
                && is_filled(to + header_size + size, field.byte + sizeof(field.byte));
    if (!good) {
        unit_fail(__FILE__, __LINE__, "offset %zu, header %zu, size %zu, owned %d", offset,
                  header_size, size, owned);
    }
}

static void copy_in_puts_every_byte_in_its_place(void)
{
    /* 8 bytes or more are left in the first line. Not each of them where that takes long. */
    size_t step = unit_repetitions(20) < 20 ? 5 : 1;
    for (size_t offset = 0; offset <= SEGMSG_LINE - 8; offset += step) {
        for (size_t header_size = 0; header_size <= HEADER_MAX; ++header_size) {
            for (size_t size = 0; size <= SIZE_MAX_COPIED && !unit_has_failed(); ++size) {
                check_copy_in(offset, header_size, size, false);
                check_copy_in(offset, header_size, size, true);
            }
        }
    }
}

static void copy_short_copies_up_to_a_line(void)
{
    for (size_t offset = 0; offset < SEGMSG_LINE; ++offset) {
        for (size_t size = 0; size <= SEGMSG_LINE; ++size) {
            unsigned char from[size == 0 ? 1 : size];
            make(from, size, (unsigned) offset);
            field_t field;
            memset(&field, FILL, sizeof(field));
            unsigned char *to = field.byte + GUARD + offset;
            segmsg_copy_short(to, from, size);
            UNIT_CHECK(memcmp(to, from, size) == 0);
            UNIT_CHECK(is_filled(field.byte, to));
            UNIT_CHECK(is_filled(to + size, field.byte + sizeof(field.byte)));
        }
    }
}

static void check_copy_lines(void)
{
    for (size_t size = 0; size <= SIZE_MAX_COPIED; ++size) {
        unsigned char from[size == 0 ? 1 : size];
        make(from, size, (unsigned) size);
        field_t field;
        memset(&field, FILL, sizeof(field));
        unsigned char *to = field.byte + GUARD;
        segmsg_copy_lines(to, from, size);
        UNIT_CHECK(memcmp(to, from, size) == 0);
        UNIT_CHECK(is_filled(field.byte, to));
        UNIT_CHECK(is_filled(to + size, field.byte + sizeof(field.byte)));
    }
}

static void copy_lines_copies_any_size(void)
{
    size_t usual = segmsg_copy_string_from;
    segmsg_copy_set_string_from(0);
    UNIT_EQUAL(segmsg_copy_string_from, SIZE_MAX);
    check_copy_lines();
    segmsg_copy_set_string_from(SEGMSG_LINE + 1);
    check_copy_lines();
    segmsg_copy_string_from = usual;
}

static void check_copy_long(segmsg_copy_way_t way, size_t to_offset, size_t from_offset,
                            size_t size)
{
    /* Of just that size, so that a sanitizer sees what is read too far. */
    unsigned char source[from_offset + size + 1];
    unsigned char *from = source + from_offset;
    make(from, size, (unsigned) (size + to_offset));
    field_t field;
    memset(&field, FILL, sizeof(field));
    unsigned char *to = field.byte + GUARD + to_offset;
    if (way == SEGMSG_COPY_WAYS) {
        segmsg_copy_long(to, from, size);
    } else {
        segmsg_copy_long_by(way, to, from, size);
    }
    bool good = memcmp(to, from, size) == 0 && is_filled(field.byte, to)
                && is_filled(to + size, field.byte + sizeof(field.byte));
    if (!good) {
        unit_fail(__FILE__, __LINE__, "way %d, to %zu, from %zu, size %zu", (int) way, to_offset,
                  from_offset, size);
    }
}

static void copy_long_copies_any_size_at_any_alignment_in_every_way(void)
{
    for (segmsg_copy_way_t way = SEGMSG_COPY_PORTABLE; way <= SEGMSG_COPY_WAYS; ++way) {
        if (way != SEGMSG_COPY_WAYS && !segmsg_copy_can(way)) {
            continue;
        }
        for (size_t to_offset = 0; to_offset < SEGMSG_LINE; to_offset += 3) {
            for (size_t from_offset = 0; from_offset < SEGMSG_LINE; from_offset += 13) {
                for (size_t size = 0; size <= SIZE_MAX_COPIED && !unit_has_failed(); ++size) {
                    check_copy_long(way, to_offset, from_offset, size);
                }
            }
        }
    }
    size_t usual = segmsg_copy_string_from;
    segmsg_copy_set_string_from(SEGMSG_LINE);
    for (size_t size = 0; size <= SIZE_MAX_COPIED && !unit_has_failed(); ++size) {
        check_copy_long(SEGMSG_COPY_WAYS, size % 7, size % 11, size);
    }
    segmsg_copy_string_from = usual;
}

/* Also for addresses that nothing is mapped at, and for some that no process can have. */
static void hints_on_any_address_do_nothing(void)
{
    unit_random_t random = unit_random(0);
    field_t field;
    memset(&field, FILL, sizeof(field));
    for (uint64_t round = 0; round < 10000; ++round) {
        uintptr_t at = round < 64     ? (uintptr_t) 1 << round
                       : round < 5000 ? (uintptr_t) unit_next(&random)
                                      : (uintptr_t) field.byte + round % sizeof(field.byte);
        segmsg_cache_own((const void *) at);
        segmsg_cache_fetch((const void *) at);
        segmsg_cache_demote((const void *) at);
    }
    segmsg_cache_own(NULL);
    segmsg_cache_fetch(NULL);
    segmsg_cache_demote(NULL);
    UNIT_CHECK(is_filled(field.byte, field.byte + sizeof(field.byte)));
}

static const unit_case_t cases[] = {
    UNIT_CASE(copy_in_puts_every_byte_in_its_place),
    UNIT_CASE(copy_short_copies_up_to_a_line),
    UNIT_CASE(copy_lines_copies_any_size),
    UNIT_CASE(copy_long_copies_any_size_at_any_alignment_in_every_way),
    UNIT_CASE(hints_on_any_address_do_nothing),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
