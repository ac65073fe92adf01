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
#include <stdint.h>

/* Fills `bytes` bytes (at most 256) with the kernel's random bits. False if the kernel gives none. */
bool segmsg_random_bytes(void *to, size_t bytes);

/* A number, never 0, that tells this process from those that had its process number before. Where the kernel
 * gives no random bits it is made of the time and the process number, and can be guessed. */
uint64_t segmsg_random_nonce(void);

#endif
