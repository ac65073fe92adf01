/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Random bits that nobody else can guess.
 */
#ifndef SEGMSG_RANDOM_H
#define SEGMSG_RANDOM_H

#include <stdbool.h>
#include <stddef.h>

/* Fills `bytes` bytes (at most 256) with the kernel's random bits. False if the kernel gives none. */
bool segmsg_random_bytes(void *to, size_t bytes);

#endif
