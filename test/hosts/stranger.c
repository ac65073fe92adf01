/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * stranger ADDRESS PORT MEMORY: attacks the libfabric port of a process of a job to which it does not
 * belong, in 100 ways. MEMORY is where the process has memory, in hexadecimal: the stranger knows all
 * but what was drawn at random. It needs a provider over TCP.
 *
 * It reads and writes with keys that count from 1, with random ones, at offsets and at addresses; sends
 * control messages of every kind, unsigned and signed with a secret of its own; messages that are too
 * short, too long, or carry completion data; completion data without a write; and to the socket
 * nothing, garbage, and half of what it expects, on connections that stay open.
 *
 * Prints "T attacks, R refused": an attack is refused if it reads and writes nothing. Whether the job goes
 * on is for others to see.
 */
#include "rma/wire.h"

#include <rdma/fabric.h>
#include <rdma/fi_cm.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_errno.h>
#include <rdma/fi_rma.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 250, STALLED = 14, FLOOD = 200 };

static struct sockaddr_in victim;
static struct fi_info *info;
static struct fid_fabric *fabric;
static struct fid_domain *domain;
static struct fid_cq *cq;
static struct fid_av *av;
static struct fid_ep *ep;
static fi_addr_t to;
static unsigned tried, refused;

static void die(const char *what, int rc)
{
    fprintf(stderr, "stranger: %s: %s\n", what, fi_strerror(rc < 0 ? -rc : rc));
    exit(2);
}

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec * 1e3 + (double) now.tv_nsec * 1e-6;
}

static uint64_t draw(void)
{
    uint64_t word;
    if (getrandom(&word, sizeof(word), 0) != (ssize_t) sizeof(word)) {
        die("getrandom", FI_EIO);
    }
    return word;
}

static void find_provider(void)
{
    struct fi_info *hints = fi_allocinfo();
    hints->caps = FI_MSG | FI_RMA;
    hints->ep_attr->type = FI_EP_RDM;
    hints->mode = ~UINT64_C(0);
    hints->fabric_attr->prov_name = strdup("tcp;ofi_rxm");
    hints->addr_format = FI_SOCKADDR_IN;
    int rc = fi_getinfo(FI_VERSION(1, 9), NULL, NULL, 0, hints, &info);
    if (rc != 0) {
        die("fi_getinfo", rc);
    }
    fi_freeinfo(hints);
    if ((rc = fi_fabric(info->fabric_attr, &fabric, NULL)) != 0
        || (rc = fi_domain(fabric, info, &domain, NULL)) != 0) {
        die("fi_domain", rc);
    }
}

static void open_endpoint(void)
{
    struct fi_cq_attr cq_attr = {.size = 128, .format = FI_CQ_FORMAT_DATA};
    struct fi_av_attr av_attr = {.type = FI_AV_TABLE};
    int rc;
    if ((rc = fi_cq_open(domain, &cq_attr, &cq, NULL)) != 0
        || (rc = fi_av_open(domain, &av_attr, &av, NULL)) != 0
        || (rc = fi_endpoint(domain, info, &ep, NULL)) != 0
        || (rc = fi_ep_bind(ep, &cq->fid, FI_TRANSMIT | FI_RECV)) != 0
        || (rc = fi_ep_bind(ep, &av->fid, 0)) != 0 || (rc = fi_enable(ep)) != 0) {
        die("fi_endpoint", rc);
    }
    if (fi_av_insert(av, &victim, 1, &to, 0, NULL) != 1) {
        die("fi_av_insert", FI_EIO);
    }
}

static void close_endpoint(void)
{
    fi_close(&ep->fid);
    fi_close(&av->fid);
    fi_close(&cq->fid);
}

/* The outcome of what was started with `rc`: 0 if it was done, else an error. */
static int outcome(ssize_t rc)
{
    double start = now_ms();
    if (rc != 0) {
        return (int) rc;
    }
    while (now_ms() - start < PATIENCE_MS) {
        struct fi_cq_data_entry entry;
        ssize_t count = fi_cq_read(cq, &entry, 1);
        if (count == 1) {
            return 0;
        }
        if (count == -FI_EAVAIL) {
            struct fi_cq_err_entry error = {0};
            (void) fi_cq_readerr(cq, &error, 0);
            return error.err == 0 ? -FI_EIO : -error.err;
        }
    }
    return -FI_ETIMEDOUT;
}

/* Starts something, waiting for a connection if need be. */
#define STARTED(call)                                                                 \
    ({                                                                                \
        double start_ = now_ms();                                                     \
        ssize_t rc_;                                                                  \
        while ((rc_ = (call)) == -FI_EAGAIN && now_ms() - start_ < 4 * PATIENCE_MS) { \
            (void) fi_cq_read(cq, NULL, 0);                                           \
        }                                                                             \
        rc_;                                                                          \
    })

/* An attack on memory: it must not be done. */
static void on_memory(const char *what, uint64_t key, uint64_t address, ssize_t rc)
{
    ++tried;
    if (outcome(rc) == 0) {
        printf("%s with key %llx at %llx: done\n", what, (unsigned long long) key,
               (unsigned long long) address);
    } else {
        ++refused;
    }
    close_endpoint(); /* the next one has a connection of its own */
    open_endpoint();
}

/* Reads, or writes so that the completion means that it is there. */
static ssize_t moved(bool is_read, uint64_t key, uint64_t address)
{
    static char bytes[64] = "a stranger was here";
    const struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    const struct fi_rma_iov rma = {.addr = address, .len = sizeof(bytes), .key = key};
    const struct fi_msg_rma message = {.msg_iov = &iov,
                                       .iov_count = 1,
                                       .addr = to,
                                       .rma_iov = &rma,
                                       .rma_iov_count = 1};
    return is_read ? STARTED(fi_readmsg(ep, &message, FI_COMPLETION))
                   : STARTED(fi_writemsg(ep, &message, FI_COMPLETION | FI_DELIVERY_COMPLETE));
}

static void reads_and_writes(uint64_t memory)
{
    for (unsigned i = 0; i < 20; ++i) {
        uint64_t key = i < 12 ? 1 + i / 2 : draw();
        uint64_t address = i % 2 == 0 ? memory : (i / 2 % 2 == 0 ? 0 : 4096);
        on_memory("read", key, address, moved(true, key, address));
        on_memory("write", key, address, moved(false, key, address));
    }
}

/* What is sent is not answered: that it did no harm is seen in the job. */
static void sent(ssize_t rc)
{
    (void) outcome(rc);
    ++tried;
    ++refused;
}

static void control_messages(void)
{
    segmsg_secret_t secret = {.word = {draw(), draw()}};
    for (uint32_t i = 0; i < 2 * SEGMSG_CONTROL_KINDS; ++i) {
        segmsg_control_message_t message = {.magic = SEGMSG_CONTROL_MAGIC,
                                            .kind = (uint8_t) (i / 2),
                                            .name = draw() & ~UINT64_C(0xffffffff),
                                            .nonce = draw(),
                                            .count = 1 + i,
                                            .word = draw()};
        if (i % 2 != 0) {
            segmsg_control_sign(&message, &secret);
        }
        sent(STARTED(fi_send(ep, &message, sizeof(message), NULL, to, NULL)));
    }
}

static void messages_of_other_kinds(void)
{
    static char bytes[65536];
    for (uint32_t i = 0; i < 8; ++i) {
        static const size_t length[] = {0, 1, 63, 64, 65, 1024, 20000, sizeof(bytes)};
        sent(STARTED(fi_send(ep, bytes, length[i], NULL, to, NULL)));
        sent(STARTED(fi_senddata(ep, bytes, length[i], NULL, segmsg_wire_data(i, 0), to, NULL)));
    }
}

static void data_without_a_write(void)
{
    for (uint32_t i = 0; i < 10; ++i) {
        const struct fi_msg_rma message = {.addr = to, .data = segmsg_wire_data(i / 2, i % 2)};
        sent(STARTED(fi_writemsg(ep, &message, FI_REMOTE_CQ_DATA | FI_COMPLETION)));
    }
}

static int connected(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *) &victim, sizeof(victim)) != 0) {
        die("connect", FI_ECONNREFUSED);
    }
    return fd;
}

/* Connections that say nothing, garbage, or half of a header, and stay. */
static void stalled_connections(void)
{
    for (unsigned i = 0; i < STALLED; ++i) {
        int fd = connected();
        unsigned char bytes[512];
        for (size_t b = 0; b < sizeof(bytes); b += sizeof(uint64_t)) {
            uint64_t word = draw();
            memcpy(bytes + b, &word, sizeof(word));
        }
        bytes[0] = i % 4 == 3 ? 3 : bytes[0]; /* a version that some know */
        size_t length = i % 4 == 0 ? 0 : i % 4 == 1 ? 3 : sizeof(bytes);
        (void) !send(fd, bytes, length, MSG_NOSIGNAL);
        sent(-FI_EALREADY);
    }
}

static void flood(void)
{
    for (unsigned i = 0; i < FLOOD; ++i) {
        close(connected());
    }
    tried += 2;
    refused += 2;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: stranger ADDRESS PORT MEMORY\n");
        return 2;
    }
    victim =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t) atoi(argv[2]))};
    if (inet_aton(argv[1], &victim.sin_addr) == 0) {
        die(argv[1], FI_EINVAL);
    }
    find_provider();
    open_endpoint();
    stalled_connections();
    reads_and_writes(strtoull(argv[3], NULL, 16));
    control_messages();
    messages_of_other_kinds();
    data_without_a_write();
    flood();
    printf("%u attacks, %u refused\n", tried, refused);
    return 0;
}
