/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Memory that the network may read or write.
 */
#ifndef SEGMSG_OFI_MEMORY_H
#define SEGMSG_OFI_MEMORY_H

#include "fabric/ofi_interface.h"

#if SEGMSG_HAVE_OFI

/*
 * Registers memory for `access`, of FI_SEND, FI_RECV, FI_READ, FI_WRITE (this process's operations) and
 * FI_REMOTE_READ, FI_REMOTE_WRITE (those of whoever knows the key). What is for this process only is
 * registered only where the provider demands it. Unless the provider makes the key, it is drawn at random:
 * as many bits as the provider's keys have. 0 or an error.
 */
int segmsg_ofi_register(segmsg_ofi_t *ofi, void *base, size_t bytes, uint64_t access,
                        segmsg_ofi_region_t *region);
void segmsg_ofi_deregister(segmsg_ofi_region_t *region);

#endif /* SEGMSG_HAVE_OFI */
#endif
