/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Single copy between two processes, by the kernel or by mapping the peer's memory.
 */
#ifndef MCA_BTL_SEGMSG_COPY_H
#define MCA_BTL_SEGMSG_COPY_H

#include "btl/btl_segmsg.h"

/* Lets peers read and write this process, as far as it can be allowed. */
void mca_btl_segmsg_copy_init(void);

/* Tries whether this process can read and write the memory of a peer, which `modex` describes; in
 * the other direction the peer does. */
void mca_btl_segmsg_copy_try(mca_btl_segmsg_endpoint_t *endpoint,
                             const mca_btl_segmsg_modex_t *modex);

/* Gives back what that took. */
void mca_btl_segmsg_copy_forget(mca_btl_segmsg_endpoint_t *endpoint);

/* True unless the peer, of which copies were possible, is no more. */
bool mca_btl_segmsg_copy_is_alive(const mca_btl_segmsg_endpoint_t *endpoint);

/* Copies from the peer, or to it; false if that failed (all or part may have been copied). */
bool mca_btl_segmsg_copy(const mca_btl_segmsg_endpoint_t *endpoint, bool to_peer, void *local,
                         uint64_t remote, size_t size);

#endif
