/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Computation for the tests that compute and communicate at the same time: in registers alone, so
 * that it takes nothing from the memory that messages need. It is counted in steps and not in time:
 * a calibration would differ from run to run, and so would what is compared.
 */
#ifndef SEGMSG_BENCH_WORK_H
#define SEGMSG_BENCH_WORK_H

/* Does so many steps, each of them a multiplication that needs the one before: about 1.3 ns on a
 * processor of 3 GHz. */
void work_do(long steps);

/* Seconds that so many steps take while nothing else is to do. Does them a few times. */
double work_seconds(long steps);

#endif
