/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Numbers as users write them.
 */
#ifndef SEGMSG_NUMBER_H
#define SEGMSG_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Reads an integer: white space around it is ignored, a sign is permitted, and so is one of the suffixes
 * K, M and G (either case; 2^10, 2^20, 2^30). `base` is strtoull's: 10, or 0 for what C understands (0x10,
 * and 010 for 8). False if the whole text is not one such number, or if its magnitude exceeds 64 bits.
 */
bool segmsg_number_parse(const char *text, int base, bool *is_negative, uint64_t *magnitude);

#endif
