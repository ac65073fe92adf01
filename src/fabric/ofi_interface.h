/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * One network interface as this process uses it: a reliable datagram endpoint (FI_EP_RDM) with an address
 * vector and one completion queue.
 */
#ifndef SEGMSG_OFI_INTERFACE_H
#define SEGMSG_OFI_INTERFACE_H

#include "fabric/ofi_select.h"

#if SEGMSG_HAVE_OFI

#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>

#include <stdint.h>

/* Memory that the network may read or write. Its key is dead as soon as it is deregistered. */
typedef struct {
    struct fid_mr *mr; /* NULL: it is not registered, and has no key */
    void *descriptor;  /* for local use */
    uint64_t key;      /* for remote use */
    uint64_t base;     /* what remote addresses count from: the remote address of p is p - base */
} segmsg_ofi_region_t;

enum {
    SEGMSG_OFI_EVENTS = 16, /* completions read at a time */
    SEGMSG_OFI_CONTROL_BYTES = 64,
    SEGMSG_OFI_ADDRESS_BYTES = 128,
    SEGMSG_OFI_KEYS = 16 /* drawn from the kernel at a time */
};

/* What an operation is remembered by; whoever starts one keeps it until it is complete. */
typedef struct segmsg_ofi_operation_t {
    struct fi_context2 context; /* the provider's */
    /* Called from segmsg_ofi_poll; `error` is 0 or negative. */
    void (*done)(struct segmsg_ofi_operation_t *operation, int error);
    void *owner; /* whoever starts it may say here whose it is */
} segmsg_ofi_operation_t;

typedef struct segmsg_ofi_slot_t segmsg_ofi_slot_t; /* a control message that goes or comes */

/* What segmsg_ofi_poll reports. */
typedef struct {
    enum { SEGMSG_OFI_ARRIVED, SEGMSG_OFI_TOLD } kind; /* a write; a control message */
    uint64_t data;                                     /* ARRIVED: completion data */
    segmsg_ofi_slot_t *slot; /* TOLD: give it back with segmsg_ofi_heard */
} segmsg_ofi_event_t;

/* Events that were read and not yet handed out; a nested poll goes on where this one stands. */
typedef struct {
    segmsg_ofi_event_t event[SEGMSG_OFI_EVENTS];
    unsigned at;
    unsigned count;
} segmsg_ofi_events_t;

typedef struct {
    segmsg_ofi_region_t region;
    segmsg_ofi_slot_t *all;      /* first those of the receives */
    segmsg_ofi_slot_t *sends;    /* free ones for control messages on their way, a list */
    segmsg_ofi_slot_t *unposted; /* receives that the provider had no room for, a list */
} segmsg_ofi_slots_t;

/* Random numbers that no region has had. */
typedef struct {
    uint64_t key[SEGMSG_OFI_KEYS];
    unsigned left;
} segmsg_ofi_keys_t;

typedef struct {
    uint64_t writes;   /* segmsg_ofi_write: RMA writes with completion data */
    uint64_t injected; /* of these */
    uint64_t parts;    /* segmsg_ofi_part */
    uint64_t tells;
    uint64_t puts;
    uint64_t gets;
    uint64_t atomics;
    uint64_t strange; /* receives that no process of the job can have caused */
    uint64_t unnamed; /* errors of the provider's that belong to no operation of ours */
} segmsg_ofi_counts_t;

typedef struct {
    struct fi_info *info;
    struct fid_fabric *fabric;
    struct fid_domain *domain;
    struct fid_ep *ep;
    struct fid_cq *cq;
    struct fid_av *av;
    segmsg_ofi_pretence_t pretence;
    segmsg_ofi_keys_t keys;
    size_t inject;      /* bytes */
    size_t max_message; /* bytes */
    bool needs_local;   /* local memory must be registered */
    bool is_virtual;    /* remote addresses are virtual addresses */
    bool is_ordered;    /* a write is not overtaken by a later one */
    bool is_cpu_bound;  /* a write is copied by the processor, through the kernel: TCP */
    bool takes_pieces;  /* segmsg_ofi_write_pieces works */
    bool native_atomics;
    bool pins;           /* registered memory must be there, and stays: registering is costly */
    bool has_tokens;     /* completion data has room for wish->token_bytes */
    bool names_failures; /* whatever fails of ours is reported with the operation's context */

    segmsg_ofi_slots_t slots;
    segmsg_ofi_events_t events;

    /* A failure of an operation that nobody keeps a context for. */
    int failure; /* 0: none */

    segmsg_ofi_counts_t counts;
} segmsg_ofi_t;

#endif /* SEGMSG_HAVE_OFI */
#endif
