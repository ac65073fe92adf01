/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The interconnect between hosts: libfabric.
 *
 *   - choose and open interfaces: segmsg_ofi_select, segmsg_ofi_open
 *   - deposit a run of partitions: segmsg_ofi_write, one RMA write with remote completion data
 *   - move large data: segmsg_ofi_put, segmsg_ofi_get, and what of atomics the provider has
 *   - control messages: segmsg_ofi_tell; those that come are in the completion queue
 *
 * What providers differ in (mr_mode, inject size, size of completion data, order, longest message) is
 * looked up in what the provider says of itself, and handled here and nowhere else.
 *
 * libfabric is loaded when it is first needed: only to load it takes some builds of it 0.2 s (they have
 * providers that sleep when they are loaded), and a job on one host needs it not at all.
 *
 * Errors are libfabric's: negative FI_E... values, which segmsg_ofi_error_text explains.
 */
#ifndef SEGMSG_OFI_H
#define SEGMSG_OFI_H

#include "fabric/ofi_control.h"
#include "fabric/ofi_interface.h"
#include "fabric/ofi_library.h"
#include "fabric/ofi_memory.h"
#include "fabric/ofi_open.h"
#include "fabric/ofi_poll.h"
#include "fabric/ofi_rma.h"
#include "fabric/ofi_select.h"

#endif
