/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A receiver compares what stands in its export with what it knows.
 */
#ifndef SEGMSG_VERIFY_H
#define SEGMSG_VERIFY_H

#include "engine/receiver_types.h"

/*
 * Compares what stands in this process's export with what it has written there itself, and with what the
 * senders may have. Costs some lines that are elsewhere: to be called now and then, by a process that waits.
 * Returns SEGMSG_OK or SEGMSG_ERR_CORRUPT, with receiver->suspect.
 */
segmsg_error_t segmsg_receiver_verify(segmsg_receiver_t *receiver);

#endif
