/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "base/number.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WHITE " \t\n\v\f\r"

static unsigned suffix_shift(char suffix)
{
    switch (suffix) {
    case 'k':
    case 'K':
        return 10;
    case 'm':
    case 'M':
        return 20;
    case 'g':
    case 'G':
        return 30;
    default:
        return 0;
    }
}

bool segmsg_number_parse(const char *text, int base, bool *is_negative, uint64_t *magnitude)
{
    text += strspn(text, WHITE);
    bool has_sign = *text == '-' || *text == '+';
    bool has_minus = *text == '-';
    text += has_sign;
    if (!isdigit((unsigned char) *text)) {
        return false; /* strtoull would take white space and another sign */
    }
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, base);
    if (errno != 0) {
        return false;
    }
    unsigned shift = suffix_shift(*end);
    end += shift != 0;
    end += strspn(end, WHITE);
    if (*end != '\0' || number > UINT64_MAX >> shift) {
        return false;
    }
    *magnitude = (uint64_t) number << shift;
    *is_negative = has_minus && number != 0;
    return true;
}
