/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The cache line, in which everything here is laid out.
 */
#ifndef SEGMSG_LINE_H
#define SEGMSG_LINE_H

enum { SEGMSG_LINE = 64 }; /* bytes */

/* For what every message passes through: not to be left to the compiler's idea of size. */
#define SEGMSG_INLINE static inline __attribute__((always_inline))

#endif
