/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Peers and links that are lost. A provider over TCP tries for a quarter of an hour and more, and a
 * process that only waits for a message has sent nothing that could fail. But a peer that is silent may
 * just compute. So every process has a thread that does nothing but accept connections and close them,
 * the lifeline; who has not heard of a peer for a quarter of the time-out connects to it:
 *
 *   accepted                 the peer lives, and the way to it is open
 *   refused                  its process has ended
 *   nothing for the time-out its host or the way to it is lost
 *
 * Only peers with which groups are formed are looked after, and only by a process that is in MPI.
 */
#include "btl/btl_segmsg_net.h"

#if SEGMSG_HAVE_OFI

#include "core/segmsg_clock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

static int lifeline = -1; /* the socket that listens */
static uint32_t port;
static pthread_t thread;

static void *accept_all(void *unused)
{
    (void) unused;
    for (;;) {
        int socket = accept4(lifeline, NULL, NULL, SOCK_CLOEXEC);
        if (socket >= 0) {
            close(socket);
        } else if (errno != EINTR && errno != ECONNABORTED && errno != EMFILE && errno != ENFILE) {
            return NULL; /* it was shut down */
        }
    }
}

void mca_btl_segmsg_net_alive_open(void)
{
    enum { BACKLOG = 128 };
    struct sockaddr_in any = {.sin_family = AF_INET};
    socklen_t bytes = sizeof(any);
    if (mca_btl_segmsg_net_config.timeout == 0) {
        return;
    }
    lifeline = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (lifeline >= 0 && bind(lifeline, (struct sockaddr *) &any, sizeof(any)) == 0
        && listen(lifeline, BACKLOG) == 0
        && getsockname(lifeline, (struct sockaddr *) &any, &bytes) == 0
        && mca_btl_segmsg_net_start_thread(&thread, accept_all)) {
        port = ntohs(any.sin_port);
    } else if (lifeline >= 0) {
        close(lifeline);
        lifeline = -1;
    }
}

void mca_btl_segmsg_net_alive_close(void)
{
    if (lifeline >= 0) {
        (void) shutdown(lifeline, SHUT_RDWR); /* wakes the thread */
        (void) pthread_join(thread, NULL);
        close(lifeline);
        lifeline = -1;
    }
}

void mca_btl_segmsg_net_alive_publish(mca_btl_segmsg_net_t *net, mca_btl_segmsg_net_modex_t *modex)
{
    const struct sockaddr_in *address = net->ofi.info->src_addr;
    bool has_address = address != NULL && net->ofi.info->src_addrlen >= sizeof(*address)
                       && address->sin_family == AF_INET;
    if (lifeline >= 0 && has_address) {
        modex->lifeline = port;
        modex->lifeline_address = address->sin_addr.s_addr;
    }
}

void mca_btl_segmsg_net_alive_forget(mca_btl_segmsg_link_t *link)
{
    if (link->probe >= 0) {
        close(link->probe);
        link->probe = -1;
    }
}

static bool is_in_use(const mca_btl_segmsg_link_t *link)
{
    bool is = false;
    for (uint32_t group = 0; group < SEGMSG_GROUPS_MAX; ++group) {
        is = is || link->source.segment[group].state != SEGMSG_SOURCE_ABSENT
             || link->inlet.formed[group] != 0;
    }
    return is && !link->is_lost && !link->has_left;
}

/* The peer lives. */
static void lives(mca_btl_segmsg_link_t *link, uint64_t now)
{
    mca_btl_segmsg_net_alive_forget(link);
    link->heard = now;
}

static void start_probe(mca_btl_segmsg_link_t *link, uint64_t now)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t) link->published.lifeline),
                                   .sin_addr.s_addr = link->published.lifeline_address};
    link->probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (link->probe < 0) {
        lives(link, now); /* no descriptor left: another time */
        return;
    }
    if (connect(link->probe, (const struct sockaddr *) &to, sizeof(to)) == 0) {
        lives(link, now);
    } else if (errno == ECONNREFUSED) {
        mca_btl_segmsg_net_alive_forget(link);
        mca_btl_segmsg_link_lost(link, "its process has ended");
    }
    /* Whatever else is wrong, the network's state most likely, may pass. */
}

/* True as soon as a probe has come to an end. */
static void look_at_probe(mca_btl_segmsg_link_t *link, uint64_t now, uint64_t timeout)
{
    struct pollfd fd = {.fd = link->probe, .events = POLLOUT};
    int error = 0;
    socklen_t bytes = sizeof(error);
    bool has_ended =
        poll(&fd, 1, 0) == 1 && getsockopt(link->probe, SOL_SOCKET, SO_ERROR, &error, &bytes) == 0;
    if (has_ended && error == 0) {
        lives(link, now);
    } else if (has_ended && error == ECONNREFUSED) {
        mca_btl_segmsg_net_alive_forget(link);
        mca_btl_segmsg_link_lost(link, "its process has ended");
    } else if (now - link->heard > timeout) {
        mca_btl_segmsg_net_alive_forget(link);
        mca_btl_segmsg_link_lost(link, "its host or the network does not answer");
    } else if (has_ended) {
        mca_btl_segmsg_net_alive_forget(link); /* and once more */
        start_probe(link, now);
    }
}

static uint64_t ticks_of(unsigned seconds)
{
    return segmsg_clock_ticks_in(&mca_btl_segmsg.start, (uint64_t) seconds * 1000000000 /* ns */);
}

void mca_btl_segmsg_net_alive_suspect(mca_btl_segmsg_net_t *net, int error)
{
    opal_output_verbose(1, opal_btl_base_framework.framework_output,
                        "segmsg: the network interface reports: %s", segmsg_ofi_error_text(error));
    uint64_t now = segmsg_clock_ticks();
    if (net->suspected == 0) {
        net->suspected = now;
        net->suspicion = error;
    }
    net->checked = 0; /* look now */
}

void mca_btl_segmsg_net_alive_check(mca_btl_segmsg_net_t *net, uint64_t now)
{
    uint64_t timeout = ticks_of(mca_btl_segmsg_net_config.timeout);
    if (timeout == 0) {
        return;
    }
    bool is_any_lost = false;
    mca_btl_segmsg_endpoint_t *endpoint;
    mca_btl_segmsg_endpoint_t *next;
    OPAL_LIST_FOREACH_SAFE (endpoint, next, &net->endpoints, mca_btl_segmsg_endpoint_t) {
        mca_btl_segmsg_link_t *link = endpoint->link;
        if (link == NULL || link->published.lifeline == 0 || !is_in_use(link)) {
            is_any_lost = is_any_lost || (link != NULL && link->is_lost);
            continue;
        }
        if (link->heard == 0 || link->heard > now) {
            link->heard = now;
        } else if (link->probe >= 0) {
            look_at_probe(link, now, timeout);
        } else if (now - link->heard > timeout / 4 || net->suspected != 0) {
            start_probe(link, now);
        }
    }
    if (net->suspected != 0 && (is_any_lost || now - net->suspected > timeout)) {
        if (!is_any_lost) {
            mca_btl_segmsg_net_lost(net, segmsg_ofi_error_text(net->suspicion));
        }
        net->suspected = 0;
    }
}

#endif /* SEGMSG_HAVE_OFI */
