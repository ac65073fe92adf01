/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "fabric/ofi.h"
#include "fabric/ofi_library.h"
#include "base/random.h"

#if SEGMSG_HAVE_OFI

#include <stdlib.h>
#include <string.h>

enum {
    RECEIVES = 128, /* control messages that may come between two polls */
    SENDS = 64,     /* control messages on their way that could not be injected */
    QUEUE = 8192    /* completions that the queue holds */
};

struct segmsg_ofi_slot_t {
    segmsg_ofi_operation_t operation;
    segmsg_ofi_t *ofi;
    segmsg_ofi_slot_t *next; /* in ofi->sends */
    _Alignas(64) unsigned char message[SEGMSG_OFI_CONTROL_BYTES];
};

const char *segmsg_ofi_error_text(int error)
{
    const char *why;
    const segmsg_ofi_library_t *library = segmsg_ofi_library(&why);
    return library == NULL ? why : library->strerror(error < 0 ? -error : error);
}

const char *segmsg_ofi_provider(const segmsg_ofi_t *ofi)
{
    return ofi->info->fabric_attr->prov_name;
}

/* Looks up in what the provider says of itself how it is to be used. */
static void learn(segmsg_ofi_t *ofi, const segmsg_ofi_wish_t *wish)
{
    const struct fi_info *info = ofi->info;
    const segmsg_ofi_pretence_t *pretence = &ofi->pretence;
    int mr_mode = info->domain_attr->mr_mode;
    ofi->inject = pretence->no_inject ? 0 : info->tx_attr->inject_size;
    ofi->max_message = info->ep_attr->max_msg_size;
    if (pretence->max_message != 0 && pretence->max_message < ofi->max_message) {
        ofi->max_message = pretence->max_message;
    }
    ofi->needs_local = pretence->local || (mr_mode & FI_MR_LOCAL) != 0;
    ofi->is_virtual = (mr_mode & FI_MR_VIRT_ADDR) != 0;
    ofi->pins = ofi->needs_local || (mr_mode & FI_MR_ALLOCATED) != 0;
    ofi->has_tokens = !pretence->short_data && info->domain_attr->cq_data_size >= wish->token_bytes;
    ofi->is_ordered = !pretence->unordered && (info->tx_attr->msg_order & FI_ORDER_WAW) != 0;
    const char *name = info->fabric_attr->prov_name;
    ofi->is_cpu_bound = strstr(name, "tcp") != NULL || strstr(name, "sockets") != NULL
                        || strstr(name, "net") != NULL || strstr(name, "udp") != NULL;
    ofi->names_failures =
        strstr(name, "tcp") != NULL && (info->mode & (FI_CONTEXT | FI_CONTEXT2)) == 0;
    /* Not sockets: it garbles writes of several pieces (libfabric 1.17 and 2.1). */
    ofi->takes_pieces = (strstr(name, "tcp") != NULL || strcmp(name, "net") == 0)
                        && info->tx_attr->iov_limit >= 2 && !ofi->needs_local;
    /* Not shm: one on the own memory ends the process (libfabric 1.17). */
    ofi->native_atomics =
        !pretence->no_atomics && (info->caps & FI_ATOMIC) != 0 && strcmp(name, "shm") != 0;
}

static int post_receive(segmsg_ofi_t *ofi, segmsg_ofi_slot_t *slot)
{
    return (int) fi_recv(ofi->ep, slot->message, sizeof(slot->message),
                         ofi->slots_region.descriptor, FI_ADDR_UNSPEC, &slot->operation.context);
}

static int make_slots(segmsg_ofi_t *ofi)
{
    size_t bytes = (RECEIVES + SENDS) * sizeof(segmsg_ofi_slot_t);
    ofi->slots = aligned_alloc(_Alignof(segmsg_ofi_slot_t), bytes);
    if (ofi->slots == NULL) {
        return -FI_ENOMEM;
    }
    memset(ofi->slots, 0, bytes);
    int rc = segmsg_ofi_register(ofi, ofi->slots, bytes, FI_SEND | FI_RECV, &ofi->slots_region);
    for (unsigned i = 0; rc == 0 && i < RECEIVES + SENDS; ++i) {
        segmsg_ofi_slot_t *slot = &ofi->slots[i];
        slot->ofi = ofi;
        if (i < RECEIVES) {
            rc = post_receive(ofi, slot);
        } else {
            slot->next = ofi->sends;
            ofi->sends = slot;
        }
    }
    return rc;
}

/* The steps of segmsg_ofi_open, in order. */
static int open_objects(segmsg_ofi_t *ofi, const segmsg_ofi_library_t *library, const char **step)
{
    *step = "fi_fabric";
    int rc = library->fabric(ofi->info->fabric_attr, &ofi->fabric, NULL);
    if (rc == 0) {
        *step = "fi_domain";
        rc = fi_domain(ofi->fabric, ofi->info, &ofi->domain, NULL);
    }
    if (rc == 0) {
        *step = "fi_cq_open";
        struct fi_cq_attr attr = {.format = FI_CQ_FORMAT_DATA, .size = QUEUE};
        rc = fi_cq_open(ofi->domain, &attr, &ofi->cq, NULL);
    }
    if (rc == 0) {
        *step = "fi_av_open";
        struct fi_av_attr attr = {.type = FI_AV_TABLE};
        rc = fi_av_open(ofi->domain, &attr, &ofi->av, NULL);
        if (rc == -FI_ENOSYS || rc == -FI_EOPNOTSUPP || rc == -FI_EINVAL) {
            attr.type = FI_AV_MAP;
            rc = fi_av_open(ofi->domain, &attr, &ofi->av, NULL);
        }
    }
    if (rc == 0) {
        *step = "fi_endpoint";
        rc = fi_endpoint(ofi->domain, ofi->info, &ofi->ep, NULL);
    }
    if (rc == 0) {
        *step = "fi_ep_bind";
        rc = fi_ep_bind(ofi->ep, &ofi->av->fid, 0);
    }
    if (rc == 0) {
        rc = fi_ep_bind(ofi->ep, &ofi->cq->fid, FI_TRANSMIT | FI_SELECTIVE_COMPLETION);
    }
    if (rc == 0) {
        rc = fi_ep_bind(ofi->ep, &ofi->cq->fid, FI_RECV);
    }
    if (rc == 0) {
        *step = "fi_enable";
        rc = fi_enable(ofi->ep);
    }
    if (rc == 0) {
        *step = "posting receives";
        rc = make_slots(ofi);
    }
    return rc;
}

int segmsg_ofi_open(segmsg_ofi_t *ofi, const struct fi_info *info, const segmsg_ofi_wish_t *wish,
                    const char **step)
{
    memset(ofi, 0, sizeof(*ofi));
    ofi->pretence = wish->pretence;
    *step = "loading libfabric";
    const char *why;
    const segmsg_ofi_library_t *library = segmsg_ofi_library(&why);
    if (library == NULL || (ofi->info = library->dupinfo(info)) == NULL) {
        return -FI_ENOMEM;
    }
    /* What one thread at a time calls need not be locked. */
    ofi->info->domain_attr->threading = wish->threads ? FI_THREAD_SAFE : FI_THREAD_DOMAIN;
    learn(ofi, wish);
    int rc = open_objects(ofi, library, step);
    if (rc != 0) {
        segmsg_ofi_close(ofi);
    }
    return rc;
}

static void close_fid(void *object, struct fid *fid)
{
    if (object != NULL) {
        (void) fi_close(fid);
    }
}

void segmsg_ofi_close(segmsg_ofi_t *ofi)
{
    close_fid(ofi->ep, ofi->ep == NULL ? NULL : &ofi->ep->fid);
    segmsg_ofi_deregister(&ofi->slots_region);
    close_fid(ofi->av, ofi->av == NULL ? NULL : &ofi->av->fid);
    close_fid(ofi->cq, ofi->cq == NULL ? NULL : &ofi->cq->fid);
    close_fid(ofi->domain, ofi->domain == NULL ? NULL : &ofi->domain->fid);
    close_fid(ofi->fabric, ofi->fabric == NULL ? NULL : &ofi->fabric->fid);
    free(ofi->slots);
    const char *why;
    const segmsg_ofi_library_t *library = segmsg_ofi_library(&why);
    if (library != NULL && ofi->info != NULL) {
        library->freeinfo(ofi->info);
    }
    memset(ofi, 0, sizeof(*ofi));
}

int segmsg_ofi_name(const segmsg_ofi_t *ofi, void *name, size_t *bytes)
{
    return fi_getname(&ofi->ep->fid, name, bytes);
}

int segmsg_ofi_insert(segmsg_ofi_t *ofi, const void *name, fi_addr_t *address)
{
    int rc = fi_av_insert(ofi->av, name, 1, address, 0, NULL);
    return rc == 1 ? 0 : rc < 0 ? rc : -FI_EADDRNOTAVAIL;
}

/* A key for a new region: a random number of as many bits as the provider's keys have. False if the
 * kernel has none to give. */
static bool draw_key(segmsg_ofi_t *ofi, uint64_t *key)
{
    size_t bytes = ofi->info->domain_attr->mr_key_size;
    bool is_short = bytes != 0 && bytes < sizeof(*key);
    uint64_t mask = is_short ? (UINT64_C(1) << (8 * bytes)) - 1 : UINT64_MAX;
    do {
        if (ofi->keys_left == 0) {
            if (!segmsg_random_bytes(ofi->key, sizeof(ofi->key))) {
                return false;
            }
            ofi->keys_left = SEGMSG_OFI_KEYS;
        }
        *key = ofi->key[--ofi->keys_left] & mask;
        ofi->key[ofi->keys_left] = 0;
    } while (*key == (FI_KEY_NOTAVAIL & mask) || *key == 0);
    return true;
}

/* Registers with a key that is drawn, and once more where another region has it. */
static int register_with_key(segmsg_ofi_t *ofi, void *base, size_t bytes, uint64_t access,
                             struct fid_mr **mr)
{
    enum { TRIES = 64 }; /* of short keys some are in use */
    bool is_made_there = (ofi->info->domain_attr->mr_mode & FI_MR_PROV_KEY) != 0;
    int rc = -FI_ENOKEY;
    for (int i = 0; i < TRIES && (rc == -FI_ENOKEY || rc == -FI_EKEYREJECTED); ++i) {
        uint64_t key = 0;
        if (!is_made_there && !draw_key(ofi, &key)) {
            return -FI_EKEYREJECTED;
        }
        rc = fi_mr_reg(ofi->domain, base, bytes, access, 0, key, 0, mr, NULL);
    }
    return rc;
}

int segmsg_ofi_register(segmsg_ofi_t *ofi, void *base, size_t bytes, uint64_t access,
                        segmsg_ofi_region_t *region)
{
    static const uint64_t REMOTE = FI_REMOTE_READ | FI_REMOTE_WRITE;
    *region = (segmsg_ofi_region_t){.base = ofi->is_virtual ? 0 : (uint64_t) (uintptr_t) base};
    if (!ofi->needs_local) {
        /* FI_SEND, in particular, makes some providers let peers read the memory. */
        access &= REMOTE;
    }
    if (access == 0) {
        return 0;
    }
    int rc = register_with_key(ofi, base, bytes, access, &region->mr);
    if (rc == 0 && (ofi->info->domain_attr->mr_mode & FI_MR_ENDPOINT) != 0) {
        rc = fi_mr_bind(region->mr, &ofi->ep->fid, 0);
        rc = rc == 0 ? fi_mr_enable(region->mr) : rc;
        if (rc != 0) {
            segmsg_ofi_deregister(region);
        }
    }
    if (rc != 0) {
        region->mr = NULL;
        return rc;
    }
    region->descriptor = fi_mr_desc(region->mr);
    region->key = fi_mr_key(region->mr);
    return 0;
}

void segmsg_ofi_deregister(segmsg_ofi_region_t *region)
{
    if (region->mr != NULL) {
        (void) fi_close(&region->mr->fid);
        region->mr = NULL;
    }
}

static void told(segmsg_ofi_operation_t *operation, int error)
{
    segmsg_ofi_slot_t *slot = (segmsg_ofi_slot_t *) (void *) operation;
    segmsg_ofi_t *ofi = slot->ofi;
    slot->next = ofi->sends;
    ofi->sends = slot;
    if (error != 0) {
        ofi->failure = error;
    }
}

int segmsg_ofi_tell(segmsg_ofi_t *ofi, fi_addr_t to, const void *message)
{
    ssize_t rc;
    if (ofi->inject >= SEGMSG_OFI_CONTROL_BYTES) {
        rc = fi_inject(ofi->ep, message, SEGMSG_OFI_CONTROL_BYTES, to);
    } else {
        segmsg_ofi_slot_t *slot = ofi->sends;
        if (slot == NULL) {
            return -FI_EAGAIN;
        }
        ofi->sends = slot->next;
        memcpy(slot->message, message, sizeof(slot->message));
        slot->operation.done = told;
        const struct iovec iov = {.iov_base = slot->message, .iov_len = sizeof(slot->message)};
        void *descriptor = ofi->slots_region.descriptor;
        const struct fi_msg msg = {.msg_iov = &iov,
                                   .desc = &descriptor,
                                   .iov_count = 1,
                                   .addr = to,
                                   .context = &slot->operation.context};
        rc = fi_sendmsg(ofi->ep, &msg, FI_COMPLETION);
        if (rc != 0) {
            slot->next = ofi->sends;
            ofi->sends = slot;
        }
    }
    ofi->tells += rc == 0;
    return (int) rc;
}

const void *segmsg_ofi_slot_message(const segmsg_ofi_slot_t *slot)
{
    return slot->message;
}

void segmsg_ofi_heard(segmsg_ofi_t *ofi, segmsg_ofi_slot_t *slot)
{
    if (post_receive(ofi, slot) != 0) {
        slot->next = ofi->unposted;
        ofi->unposted = slot;
    }
}

static segmsg_ofi_operation_t *operation_of(void *context)
{
    return (segmsg_ofi_operation_t *) context; /* its first member */
}

static bool is_receive(const segmsg_ofi_t *ofi, const void *context)
{
    const segmsg_ofi_slot_t *slot = context;
    return slot >= ofi->slots && slot < ofi->slots + RECEIVES;
}

/* A receive has come to an end that no process of the job brings about: it is posted again. */
static void refuse(segmsg_ofi_t *ofi, segmsg_ofi_slot_t *slot)
{
    ++ofi->strange;
    int rc = post_receive(ofi, slot);
    if (rc != 0) {
        slot->next = ofi->unposted;
        ofi->unposted = slot;
    }
}

/* Posts what could not be posted at once. */
static void post_again(segmsg_ofi_t *ofi)
{
    while (ofi->unposted != NULL && post_receive(ofi, ofi->unposted) == 0) {
        ofi->unposted = ofi->unposted->next;
    }
}

bool segmsg_ofi_is_ours(const segmsg_ofi_t *ofi, uint64_t flags)
{
    static const uint64_t OTHERS = FI_RECV | FI_REMOTE_READ | FI_REMOTE_WRITE;
    return (flags & OTHERS) == 0 && (flags != 0 || !ofi->names_failures);
}

/*
 * An operation has failed. Those that somebody keeps are told so. What fails of a receive is due to
 * whoever has sent, and it is posted again; if it was cancelled, the sender has ended in the midst of a
 * message, as a peer may. Of all others of ours it is noted.
 */
static void read_error(segmsg_ofi_t *ofi)
{
    struct fi_cq_err_entry entry = {0};
    if (fi_cq_readerr(ofi->cq, &entry, 0) <= 0) {
        return;
    }
    int error = entry.err > 0 ? -entry.err : -FI_EIO;
    if (entry.op_context == NULL) {
        bool is_ours = segmsg_ofi_is_ours(ofi, entry.flags);
        ofi->unnamed += !is_ours;
        ofi->failure = is_ours ? error : ofi->failure;
    } else if (is_receive(ofi, entry.op_context)) {
        if (entry.err == FI_ECANCELED) {
            ++ofi->unnamed;
            segmsg_ofi_heard(ofi, entry.op_context);
        } else {
            refuse(ofi, entry.op_context);
        }
    } else if (operation_of(entry.op_context)->done != NULL) {
        operation_of(entry.op_context)->done(operation_of(entry.op_context), error);
    } else {
        ofi->failure = error;
    }
}

/* True if a completion is that of a message, whatever else it says: the flags may hold what the sender
 * wanted to be there, but not lack what belongs to a receive. */
static bool is_message(const segmsg_ofi_t *ofi, const struct fi_cq_data_entry *entry)
{
    return entry->op_context != NULL && is_receive(ofi, entry->op_context)
           && ((ofi->info->mode & FI_RX_CQ_DATA) == 0 || (entry->flags & (FI_MSG | FI_RECV)) != 0);
}

static void add_message(segmsg_ofi_t *ofi, const struct fi_cq_data_entry *entry)
{
    if (entry->len != SEGMSG_OFI_CONTROL_BYTES || (entry->flags & FI_REMOTE_CQ_DATA) != 0) {
        refuse(ofi, entry->op_context);
        return;
    }
    ofi->event[ofi->event_count++] =
        (segmsg_ofi_event_t){.kind = SEGMSG_OFI_TOLD, .slot = entry->op_context};
}

static void add_arrival(segmsg_ofi_t *ofi, const struct fi_cq_data_entry *entry)
{
    ofi->event[ofi->event_count++] =
        (segmsg_ofi_event_t){.kind = SEGMSG_OFI_ARRIVED,
                             .data = ofi->has_tokens ? entry->data : (uint32_t) entry->data};
    if ((ofi->info->mode & FI_RX_CQ_DATA) != 0 && entry->op_context != NULL
        && is_receive(ofi, entry->op_context)) {
        segmsg_ofi_slot_t *slot = entry->op_context; /* the write has used it up */
        if (post_receive(ofi, slot) != 0) {
            slot->next = ofi->unposted;
            ofi->unposted = slot;
        }
    }
}

/* For tests: the events that have just been read change places. */
static void shuffle(segmsg_ofi_t *ofi)
{
    for (unsigned i = 0, j = ofi->event_count - 1; i < j; ++i, --j) {
        segmsg_ofi_event_t event = ofi->event[i];
        ofi->event[i] = ofi->event[j];
        ofi->event[j] = event;
    }
}

int segmsg_ofi_poll(segmsg_ofi_t *ofi)
{
    if (ofi->event_at != ofi->event_count) {
        return 0; /* somebody further up has events that come first */
    }
    ofi->event_at = ofi->event_count = 0;
    if (ofi->unposted != NULL) {
        post_again(ofi);
    }
    struct fi_cq_data_entry entry[SEGMSG_OFI_EVENTS];
    ssize_t count = fi_cq_read(ofi->cq, entry, SEGMSG_OFI_EVENTS);
    if (count <= 0) {
        if (count == -FI_EAVAIL) {
            read_error(ofi);
        } else if (count != -FI_EAGAIN && count != 0) {
            ofi->failure = (int) count;
        }
        return 0;
    }
    for (ssize_t i = 0; i < count; ++i) {
        void *context = entry[i].op_context;
        if (is_message(ofi, &entry[i])) {
            add_message(ofi, &entry[i]);
        } else if ((entry[i].flags & FI_REMOTE_CQ_DATA) != 0) {
            add_arrival(ofi, &entry[i]);
        } else if (context != NULL) {
            operation_of(context)->done(operation_of(context), 0);
        }
    }
    if (ofi->pretence.shuffle && ofi->event_count > 1) {
        shuffle(ofi);
    }
    return (int) count;
}

int segmsg_ofi_get(segmsg_ofi_t *ofi, fi_addr_t from, void *local, size_t bytes, void *descriptor,
                   uint64_t remote, uint64_t key, segmsg_ofi_operation_t *operation)
{
    const struct iovec iov = {.iov_base = local, .iov_len = bytes};
    const struct fi_rma_iov rma = {.addr = remote, .len = bytes, .key = key};
    const struct fi_msg_rma message = {.msg_iov = &iov,
                                       .desc = &descriptor,
                                       .iov_count = 1,
                                       .addr = from,
                                       .rma_iov = &rma,
                                       .rma_iov_count = 1,
                                       .context = &operation->context};
    int rc = (int) fi_readmsg(ofi->ep, &message, FI_COMPLETION);
    ofi->gets += rc == 0;
    return rc;
}

int segmsg_ofi_put(segmsg_ofi_t *ofi, fi_addr_t to, const void *local, size_t bytes,
                   void *descriptor, uint64_t remote, uint64_t key,
                   segmsg_ofi_operation_t *operation)
{
    const struct iovec iov = {.iov_base = (void *) (uintptr_t) local, .iov_len = bytes};
    const struct fi_rma_iov rma = {.addr = remote, .len = bytes, .key = key};
    const struct fi_msg_rma message = {.msg_iov = &iov,
                                       .desc = &descriptor,
                                       .iov_count = 1,
                                       .addr = to,
                                       .rma_iov = &rma,
                                       .rma_iov_count = 1,
                                       .context = &operation->context};
    /* Its completion must mean that it is there: whoever puts says so to others. */
    int rc = (int) fi_writemsg(ofi->ep, &message, FI_COMPLETION | FI_DELIVERY_COMPLETE);
    ofi->puts += rc == 0;
    return rc;
}

static enum fi_datatype datatype(enum fi_op op, bool is_32bit)
{
    bool is_signed = op == FI_MIN || op == FI_MAX;
    if (is_32bit) {
        return is_signed ? FI_INT32 : FI_UINT32;
    }
    return is_signed ? FI_INT64 : FI_UINT64;
}

bool segmsg_ofi_has_atomic(segmsg_ofi_t *ofi, enum fi_op op, bool is_32bit, bool fetching)
{
    if (!ofi->native_atomics) {
        return false;
    }
    size_t count = 0;
    enum fi_datatype type = datatype(op, is_32bit);
    int rc = op == FI_CSWAP ? fi_compare_atomicvalid(ofi->ep, type, op, &count)
             : fetching     ? fi_fetch_atomicvalid(ofi->ep, type, op, &count)
                            : fi_atomicvalid(ofi->ep, type, op, &count);
    return rc == 0 && count >= 1;
}

int segmsg_ofi_atomic(segmsg_ofi_t *ofi, fi_addr_t to, enum fi_op op, bool is_32bit,
                      const void *operand, const void *compare, void *result, void *descriptor,
                      uint64_t remote, uint64_t key, segmsg_ofi_operation_t *operation)
{
    const struct fi_ioc ioc = {.addr = (void *) (uintptr_t) operand, .count = 1};
    const struct fi_rma_ioc rma = {.addr = remote, .count = 1, .key = key};
    const struct fi_msg_atomic message = {.msg_iov = &ioc,
                                          .desc = &descriptor,
                                          .iov_count = 1,
                                          .addr = to,
                                          .rma_iov = &rma,
                                          .rma_iov_count = 1,
                                          .datatype = datatype(op, is_32bit),
                                          .op = op,
                                          .context = &operation->context};
    struct fi_ioc result_ioc = {.addr = result, .count = 1};
    const struct fi_ioc compare_ioc = {.addr = (void *) (uintptr_t) compare, .count = 1};
    uint64_t flags = FI_COMPLETION | FI_DELIVERY_COMPLETE;
    int rc = op == FI_CSWAP
                 ? (int) fi_compare_atomicmsg(ofi->ep, &message, &compare_ioc, &descriptor, 1,
                                              &result_ioc, &descriptor, 1, FI_COMPLETION)
             : result != NULL ? (int) fi_fetch_atomicmsg(ofi->ep, &message, &result_ioc,
                                                         &descriptor, 1, FI_COMPLETION)
                              : (int) fi_atomicmsg(ofi->ep, &message, flags);
    ofi->atomics += rc == 0;
    return rc;
}

#endif /* SEGMSG_HAVE_OFI */
