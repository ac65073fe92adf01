/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The interconnect between hosts: libfabric. One of these is one network interface as this process uses
 * it: a reliable datagram endpoint (FI_EP_RDM) with an address vector and one completion queue.
 *
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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if SEGMSG_HAVE_OFI

#include <rdma/fabric.h>
#include <rdma/fi_atomic.h>
#include <rdma/fi_cm.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_errno.h>
#include <rdma/fi_rma.h>

#include <string.h>

/* What a test makes this layer believe of the provider; none by default. */
typedef struct {
    bool local;         /* it wants local memory to be registered (FI_MR_LOCAL) */
    bool unordered;     /* writes may overtake one another */
    bool no_inject;     /* nothing can be injected */
    bool short_data;    /* completion data of 4 bytes */
    bool no_atomics;    /* it has no atomics */
    bool shuffle;       /* completions are handed out in another order than they came in */
    size_t max_message; /* longest message in bytes; 0: as the provider says */
} segmsg_ofi_pretence_t;

/* What the user wants of providers: lists of names or beginnings of names, comma separated or NULL. */
typedef struct {
    const char *include;
    const char *exclude;
    const char *domains; /* domains (network interfaces) to use */
    unsigned rails;      /* most interfaces to use */
    bool atomics;        /* they should have atomics, if they can */
    bool threads;        /* several threads call, each by itself */
    bool job_spans;      /* peers are on other hosts: loopback interfaces do not reach them */
    size_t data_bytes;   /* of completion data, at least, */
    size_t token_bytes;  /* and if it is to carry a token */
    size_t message_min;  /* longest message in bytes, at least */
    segmsg_ofi_pretence_t pretence;
} segmsg_ofi_wish_t;

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

typedef struct {
    struct fi_info *info;
    struct fid_fabric *fabric;
    struct fid_domain *domain;
    struct fid_ep *ep;
    struct fid_cq *cq;
    struct fid_av *av;
    segmsg_ofi_pretence_t pretence;
    uint64_t key[SEGMSG_OFI_KEYS]; /* random numbers that no region has had; keys_left of them */
    unsigned keys_left;
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

    segmsg_ofi_region_t slots_region;
    segmsg_ofi_slot_t *receives; /* posted receives */
    segmsg_ofi_slot_t *sends;    /* free slots for control messages on their way, a list */
    segmsg_ofi_slot_t *slots;    /* all of them */
    segmsg_ofi_slot_t *unposted; /* receives that the provider had no room for, a list */

    /* Events that were read and not yet handed out; a nested poll goes on where this one stands. */
    segmsg_ofi_event_t event[SEGMSG_OFI_EVENTS];
    unsigned event_at;
    unsigned event_count;

    /* A failure of an operation that nobody keeps a context for. */
    int failure; /* 0: none */

    /* Statistics. */
    uint64_t writes;   /* segmsg_ofi_write: RMA writes with completion data */
    uint64_t injected; /* of these */
    uint64_t parts;    /* segmsg_ofi_part */
    uint64_t tells;
    uint64_t puts;
    uint64_t gets;
    uint64_t atomics;
    uint64_t strange; /* receives that no process of the job can have caused */
    uint64_t unnamed; /* errors of the provider's that belong to no operation of ours */
} segmsg_ofi_t;

/*
 * Lists the interfaces to use, at most wish->rails, best first: *infos, to be freed with
 * segmsg_ofi_free_infos. Returns how many; if 0, *why says (to be freed) what each provider lacks, or
 * what is wrong with libfabric itself.
 */
unsigned segmsg_ofi_select(const segmsg_ofi_wish_t *wish, struct fi_info ***infos, char **why);
void segmsg_ofi_free_infos(struct fi_info **infos, unsigned count);

/*
 * True if an error that has no context may be that of an operation of this process, going by its flags.
 * Others it does not fail: what was under way from elsewhere, which whoever reaches the port can begin
 * and break off, and what a provider reports without flags where it names what fails of ours.
 */
bool segmsg_ofi_is_ours(const segmsg_ofi_t *ofi, uint64_t flags);

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

/*
 * Registers memory for `access`, of FI_SEND, FI_RECV, FI_READ, FI_WRITE (this process's operations) and
 * FI_REMOTE_READ, FI_REMOTE_WRITE (those of whoever knows the key). What is for this process only is
 * registered only where the provider demands it. Unless the provider makes the key, it is drawn at random:
 * as many bits as the provider's keys have. 0 or an error.
 */
int segmsg_ofi_register(segmsg_ofi_t *ofi, void *base, size_t bytes, uint64_t access,
                        segmsg_ofi_region_t *region);
void segmsg_ofi_deregister(segmsg_ofi_region_t *region);

/* What the text of an error says. */
const char *segmsg_ofi_error_text(int error);

/* Sends a control message of SEGMSG_OFI_CONTROL_BYTES. 0, -FI_EAGAIN (later) or an error. */
int segmsg_ofi_tell(segmsg_ofi_t *ofi, fi_addr_t to, const void *message);

/* The message in a slot that has come; and it was read. */
const void *segmsg_ofi_slot_message(const segmsg_ofi_slot_t *slot);
void segmsg_ofi_heard(segmsg_ofi_t *ofi, segmsg_ofi_slot_t *slot);

/* Reads completions, calls what belongs to operations that are done, and keeps the other events for
 * segmsg_ofi_next. Returns how many there were; an error is in ofi->failure. */
int segmsg_ofi_poll(segmsg_ofi_t *ofi);

/* The next event; false if there is none. */
static inline bool segmsg_ofi_next(segmsg_ofi_t *ofi, segmsg_ofi_event_t *event)
{
    if (ofi->event_at == ofi->event_count) {
        return false;
    }
    *event = ofi->event[ofi->event_at++];
    return true;
}

/* The context of operations whose completion nobody waits for: several share it, which a provider that
 * keeps something there does not allow. */
static inline void *segmsg_ofi_context(const segmsg_ofi_t *ofi, segmsg_ofi_operation_t *failed)
{
    return (ofi->info->mode & (FI_CONTEXT | FI_CONTEXT2)) == 0 ? &failed->context : NULL;
}

/*
 * Deposits `bytes` bytes: one RMA write. `local` stays as it is until the receiver has returned what
 * was written; there is no completion, but failed->done may be called. 0, -FI_EAGAIN (poll, and try
 * again) or an error.
 */
static inline int segmsg_ofi_write(segmsg_ofi_t *ofi, fi_addr_t to, const void *local, size_t bytes,
                                   void *descriptor, uint64_t remote, uint64_t key, uint64_t data,
                                   segmsg_ofi_operation_t *failed)
{
    ssize_t rc;
    if (bytes <= ofi->inject) {
        rc = fi_inject_writedata(ofi->ep, local, bytes, data, to, remote, key);
        ofi->injected += rc == 0;
    } else {
        const struct iovec iov = {.iov_base = (void *) (uintptr_t) local, .iov_len = bytes};
        const struct fi_rma_iov rma = {.addr = remote, .len = bytes, .key = key};
        const struct fi_msg_rma message = {.msg_iov = &iov,
                                           .desc = &descriptor,
                                           .iov_count = 1,
                                           .addr = to,
                                           .rma_iov = &rma,
                                           .rma_iov_count = 1,
                                           .context = segmsg_ofi_context(ofi, failed),
                                           .data = data};
        /* No completion: what is returned has arrived. */
        rc = fi_writemsg(ofi->ep, &message, FI_REMOTE_CQ_DATA);
    }
    ofi->writes += rc == 0;
    return (int) rc;
}

/* Deposits the first part of what a later segmsg_ofi_write ends: the same without completion data. */
static inline int segmsg_ofi_part(segmsg_ofi_t *ofi, fi_addr_t to, const void *local, size_t bytes,
                                  void *descriptor, uint64_t remote, uint64_t key,
                                  segmsg_ofi_operation_t *failed)
{
    const struct iovec iov = {.iov_base = (void *) (uintptr_t) local, .iov_len = bytes};
    const struct fi_rma_iov rma = {.addr = remote, .len = bytes, .key = key};
    const struct fi_msg_rma message = {.msg_iov = &iov,
                                       .desc = &descriptor,
                                       .iov_count = 1,
                                       .addr = to,
                                       .rma_iov = &rma,
                                       .rma_iov_count = 1,
                                       .context = segmsg_ofi_context(ofi, failed)};
    ssize_t rc = fi_writemsg(ofi->ep, &message, 0);
    ofi->parts += rc == 0;
    return (int) rc;
}

/*
 * Deposits `bytes` bytes in `count` pieces, which lie in memory that need not be registered: one RMA
 * write. With an operation it is the last part of a message, carries completion data, and operation->done
 * will be called when the memory may be changed; without one it is a part before that.
 */
static inline int segmsg_ofi_write_pieces(segmsg_ofi_t *ofi, fi_addr_t to, const struct iovec *iov,
                                          size_t count, size_t bytes, uint64_t remote, uint64_t key,
                                          uint64_t data, segmsg_ofi_operation_t *operation,
                                          segmsg_ofi_operation_t *failed)
{
    const struct fi_rma_iov rma = {.addr = remote, .len = bytes, .key = key};
    const struct fi_msg_rma message = {.msg_iov = iov,
                                       .iov_count = count,
                                       .addr = to,
                                       .rma_iov = &rma,
                                       .rma_iov_count = 1,
                                       .context = operation != NULL
                                                      ? &operation->context
                                                      : segmsg_ofi_context(ofi, failed),
                                       .data = data};
    uint64_t flags = operation != NULL ? FI_REMOTE_CQ_DATA | FI_COMPLETION : 0;
    ssize_t rc = fi_writemsg(ofi->ep, &message, flags);
    ofi->writes += rc == 0 && operation != NULL;
    ofi->parts += rc == 0 && operation == NULL;
    return (int) rc;
}

/* Reads from, or writes to, the memory of a peer. 0: operation->done will be called; -FI_EAGAIN; or an
 * error. */
int segmsg_ofi_get(segmsg_ofi_t *ofi, fi_addr_t from, void *local, size_t bytes, void *descriptor,
                   uint64_t remote, uint64_t key, segmsg_ofi_operation_t *operation);
int segmsg_ofi_put(segmsg_ofi_t *ofi, fi_addr_t to, const void *local, size_t bytes,
                   void *descriptor, uint64_t remote, uint64_t key,
                   segmsg_ofi_operation_t *operation);

/* True if the provider can do `op` on integers of that width; fetching: and say what was there. */
bool segmsg_ofi_has_atomic(segmsg_ofi_t *ofi, enum fi_op op, bool is_32bit, bool fetching);

/*
 * Does an atomic on the memory of a peer: of `operand`; for FI_CSWAP what must be there is in
 * `compare`. If `result` is not NULL what was there comes there. All of them stay until the operation
 * is done and lie in registered memory. 0, -FI_EAGAIN, or an error.
 */
int segmsg_ofi_atomic(segmsg_ofi_t *ofi, fi_addr_t to, enum fi_op op, bool is_32bit,
                      const void *operand, const void *compare, void *result, void *descriptor,
                      uint64_t remote, uint64_t key, segmsg_ofi_operation_t *operation);

#endif /* SEGMSG_HAVE_OFI */
#endif
