/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Numbers as users write them.
 */
#include "base/number.h"
#include "unit.h"

#include <stdio.h>

typedef struct {
    const char *text;
    int base;
    bool is_negative;
    uint64_t magnitude;
} reading_t;

static void numbers_are_read(void)
{
    static const reading_t readings[] = {
        {"0", 0, false, 0},
        {"-0", 0, false, 0},
        {"5", 0, false, 5},
        {"+5", 0, false, 5},
        {" 5 ", 0, false, 5},
        {"\t5\n", 0, false, 5},
        {"-1", 0, true, 1},
        {"0x10", 0, false, 16},
        {"010", 0, false, 8},
        {"010", 10, false, 10},
        {"4k", 0, false, 4096},
        {"4K", 10, false, 4096},
        {"1M", 0, false, 1 << 20},
        {"3g ", 0, false, UINT64_C(3) << 30},
        {"4294967296", 0, false, UINT64_C(1) << 32},
        {"18446744073709551615", 0, false, UINT64_MAX},
        {"17179869183G", 0, false, UINT64_C(17179869183) << 30},
    };
    for (size_t i = 0; i < sizeof(readings) / sizeof(*readings); ++i) {
        const reading_t *want = &readings[i];
        bool is_negative = !want->is_negative;
        uint64_t magnitude = 77;
        bool is_number = segmsg_number_parse(want->text, want->base, &is_negative, &magnitude);
        if (!is_number || is_negative != want->is_negative || magnitude != want->magnitude) {
            fprintf(stderr, "\"%s\"\n", want->text);
        }
        UNIT_CHECK(is_number);
        UNIT_CHECK(is_negative == want->is_negative);
        UNIT_CHECK(magnitude == want->magnitude);
    }
}

static void what_is_no_number_is_refused(void)
{
    static const char *const texts[] = {"",
                                        " ",
                                        "abc",
                                        "-",
                                        "+",
                                        "--5",
                                        "+-5",
                                        "- 5",
                                        "1e3",
                                        "1.5",
                                        "4kB",
                                        "4kk",
                                        "4 k",
                                        "k",
                                        "5 6",
                                        "5,",
                                        "x10",
                                        "0x1g2",
                                        "18446744073709551616",
                                        "17179869184G",
                                        "99999999999999999999999999"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); ++i) {
        bool is_negative;
        uint64_t magnitude;
        bool is_number = segmsg_number_parse(texts[i], 0, &is_negative, &magnitude);
        if (is_number) {
            fprintf(stderr, "\"%s\" is taken for %llu\n", texts[i], (unsigned long long) magnitude);
        }
        UNIT_CHECK(!is_number);
    }
    bool is_negative;
    uint64_t magnitude;
    UNIT_CHECK(!segmsg_number_parse("0x10", 10, &is_negative, &magnitude));
}

static const unit_case_t cases[] = {
    UNIT_CASE(numbers_are_read),
    UNIT_CASE(what_is_no_number_is_refused),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
