/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "fabric/keepalive.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

/* Connections that the kernel completes and keeps until the queue is emptied: some kilobytes each. */
enum { QUEUE = 32 };

/* Whoever closes a connection first keeps it for a minute (TIME_WAIT) unless it is reset. */
static const struct linger reset_on_close = {.l_onoff = 1, .l_linger = 0};

/* A TCP socket that does not block; -1 if there is none. */
static int make_socket(void)
{
    int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made >= 0) {
        (void) setsockopt(made, SOL_SOCKET, SO_LINGER, &reset_on_close, sizeof(reset_on_close));
    }
    return made;
}

/* A socket bound to a port of the kernel's choice; -1 if there is none. */
static int make_bound_socket(uint16_t *port)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    socklen_t bytes = sizeof(any);
    int made = make_socket();
    if (made >= 0
        && (bind(made, (struct sockaddr *) &any, sizeof(any)) != 0
            || getsockname(made, (struct sockaddr *) &any, &bytes) != 0)) {
        close(made);
        return -1;
    }
    *port = ntohs(any.sin_port);
    return made;
}

static void close_socket(int *descriptor)
{
    if (*descriptor >= 0) {
        close(*descriptor);
        *descriptor = -1;
    }
}

bool segmsg_keepalive_open(segmsg_keepalive_t *keepalive)
{
    *keepalive = SEGMSG_KEEPALIVE_NONE;
    keepalive->live = make_bound_socket(&keepalive->live_port);
    keepalive->closed = make_bound_socket(&keepalive->closed_port);
    keepalive->reserve = make_socket();
    /* Connections that are accepted inherit SO_LINGER from the socket that listens. */
    if (keepalive->live < 0 || keepalive->closed < 0 || keepalive->reserve < 0
        || listen(keepalive->live, QUEUE) != 0) {
        segmsg_keepalive_close(keepalive);
        return false;
    }
    return true;
}

void segmsg_keepalive_close(segmsg_keepalive_t *keepalive)
{
    close_socket(&keepalive->live);
    close_socket(&keepalive->closed);
    close_socket(&keepalive->reserve);
}

void segmsg_keepalive_empty_queue(segmsg_keepalive_t *keepalive)
{
    /* Without a free descriptor the queue stays as it is, which does no harm. */
    for (int i = 0; i <= QUEUE; ++i) {
        int accepted = accept4(keepalive->live, NULL, NULL, SOCK_CLOEXEC);
        if (accepted >= 0) {
            close(accepted);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

/* What the socket says of its connect: an error number, 0 if it is connected, -1 if it waits. */
static int connect_error(int socket)
{
    struct pollfd fd = {.fd = socket, .events = POLLOUT};
    int error = 0;
    socklen_t bytes = sizeof(error);
    if (poll(&fd, 1, 0) != 1) {
        return -1;
    }
    if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0 || error != 0) {
        return error != 0 ? error : errno;
    }
    /* The kernel may have no error and no connection either: a socket that was used before, and has
     * been told again that the host cannot be reached. */
    struct sockaddr_in peer;
    bytes = sizeof(peer);
    return getpeername(socket, (struct sockaddr *) &peer, &bytes) == 0 ? 0 : errno;
}

/* Ends whatever the socket was about. A connection is reset; its error is forgotten. */
static void disconnect(int socket)
{
    const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    int error;
    socklen_t bytes = sizeof(error);
    (void) connect(socket, &nowhere, sizeof(nowhere));
    (void) getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &bytes);
}

static segmsg_probe_result_t judge(const segmsg_probe_t *probe, int error)
{
    switch (error) {
    case ECONNREFUSED:
        return probe->asks_closed_port ? SEGMSG_PROBE_ALIVE : SEGMSG_PROBE_ENDED;
    case 0:
    case ECONNRESET: /* accepted, and closed since */
    case EPIPE:
        return SEGMSG_PROBE_ALIVE;
    default: /* still under way, or the network has an error that may pass */
        return SEGMSG_PROBE_PENDING;
    }
}

static segmsg_probe_result_t ask(segmsg_probe_t *probe, const segmsg_keepalive_peer_t *peer)
{
    uint16_t port = probe->asks_closed_port ? peer->closed_port : peer->live_port;
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = peer->address};
    int error = connect(probe->socket, (const struct sockaddr *) &to, sizeof(to)) == 0 ? 0 : errno;
    probe->is_waiting = error == EINPROGRESS;
    return judge(probe, error);
}

segmsg_probe_result_t segmsg_probe_start(segmsg_probe_t *probe, segmsg_keepalive_t *keepalive,
                                         const segmsg_keepalive_peer_t *peer)
{
    *probe = SEGMSG_PROBE_NONE;
    probe->socket = make_socket();
    if (probe->socket < 0 && !keepalive->reserve_is_lent) {
        probe->socket = keepalive->reserve;
        keepalive->reserve_is_lent = probe->socket >= 0;
    }
    return probe->socket < 0 ? SEGMSG_PROBE_PENDING : ask(probe, peer);
}

segmsg_probe_result_t segmsg_probe_look(segmsg_probe_t *probe, const segmsg_keepalive_peer_t *peer,
                                        bool turn)
{
    int error = probe->is_waiting ? connect_error(probe->socket) : 0;
    if (probe->is_waiting && judge(probe, error) != SEGMSG_PROBE_PENDING) {
        return judge(probe, error);
    }
    if (probe->is_waiting && error < 0 && !turn) {
        return SEGMSG_PROBE_PENDING;
    }
    disconnect(probe->socket);
    probe->asks_closed_port = probe->asks_closed_port != turn;
    return ask(probe, peer);
}

void segmsg_probe_end(segmsg_probe_t *probe, segmsg_keepalive_t *keepalive)
{
    if (probe->socket < 0) {
        return;
    }
    if (probe->socket == keepalive->reserve) {
        disconnect(probe->socket);
        keepalive->reserve_is_lent = false;
        probe->socket = -1;
    } else {
        close_socket(&probe->socket);
    }
}
