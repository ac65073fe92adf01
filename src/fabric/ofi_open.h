/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Opens an interface, and names it to peers.
 */
#ifndef SEGMSG_OFI_OPEN_H
#define SEGMSG_OFI_OPEN_H

#include "fabric/ofi_interface.h"

#if SEGMSG_HAVE_OFI

/* Opens an interface. Returns 0 or an error; *step then says at what. */
int segmsg_ofi_open(segmsg_ofi_t *ofi, const struct fi_info *info, const segmsg_ofi_wish_t *wish,
                    const char **step);
void segmsg_ofi_close(segmsg_ofi_t *ofi);

/* "tcp;ofi_rxm" */
const char *segmsg_ofi_provider(const segmsg_ofi_t *ofi);

/* The name under which peers reach this endpoint. *bytes: room, then length. 0 or an error. */
int segmsg_ofi_name(const segmsg_ofi_t *ofi, void *name, size_t *bytes);

/* Makes a peer reachable under *address by the name that it published. 0 or an error. */
int segmsg_ofi_insert(segmsg_ofi_t *ofi, const void *name, fi_addr_t *address);

#endif /* SEGMSG_HAVE_OFI */
#endif
