/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Copying between the memories of two processes in one go, which the kernel does, with process_vm_readv
 * and process_vm_writev. Whether it does depends on users, Yama's ptrace scope, seccomp filters and name
 * spaces, so it has to be tried on every peer.
 */
#ifndef SEGMSG_KERNEL_COPY_H
#define SEGMSG_KERNEL_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Permits other processes to copy to and from this one, as far as it can. */
void segmsg_kernel_copy_permit(void);

/* Copies `size` bytes from `remote` in process `pid` to `local`, or to it from there. False, with errno set,
 * if the kernel does not; part of it may then be copied. */
bool segmsg_kernel_read(pid_t pid, void *local, uint64_t remote, size_t size);
bool segmsg_kernel_write(pid_t pid, const void *local, uint64_t remote, size_t size);

#endif
