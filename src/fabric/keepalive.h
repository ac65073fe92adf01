/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Keepalive between hosts: whether a process that is silent still exists. Each process has two TCP
 * ports, and the kernel alone answers there: neither a thread nor a descriptor is spent on those that
 * connect, and the process may compute, or be stopped by a debugger, for any time.
 *
 *   live port     listens. Its queue is short and is emptied only now and then.
 *   closed port   is bound but never listens. It has no queue that could be full, and costs nothing.
 *
 * What a connect finds there:
 *
 *                                                     live port           closed port
 *   the process exists, the queue has room            accepted            refused
 *   the process exists, the queue is full             no answer           refused
 *   the process has ended                             refused             refused
 *   the host, or the network to it, is lost           no answer           no answer
 *
 * So the live port tells of the end of the process, and any answer of either port that the host is
 * reached. A full queue, whether strangers or many peers filled it, takes no information away.
 *
 * The functions do not block. Calls that concern the same segmsg_keepalive_t must not overlap.
 */
#ifndef SEGMSG_KEEPALIVE_H
#define SEGMSG_KEEPALIVE_H

#include <stdbool.h>
#include <stdint.h>

/* The two ports of this process, and a socket in reserve for a process that has used up its
 * descriptors. Descriptors are -1 where there is none. */
typedef struct {
    int live;             /* descriptor of the socket that listens */
    int closed;           /* descriptor of the socket that never listens */
    int reserve;          /* descriptor of an unconnected socket */
    bool reserve_is_lent; /* a probe uses it */
    uint16_t live_port;   /* host order */
    uint16_t closed_port; /* host order */
} segmsg_keepalive_t;

#define SEGMSG_KEEPALIVE_NONE ((segmsg_keepalive_t){.live = -1, .closed = -1, .reserve = -1})

/* Where a peer is probed. */
typedef struct {
    uint32_t address; /* IPv4, network order */
    uint16_t live_port;
    uint16_t closed_port;
} segmsg_keepalive_peer_t;

/* One probe, which asks one port at a time. */
typedef struct {
    int socket;      /* descriptor; -1: no probe is under way */
    bool is_waiting; /* a connect is under way, or has a result */
    bool asks_closed_port;
} segmsg_probe_t;

typedef enum {
    SEGMSG_PROBE_PENDING, /* no answer yet */
    SEGMSG_PROBE_ALIVE,   /* the peer, or at least the kernel of its host, has answered */
    SEGMSG_PROBE_ENDED    /* the peer's process has ended */
} segmsg_probe_result_t;

/* Opens both ports; false, and nothing is open, if that is impossible. */
bool segmsg_keepalive_open(segmsg_keepalive_t *keepalive);
void segmsg_keepalive_close(segmsg_keepalive_t *keepalive);

/* Closes connections in the queue of the live port; at most a queue's length of them. */
void segmsg_keepalive_empty_queue(segmsg_keepalive_t *keepalive);

#define SEGMSG_PROBE_NONE ((segmsg_probe_t){.socket = -1})

/* Begins to ask the live port of a peer. If no descriptor is left, the probe is not under way. */
segmsg_probe_result_t segmsg_probe_start(segmsg_probe_t *probe, segmsg_keepalive_t *keepalive,
                                         const segmsg_keepalive_peer_t *peer);

/* What has become of a probe. If there is no answer yet, `turn` has it ask the other port instead; a
 * request that failed for a reason of the network's is made again. */
segmsg_probe_result_t segmsg_probe_look(segmsg_probe_t *probe, const segmsg_keepalive_peer_t *peer,
                                        bool turn);

/* Ends a probe, if one is under way. */
void segmsg_probe_end(segmsg_probe_t *probe, segmsg_keepalive_t *keepalive);

#endif
